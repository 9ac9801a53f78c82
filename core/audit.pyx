"""Audit digests: what was changed and what was commanded, folded into two words of EngineStatus.

    every applied change, by people or by the engine itself ──kind, what, before, after, uid, sequence──▶ audit_digest, audit_entries
    every CONTROL frame, refused ones too ──all its bytes (name, reason, request, body, signature)──▶ command_digest

Both are part of the state hash, so a checkpoint that holds proves that no command before it was altered, whatever its kind and in whichever field, and that
the engine found the same changes; ``ringfence audit`` shows them as entries. Only commands and changes of state pay for it. Nothing here fails.
Rejected: one digest for both, which could not tell a command that was refused from a change.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ringfence.core.dedupe cimport mix
from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport RF_CONTROL_KIND_SET_STRATEGY, Control, Scope

cdef enum:
    BODY_BYTES = 256
    SLOT_BYTES = 8    # the sequence word of the ring, which the frame's position has too


cdef uint64_t fold(uint64_t digest, const char *bytes, int count) noexcept nogil:
    cdef uint64_t word
    cdef int at
    for at in range(0, count, 8):
        memcpy(&word, bytes + at, 8)
        digest = mix(digest, word)
    return digest


cdef uint64_t digest_of(const char *body) noexcept nogil:
    return fold(0, body, BODY_BYTES)


cdef void audit(EngineState *s, uint32_t uid, uint8_t control_kind, uint64_t what, int64_t before, int64_t after) noexcept nogil:
    cdef uint64_t h = mix(mix(s.engine.audit_digest, s.engine.seq), <uint64_t>uid << 8 | control_kind)
    s.engine.audit_digest = mix(mix(mix(h, what), <uint64_t>before), <uint64_t>after)
    s.engine.audit_entries += 1


cdef void audit_scope(EngineState *s, uint8_t control_kind, const Scope *scope, int64_t before, int64_t after) noexcept nogil:
    audit(s, 0, control_kind, mix(<uint64_t>scope.a << 32 | scope.b, scope.kind), before, after)


cdef void audit_strategy(EngineState *s, uint64_t strategy, int64_t before, int64_t after) noexcept nogil:
    audit(s, 0, RF_CONTROL_KIND_SET_STRATEGY, strategy, before, after)


cdef void audit_command(EngineState *s, const Control *c) noexcept nogil:
    s.engine.command_digest = fold(s.engine.command_digest, <const char*>c + SLOT_BYTES, <int>sizeof(Control) - SLOT_BYTES)
