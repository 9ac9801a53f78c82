# Commands of the engine to FIX 4.2 and 4.4 bodies. No state, no allocation.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.gateways.fix.codec cimport rf_fix_stamp_t, rf_fix_writer_t
from ringfence.gateways.fix.dialect cimport dialect_t
from ringfence.ipc.records cimport OrderCommand

cdef enum:
    MSG_MASS_STATUS_REQUEST = 17985  # AF, first character in the low byte
    MSG_MASS_CANCEL_REQUEST = 113    # q
    MSG_MASS_CANCEL_REPORT = 114     # r
    MSG_DONT_KNOW = 81               # Q

# MsgType(35) of a command, first character in the low byte, or 0 for a command that no message can say.
cdef uint32_t msg_type_of(const dialect_t *d, const OrderCommand *c) noexcept nogil
# The body of its message. NULL, or why this venue has no message for it; the writer's `failed` is set then.
cdef const char *write_body(const dialect_t *d, const OrderCommand *c, rf_fix_writer_t *w, rf_fix_stamp_t *stamp, uint64_t now_ns) noexcept nogil
