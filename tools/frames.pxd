# Journal frames: from ring slots to file bytes, and back with every defect told apart. Contracts; the whys are in frames.pyx.
from libc.stdint cimport int64_t, uint32_t, uint64_t

from ringfence.ipc.records cimport JournalSlot

ctypedef struct rf_scan_t:
    uint64_t offset       # first byte after the last frame that is whole, valid and in order
    uint64_t frames       # how many there were
    uint64_t last_seq     # of the last one, or the one before the buffer
    uint64_t last_epoch   # instance epoch of the last one
    uint64_t found        # SEQUENCE: the sequence found; EPOCH: the epoch found; CORRUPT: offset of the next valid frame
    int state             # one of rf_scan_state

cpdef enum ScanState:
    CLEAN = 1     # the rest is zero, or there is none
    TORN = 2      # a bad or cut frame, and no valid one after it
    CORRUPT = 3   # a bad frame, and a valid one somewhere after it
    SEQUENCE = 4  # a valid frame with another sequence than the next
    EPOCH = 5     # a valid frame of an older instance epoch than the one before

# Payload bytes of a frame kind; 0 for a kind that does not exist.
cdef uint32_t payload_size(uint32_t kind) noexcept nogil
# Length of the valid frame at p, of which `room` bytes may be read; 0 when there is none.
cdef uint32_t valid_frame(const unsigned char *p, uint64_t room) noexcept nogil
# Offset of the first valid frame at an 8-byte boundary from `start` (above 0) on; 0 when there is none.
cdef uint64_t find_frame(const unsigned char *base, uint64_t start, uint64_t end) noexcept nogil
# Write the file frame of a ring slot to `out` (room for 448 bytes); its length, or 0 when the slot's kind or size is impossible.
cdef uint32_t encode_slot(const JournalSlot *slot, unsigned char *out) noexcept nogil
# Walk frames from `start`; `whole_tail` 0 stops at the first zero length word without reading the rest. Bound: one pass, then one more over the tail.
cdef void scan_frames(const unsigned char *base, uint64_t start, uint64_t end, uint64_t next_seq, uint64_t epoch, int whole_tail, rf_scan_t *out) noexcept nogil
