# Definitions: the objects that a firm trades with, from the row images in DEFINE_* commands.
from libc.stdint cimport uint8_t, uint32_t

from ringfence.core.state cimport EngineState

cdef int is_definition(uint8_t control_kind) noexcept nogil
# 0: the image cannot be, and nothing was changed.
cdef int define(EngineState *s, uint8_t control_kind, const char *body) noexcept nogil
# The row that an image is of.
cdef uint32_t row_of(uint8_t control_kind, const char *body) noexcept nogil
# 1 when the image, put into its row, would allow more than the row does now; `uid` is who asks. A new row that is closed allows nothing.
cdef int widens(const EngineState *s, uint8_t control_kind, const char *body, uint32_t uid) noexcept nogil
# 1 when there never was another operator who could approve.
cdef int is_alone(const EngineState *s, uint32_t uid) noexcept nogil
