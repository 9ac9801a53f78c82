"""The bytes of a region: mapped, allocated, prefaulted and locked.

A Mapping owns one mmap and exports it as a buffer, so that numpy views, rings and segments keep it mapped; it is unmapped with its last
reference. Allocation happens at creation, by fallocate or by touching (MADV_POPULATE_WRITE): a full /dev/shm is an IpcError there, and
not a SIGBUS in the hot path. Huge pages come only from touching advised memory. What the host refuses (huge pages, mlock) comes
back as text with the command that would grant it; the region works without.
"""

import os
import resource

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_FillInfo
from libc.errno cimport EINVAL, errno
from libc.string cimport memset

from ringfence.ipc.errors import IpcError

cdef extern from *:
    """
    #include <sys/mman.h>
    #ifndef MADV_POPULATE_WRITE
    #define MADV_POPULATE_WRITE 23
    #endif
    """
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_POPULATE, MADV_HUGEPAGE, MADV_POPULATE_WRITE
    void *MAP_FAILED
    void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t size)
    int madvise(void *address, size_t size, int advice)
    int mlock(const void *address, size_t size)


cdef class Mapping:
    """The mapped bytes; exports them as a buffer so that numpy views keep them mapped."""

    def __getbuffer__(self, Py_buffer *view, int flags):
        if flags & PyBUF_WRITABLE and not self.writable:
            raise BufferError("the region is mapped read-only; only its one writer may change it")
        PyBuffer_FillInfo(view, self, self.base, self.size, not self.writable, flags)

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.size)


cdef Mapping map_fd(int fd, size_t size, bint writable, bint populate):
    cdef int protection = PROT_READ | PROT_WRITE if writable else PROT_READ
    cdef void *at = mmap(NULL, size, protection, MAP_SHARED | (MAP_POPULATE if populate else 0), fd, 0)
    if at == MAP_FAILED:
        raise OSError(errno, f"mmap of {size} bytes failed: {os.strerror(errno)}")
    cdef Mapping mapping = Mapping.__new__(Mapping)
    mapping.base = <unsigned char *>at
    mapping.size = size
    mapping.writable = writable
    return mapping


cdef list allocate(int fd, Mapping mapping, str name, bint huge):
    """Back every page now, so that a full file system is an error here and the hot path never faults."""
    refused = []
    if huge and madvise(mapping.base, mapping.size, MADV_HUGEPAGE):
        refused.append(f"huge pages for region {name}: {os.strerror(errno)}; grant: echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled")
    elif huge and not _huge_allowed():
        refused.append(f"huge pages for region {name}: off for shared memory; grant: echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled")
    try:
        if not huge:  # huge pages come from touching advised memory, fallocate would take small ones
            os.posix_fallocate(fd, 0, mapping.size)
    except OSError as e:
        raise IpcError(_no_room(name, mapping.size, e.strerror)) from e
    if madvise(mapping.base, mapping.size, MADV_POPULATE_WRITE) == 0:
        return refused
    if errno != EINVAL:
        raise IpcError(_no_room(name, mapping.size, os.strerror(errno)))
    try:
        os.posix_fallocate(fd, 0, mapping.size)  # kernels before 5.14
    except OSError as e:
        raise IpcError(_no_room(name, mapping.size, e.strerror)) from e
    memset(mapping.base, 0, mapping.size)
    return refused


def _huge_allowed() -> bool:
    try:
        with open("/sys/kernel/mm/transparent_hugepage/shmem_enabled") as f:
            return not {"[never]", "[deny]"} & set(f.read().split())
    except OSError:
        return False


def _no_room(str name, size: int, reason: str) -> str:
    return f"region {name} of {size} bytes: {reason}; lower [limits] or [rings], or grant: mount -o remount,size={(size >> 29) + 1}G /dev/shm"


cdef list lock_memory(Mapping mapping, str name):
    """Keep the region in memory; the refusal, if any, as a list of one text."""
    if mlock(mapping.base, mapping.size) == 0:
        return []
    reason = os.strerror(errno)
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    return [f"mlock of region {name} ({mapping.size} bytes, limit {limit}): {reason}; grant: ulimit -l unlimited"]
