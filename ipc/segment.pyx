"""Shared-memory regions: one superblock, a directory of sections, the sections; one writing process each.

    byte 0        256                    directory end, then each section on a 128-byte boundary
    ┌────────────┬──────────┬──────────┬───────────────┬───────────────┐
    │ Superblock │ Section 0│ Section 1│ rows of 0     │ rows of 1     │
    └────────────┴──────────┴──────────┴───────────────┴───────────────┘

The creator writes everything and stores ``magic`` last (release); a reader that comes earlier waits a bounded time. Readers map
read-only, the kernel's own protection. POSIX objects are for what our processes write; what a strategy writes is a memfd sealed
against shrinking and growing, because a named object could be truncated under the engine (SIGBUS) by whoever may write it.

Attach refuses what is not ours or not whole: owner, mode, size, magic, layout hash, directory bounds. For a memfd the geometry comes
from the caller's ``sections``; its bytes are compared, never used. Sizes are allocated at creation (fallocate or
MADV_POPULATE_WRITE), so a full /dev/shm is an error here and not a SIGBUS later.
Rejected: unmapping in ``close`` (a ring or a view that still points into it would crash); the mapping goes with its last reference.
"""

import fcntl
import os
import resource
import stat
import time
from typing import NamedTuple

import numpy as np
import posix_ipc

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from ringfence.ipc.mapping cimport Mapping, allocate, lock_memory, map_fd
from ringfence.ipc.records cimport RF_LAYOUT_HASH, RF_LAYOUT_VERSION, RF_REGION_MAGIC, Section, Superblock

from ringfence.ipc.errors import IpcError, LayoutMismatch, RegionCorrupt, RegionExists, RegionMissing
from ringfence.ipc.layout import dtype
from ringfence.ipc.regions import owner_alive, process_start_ticks, read_superblock, shm_name, try_lock
from ringfence.ipc.schema import CONSTANTS, LAYOUT_HASH, RECORDS

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (uint64_t *word, int order) nogil
    uint32_t load_acquire_32 "__atomic_load_n" (uint32_t *word, int order) nogil
    void fence "__atomic_thread_fence" (int order) nogil
    void store_release "__atomic_store_n" (uint64_t *word, uint64_t value, int order) nogil
    void store_release_32 "__atomic_store_n" (uint32_t *word, uint32_t value, int order) nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"
    int SEQ_CST "__ATOMIC_SEQ_CST"

if RF_LAYOUT_HASH != LAYOUT_HASH:
    raise ImportError(
        f"compiled with layout {RF_LAYOUT_HASH:#018x}, ipc/schema.py says {LAYOUT_HASH:#018x}; "
        "run python -m ringfence.tools.gen_records, then python setup.py build_ext --inplace"
    )

SECTIONS_MAX = 64
MODE = 0o640
READY_WAIT_S = 2.0
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
cdef size_t LINE_PAIR = CONSTANTS["CACHE_LINE_PAIR"][0]
cdef size_t HEADER_BYTES = sizeof(Superblock)


class SectionSpec(NamedTuple):
    """A named array of ``count`` rows of ``record`` (a record name of ``ipc/schema.py``)."""

    name: str
    record: str
    count: int


def plan(sections) -> tuple[tuple[SectionSpec, ...], dict[str, int], int]:
    """Return the sections as specs, their offsets [bytes] and the size of the region [bytes, whole pages]."""
    specs = tuple(SectionSpec(*s) for s in sections)
    if not 1 <= len(specs) <= SECTIONS_MAX:
        raise ValueError(f"a region has 1 to {SECTIONS_MAX} sections, {len(specs)} were given")
    offsets = {}
    at = HEADER_BYTES + len(specs) * sizeof(Section)
    for spec in specs:
        if spec.record not in RECORDS:
            raise ValueError(f"section {spec.name!r}: no record {spec.record!r} in ipc/schema.py")
        if not 1 <= len(spec.name) <= 23 or not spec.name.isascii() or spec.name in offsets:
            raise ValueError(f"section name {spec.name!r} must be unique ASCII of 1 to 23 characters")
        if not 1 <= spec.count < 2**32:
            raise ValueError(f"section {spec.name!r}: count was {spec.count}, allowed are 1 to 2**32 - 1 rows")
        at = _round_up(at, LINE_PAIR)
        offsets[spec.name] = at
        at += spec.count * RECORDS[spec.record].size
    return specs, offsets, _round_up(at, resource.getpagesize())


cdef size_t _round_up(size_t n, size_t step):
    return (n + step - 1) // step * step


cdef class Segment:
    """One region, mapped. Made by ``create``, ``attach``, ``adopt``, ``create_memfd`` or ``attach_memfd``; a context manager."""

    def __cinit__(self):
        self.base = NULL
        self.fd = -1
        self.refused = []

    def __init__(self):
        raise TypeError("use Segment.create, attach, adopt, create_memfd or attach_memfd")

    @staticmethod
    def create(str instance, str name, sections, *, int role, uint64_t epoch, bint lock=True, bint huge=False) -> Segment:
        """Make a region, allocate and prefault it, and become its writer.

        Parameters
        ----------
        instance, name : str
            The POSIX name is ``/rf.INSTANCE.NAME``.
        sections : iterable of SectionSpec or (name, record, count)
        role : int
            A ``Role`` value of the schema.
        epoch : int
            Of the instance.
        lock, huge : bool
            Try mlock, and transparent huge pages; a refusal is put into ``refused`` and is no error.

        Raises
        ------
        RegionExists
            If the name is taken. ``adopt`` takes over a dead writer's region, ``regions.unlink_stale`` removes it.
        IpcError
            If /dev/shm has no room.
        """
        specs, offsets, size = plan(sections)
        path = shm_name(instance, name)
        try:
            memory = posix_ipc.SharedMemory(path, posix_ipc.O_CREX, mode=MODE)
        except posix_ipc.ExistentialError:
            raise RegionExists(_taken(path)) from None
        try:
            _lock_region(memory.fd, path)
            try:
                os.ftruncate(memory.fd, size)
                self = _fill(memory.fd, instance, name, specs, offsets, size, role, epoch, huge)
            except BaseException:
                posix_ipc.unlink_shared_memory(path)
                raise
        finally:
            _unlock_region(memory.fd)
        if lock:
            (<Segment>self).refused += lock_memory((<Segment>self).mapping, name)
        return self

    @staticmethod
    def create_memfd(str name, sections, *, int role, uint64_t epoch) -> Segment:
        """Make an anonymous region whose size is sealed; ``fd`` is what to hand over, ``close`` closes it.

        Raises
        ------
        IpcError
            If the memory cannot be allocated.
        """
        specs, offsets, size = plan(sections)
        shm_name("memfd", name)
        fd = os.memfd_create(f"rf.{name}", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            self = _fill(fd, "", name, specs, offsets, size, role, epoch, False)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
        except BaseException:
            os.close(fd)
            raise
        (<Segment>self).fd = fd
        return self

    @staticmethod
    def attach(str instance, str name, *, bint writable=False, bint shared=False) -> Segment:
        """Map an existing region, read-only unless ``writable``, after checking owner, mode, size, magic, layout and directory.

        Parameters
        ----------
        shared : bool
            It is one that a group may write (the kill words): a group's write bit is no fault, nor another owner when its group is one of ours.

        Raises
        ------
        RegionMissing
            If there is no such region.
        LayoutMismatch
            If another build made it.
        RegionCorrupt
            If it fails any other check, or its creator did not finish it within 2 s.
        """
        path = shm_name(instance, name)
        fd = _open(path, writable)
        try:
            return _attach_fd(fd, instance, name, writable, path, shared)
        finally:
            os.close(fd)

    @staticmethod
    def adopt(str instance, str name, *, int role, uint64_t epoch, sections=None, bint shared=False) -> Segment:
        """Take over the region of a dead writer, contents and all: the caller is its writer from now on.

        Parameters
        ----------
        sections : iterable, optional
            What the caller would have created; a region with others is refused.
        shared : bool
            As ``attach``.

        Raises
        ------
        RegionMissing, LayoutMismatch, RegionCorrupt
            As ``attach``; LayoutMismatch also when ``sections`` differ.
        RegionExists
            If its writer is alive.
        """
        path = shm_name(instance, name)
        fd = _open(path, True)
        try:
            _lock_region(fd, path)
            self = <Segment>_attach_fd(fd, instance, name, True, path, shared)
            if owner_alive(self.superblock):
                raise RegionExists(_taken(path))
            wanted = self.sections if sections is None else plan(sections)[0]
            if wanted != self.sections:
                raise LayoutMismatch(f"region {path} has sections {_brief(self.sections)}, wanted are {_brief(wanted)}; unlink it and create it anew")
            _take_over(self, role, epoch)
        finally:
            _unlock_region(fd)
        self.refused += lock_memory(self.mapping, name)
        return self

    @staticmethod
    def attach_memfd(int fd, sections, *, bint writable) -> Segment:
        """Map a sealed memfd that another process made; geometry comes from ``sections``. ``fd`` stays the caller's.

        Raises
        ------
        RegionCorrupt
            If it is not a memfd sealed against shrinking and growing, or its size or magic is not what ``sections`` give.
        LayoutMismatch
            If another build made it.
        """
        specs, offsets, size = plan(sections)
        try:
            seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
        except OSError as e:
            raise RegionCorrupt(f"fd {fd} is not a memfd ({e.strerror}): it could be truncated under its reader") from e
        if seals & SEALS != SEALS:
            raise RegionCorrupt(f"memfd {fd} has seals {seals:#x}, needed are SHRINK|GROW|SEAL ({SEALS:#x})")
        if os.fstat(fd).st_size != size:
            raise RegionCorrupt(f"memfd {fd} has {os.fstat(fd).st_size} bytes, its sections need {size}")
        mapping = map_fd(fd, size, writable, True)
        _check_head(mapping, f"memfd {fd}")
        cdef Segment self = _wrap(mapping, "", _text((<Superblock *>mapping.base).name, 32), specs, offsets)
        self._file_id = _identity(fd)
        return self

    def section(self, str name):
        """Return the rows of section ``name`` as a structured array over the shared bytes; read-only unless ``writable``.

        Raises
        ------
        KeyError
            If the region has no such section.
        """
        self._check_open()
        for spec in self.sections:
            if spec.name == name:
                return np.frombuffer(self.mapping, dtype(spec.record), spec.count, self._offsets[name])
        raise KeyError(f"region {self.name!r} has no section {name!r}; it has {_brief(self.sections)}")

    @property
    def superblock(self):
        """The ``Superblock`` record, live."""
        self._check_open()
        return np.frombuffer(self.mapping, dtype("Superblock"), 1)[0]

    @property
    def total_bytes(self) -> int:
        return self.mapping.size

    def heartbeat(self, uint64_t now_ns) -> None:
        """Store the writer's sign of life [ns]."""
        self._check_writable()
        store_release(self.heartbeat_word(), now_ns, RELEASE)

    def set_state(self, uint32_t state) -> None:
        """Store what the writer is doing (a ``ProcessState`` value)."""
        self._check_writable()
        store_release_32(&(<Superblock *>self.base).process_state, state, RELEASE)

    def life(self) -> tuple[int, int]:
        """Return the writer's ``ProcessState`` and epoch; what was read between two equal answers was written by one process (as a sequence lock does)."""
        self._check_open()
        cdef Superblock *block = <Superblock *>self.base
        fence(ACQUIRE)  # what the caller has read was read before this
        cdef uint32_t state = load_acquire_32(&block.process_state, ACQUIRE)
        return state, load_acquire(&block.epoch, ACQUIRE)

    def close(self) -> None:
        """End the use through this object. The memory is unmapped when the last view, ring or Segment that points into it is gone."""
        self.closed = True
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def unlink(self) -> None:
        """Remove the name, if it still leads to this region; those who have it mapped keep it.

        Raises
        ------
        RegionExists
            If another process is its writer and alive.
        """
        if not self.instance:
            return
        path = shm_name(self.instance, self.name)
        try:
            fd = _open(path, False)
        except RegionMissing:
            return
        try:
            _lock_region(fd, path)
            if _identity(fd) != self._file_id:
                return
            block = read_superblock(fd)
            if int(block["writer_pid"]) != os.getpid() and owner_alive(block):
                raise RegionExists(_taken(path))
            posix_ipc.unlink_shared_memory(path)
        finally:
            os.close(fd)

    def __enter__(self) -> Segment:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Segment {self.instance}.{self.name} {'read-write' if self.writable else 'read-only'} {self.total_bytes} bytes>"

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"segment {self.name!r} is closed")

    def _check_writable(self) -> None:
        self._check_open()
        if not self.writable:
            raise PermissionError(f"segment {self.name!r} is attached read-only; only its one writer may change it")

    cdef void *section_ptr(self, str name) except NULL:
        if name not in self._offsets:
            raise KeyError(f"region {self.name!r} has no section {name!r}; it has {_brief(self.sections)}")
        return self.base + <size_t>self._offsets[name]

    cdef uint64_t *heartbeat_word(self) except NULL:
        return &(<Superblock *>self.base).heartbeat_ns


# ---- creation


cdef Segment _fill(int fd, str instance, str name, tuple specs, dict offsets, size_t size, int role, uint64_t epoch, bint huge):
    """Allocate, map and write superblock and directory; the magic comes last."""
    cdef Mapping mapping = map_fd(fd, size, True, False)
    refused = allocate(fd, mapping, name, huge)
    cdef Superblock *block = <Superblock *>mapping.base
    cdef Section *row = <Section *>(mapping.base + HEADER_BYTES)
    block.writer_start_ticks = process_start_ticks(os.getpid())
    block.writer_pid = os.getpid()
    block.layout_version = RF_LAYOUT_VERSION
    block.layout_hash = RF_LAYOUT_HASH
    block.section_count = len(specs)
    block.total_bytes = size
    block.epoch = epoch
    block.role = role
    block.process_state = 1  # STARTING
    block.created_ns = time.time_ns()
    _put(block.instance, 32, instance)
    _put(block.name, 32, name)
    for spec in specs:
        _put(row.name, 24, spec.name)
        _put(row.record, 24, spec.record)
        row.offset = offsets[spec.name]
        row.count = spec.count
        row.stride = RECORDS[spec.record].size
        row += 1
    store_release(&block.magic, RF_REGION_MAGIC, RELEASE)
    cdef Segment self = _wrap(mapping, instance, name, specs, offsets)
    self.refused = refused
    self._file_id = _identity(fd)
    return self


# ---- attach


def _open(path: str, writable: bool) -> int:
    """Open by name; a POSIX name is opened without O_CREAT, and a symbolic link in its place is refused by shm_open itself."""
    try:
        return posix_ipc.SharedMemory(path, 0, read_only=not writable).fd
    except posix_ipc.ExistentialError:
        raise RegionMissing(f"no region {path}: is the instance running, and is its name right?") from None
    except posix_ipc.PermissionsError:
        raise IpcError(f"region {path} may not be opened {'for writing' if writable else ''}; see ls -l /dev/shm{path}") from None


cdef Segment _attach_fd(int fd, str instance, str name, bint writable, str path, bint shared):
    info = os.fstat(fd)
    ours = shared and info.st_gid in (os.getegid(), *os.getgroups())
    if info.st_uid not in (os.geteuid(), 0) and not ours:
        raise RegionCorrupt(f"region {path} belongs to uid {info.st_uid}, not to us ({os.geteuid()}) or root: another user made it; remove it")
    if not stat.S_ISREG(info.st_mode) or info.st_mode & (0o002 if shared else 0o022):
        raise RegionCorrupt(f"region {path} has mode {stat.filemode(info.st_mode)}: others could write it; remove it")
    cdef Mapping mapping = _wait_ready(fd, writable, path)
    _check_head(mapping, path)
    cdef Superblock *block = <Superblock *>mapping.base
    if _text(block.instance, 32) != instance or _text(block.name, 32) != name:
        raise RegionCorrupt(f"region {path} calls itself {_text(block.instance, 32)}.{_text(block.name, 32)}")
    specs, offsets = _directory(mapping, path)
    self = _wrap(mapping, instance, name, specs, offsets)
    self._file_id = _identity(fd)
    return self


cdef Mapping _wait_ready(int fd, bint writable, str path):
    """Map once the creator has sized the object and stored the magic; give up after READY_WAIT_S."""
    cdef Mapping mapping = None
    deadline = time.monotonic() + READY_WAIT_S
    while True:
        if mapping is None and os.fstat(fd).st_size >= <long>HEADER_BYTES:
            mapping = map_fd(fd, os.fstat(fd).st_size, writable, True)
        if mapping is not None and load_acquire(&(<Superblock *>mapping.base).magic, ACQUIRE):
            return mapping
        if time.monotonic() > deadline:
            raise RegionCorrupt(f"region {path} was never finished: its creator died or hangs; remove it: rm /dev/shm{path}")
        time.sleep(0.0005)


cdef _check_head(Mapping mapping, str where):
    cdef Superblock *block = <Superblock *>mapping.base
    if <uint32_t>load_acquire(&block.magic, ACQUIRE) != RF_REGION_MAGIC:
        raise RegionCorrupt(f"{where} has magic {block.magic:#x}, a region has {RF_REGION_MAGIC:#x}")
    if block.layout_version != RF_LAYOUT_VERSION or block.layout_hash != RF_LAYOUT_HASH:
        raise LayoutMismatch(
            f"{where} has layout {block.layout_hash:#018x} (version {block.layout_version}), this build has {LAYOUT_HASH:#018x} "
            f"(version {RF_LAYOUT_VERSION}): stop the instance with the build that started it, or run that build's command"
        )
    if block.total_bytes != mapping.size:
        raise RegionCorrupt(f"{where} has {mapping.size} bytes, its superblock says {block.total_bytes}: cut or foreign")


cdef tuple _directory(Mapping mapping, str path):
    """Read the directory; every section must be a known record, inside the region and clear of the others."""
    cdef uint32_t count = (<Superblock *>mapping.base).section_count
    if not 1 <= count <= SECTIONS_MAX or HEADER_BYTES + count * sizeof(Section) > mapping.size:
        raise RegionCorrupt(f"region {path} says it has {count} sections")
    cdef Section row
    cdef uint32_t i
    specs, offsets = [], {}
    end = HEADER_BYTES + count * sizeof(Section)
    for i in range(count):
        memcpy(&row, mapping.base + HEADER_BYTES + i * sizeof(Section), sizeof(Section))
        spec = SectionSpec(_text(row.name, 24), _text(row.record, 24), row.count)
        if spec.record not in RECORDS or row.stride != RECORDS[spec.record].size or spec.name in offsets or not spec.name or not row.count:
            raise RegionCorrupt(f"region {path}, section {i} ({spec.name!r}): no such record, or stride {row.stride} or count {row.count} is wrong")
        if row.offset < end or row.offset % LINE_PAIR or row.offset + <object>row.count * row.stride > mapping.size:
            raise RegionCorrupt(f"region {path}, section {spec.name!r}: rows at {row.offset} leave the region of {mapping.size} bytes, or overlap")
        specs.append(spec)
        offsets[spec.name] = row.offset
        end = row.offset + <object>row.count * row.stride
    return tuple(specs), offsets


cdef _take_over(Segment self, int role, uint64_t epoch):
    cdef Superblock *block = <Superblock *>self.base
    store_release_32(&block.process_state, 1, RELEASE)  # STARTING, before anybody can take the dead writer's word for ours
    store_release(&block.writer_start_ticks, 0, RELEASE)  # meanwhile owner_alive goes by the pid alone
    store_release_32(&block.writer_pid, os.getpid(), RELEASE)
    store_release(&block.writer_start_ticks, process_start_ticks(os.getpid()), RELEASE)
    store_release(&block.epoch, epoch, RELEASE)
    store_release_32(&block.role, role, RELEASE)
    fence(SEQ_CST)  # before any byte of the contents changes: see Segment.life


# ---- small parts


cdef Segment _wrap(Mapping mapping, str instance, str name, tuple specs, dict offsets):
    cdef Segment self = Segment.__new__(Segment)
    self.mapping = mapping
    self.base = mapping.base
    self.instance = instance
    self.name = name
    self.writable = mapping.writable
    self.sections = specs
    self._offsets = offsets
    return self


def _lock_region(fd: int, path: str) -> None:
    """Take the region's lock: whoever makes, adopts or removes it is alone meanwhile."""
    deadline = time.monotonic() + READY_WAIT_S
    while not try_lock(fd):
        if time.monotonic() > deadline:
            raise RegionExists(f"region {path} is locked by another process that makes, adopts or removes it; see fuser /dev/shm{path}")
        time.sleep(0.0005)
    if os.fstat(fd).st_nlink == 0:
        raise RegionMissing(f"region {path} was removed at this moment; try again")


def _unlock_region(fd: int) -> None:
    """Unlock before closing: the mapping keeps the open file, and with it the lock, alive."""
    fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _taken(path: str) -> str:
    try:
        fd = _open(path, False)
    except IpcError as e:
        return f"region {path} is taken: {e}"
    try:
        block = read_superblock(fd)
    finally:
        os.close(fd)
    if block is None or not block["writer_pid"]:
        return f"region {path} is being made by another process"
    pid = int(block["writer_pid"])
    if owner_alive(block):
        return f"region {path} belongs to process {pid}, which is alive: stop that instance first, or use another instance name"
    return f"region {path} is left by process {pid}, which is dead: adopt it, or remove it with regions.unlink_stale"


def _identity(fd: int) -> tuple[int, int]:
    info = os.fstat(fd)
    return info.st_dev, info.st_ino


def _brief(sections) -> str:
    return ", ".join(f"{s.name}[{s.count}] {s.record}" for s in sections)


cdef _put(char *field, size_t size, str text):
    raw = text.encode("ascii")
    memcpy(field, <char *>raw, min(size, <size_t>len(raw)))


cdef str _text(const char *field, size_t size):
    return field[:size].split(b"\0", 1)[0].decode("ascii", "replace")
