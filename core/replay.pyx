"""Replay: journal frames into a fresh state, the same ``apply`` as live, checked at every checkpoint frame.

Frames come from journal files (``FileFrame``: length and CRC in the first word) or from the ring (``Frame``: sequence word); all else is at the same
offsets and the first word is not read here. Who reads files has checked their CRC. Outputs are counted, or, for a gateway named in
``emit_above``, kept in its port's queue when they are above the last one that it has: that is how a restarted engine emits what its
predecessor computed and did not get out.

What can fail: a gap, a frame that is malformed or older than the one before raises ``ReplayError`` and leaves the state after the last good frame;
a checkpoint with another hash raises ``StateMismatch``. The state may live in a region: recovery replays into the tables that the engine then uses.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.apply cimport APPLIED, apply
from ringfence.core.clordid cimport decode
from ringfence.core.dedupe cimport ExecutionKey, execution_digest, prefetch_client_id, prefetch_execution, prefetch_venue_order_id
from ringfence.core.state cimport EngineState, State, state_hash, window_hash
from ringfence.ipc.records cimport (
    RF_FRAME_KIND_CHECKPOINT, RF_FRAME_KIND_INTENT, RF_FRAME_KIND_VENUE_EVENT, RF_LOGIC_VERSION, RF_VENUE_EVENT_KIND_ACK, RF_VENUE_EVENT_KIND_FILL,
    Checkpoint, FileFrame, Frame, Intent, VenueEvent,
)

from ringfence.core.errors import CoreError, ReplayError, StateMismatch
from ringfence.core.state import Limits

cdef extern from *:
    void prefetch "__builtin_prefetch" (const void *address) noexcept nogil

cdef enum:
    FAR = 8     # frames ahead at which rows and slots that the frame names are fetched
    NEAR = 4    # at which those are fetched that only its order's row tells
    LINE = 64
    ORDER_LINES = 6
    STEP_SHORT = 2
    STEP_GAP = 3
    STEP_TIME = 4
    STEP_BAD_FRAME = 5
    STEP_SOURCE = 6
    STEP_MISMATCH = 7

_PROBLEMS = {
    STEP_SHORT: "the next frame is cut off; give whole frames, 8-byte aligned as in the file",
    STEP_GAP: "the next frame has sequence {found}, expected {expected}; a segment is missing or twice there",
    STEP_TIME: "the next frame is older ({found} ns) than the last one ({expected} ns)",
    STEP_BAD_FRAME: "the next frame has a kind or payload size that this version does not know (kind {found})",
    STEP_SOURCE: "the next frame names source {found}, which is out of range",
}


cdef inline int whole(const unsigned char *buffer, uint64_t at, uint64_t end) noexcept nogil:
    """Whether a frame that may be read stands at ``at``: its payload is as long as its kind's."""
    cdef const FileFrame *frame = <const FileFrame*>(buffer + at)
    if end - at < sizeof(FileFrame) or frame.length < sizeof(FileFrame) or frame.length > end - at or frame.length & 7:
        return 0
    if frame.kind == RF_FRAME_KIND_INTENT:
        return frame.length >= sizeof(FileFrame) + sizeof(Intent)
    return frame.kind != RF_FRAME_KIND_VENUE_EVENT or frame.length >= sizeof(FileFrame) + sizeof(VenueEvent)


cdef class Replayer:
    """Apply journal frames to a state.

    Parameters
    ----------
    limits : Limits, optional
        Of a fresh state in memory; not used when ``state`` is given.
    state : State, optional
        An empty state to replay into, for example one in the region ``state``.
    emit_above : dict of int to int, optional
        Venue row to the last ``output_seq`` that its gateway has: later outputs are kept for ``Engine.set_gateway``.
    sources : dict of (int, int) to (int, int), optional
        What ``sources()`` gave when ``state`` was as it is now: go on from there. Without it the state must be empty.
    frame_crc : int, optional
        Of the last frame in ``state``.
    """

    def __cinit__(self, limits=None, *, state=None, emit_above=None, sources=None, uint32_t frame_crc=0):
        cdef uint32_t venue, kind, source
        self.state = State.in_memory(limits or Limits()) if state is None else state
        if self.state.c.engine.seq and sources is None:
            raise CoreError("replay needs an empty state, this one has inputs applied; create the region anew")
        memset(self.positions, 0, sizeof(self.positions))
        memset(self.epochs, 0, sizeof(self.epochs))
        self.last_crc = frame_crc
        for (kind, source), (epoch, position) in (sources or {}).items():
            if kind >= SOURCE_KINDS or source >= SOURCES:
                raise CoreError(f"no frames of kind {kind} from source {source}")
            self.epochs[kind * SOURCES + source], self.positions[kind * SOURCES + source] = epoch, position
        for venue, above in (emit_above or {}).items():
            self.state.open_queue(venue)
            self.state.c.gateways[venue].emit_above = above

    cdef void look_ahead(self, const FileFrame *frame) noexcept nogil:
        """Fetch what a frame some places ahead will touch. A wrong guess costs a cache line and nothing else."""
        cdef const EngineState *s = &self.state.c
        cdef const VenueEvent *event
        cdef uint64_t order = 0
        cdef uint32_t day, revision
        cdef int line
        if frame.kind == RF_FRAME_KIND_INTENT:
            prefetch_client_id(s, frame.source, (<const Intent*>(<const char*>frame + sizeof(FileFrame))).client_id)
            return
        if frame.kind != RF_FRAME_KIND_VENUE_EVENT:
            return
        event = <const VenueEvent*>(<const char*>frame + sizeof(FileFrame))
        if event.kind == RF_VENUE_EVENT_KIND_ACK:
            prefetch_venue_order_id(s, event.venue, event.venue_order_id)
        if decode(event.cl_ord_id, s.engine.prefix, &day, &order, &revision) and order < s.order_rows:
            for line in range(ORDER_LINES):
                prefetch(<const char*>&s.orders[order] + line * LINE)

    cdef void look_near(self, const FileFrame *frame) noexcept nogil:
        """The slot of a fill's execution; its order's row has been fetched."""
        cdef const EngineState *s = &self.state.c
        cdef const VenueEvent *event = <const VenueEvent*>(<const char*>frame + sizeof(FileFrame))
        cdef ExecutionKey key
        cdef uint32_t day, revision
        if frame.kind != RF_FRAME_KIND_VENUE_EVENT or event.kind != RF_VENUE_EVENT_KIND_FILL:
            return
        if decode(event.cl_ord_id, s.engine.prefix, &day, &key.order_id, &revision) and key.order_id < s.order_rows:
            key.venue = event.venue
            key.account = s.orders[key.order_id].account
            key.side = s.orders[key.order_id].side
            memcpy(key.exec_id, event.exec_id, sizeof(key.exec_id))
            prefetch_execution(s, execution_digest(&key))

    cdef int verify(self, const Checkpoint *checkpoint) noexcept nogil:
        """Whether the state is what the engine had; another logic's hash says nothing (``logic`` 0: not told)."""
        if checkpoint.logic != 0 and checkpoint.logic != RF_LOGIC_VERSION:
            self.other_logic += 1
            return 1
        self.expected = checkpoint.state_hash
        self.first_row, self.rows = checkpoint.first_row, checkpoint.rows
        if checkpoint.rows:
            self.found = window_hash(&self.state.c, checkpoint.first_row, checkpoint.rows)
        else:
            self.found = state_hash(&self.state.c)
        self.checkpoints += 1
        return self.found == self.expected

    cdef int step(self, const FileFrame *frame, uint64_t room) noexcept nogil:
        cdef uint32_t at
        if room < sizeof(FileFrame) or room < sizeof(FileFrame) + frame.payload_bytes:
            return STEP_SHORT
        self.expected = self.state.c.engine.seq + 1
        self.found = frame.seq
        if self.found != self.expected:
            return STEP_GAP
        self.expected = self.state.c.engine.engine_ns
        self.found = frame.engine_ns
        if self.found < self.expected:
            return STEP_TIME
        self.found = frame.source
        if self.found >= SOURCES:
            return STEP_SOURCE
        if frame.kind == RF_FRAME_KIND_CHECKPOINT and frame.payload_bytes == sizeof(Checkpoint):
            if not self.verify(<const Checkpoint*>(<const char*>frame + sizeof(FileFrame))):
                return STEP_MISMATCH
        self.found = frame.kind
        if apply(&self.state.c, <const Frame*>frame, <const char*>frame + sizeof(FileFrame)) != APPLIED:
            return STEP_BAD_FRAME
        at = (frame.kind & (SOURCE_KINDS - 1)) * SOURCES + frame.source
        self.positions[at] = frame.source_position
        self.epochs[at] = frame.source_epoch
        self.last_crc = frame.crc
        return STEP_OK

    cdef raise_problem(self, int problem):
        cdef uint64_t seq = self.state.c.engine.seq
        if problem == STEP_MISMATCH:
            raise StateMismatch(seq + 1, self.expected, self.found, self.first_row, self.rows)
        raise ReplayError(seq, _PROBLEMS[problem].format(found=self.found, expected=self.expected))

    def apply(self, const unsigned char[::1] frame not None):
        """Apply one frame, head and payload.

        Raises
        ------
        ReplayError, StateMismatch
            If it cannot be applied, or a checkpoint differs.
        """
        cdef uint64_t room = frame.shape[0]
        cdef int result = STEP_SHORT
        if room >= sizeof(FileFrame):
            result = self.step(<const FileFrame*>&frame[0], room)
        if result != STEP_OK:
            self.raise_problem(result)

    def apply_buffer(self, const unsigned char[::1] buffer not None, uint64_t start, uint64_t end):
        """Apply the contiguous file frames in ``buffer[start:end]`` and return how many there were.

        Raises
        ------
        ReplayError, StateMismatch
            At the first frame that cannot be applied; those before it have been.
        """
        cdef uint64_t at = start, n = 0, length, far = start, near = start
        cdef uint64_t far_frames = 0, near_frames = 0
        cdef int result = STEP_OK
        cdef const FileFrame *frame
        if end > <uint64_t>buffer.shape[0] or start > end:
            raise CoreError(f"frames {start}:{end} are outside of the buffer of {buffer.shape[0]} bytes")
        with nogil:
            while at < end:
                if end - at < sizeof(FileFrame):
                    result = STEP_SHORT
                    break
                frame = <const FileFrame*>&buffer[at]
                length = frame.length
                if length < sizeof(FileFrame) or length > end - at or length & 7:
                    result = STEP_SHORT
                    break
                while far_frames < n + FAR and whole(&buffer[0], far, end):
                    self.look_ahead(<const FileFrame*>&buffer[far])
                    far += (<const FileFrame*>&buffer[far]).length
                    far_frames += 1
                while near_frames < n + NEAR and near < far:
                    self.look_near(<const FileFrame*>&buffer[near])
                    near += (<const FileFrame*>&buffer[near]).length
                    near_frames += 1
                result = self.step(frame, length)
                if result != STEP_OK:
                    break
                at += length
                n += 1
        if result != STEP_OK:
            self.raise_problem(result)
        return n

    def apply_many(self, buffer, offsets):
        """Apply the frames that begin at ``offsets`` of ``buffer``, in that order; return how many there were."""
        view = memoryview(buffer)
        n = 0
        for offset in offsets:
            self.apply(view[offset:])
            n += 1
        return n

    def skip(self, const unsigned char[::1] buffer not None, uint64_t start, uint64_t end):
        """Return the offset in ``buffer[start:end]``, whole file frames, of the first one that is later than the state; ``end`` when none is."""
        cdef uint64_t at = start
        cdef const FileFrame *frame
        if end > <uint64_t>buffer.shape[0] or start > end:
            raise CoreError(f"frames {start}:{end} are outside of the buffer of {buffer.shape[0]} bytes")
        with nogil:
            while at + sizeof(FileFrame) <= end:
                frame = <const FileFrame*>&buffer[at]
                if frame.seq > self.state.c.engine.seq or frame.length < sizeof(FileFrame):
                    break
                at += frame.length
        return at

    def sources(self):
        """Return ``{(kind, source): (epoch, position)}`` of every peer that frames were taken from, for a Replayer that goes on from this state."""
        cdef int kind, source, at
        out = {}
        for kind in range(SOURCE_KINDS):
            for source in range(SOURCES):
                at = kind * SOURCES + source
                if self.positions[at] or self.epochs[at]:
                    out[kind, source] = (self.epochs[at], self.positions[at])
        return out

    @property
    def frame_crc(self):
        """CRC32C of the last frame applied, as it stands in the file; 0 when there was none."""
        return self.last_crc

    @property
    def seq(self):
        """Journal sequence of the last frame applied."""
        return self.state.c.engine.seq

    @property
    def output_seq(self):
        """Last output number by venue row."""
        return {row: self.state.c.venues[row].output_seq for row in range(1, self.state.c.engine.venue_count + 1)}

    def state_hash(self):
        """Return the hash of the state as it is now."""
        return self.state.state_hash()

    def source_position(self, uint32_t kind, uint32_t source):
        """Return ``(ring epoch, position)`` up to which frames of this kind were taken from this peer; ``(0, 0)`` when none was."""
        if kind >= SOURCE_KINDS or source >= SOURCES:
            raise CoreError(f"no frames of kind {kind} from source {source}: kinds go to {SOURCE_KINDS - 1}, sources to {SOURCES - 1}")
        return self.epochs[kind * SOURCES + source], self.positions[kind * SOURCES + source]
