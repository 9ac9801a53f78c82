# One mmap, shared by everything that points into it.


cdef class Mapping:
    cdef unsigned char *base
    cdef size_t size
    cdef bint writable


# Map `size` bytes of `fd`, shared; `populate` faults every page in now. OSError when the kernel refuses.
cdef Mapping map_fd(int fd, size_t size, bint writable, bint populate)
# Back every page; returns what was refused, IpcError when there is no room.
cdef list allocate(int fd, Mapping mapping, str name, bint huge)
# mlock; returns what was refused.
cdef list lock_memory(Mapping mapping, str name)
