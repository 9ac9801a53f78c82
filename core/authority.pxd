# Authority: which operator may command what, and what needs a second one.
from libc.stdint cimport uint8_t, uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Control

# 1 when the command's operator may give it; what the instance tells itself and DEFINE_* anybody may. No operator is defined: everybody may all.
cdef int may_command(const EngineState *s, const Control *c) noexcept nogil
# 1 when the command is not signed, or its number and time hold for its operator: the number is then spent. What else a signed command needs the agent checked.
cdef int take_number(EngineState *s, const Control *c) noexcept nogil
# 1 when the kind is one of those that `command` deals with.
cdef int is_controlled(uint8_t control_kind) noexcept nogil
# A definition, or a change of limits, permissions, kills or strategies' status: applied, or made a proposal when it loosens; approvals. 0: it cannot be.
cdef int command(EngineState *s, const Control *c) noexcept nogil
# 1 when another operator must agree before this strategy is set free.
cdef int frees_strategy(const EngineState *s, uint16_t strategy, uint8_t status) noexcept nogil
# The out-of-band word of a venue (0: the firm's) is set: as a KILL of nobody, which withdraws what would loosen that scope.
cdef void command_of_word(EngineState *s, uint16_t venue) noexcept nogil
# Proposals and overrides whose time is over; by the timer and before every command.
cdef void expire(EngineState *s) noexcept nogil
