# The state machine: apply(frame) -> state', outputs.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Frame

cdef enum:
    APPLIED = 1
    APPLY_BAD_FRAME = 2     # unknown kind or a payload of another size; nothing was changed

# Payload of the frame kind in bytes, 0 when there is no such kind.
cdef uint32_t payload_bytes(uint32_t kind) noexcept nogil

# Apply one input. The payload has been copied and is stable; its fields are not trusted.
cdef int apply(EngineState *s, const Frame *frame, const void *payload) noexcept nogil
