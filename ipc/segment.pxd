# A mapped region. Raw pointers stay valid while the Segment object (or a view of it) is referenced, closed or not.
from libc.stdint cimport uint64_t

from ringfence.ipc.mapping cimport Mapping


cdef class Segment:
    cdef unsigned char *base
    cdef Mapping mapping
    cdef readonly str instance
    cdef readonly str name
    cdef readonly bint writable
    cdef readonly bint closed
    cdef readonly list refused      # host settings that were asked for and not granted, each with the command that grants it
    cdef readonly tuple sections    # of SectionSpec
    cdef readonly int fd            # of a memfd made by create_memfd, else -1
    cdef dict _offsets
    cdef object _file_id            # (st_dev, st_ino): the object itself, whatever its name points to later

    # First byte of a section; KeyError when there is none of that name.
    cdef void *section_ptr(self, str name) except NULL
    # The superblock's heartbeat; the region's writer stores nanoseconds into it.
    cdef uint64_t *heartbeat_word(self) except NULL
