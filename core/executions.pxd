# Executions: fills, busts and corrections, each booked once.
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Order, VenueEvent

# 1 when a report names another symbol or side than the order that its ids name.
cdef int contradicts(const EngineState *s, const VenueEvent *event, const Order *o) noexcept nogil

# `order` is NULL when the report names none of ours: booked to suspense (S3).
cdef void apply_fill(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
cdef void apply_bust(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
cdef void apply_correct(EngineState *s, const VenueEvent *event, Order *order) noexcept nogil
