"""A Profile made flat: masks, prefixes and symbol tables that the gateway's loop reads without Python.

    Profile (profile.py) + our symbols ──Dialect──▶ dialect_t ──▶ messages.pyx, per message

Symbols are found both ways by open addressing over at most half-full slots; a venue that uses our own texts has no table at all.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from ringfence.ipc.records cimport (
    RF_COMMAND_KIND_CANCEL,
    RF_COMMAND_KIND_DONT_KNOW,
    RF_COMMAND_KIND_MASS_CANCEL,
    RF_COMMAND_KIND_NEW,
    RF_COMMAND_KIND_REPLACE,
    RF_COMMAND_KIND_STATUS,
)

KINDS = {
    "D": RF_COMMAND_KIND_NEW, "F": RF_COMMAND_KIND_CANCEL, "G": RF_COMMAND_KIND_REPLACE, "H": RF_COMMAND_KIND_STATUS, "AF": RF_COMMAND_KIND_STATUS,
    "q": RF_COMMAND_KIND_MASS_CANCEL, "Q": RF_COMMAND_KIND_DONT_KNOW,
}


cdef inline uint32_t slot_of(const dialect_t *d, const char *text) noexcept nogil:
    cdef uint64_t words[3]
    memcpy(words, text, 24)
    cdef uint64_t h = (words[0] ^ words[1] * 0x9E3779B97F4A7C15ULL ^ words[2] * 0xC2B2AE3D27D4EB4FULL) * 0xD6E8FEB86659FD93ULL
    return <uint32_t> (h >> 32) & d.slot_mask


cdef const char *theirs_of(const dialect_t *d, const char *ours) noexcept nogil:
    cdef uint32_t at = slot_of(d, ours)
    while d.by_ours[at]:
        if not memcmp(d.pairs[d.by_ours[at] - 1].ours, ours, 24):
            return d.pairs[d.by_ours[at] - 1].theirs
        at = (at + 1) & d.slot_mask
    return NULL


cdef const char *ours_of(const dialect_t *d, const char *theirs) noexcept nogil:
    cdef uint32_t at = slot_of(d, theirs)
    while d.by_theirs[at]:
        if not memcmp(d.pairs[d.by_theirs[at] - 1].theirs, theirs, 24):
            return d.pairs[d.by_theirs[at] - 1].ours
        at = (at + 1) & d.slot_mask
    return NULL


cdef class Dialect:
    """A profile for the gateway's loop.

    Parameters
    ----------
    profile : Profile
    symbols : iterable of str
        Our symbols. Where the venue names any of them otherwise, these and no others can be traded.

    Raises
    ------
    SessionError
        Two symbols are one at the venue.
    """

    def __cinit__(self, profile, symbols=()):
        memset(&self.d, 0, sizeof(dialect_t))

    def __init__(self, profile, symbols=()):
        cdef dialect_t *d = &self.d
        self.profile = profile
        d.fix44 = profile.begin_string == "FIX.4.4"
        d.ord_types, d.time_in_forces, d.instructions = profile.ord_types_mask, profile.time_in_forces_mask, profile.instructions_mask
        d.account, d.order_id, d.cancel_qty = profile.account, profile.order_id, profile.cancel_qty
        d.expire_date = profile.expire == "date"
        d.handl_inst = ord(profile.handl_inst) if profile.handl_inst else 0
        d.status = 0 if profile.status == "none" else ord(profile.status[0])
        d.mass_cancel, d.dont_know = profile.mass_cancel, profile.dont_know
        d.time_places, d.symbol_tag = profile.time_places, profile.symbol_tag
        fill(d.symbol_text, b"%d=" % profile.symbol_tag)
        d.display_tag = profile.display_qty
        d.display_bytes = fill(d.display_text, b"%d=" % profile.display_qty) if profile.display_qty else 0
        d.post_only_tif = profile.post_only.startswith("59=")
        d.post_only_bytes = fill(d.post_only_text, profile.post_only.encode() + b"\x01") if profile.post_only else 0
        for msg_type, fields in profile.constants:
            if (msg_type == "AF") == (d.status == b"A"[0]) or msg_type not in ("H", "AF"):
                d.constants[<uint32_t> KINDS[msg_type]].bytes = fill(
                    d.constants[<uint32_t> KINDS[msg_type]].text, b"".join(f.encode() + b"\x01" for f in fields))
        self._set_symbols(profile.symbols(symbols))

    def _set_symbols(self, tuple pairs):
        cdef dialect_t *d = &self.d
        cdef uint32_t slots = 4, k, at
        if not pairs or d.pairs != NULL:
            return
        while slots < 2 * len(pairs):
            slots *= 2
        d.pairs = <symbol_pair_t *> calloc(len(pairs), sizeof(symbol_pair_t))
        d.by_ours = <uint32_t *> calloc(slots, sizeof(uint32_t))
        d.by_theirs = <uint32_t *> calloc(slots, sizeof(uint32_t))
        if d.pairs == NULL or d.by_ours == NULL or d.by_theirs == NULL:
            raise MemoryError
        d.slot_mask = slots - 1
        for k, (ours, theirs) in enumerate(pairs):
            fill(<unsigned char *> d.pairs[k].ours, ours.encode())
            fill(<unsigned char *> d.pairs[k].theirs, theirs.encode())
            at = slot_of(d, d.pairs[k].ours)
            while d.by_ours[at]:
                at = (at + 1) & d.slot_mask
            d.by_ours[at] = k + 1
            at = slot_of(d, d.pairs[k].theirs)
            while d.by_theirs[at]:
                at = (at + 1) & d.slot_mask
            d.by_theirs[at] = k + 1
        d.symbol_count = <uint32_t> len(pairs)

    def __dealloc__(self):
        free(self.d.pairs)
        free(self.d.by_ours)
        free(self.d.by_theirs)

    def venue_symbol(self, bytes ours not None):
        """The venue's text for one of our symbols, None when it has none."""
        return self._other(ours, True)

    def our_symbol(self, bytes theirs not None):
        """Our symbol for the venue's text, None when we have none."""
        return self._other(theirs, False)

    def _other(self, bytes text, bint out):
        cdef char key[24]
        cdef const char *found
        cdef const char *p = text
        if not self.d.symbol_count:
            return text
        memset(key, 0, 24)
        memcpy(key, p, min(24, len(text)))
        found = theirs_of(&self.d, key) if out else ours_of(&self.d, key)
        return None if found == NULL else found[:24].rstrip(b"\x00")


cdef uint32_t fill(unsigned char *to, bytes text):
    cdef const char *p = text
    memcpy(to, p, len(text))
    return <uint32_t> len(text)
