# What an operator does to orders and executions, journaled like everything else.
from libc.stdint cimport uint8_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport OrderAction, VenueEvent

# MASS_CANCEL, DONT_KNOW, RESOLVE_ORDER, ASSIGN_EXECUTION. 0: it names what cannot be, and nothing was changed.
cdef int do_action(EngineState *s, uint8_t control_kind, const OrderAction *a) noexcept nogil
# 1 when a RESOLVE_ORDER or ASSIGN_EXECUTION names what is in doubt or in suspense now; it may still not fit when it is done.
cdef int can_act(EngineState *s, uint8_t control_kind, const OrderAction *a) noexcept nogil

# The venue's answer to a mass cancel: a refusal becomes one cancel an order.
cdef void mass_cancel_report(EngineState *s, const VenueEvent *event) noexcept nogil
# 1 when the report refuses a mass cancel of ours (it was not sent, or a 35=3 or j answered it), which is dealt with then.
cdef int mass_cancel_refused(EngineState *s, const VenueEvent *event) noexcept nogil
