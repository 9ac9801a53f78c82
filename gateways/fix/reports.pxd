# What venues answer, as records of the engine. No state, no allocation.
from libc.stdint cimport uint64_t

from ringfence.gateways.fix.codec cimport rf_fix_message_t
from ringfence.gateways.fix.dialect cimport dialect_t
from ringfence.gateways.fix.state cimport header_t
from ringfence.gateways.fix.store cimport store_t
from ringfence.ipc.records cimport OrderCommand, VenueEvent

# An application message, or a Reject(3) of one, as an event. 0: not one that the engine knows. `store` may be NULL (RefSeqNum is then not looked up).
cdef int read_event(const dialect_t *d, const rf_fix_message_t *m, const header_t *h, store_t *store, uint64_t received_ns, VenueEvent *e) noexcept nogil
# NOT_SENT for a stored order (parsed), or for a command that never became a message.
cdef void not_sent_event(const dialect_t *d, const rf_fix_message_t *m, uint64_t now_ns, VenueEvent *e) noexcept nogil
cdef void unsent_command_event(const OrderCommand *c, const char *why, uint64_t now_ns, VenueEvent *e) noexcept nogil
cdef void session_event(int kind, const char *text, uint64_t now_ns, VenueEvent *e) noexcept nogil
