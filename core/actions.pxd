# What an operator does to orders and executions, journaled like everything else.
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Control, VenueEvent

# MASS_CANCEL, DONT_KNOW, RESOLVE_ORDER, ASSIGN_EXECUTION. 0: it names what cannot be, and nothing was changed.
cdef int apply_action(EngineState *s, const Control *c) noexcept nogil

# The venue's answer to a mass cancel: a refusal becomes one cancel an order.
cdef void mass_cancel_report(EngineState *s, const VenueEvent *event) noexcept nogil
# 1 when the report refuses a mass cancel of ours (it was not sent, or a 35=3 or j answered it), which is dealt with then.
cdef int mass_cancel_refused(EngineState *s, const VenueEvent *event) noexcept nogil
