"""The data dictionary of one FIX version in the flat tables that ``validation.h`` walks, and the same for Python.

    declaration.declared ──Dictionary──▶ one block of memory: definitions by ascending tag, a row of members per scope, values, lookups

A *scope* is the header, the trailer, a message type's body or a repeating group; groups of the same members share one. The block is built once
and never changes, so that any number of sessions may read it. What can fail: more fields than RF_FIX_WORDS_MAX words hold raises FixError.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from ringfence.gateways.errors import FixError, GarbledMessage
from ringfence.gateways.fix.declaration import CLASS_OF, declared

from ringfence.gateways.fix.codec cimport RF_FIX_OK, rf_fix_message_t, rf_fix_parse

cdef extern from "validation.h" nogil:
    enum:
        RF_FIX_TEXT
        RF_FIX_CHAR
        RF_FIX_INT
        RF_FIX_FLOAT
        RF_FIX_BOOLEAN
        RF_FIX_TIMESTAMP
        RF_FIX_TIME
        RF_FIX_DATE
        RF_FIX_MONTH
        RF_FIX_DAY
        RF_FIX_MULTIPLE
        RF_FIX_BODY
        RF_FIX_HEADER
        RF_FIX_TRAILER
        RF_FIX_ANYWHERE
        RF_FIX_DENSE_TAGS
        RF_FIX_WORDS_MAX
        RF_FIX_MEMBER
        RF_FIX_COUNTS

    ctypedef struct rf_fix_definition_t:
        uint64_t characters[2]
        uint32_t tag
        uint32_t first_value
        uint16_t value_count
        uint8_t type
        uint8_t section
        uint8_t enumerated

    ctypedef struct rf_fix_value_t:
        uint64_t text[2]

    ctypedef struct rf_fix_slot_t:
        uint32_t key
        uint32_t row

    ctypedef struct tables_t "rf_fix_dictionary_t":
        uint32_t definition_count
        uint32_t words
        uint32_t tag_mask
        uint32_t kind_mask
        const uint16_t *dense
        const rf_fix_slot_t *tags
        const rf_fix_slot_t *kinds
        const rf_fix_definition_t *definitions
        const rf_fix_value_t *values
        const uint16_t *members
        const uint64_t *required
        const uint16_t *delimiters

CHECKS = {
    "required": RF_FIX_CHECK_REQUIRED, "unknown": RF_FIX_CHECK_UNKNOWN, "empty": RF_FIX_CHECK_EMPTY, "repeated": RF_FIX_CHECK_REPEATED,
    "order": RF_FIX_CHECK_ORDER, "types": RF_FIX_CHECK_TYPES, "values": RF_FIX_CHECK_VALUES, "groups": RF_FIX_CHECK_GROUPS,
    "user_tags": RF_FIX_CHECK_USER_TAGS, "msg_type": RF_FIX_CHECK_MSG_TYPE,
}
CHECK_ALL = RF_FIX_CHECK_ALL
_CLASSES = {
    "TEXT": RF_FIX_TEXT, "CHAR": RF_FIX_CHAR, "INT": RF_FIX_INT, "FLOAT": RF_FIX_FLOAT, "BOOLEAN": RF_FIX_BOOLEAN, "TIMESTAMP": RF_FIX_TIMESTAMP,
    "TIME": RF_FIX_TIME, "DATE": RF_FIX_DATE, "MONTH": RF_FIX_MONTH, "DAY": RF_FIX_DAY, "MULTIPLE": RF_FIX_MULTIPLE,
}

cdef rf_fix_message_t scratch
_loaded: dict = {}


def load(begin_string, custom=None):
    """Return the Dictionary of a version (``FIX.4.2``, ``FIX.4.4``); the same one for the same arguments.

    Parameters
    ----------
    begin_string : str
    custom : mapping of int to (str, str), optional
        A venue's own tags: name and type, allowed in any message.

    Raises
    ------
    FixError
        No such version, or a custom tag that cannot be.
    """
    key = begin_string, tuple(sorted((custom or {}).items()))
    if key not in _loaded:
        _loaded[key] = Dictionary(declared(begin_string, custom))
    return _loaded[key]


cdef uint32_t packed(bytes msg_type):
    """MsgType(35) as the codec packs it."""
    cdef uint32_t key = 0
    for c in reversed(msg_type):
        key = key << 8 | <uint8_t> c
    return key


def _power(n):
    return 1 << max(4, (2 * n - 1).bit_length())


def _scopes(declaration):
    """Return ``(scopes, scope of each group, scope of each message type)``; a scope is the tuple of its members."""
    scopes, of_group, of_message = [declaration.header, declaration.trailer], {}, {}

    def take_groups(members):
        for member in members:
            if member.group:
                if member.group not in of_group:
                    of_group[member.group] = len(scopes)
                    scopes.append(member.group)
                take_groups(member.group)

    take_groups(declaration.header)
    for msg_type, message in declaration.messages.items():
        of_message[msg_type] = len(scopes)
        scopes.append(message.members)
        take_groups(message.members)
    return scopes, of_group, of_message


cdef class Dictionary:
    """One FIX version with a venue's custom tags; made by ``load``.

    Attributes
    ----------
    begin_string : str
    fields : dict of int to Field
    messages : dict of bytes to Message
    header, trailer : frozenset of int
    """

    def __init__(self, declaration):
        rows = {tag: row for row, tag in enumerate(sorted(declaration.fields), 1)}
        if len(rows) >= 64 * RF_FIX_WORDS_MAX:
            raise FixError(f"{declaration.begin_string}: {len(rows)} fields, at most {64 * RF_FIX_WORDS_MAX - 1} fit; declare fewer custom tags")
        self.begin_string = declaration.begin_string
        self.fields = declaration.fields
        self.messages = declaration.messages
        self.header = frozenset(m.tag for m in declaration.header)
        self.trailer = frozenset(m.tag for m in declaration.trailer)
        self._build(declaration, rows, *_scopes(declaration))

    def __dealloc__(self):
        free(self.memory)

    def _build(self, declaration, rows, scopes, of_group, of_message):
        cdef uint32_t count = len(rows) + 1, words = (len(rows) + 64) // 64, scope_count = len(scopes)
        cdef uint32_t tag_slots = _power(sum(tag >= RF_FIX_DENSE_TAGS for tag in rows)), kind_slots = _power(len(of_message))
        values = [value for tag in rows for value in declaration.fields[tag].values if len(value) > 1]
        sizes = (
            sizeof(tables_t), RF_FIX_DENSE_TAGS * 2, tag_slots * sizeof(rf_fix_slot_t), kind_slots * sizeof(rf_fix_slot_t),
            count * sizeof(rf_fix_definition_t), (len(values) + 1) * sizeof(rf_fix_value_t), scope_count * count * 2, scope_count * words * 8, scope_count * 2,
        )
        at, total = [], 0
        for size in sizes:
            at.append(total)
            total = (total + size + 63) & ~63
        self.memory = calloc(1, total)
        if self.memory == NULL:
            raise MemoryError
        cdef char *base = <char *> self.memory
        cdef tables_t *t = <tables_t *> base
        t.definition_count, t.words, t.tag_mask, t.kind_mask = count, words, tag_slots - 1, kind_slots - 1
        t.dense = <uint16_t *> (base + <size_t> at[1])
        t.tags = <rf_fix_slot_t *> (base + <size_t> at[2])
        t.kinds = <rf_fix_slot_t *> (base + <size_t> at[3])
        t.definitions = <rf_fix_definition_t *> (base + <size_t> at[4])
        t.values = <rf_fix_value_t *> (base + <size_t> at[5])
        t.members = <uint16_t *> (base + <size_t> at[6])
        t.required = <uint64_t *> (base + <size_t> at[7])
        t.delimiters = <uint16_t *> (base + <size_t> at[8])
        self._define(declaration, rows)
        for msg_type, scope in of_message.items():
            insert(<rf_fix_slot_t *> t.kinds, t.kind_mask, packed(msg_type), scope)
        for scope, members in enumerate(scopes):
            self._fill_scope(scope, members, rows, of_group, declaration.custom)
        self.c = <const rf_fix_dictionary_t *> base

    def _define(self, declaration, rows):
        cdef tables_t *t = <tables_t *> self.memory
        cdef rf_fix_definition_t *d
        cdef rf_fix_value_t *values = <rf_fix_value_t *> t.values
        cdef const char *text
        cdef uint32_t tag, row, next_value = 0, c
        for tag, row in rows.items():
            field = declaration.fields[tag]
            d = <rf_fix_definition_t *> &t.definitions[row]
            d.tag = tag
            d.type = _CLASSES[CLASS_OF[field.type]]
            d.section = RF_FIX_HEADER if tag in self.header else RF_FIX_TRAILER if tag in self.trailer else RF_FIX_BODY
            if tag in declaration.custom:
                d.section = RF_FIX_ANYWHERE
            if tag < RF_FIX_DENSE_TAGS:
                (<uint16_t *> t.dense)[tag] = row
            else:
                insert(<rf_fix_slot_t *> t.tags, t.tag_mask, tag, row)
            d.enumerated = bool(field.values)
            d.first_value = next_value
            for value in field.values:
                if len(value) == 1:
                    c = value[0]
                    d.characters[c >> 6] |= <uint64_t> 1 << (c & 63)
                    continue
                text = value
                memcpy(&values[next_value], text, len(value))
                next_value += 1
            d.value_count = next_value - d.first_value
        for member in (m for m in declaration.header if m.group):  # the members of a header's group stand in the header
            for inner in member.group:
                (<rf_fix_definition_t *> &t.definitions[<uint32_t> rows[inner.tag]]).section = RF_FIX_HEADER

    def _fill_scope(self, uint32_t scope, members, rows, of_group, custom):
        cdef tables_t *t = <tables_t *> self.memory
        cdef uint16_t *line = <uint16_t *> t.members + <size_t> scope * t.definition_count
        cdef uint64_t *required = <uint64_t *> t.required + <size_t> scope * t.words
        cdef uint32_t row
        for member in members:
            row = rows[member.tag]
            line[row] = of_group[member.group] + RF_FIX_COUNTS if member.group else RF_FIX_MEMBER
            if member.required:
                required[row >> 6] |= <uint64_t> 1 << (row & 63)
        if members:
            (<uint16_t *> t.delimiters)[scope] = rows[members[0].tag]

    def fault(self, bytes message not None, uint32_t checks=RF_FIX_CHECK_ALL):
        """Return what is wrong with a whole message as ``(tag or None, SessionRejectReason)``, or None.

        Raises
        ------
        GarbledMessage
            No whole FIX message: it has no fields to look at.
        """
        cdef const char *p = message
        cdef size_t size
        cdef rf_fix_fault_t fault
        if rf_fix_parse(<const unsigned char *> p, len(message), &scratch, &size) != RF_FIX_OK:
            raise GarbledMessage(f"no whole FIX message: {message[:64]!r}")
        if rf_fix_validate(self.c, checks, &scratch, &fault):
            return None
        return (None if fault.tag == RF_FIX_NO_TAG else fault.tag), fault.reason


cdef int insert(rf_fix_slot_t *slots, uint32_t mask, uint32_t key, uint32_t row) except -1:
    cdef uint32_t at = (<uint32_t> (key * <uint32_t> 2654435761)) >> 16
    while slots[at & mask].key:
        at += 1
    slots[at & mask].key = key
    slots[at & mask].row = row
    return 0
