# What an operator does to orders and executions, journaled like everything else.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport OrderAction, VenueEvent

# MASS_CANCEL, DONT_KNOW, RESOLVE_ORDER, ASSIGN_EXECUTION. 0: it names what cannot be, and nothing was changed.
cdef int do_action(EngineState *s, uint8_t control_kind, const OrderAction *a) noexcept nogil
# 1 when a RESOLVE_ORDER or ASSIGN_EXECUTION names what is in doubt or in suspense now; it may still not fit when it is done.
cdef int can_act(EngineState *s, uint8_t control_kind, const OrderAction *a) noexcept nogil
# Whose an execution is now, as one number: the order's or the strategy's, or (below 0, nobody's) the row of its latest version; 0: there is none.
cdef int64_t assignment_of(const EngineState *s, uint64_t row) noexcept nogil
cdef int64_t whose(uint64_t order_id, uint16_t strategy) noexcept nogil

# The venue's answer to a mass cancel: a refusal becomes one cancel an order.
cdef void mass_cancel_report(EngineState *s, const VenueEvent *event) noexcept nogil
# 1 when the report refuses a mass cancel of ours (it was not sent, or a 35=3 or j answered it), which is dealt with then.
cdef int mass_cancel_refused(EngineState *s, const VenueEvent *event) noexcept nogil
