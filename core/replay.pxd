# Journal frames into a state.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.state cimport State
from ringfence.ipc.records cimport Checkpoint, FileFrame

cdef enum:
    SOURCE_KINDS = 16
    SOURCES = 512
    STEP_OK = 1    # what `step` answers when the frame was applied; all else is a problem for `raise_problem`

cdef class Replayer:
    cdef readonly State state
    cdef uint64_t[SOURCE_KINDS * SOURCES] positions
    cdef uint32_t[SOURCE_KINDS * SOURCES] epochs
    cdef uint64_t expected, found
    cdef readonly uint64_t checkpoints
    cdef readonly uint64_t other_logic
    cdef uint32_t last_crc
    cdef uint64_t first_row, rows    # of the last checkpoint verified
    cdef void look_ahead(self, const FileFrame *frame) noexcept nogil
    cdef void look_near(self, const FileFrame *frame) noexcept nogil
    cdef int verify(self, const Checkpoint *checkpoint) noexcept nogil
    cdef int step(self, const FileFrame *frame, uint64_t room) noexcept nogil
    cdef raise_problem(self, int problem)
