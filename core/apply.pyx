"""The engine as a state machine: one journal frame in, the next state and its outputs out.

The only entry for live frames and for replay: what it does depends on the frame, the payload and the state, never on a clock, a file or an address.
Time, sequence and the peer that an input came from arrive in the frame. CHECKPOINT frames are not inputs: they only advance the sequence.

    Frame.kind ─▶ intents | venue_events | controls (control, mark, timer, observation) ─▶ orders, executions, positions ─▶ ports

What can fail: a frame that is malformed is refused and changes nothing; everything else is a denial to a strategy or a break.
Rejected: one apply function per source (live and replay would drift apart).
"""

from libc.stdint cimport uint32_t

from ringfence.core.controls cimport apply_control, apply_mark, apply_observation, apply_timer
from ringfence.core.intents cimport apply_intent
from ringfence.core.state cimport EngineState
from ringfence.core.venue_events cimport apply_venue_event
from ringfence.ipc.records cimport (
    RF_FRAME_KIND_CHECKPOINT, RF_FRAME_KIND_CONTROL, RF_FRAME_KIND_INTENT, RF_FRAME_KIND_MARK, RF_FRAME_KIND_OBSERVATION,
    RF_FRAME_KIND_TIMER, RF_FRAME_KIND_VENUE_EVENT, Checkpoint, Control, Frame, Intent, Mark, Observation, Timer, VenueEvent,
)


cdef uint32_t payload_bytes(uint32_t kind) noexcept nogil:
    if kind == RF_FRAME_KIND_INTENT:
        return sizeof(Intent)
    if kind == RF_FRAME_KIND_VENUE_EVENT:
        return sizeof(VenueEvent)
    if kind == RF_FRAME_KIND_CONTROL:
        return sizeof(Control)
    if kind == RF_FRAME_KIND_MARK:
        return sizeof(Mark)
    if kind == RF_FRAME_KIND_TIMER:
        return sizeof(Timer)
    if kind == RF_FRAME_KIND_OBSERVATION:
        return sizeof(Observation)
    return sizeof(Checkpoint) if kind == RF_FRAME_KIND_CHECKPOINT else 0


cdef int apply(EngineState *s, const Frame *frame, const void *payload) noexcept nogil:
    cdef uint32_t expected = payload_bytes(frame.kind)
    if expected == 0 or frame.payload_bytes != expected:
        return APPLY_BAD_FRAME
    s.engine.seq = frame.seq
    s.engine.engine_ns = frame.engine_ns
    if frame.kind == RF_FRAME_KIND_CHECKPOINT:
        return APPLIED
    s.engine.inputs += 1
    if frame.kind == RF_FRAME_KIND_INTENT:
        apply_intent(s, frame.source, <const Intent*>payload)
    elif frame.kind == RF_FRAME_KIND_VENUE_EVENT:
        apply_venue_event(s, <const VenueEvent*>payload)
    elif frame.kind == RF_FRAME_KIND_CONTROL:
        apply_control(s, <const Control*>payload)
    elif frame.kind == RF_FRAME_KIND_MARK:
        apply_mark(s, <const Mark*>payload)
    elif frame.kind == RF_FRAME_KIND_TIMER:
        apply_timer(s, <const Timer*>payload)
    else:
        apply_observation(s, <const Observation*>payload)
    return APPLIED
