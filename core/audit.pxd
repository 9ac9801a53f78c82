# Audit digests: what was changed and what was commanded, folded into two words that the state hash covers.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Control, Scope

# Fold one applied change; `uid` 0 is the engine itself.
cdef void audit(EngineState *s, uint32_t uid, uint8_t control_kind, uint64_t what, int64_t before, int64_t after) noexcept nogil
# The same of a scope's state, and of a strategy's status, that the engine changed by itself.
cdef void audit_scope(EngineState *s, uint8_t control_kind, const Scope *scope, int64_t before, int64_t after) noexcept nogil
cdef void audit_strategy(EngineState *s, uint64_t strategy, int64_t before, int64_t after) noexcept nogil
# Fold a command whole, whatever comes of it.
cdef void audit_command(EngineState *s, const Control *c) noexcept nogil
# Fold bytes, a multiple of 8 of them.
cdef uint64_t fold(uint64_t digest, const char *bytes, int count) noexcept nogil
# Of a row image, BODY_BYTES long.
cdef uint64_t digest_of(const char *body) noexcept nogil
