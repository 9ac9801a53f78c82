# Definitions: the objects that a firm trades with, from the row images in DEFINE_* commands.
from libc.stdint cimport uint8_t

from ringfence.core.state cimport EngineState

cdef int is_definition(uint8_t control_kind) noexcept nogil
# 0: the image cannot be, and nothing was changed.
cdef int define(EngineState *s, uint8_t control_kind, const char *body) noexcept nogil
