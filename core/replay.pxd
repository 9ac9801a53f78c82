# Journal frames into a state.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.state cimport State
from ringfence.ipc.records cimport Checkpoint, FileFrame

cdef enum:
    SOURCE_KINDS = 16
    SOURCES = 512

cdef class Replayer:
    cdef readonly State state
    cdef uint64_t[SOURCE_KINDS * SOURCES] positions
    cdef uint32_t[SOURCE_KINDS * SOURCES] epochs
    cdef uint64_t expected, found
    cdef readonly uint64_t checkpoints
    cdef readonly uint64_t other_logic
    cdef uint32_t last_crc
    cdef uint64_t first_row, rows    # of the last checkpoint verified
    cdef int verify(self, const Checkpoint *checkpoint) noexcept nogil
    cdef int step(self, const FileFrame *frame, uint64_t room) noexcept nogil
    cdef raise_problem(self, int problem)
