"""Journal frames: from ring slots to file bytes, and back with every defect told apart.

    journal ring ──encode_slot──▶ FileFrame, payload ──write──▶ segment file ──scan_frames──▶ frames, first defect

All loops are C without the interpreter; a frame is judged only by itself (bounds, kind, payload size, CRC32C, zero padding) and
by its place (sequence dense, instance epoch never falling). Memory: reads the caller's buffers, writes the caller's output; nothing is allocated per frame.

A damaged length must not decide what follows it, so after a bad frame the rest is searched at every 8-byte boundary for a valid one:
none means the writer died there (torn: the tail may be cut), one means that bytes were changed or lost in the middle (corrupt: refuse).
A frame that was never synced may be torn anywhere; one that was is followed by zeros or by its successor. Payloads could hold bytes that look
like a frame: such a torn tail is called corrupt, which refuses instead of cutting. Rejected: trusting the length field to find the next frame.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.ipc.crc32c cimport rf_crc32c
from ringfence.ipc.records cimport (
    RF_FRAME_KIND_CHECKPOINT,
    RF_FRAME_KIND_CONTROL,
    RF_FRAME_KIND_INTENT,
    RF_FRAME_KIND_MARK,
    RF_FRAME_KIND_OBSERVATION,
    RF_FRAME_KIND_TIMER,
    RF_FRAME_KIND_VENUE_EVENT,
    Checkpoint,
    Control,
    FileFrame,
    Frame,
    Intent,
    JournalSlot,
    Mark,
    Observation,
    Timer,
    VenueEvent,
)

FRAME_HEAD_BYTES = sizeof(FileFrame)
FRAME_BYTES_MAX = sizeof(JournalSlot)


cdef uint32_t payload_size(uint32_t kind) noexcept nogil:
    if kind == RF_FRAME_KIND_INTENT:
        return sizeof(Intent)
    if kind == RF_FRAME_KIND_VENUE_EVENT:
        return sizeof(VenueEvent)
    if kind == RF_FRAME_KIND_CONTROL:
        return sizeof(Control)
    if kind == RF_FRAME_KIND_MARK:
        return sizeof(Mark)
    if kind == RF_FRAME_KIND_TIMER:
        return sizeof(Timer)
    if kind == RF_FRAME_KIND_OBSERVATION:
        return sizeof(Observation)
    if kind == RF_FRAME_KIND_CHECKPOINT:
        return sizeof(Checkpoint)
    return 0


cdef inline uint32_t frame_crc(const unsigned char *p, uint32_t length) noexcept nogil:
    cdef uint64_t first = length  # the first word with its crc half zero
    return rf_crc32c(rf_crc32c(0, &first, 8), p + 8, length - 8)


cdef inline int all_zero(const unsigned char *p, uint64_t n) noexcept nogil:
    cdef uint64_t i = 0, a, b
    while i + 16 <= n:
        memcpy(&a, p + i, 8)
        memcpy(&b, p + i + 8, 8)
        if a | b:
            return 0
        i += 16
    while i < n:
        if p[i]:
            return 0
        i += 1
    return 1


cdef uint32_t valid_frame(const unsigned char *p, uint64_t room) noexcept nogil:
    cdef const FileFrame *f = <const FileFrame *> p
    if room < sizeof(FileFrame) or f.length < sizeof(FileFrame) or f.length > sizeof(JournalSlot) or f.length > room:
        return 0
    cdef uint32_t payload = payload_size(f.kind)
    if payload == 0 or f.payload_bytes != payload or f.length != sizeof(FileFrame) + payload or f.seq == 0:
        return 0
    if not all_zero(<const unsigned char *> f.pad_0, sizeof(f.pad_0)) or frame_crc(p, f.length) != f.crc:
        return 0
    return f.length


cdef uint32_t encode_slot(const JournalSlot *slot, unsigned char *out) noexcept nogil:
    cdef const Frame *frame = <const Frame *> slot
    cdef FileFrame *f = <FileFrame *> out
    cdef uint32_t payload = payload_size(frame.kind)
    if payload == 0 or frame.payload_bytes != payload or frame.seq == 0:
        return 0
    cdef uint32_t length = sizeof(FileFrame) + payload
    memcpy(out, slot, length)
    memset(f.pad_0, 0, sizeof(f.pad_0))
    f.length = length
    f.crc = frame_crc(out, length)
    return length


cdef void scan_frames(
    const unsigned char *base, uint64_t start, uint64_t end, uint64_t next_seq, uint64_t epoch, int whole_tail, rf_scan_t *out
) noexcept nogil:
    cdef uint64_t at = start
    cdef uint32_t length
    cdef const FileFrame *f
    out.frames = 0
    out.found = 0
    out.last_epoch = epoch
    out.state = CLEAN
    while True:
        length = valid_frame(base + at, end - at)
        if length == 0:
            break
        f = <const FileFrame *> (base + at)
        if f.seq != next_seq:
            out.state = SEQUENCE
            out.found = f.seq
            break
        if f.instance_epoch < out.last_epoch:
            out.state = EPOCH
            out.found = f.instance_epoch
            break
        out.last_epoch = f.instance_epoch
        out.frames += 1
        next_seq += 1
        at += length
    out.offset = at
    out.last_seq = next_seq - 1
    if out.state != CLEAN or at >= end:
        return
    if end - at >= 8 and not whole_tail and all_zero(base + at, 8):
        return
    if all_zero(base + at, end - at):
        return
    out.found = find_frame(base, at + 8, end)
    out.state = CORRUPT if out.found else TORN


cdef uint64_t find_frame(const unsigned char *base, uint64_t start, uint64_t end) noexcept nogil:
    cdef uint64_t at = start
    while at + sizeof(FileFrame) <= end:
        if valid_frame(base + at, end - at):
            return at
        at += 8
    return 0


cdef class Scan:
    """Outcome of one walk over frames; see ``scan``."""

    cdef readonly object state
    cdef readonly object offset
    cdef readonly object frames
    cdef readonly object last_seq
    cdef readonly object last_epoch
    cdef readonly object found

    def __repr__(self) -> str:
        return f"Scan({ScanState(self.state).name}, offset={self.offset}, frames={self.frames}, last_seq={self.last_seq})"


def crc32c(buffer, crc: int = 0) -> int:
    """Continue the CRC32C ``crc`` over ``buffer``."""
    cdef Py_buffer view
    cdef uint32_t value = crc
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    value = rf_crc32c(value, view.buf, view.len)
    PyBuffer_Release(&view)
    return value


def scan(buffer, start: int, next_seq: int, epoch: int = 0, whole_tail: bool = True, end: int | None = None) -> Scan:
    """Walk the frames of ``buffer`` from byte ``start``."""
    cdef Py_buffer view
    cdef rf_scan_t out
    cdef uint64_t c_start = start, c_seq = next_seq, c_epoch = epoch, c_end
    cdef int c_whole = whole_tail
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        c_end = view.len if end is None else end
        if c_end > <uint64_t> view.len or c_start > c_end or c_start % 8:
            raise ValueError(f"start was {start} and end {end} in a buffer of {view.len} bytes; start must be a multiple of 8 inside it")
        with nogil:
            scan_frames(<const unsigned char *> view.buf, c_start, c_end, c_seq, c_epoch, c_whole, &out)
    finally:
        PyBuffer_Release(&view)
    cdef Scan result = Scan.__new__(Scan)
    result.state = ScanState(out.state)
    result.offset = out.offset
    result.frames = out.frames
    result.last_seq = out.last_seq
    result.last_epoch = out.last_epoch
    result.found = out.found
    return result


def find(buffer, start: int) -> int:
    """Return the offset of the first valid frame at or after ``start`` (a multiple of 8), or 0."""
    cdef Py_buffer view
    cdef uint64_t at = start
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    at = find_frame(<const unsigned char *> view.buf, at, view.len)
    PyBuffer_Release(&view)
    return at


def offsets(buffer, start: int, end: int, numbers, kind: int = 0) -> int:
    """Write the byte offset of each frame between ``start`` and ``end`` into ``numbers``; return how many."""
    cdef Py_buffer view, into
    cdef uint64_t at = start, stop = end, n = 0, room
    cdef uint32_t wanted = kind
    cdef uint64_t *slots
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(numbers, &into, PyBUF_WRITABLE)
        try:
            if stop > <uint64_t> view.len:
                raise ValueError(f"end was {end} in a buffer of {view.len} bytes")
            slots, room = <uint64_t *> into.buf, into.len // 8
            with nogil:
                at = list_frames(<const unsigned char *> view.buf, at, stop, wanted, slots, room, &n)
        finally:
            PyBuffer_Release(&into)
    finally:
        PyBuffer_Release(&view)
    if at < stop and n < room:
        raise ValueError(f"no frame at byte {at}: its length cannot be")
    return n


def gather(buffer, numbers, skip: int, out) -> None:
    """Copy ``out.itemsize`` bytes from ``skip`` behind each offset in ``numbers`` to the rows of ``out``."""
    cdef Py_buffer view, at, into
    cdef uint64_t n, width, size, k, behind = skip
    cdef const uint64_t *offsets_at
    cdef int outside = 0
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(numbers, &at, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(out, &into, PyBUF_WRITABLE)
            try:
                n, size, offsets_at = at.len // 8, view.len, <const uint64_t *> at.buf
                width = into.len // n if n else 0
                if n * width != <uint64_t> into.len:
                    raise ValueError(f"out has {into.len} bytes, which is not the same for each of {n} offsets")
                with nogil:
                    for k in range(n):
                        if offsets_at[k] > size or behind + width > size - offsets_at[k]:
                            outside = 1
                            break
                        memcpy(<unsigned char *> into.buf + k * width, <const unsigned char *> view.buf + offsets_at[k] + behind, width)
            finally:
                PyBuffer_Release(&into)
        finally:
            PyBuffer_Release(&at)
    finally:
        PyBuffer_Release(&view)
    if outside:
        raise ValueError(f"offset {k} of {n} is outside a buffer of {size} bytes")


cdef uint64_t list_frames(
    const unsigned char *base, uint64_t at, uint64_t stop, uint32_t kind, uint64_t *slots, uint64_t room, uint64_t *n
) noexcept nogil:
    """Walk by lengths, over a range that scan accepted; return where it ended."""
    cdef const FileFrame *f
    while n[0] < room and at + sizeof(FileFrame) <= stop:
        f = <const FileFrame *> (base + at)
        if f.length < sizeof(FileFrame) or f.length > sizeof(JournalSlot):
            break
        if kind == 0 or f.kind == kind:
            slots[n[0]] = at
            n[0] += 1
        at += f.length
    return at


def fit(buffer, start: int, end: int, room: int) -> tuple[int, int, int]:
    """Return ``(bytes, frames, last_seq)`` of the whole frames from ``start`` that fit in ``room`` bytes."""
    cdef Py_buffer view
    cdef uint64_t at = start, stop = end, limit, n = 0, last = 0
    cdef const FileFrame *f
    PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE)
    try:
        if stop > <uint64_t> view.len or at > stop:
            raise ValueError(f"start was {start} and end {end} in a buffer of {view.len} bytes")
        limit = at + <uint64_t> room
        while at + sizeof(FileFrame) <= stop:
            f = <const FileFrame *> (<const unsigned char *> view.buf + at)
            if f.length < sizeof(FileFrame) or f.length > sizeof(JournalSlot) or at + f.length > stop:
                raise ValueError(f"no whole frame at byte {at}: its length was {f.length}")
            if at + f.length > limit:
                break
            at += f.length
            last = f.seq
            n += 1
    finally:
        PyBuffer_Release(&view)
    return at - <uint64_t> start, n, last


def encode(slots) -> bytes:
    """Return the file frames of an array of ``JournalSlot`` records (any buffer of whole slots)."""
    cdef Py_buffer view
    cdef uint64_t n, i, at = 0
    cdef uint32_t length
    cdef unsigned char *target
    PyObject_GetBuffer(slots, &view, PyBUF_SIMPLE)
    try:
        if view.len % sizeof(JournalSlot):
            raise ValueError(f"buffer of {view.len} bytes is not whole journal slots of {sizeof(JournalSlot)} bytes")
        n = view.len // sizeof(JournalSlot)
        out = bytearray(view.len)
        target = <unsigned char *> PyByteArray_AS_STRING(out)
        for i in range(n):
            length = encode_slot(<const JournalSlot *> (<const unsigned char *> view.buf + i * sizeof(JournalSlot)), target + at)
            if length == 0:
                raise ValueError(f"slot {i} has an impossible kind, payload size or sequence")
            at += length
    finally:
        PyBuffer_Release(&view)
    return bytes(out[:at])
