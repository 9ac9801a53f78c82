# Authority: which operator may command what, and what needs a second one.
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Control

# 1 when the command's operator may give it; what the instance tells itself and DEFINE_* anybody may. No operator is defined: everybody may all.
cdef int may_command(const EngineState *s, const Control *c) noexcept nogil
# 1 when the command is not signed, or its number and time hold for its operator: the number is then spent. What else a signed command needs the agent checked.
cdef int take_number(EngineState *s, const Control *c) noexcept nogil
# 1 when the kind is one of those that `command` deals with.
cdef int is_controlled(uint8_t control_kind) noexcept nogil
# A definition, a change of limits, permissions, kills or strategies' status, a judgement: applied, or a proposal when it takes two; approvals. 0: it cannot be.
cdef int command(EngineState *s, const Control *c) noexcept nogil
# The out-of-band word of a venue (0: the firm's) is set: as a KILL of nobody, which withdraws what would loosen that scope.
cdef void command_of_word(EngineState *s, uint16_t venue) noexcept nogil
# Proposals and overrides whose time is over; by the timer and before every command.
cdef void expire(EngineState *s) noexcept nogil
# A ROLL_DAY: the trading day begins when it is due, else it waits for a second operator. 0: it cannot be.
cdef int command_of_day(EngineState *s, const Control *c) noexcept nogil
# The trading day of a START, which may follow any pause; one that is not due waits likewise, and the instance starts on the day that it was.
cdef int start_day(EngineState *s, const Control *c) noexcept nogil
# The instance is halted again: who has proposed to resume has not seen that.
cdef void withdraw_resume(EngineState *s, uint32_t uid) noexcept nogil
