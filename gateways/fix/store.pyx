"""What a FIX session must not forget: its sequence numbers and every message it sent.

File, mapped shared, written by the one process that owns the session (``flock``), read by ``ringfence`` tools:

    0     header: magic, day made, identity, then seven words: next_out, next_in, mark, resets, time of the last reset, next_in_persisted, kill
    4096  records: length, crc, seq, output_seq, kind, bytes; padded to 8; the first zero length word ends them

Order of stores: record, its length word last, then the header word. A process killed anywhere leaves a store in which the record either is
whole or was never there. A header word holds 48 bits of value and 16 of check, so that one aligned store replaces both.

Recovery scans all records. A bad last record is torn: it is cut off and kept beside the file as ``.broken``. A bad record with a good one after
it is ``StoreCorrupt``. ``next_out`` and ``mark`` are the higher of header and scan: a number that may have been on the wire is never used again,
even if its record is lost.

What can fail: growth (disk full) sets ``failed``, and the session sends nothing more. After a loss of the host's memory the file may lack its
last messages; the counterparty then answers "MsgSeqNum too low" and the session stops for an operator. Incoming messages whose events the journal lost
are asked for again from ``next_in_persisted`` on (``forget_unpersisted``).
Rejected: msync per message (the journal is what is durable), a B-tree or SQLite (this is an array with a checksum), one file per number.
"""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path

from libc.errno cimport ENOMEM, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

from ringfence.gateways.errors import GatewayError, StoreCorrupt
from ringfence.ipc.crc32c cimport rf_crc32c
from ringfence.ipc.failpoint cimport RF_FP


cdef extern from *:
    """
    #include <fcntl.h>
    #include <sys/mman.h>
    #include <unistd.h>
    static inline void rf_store_word(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    static inline void rf_store_word32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    """
    void rf_store_word(uint64_t *p, uint64_t v) noexcept nogil
    void rf_store_word32(uint32_t *p, uint32_t v) noexcept nogil
    void *mmap(void *addr, size_t length, int prot, int flags, int fd, long offset) noexcept nogil
    void *mremap(void *old, size_t old_size, size_t new_size, int flags) noexcept nogil
    int close(int fd) noexcept nogil
    int munmap(void *addr, size_t length) noexcept nogil
    int posix_fallocate(int fd, long offset, long length) noexcept nogil
    int PROT_READ
    int PROT_WRITE
    int MAP_SHARED
    int MAP_POPULATE
    int MREMAP_MAYMOVE
    void *MAP_FAILED


cdef enum:
    HEADER_BYTES = 4096
    CHUNK_BYTES = 4194304
    RECORD_BYTES = 32    # head of a record
    MESSAGE_MAX = 65536
    AT_IDENTITY = 16
    IDENTITY_BYTES = 192
    AT_DAY = 8
    AT_NEXT_OUT = 256
    AT_NEXT_IN = 320     # a line of its own each: they change at different times
    AT_MARK = 384
    AT_RESETS = 448
    AT_RESET_MS = 512    # zero in files of older versions
    AT_PERSISTED = 576   # zero in files of older versions: then next_in, as they had it
    AT_KILL = 640        # zero in files of older versions: never killed
    RESET_BYTES = 8      # a KIND_RESET record holds its time
    ROUNDS_LOST_MAX = 64  # that the kernel had not written when the host died: one a second

cdef uint64_t VALUE_MASK = 0xFFFFFFFFFFFF
cdef const char *MAGIC = b"RFFIXS01"

ctypedef struct record_t:
    uint32_t length  # of the record with head and padding; stored last
    uint32_t crc     # CRC32C of everything after this word, padding excluded
    uint64_t seq
    uint64_t output_seq
    uint32_t kind
    uint32_t bytes


# ---- words of the header ------------------------------------------------------------------------------------------------

cdef inline uint64_t word_of(uint64_t value) noexcept nogil:
    cdef uint64_t v = value & VALUE_MASK
    return v | (((v * 0x9E3779B97F4A7C15ULL) >> 48) ^ 0x5AA5) << 48


cdef inline void put_word(store_t *s, size_t at, uint64_t value) noexcept nogil:
    rf_store_word(<uint64_t *> (s.base + at), word_of(value))


cdef int get_word(const store_t *s, size_t at, uint64_t *value) noexcept nogil:
    cdef uint64_t word = (<const uint64_t *> (s.base + at))[0]
    value[0] = word & VALUE_MASK
    return word == word_of(value[0])


# ---- records ------------------------------------------------------------------------------------------------------------

cdef inline uint32_t record_crc(const record_t *r) noexcept nogil:
    return rf_crc32c(0, &r.seq, RECORD_BYTES - 8 + r.bytes)


cdef int record_holds(const store_t *s, size_t at) noexcept nogil:
    """1 when a whole record with a right checksum begins at `at`."""
    cdef const record_t *r = <const record_t *> (s.base + at)
    if s.mapped - at < RECORD_BYTES or r.length < RECORD_BYTES or r.length & 7 or r.length > s.mapped - at:
        return 0
    if r.bytes > MESSAGE_MAX or r.length != (RECORD_BYTES + r.bytes + 7) & ~<uint32_t> 7 or r.kind < KIND_ADMIN or r.kind > KIND_OUT_OF_BAND:
        return 0
    return r.crc == record_crc(r)


cdef int grow(store_t *s, size_t want) noexcept nogil:
    cdef size_t size = s.mapped + (want + CHUNK_BYTES - 1) // CHUNK_BYTES * CHUNK_BYTES
    cdef int error = posix_fallocate(s.fd, <long> s.mapped, <long> (size - s.mapped))
    cdef void *moved
    if error:
        s.failed = error
        return 0
    moved = mremap(s.base, s.mapped, size, MREMAP_MAYMOVE)
    if moved == MAP_FAILED:
        s.failed = errno
        return 0
    s.base = <unsigned char *> moved
    s.mapped = size
    return 1


cdef int index_grow(store_t *s, uint64_t want) noexcept nogil:
    cdef uint64_t room = s.index_room * 2 if s.index_room * 2 > want else want
    cdef void *moved = realloc(s.index, room * sizeof(uint64_t))
    if moved == NULL:
        s.failed = ENOMEM
        return 0
    s.index = <uint64_t *> moved
    memset(s.index + s.index_room, 0, (room - s.index_room) * sizeof(uint64_t))
    s.index_room = room
    return 1


cdef int index_put(store_t *s, uint64_t seq, size_t at) noexcept nogil:
    if seq < s.first:
        return 1
    if seq - s.first >= s.index_room and not index_grow(s, seq - s.first + 1):
        return 0
    s.index[seq - s.first] = at
    return 1


cdef void index_clear(store_t *s, uint64_t first) noexcept nogil:
    memset(s.index, 0, s.index_room * sizeof(uint64_t))
    s.first = first


cdef int store_reserve(store_t *s) noexcept nogil:
    if s.failed:
        return 0
    if s.mapped - s.tail < CHUNK_BYTES // 2 and not grow(s, CHUNK_BYTES):
        return 0
    if s.next_out - s.first + 4096 > s.index_room:
        return index_grow(s, s.next_out - s.first + 8192)
    return 1


cdef int append(store_t *s, uint32_t kind, uint64_t seq, uint64_t output_seq, const unsigned char *message, uint32_t n) noexcept nogil:
    cdef uint32_t length = (RECORD_BYTES + n + 7) & ~<uint32_t> 7
    cdef record_t *r
    if s.failed or n > MESSAGE_MAX:
        return 0
    if s.mapped - s.tail < length + 8 and not grow(s, length + 8):
        return 0
    r = <record_t *> (s.base + s.tail)
    r.seq = seq
    r.output_seq = output_seq
    r.kind = kind
    r.bytes = n
    if n:
        memcpy(<unsigned char *> r + RECORD_BYTES, message, n)
    r.crc = record_crc(r)
    rf_store_word32(&r.length, length)
    s.tail += length
    return 1


cdef int store_append(store_t *s, uint32_t kind, uint64_t output_seq, const unsigned char *message, uint32_t n) noexcept nogil:
    cdef size_t at = s.tail
    if not index_put(s, s.next_out, 0) or not append(s, kind, s.next_out, output_seq, message, n):
        return 0
    s.index[s.next_out - s.first] = at
    if kind == KIND_OUT_OF_BAND:
        store_set_kill(s, output_seq)
    elif output_seq > s.mark:
        store_set_mark(s, output_seq)
    s.next_out += 1
    put_word(s, AT_NEXT_OUT, s.next_out)
    return 1


cdef int store_reset(store_t *s, uint64_t next_out, uint64_t next_in, uint64_t now_ns) noexcept nogil:
    cdef uint64_t now_ms = now_ns // 1000000
    if not append(s, KIND_RESET, next_out, next_in, <const unsigned char *> &now_ms, RESET_BYTES):
        return 0
    RF_FP(b"G10")
    finish_reset(s, next_out, next_in, now_ms)
    return 1


cdef void finish_reset(store_t *s, uint64_t next_out, uint64_t next_in, uint64_t now_ms) noexcept nogil:
    """The header's side of a reset; `resets` last, so that a crash before it repeats the whole."""
    s.next_out = next_out
    put_word(s, AT_NEXT_OUT, next_out)
    store_set_next_in(s, next_in)
    s.reset_ms = now_ms
    put_word(s, AT_RESET_MS, now_ms)
    if s.kill & KILL_ON:
        store_set_kill(s, kill_later(s.kill, 1))  # nobody asks again for what was sent and not received: cancel anew
    s.resets += 1
    put_word(s, AT_RESETS, s.resets)
    index_clear(s, next_out)


cdef void store_set_next_in(store_t *s, uint64_t next_in) noexcept nogil:
    if next_in < s.next_in:
        s.lowered += 1
        if next_in < s.next_in_persisted:
            store_set_next_in_persisted(s, next_in)
    s.next_in = next_in
    put_word(s, AT_NEXT_IN, next_in)


cdef void store_set_next_in_persisted(store_t *s, uint64_t next_in) noexcept nogil:
    s.next_in_persisted = next_in
    put_word(s, AT_PERSISTED, next_in)


cdef void store_set_mark(store_t *s, uint64_t output_seq) noexcept nogil:
    s.mark = output_seq
    put_word(s, AT_MARK, output_seq)


cdef void store_set_kill(store_t *s, uint64_t kill) noexcept nogil:
    s.kill = kill
    put_word(s, AT_KILL, kill)


cdef const unsigned char *store_find(store_t *s, uint64_t seq, uint32_t *kind, uint64_t *output_seq, uint32_t *n) noexcept nogil:
    cdef const record_t *r
    if seq < s.first or seq >= s.next_out or seq - s.first >= s.index_room or not s.index[seq - s.first]:
        return NULL
    r = <const record_t *> (s.base + s.index[seq - s.first])
    kind[0] = r.kind
    output_seq[0] = r.output_seq
    n[0] = r.bytes
    return <const unsigned char *> r + RECORD_BYTES


# ---- recovery -----------------------------------------------------------------------------------------------------------

cdef int scan(store_t *s, uint64_t *resets, uint64_t *next_out, uint64_t *mark, uint64_t *reset_in, uint64_t *reset_ms) noexcept nogil:
    """Index every whole record from the start; s.tail ends behind the last. 0 when memory is short."""
    cdef const record_t *r
    cdef size_t at = HEADER_BYTES
    while record_holds(s, at):
        r = <const record_t *> (s.base + at)
        if r.kind == KIND_RESET:
            resets[0] += 1
            next_out[0] = r.seq
            reset_in[0] = r.output_seq
            if r.bytes == RESET_BYTES:
                memcpy(reset_ms, <const unsigned char *> r + RECORD_BYTES, RESET_BYTES)
            index_clear(s, r.seq)
        else:
            if not index_put(s, r.seq, at):
                return 0
            next_out[0] = r.seq + 1
            if r.kind == KIND_ORDER:
                s.last_order = at
            if r.kind == KIND_OUT_OF_BAND:
                if r.output_seq >> 32 == s.kill >> 32 and r.output_seq > s.kill:
                    s.kill = r.output_seq  # died between the record and the header's word
            elif r.output_seq > mark[0]:
                mark[0] = r.output_seq
        at += r.length
    s.tail = at
    return 1


cdef size_t last_used(const store_t *s) noexcept nogil:
    """Offset behind the last byte that is not zero."""
    cdef size_t end = s.mapped
    while end > s.tail and (<const uint64_t *> (s.base + end - 8))[0] == 0:
        end -= 8
    return end


cdef size_t next_whole(const store_t *s, size_t end) noexcept nogil:
    """Offset of a whole record behind the bad one at s.tail, or 0."""
    cdef size_t at = s.tail + 8
    while at < end:
        if record_holds(s, at):
            return at
        at += 8
    return 0


cdef class MessageStore:
    """Memory-mapped store of one session.

    Parameters
    ----------
    path : str or Path
        File, made when missing (mode 0640). Its folder must exist.
    identity : str
        What the store belongs to, for example ``FIX.4.2:US->THEM``; a file of another identity is refused.
    day : int, optional
        Trading day YYYYMMDD written into a new file; today (UTC) by default.

    Raises
    ------
    GatewayError
        The file is in use by another process, or cannot be grown.
    StoreCorrupt
        Damaged before its last record, of another identity, or no store.
    """

    def __cinit__(self, path, str identity="", int day=0):
        self.s.fd = -1

    def __init__(self, path, str identity="", int day=0):
        self.path = str(path)
        self.recovered = ""
        try:
            self._open_file(identity, day)
        except BaseException:
            self.close()
            raise

    def _open_file(self, str identity, int day):
        made = not os.path.exists(self.path) or os.path.getsize(self.path) == 0
        self.s.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self.s.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise GatewayError(f"session store {self.path} is in use by another process; stop it first") from error
        size = os.fstat(self.s.fd).st_size
        if size % CHUNK_BYTES:
            made = made or not any(os.pread(self.s.fd, HEADER_BYTES, 0))
            size = (size // CHUNK_BYTES + 1) * CHUNK_BYTES
        size = size or CHUNK_BYTES
        os.posix_fallocate(self.s.fd, 0, size)
        self.s.mapped = size
        cdef void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, self.s.fd, 0)
        if base == MAP_FAILED:
            raise OSError(errno, f"cannot map {self.path}")
        self.s.base = <unsigned char *> base
        self.s.index_room = 8192
        self.s.index = <uint64_t *> calloc(self.s.index_room, sizeof(uint64_t))
        if self.s.index == NULL:
            raise MemoryError
        if made or (<uint64_t *> base)[0] == 0:
            self._make(identity, day)
        else:
            self._check_identity(identity)
        self._recover()

    def _make(self, str identity, int day):
        cdef bytes name = identity.encode("ascii")
        if len(name) > IDENTITY_BYTES:
            raise GatewayError(f"identity {identity!r} is longer than {IDENTITY_BYTES} bytes")
        cdef const char *text = name
        now = datetime.now(UTC)
        cdef uint64_t today = day or int(now.strftime("%Y%m%d"))
        memset(self.s.base, 0, HEADER_BYTES)
        memcpy(self.s.base + AT_IDENTITY, text, len(name))
        (<uint64_t *> (self.s.base + AT_DAY))[0] = today
        put_word(&self.s, AT_NEXT_OUT, 1)
        put_word(&self.s, AT_NEXT_IN, 1)
        put_word(&self.s, AT_PERSISTED, 1)
        put_word(&self.s, AT_MARK, 0)
        put_word(&self.s, AT_RESETS, 0)
        put_word(&self.s, AT_RESET_MS, int(now.timestamp() * 1000))
        rf_store_word(<uint64_t *> self.s.base, (<const uint64_t *> MAGIC)[0])

    def _check_identity(self, str identity):
        cdef bytes name = identity.encode("ascii").ljust(IDENTITY_BYTES, b"\0")
        cdef const char *text = name
        if memcmp(self.s.base, MAGIC, 8):
            raise StoreCorrupt(f"{self.path} is not a session store of this version; move it away to start anew (the counterparty must reset too)")
        if identity and memcmp(self.s.base + AT_IDENTITY, text, IDENTITY_BYTES):
            raise StoreCorrupt(f"{self.path} belongs to {self.identity}, not to {identity}; configure another store path")

    def _recover(self):
        cdef uint64_t resets = 0, next_out = 1, mark = 0, reset_in = 1, header_out = 0, header_mark = 0, header_in = 0, header_resets = 0
        cdef uint64_t reset_ms = 0
        cdef store_t *s = &self.s
        if not (get_word(s, AT_NEXT_OUT, &header_out) and get_word(s, AT_NEXT_IN, &header_in) and get_word(s, AT_MARK, &header_mark)
                and get_word(s, AT_RESETS, &header_resets)):
            raise StoreCorrupt(f"{self.path}: a sequence number in the header is damaged; restore the file or agree on numbers with the counterparty")
        s.next_in = s.next_in_persisted = header_in
        if (<const uint64_t *> (s.base + AT_PERSISTED))[0] and not (get_word(s, AT_PERSISTED, &s.next_in_persisted) and s.next_in_persisted <= header_in):
            raise StoreCorrupt(f"{self.path}: a sequence number in the header is damaged; restore the file or agree on numbers with the counterparty")
        put_word(s, AT_PERSISTED, s.next_in_persisted)
        if (<const uint64_t *> (s.base + AT_KILL))[0] and not get_word(s, AT_KILL, &s.kill):
            raise StoreCorrupt(f"{self.path}: the kill word in the header is damaged; restore the file or agree on open orders with the counterparty")
        s.first = 1
        if not scan(s, &resets, &next_out, &mark, &reset_in, &reset_ms):
            raise MemoryError
        self._cut_tail()
        put_word(s, AT_KILL, s.kill)
        s.mark = max(mark, header_mark)
        s.resets = resets
        if resets > header_resets:
            s.resets -= 1
            finish_reset(s, next_out, reset_in, reset_ms)
            return
        if not get_word(s, AT_RESET_MS, &s.reset_ms):
            s.reset_ms = reset_ms
        s.next_out = max(next_out, header_out)
        put_word(s, AT_NEXT_OUT, s.next_out)
        put_word(s, AT_MARK, s.mark)

    def _cut_tail(self):
        cdef size_t end = last_used(&self.s), good = next_whole(&self.s, end)
        if end <= self.s.tail:
            return
        if good:
            raise StoreCorrupt(f"{self.path}: the record at byte {self.s.tail} is damaged but a whole one follows at {good}; restore the file from a copy")
        broken = Path(self.path + ".broken")
        broken.write_bytes((<const char *> self.s.base)[self.s.tail:end])
        memset(self.s.base + self.s.tail, 0, end - self.s.tail)
        self.recovered = f"cut {end - self.s.tail} bytes of a torn record at {self.s.tail}; kept in {broken}"

    def __dealloc__(self):
        if self.s.base != NULL:
            munmap(self.s.base, self.s.mapped)
        if self.s.fd >= 0:
            close(self.s.fd)
        free(self.s.index)

    def close(self) -> None:
        """Unmap the file and let others open it. Idempotent."""
        if self.s.base != NULL:
            munmap(self.s.base, self.s.mapped)
            self.s.base = NULL
            self.s.failed = 1
        if self.s.fd >= 0:
            os.close(self.s.fd)
            self.s.fd = -1

    def _check_open(self):
        if self.s.base == NULL:
            raise GatewayError(f"session store {self.path} is closed")

    @property
    def next_out(self) -> int:
        """Next MsgSeqNum(34) to send."""
        return self.s.next_out

    @property
    def next_in(self) -> int:
        """Next MsgSeqNum(34) expected."""
        return self.s.next_in

    @property
    def mark(self) -> int:
        """Highest output_seq that was stored or answered."""
        return self.s.mark

    @property
    def day(self) -> int:
        """Trading day YYYYMMDD on which the file was made."""
        self._check_open()
        return (<uint64_t *> (self.s.base + AT_DAY))[0]

    @property
    def identity(self) -> str:
        """Identity given when the file was made."""
        self._check_open()
        return (<const char *> self.s.base)[AT_IDENTITY:AT_IDENTITY + IDENTITY_BYTES].rstrip(b"\0").decode("ascii", "replace")

    @property
    def tail(self) -> int:
        """Bytes in use."""
        return self.s.tail

    @property
    def reset_ns(self) -> int:
        """When the numbers last started at their beginning [ns since 1970]; 0: not known."""
        return self.s.reset_ms * 1000000

    def append(self, bytes message not None, uint32_t kind=KIND_APP, uint64_t output_seq=0) -> int:
        """Store an outgoing message under ``next_out``; return its MsgSeqNum."""
        self._check_open()
        cdef const char *p = message
        if not store_append(&self.s, kind, output_seq, <const unsigned char *> p, len(message)):
            raise GatewayError(f"{self.path}: cannot store a message of {len(message)} bytes: {os.strerror(self.s.failed)}; free disk space and restart")
        return self.s.next_out - 1

    def find(self, uint64_t seq) -> tuple[bytes, int, int] | None:
        """Return ``(message, kind, output_seq)`` of an outgoing MsgSeqNum, or None."""
        cdef uint32_t kind = 0, n = 0
        cdef uint64_t output_seq = 0
        self._check_open()
        cdef const unsigned char *p = store_find(&self.s, seq, &kind, &output_seq, &n)
        return None if p == NULL else ((<const char *> p)[:n], kind, output_seq)

    def set_next_in(self, uint64_t next_in) -> None:
        """Store the next expected MsgSeqNum."""
        self._check_open()
        store_set_next_in(&self.s, next_in)

    @property
    def last_order(self) -> str:
        """ClOrdID(11) of the newest NewOrderSingle that was here when the store was opened, "" when there was none."""
        cdef const record_t *r
        if not self.s.last_order:
            return ""
        r = <const record_t *> (self.s.base + self.s.last_order)
        _, _, rest = (<const char *> r)[RECORD_BYTES:RECORD_BYTES + r.bytes].partition(b"\x0111=")
        return rest.partition(b"\x01")[0].decode("ascii", "replace")

    @property
    def next_in_persisted(self) -> int:
        """At most ``next_in``: the events of what came before it are in the journal on disk."""
        return self.s.next_in_persisted

    def set_next_in_persisted(self, uint64_t next_in) -> None:
        """Store how far the journal on disk goes."""
        self._check_open()
        if next_in > self.s.next_in:
            raise ValueError(f"{self.path}: MsgSeqNum {next_in} cannot be persisted, {self.s.next_in} is expected next")
        store_set_next_in_persisted(&self.s, next_in)

    def forget_unpersisted(self) -> int:
        """Go back to ``next_in_persisted``, for a session whose shared memory is gone; return how many numbers that is.

        The host may have lost the last rounds of cancels too: their numbers are passed over, so that no ClOrdID comes twice.
        """
        self._check_open()
        if self.s.kill:
            store_set_kill(&self.s, kill_later(self.s.kill, ROUNDS_LOST_MAX))
        cdef uint64_t lost = self.s.next_in - self.s.next_in_persisted
        if lost:
            store_set_next_in(&self.s, self.s.next_in_persisted)
        return lost

    @property
    def kill(self) -> tuple[int, bool, bool, int]:
        """The round of cancels that was begun last: its number, whether the kill is on, whether one by one, last order row that was dealt with."""
        return kill_round(self.s.kill), bool(self.s.kill & KILL_ON), bool(self.s.kill & KILL_EACH), self.s.kill & 0xFFFFFFFF

    def set_mark(self, uint64_t output_seq) -> None:
        """Store the highest output_seq taken."""
        self._check_open()
        store_set_mark(&self.s, output_seq)

    def reset(self, uint64_t next_out=1, uint64_t next_in=1, uint64_t now_ns=0) -> None:
        """Start both numbers anew at ``now_ns``; earlier messages are no longer found. The mark stays."""
        self._check_open()
        if not store_reset(&self.s, next_out, next_in, now_ns):
            raise GatewayError(f"{self.path}: cannot store the reset: {os.strerror(self.s.failed)}; free disk space and restart")
