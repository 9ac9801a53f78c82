# What venues and their sessions report.
from libc.stdint cimport uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport VenueEvent

# `event.venue` is the row of the link that it came from.
cdef void apply_venue_event(EngineState *s, const VenueEvent *event) noexcept nogil

# Ask the venue about every open order of its session that is in doubt; `all_open`: about the others too (S16).
cdef void ask_for_status(EngineState *s, uint16_t venue, int all_open) noexcept nogil
