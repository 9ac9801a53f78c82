# What the loop sees of its peers, journaled before the next input because decisions depend on it.
from libc.stdint cimport uint64_t

from ringfence.core.engine cimport Loop

# Journal which peers just did not take an output; 0 when that has to wait for journal room.
cdef int note_overflow(Loop *l) noexcept nogil

# Move queued commands on, and journal who keeps pace again: with hysteresis, a peer is ready when half of its ring is free.
cdef void look_at_peers(Loop *l) noexcept nogil

# Free slots of the journal ring, after journaling that pressure began or ended, and how late the disk is.
cdef uint64_t look_at_journal(Loop *l, uint64_t now) noexcept nogil

# Journal each kill word that changed; 0 when that has to wait for journal room: then nothing may be taken.
cdef int look_at_words(Loop *l) noexcept nogil

# At the timer's pace: journal which strategies have shown no life for longer than their dead-man limit.
cdef void look_at_signs(Loop *l, uint64_t now) noexcept nogil
