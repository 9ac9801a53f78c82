# Executions: fills, busts and corrections, each booked once.
from libc.stdint cimport uint32_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Order, VenueEvent

# `order` is NULL when the report names none of ours: booked to suspense (S3).
cdef void apply_fill(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
cdef void apply_bust(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
cdef void apply_correct(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
