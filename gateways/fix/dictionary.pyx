"""Data dictionaries for the session: the tables of ``validation.h`` built from ``dictionaries/*.toml``, and the names for people.

Data flow: ``load("FIX.4.2", custom={5000: ("MyTag", "STRING")})`` -> ``Dictionary``; a session keeps it and gives ``.c`` to ``rf_fix_validate``.
Memory: one block, owned by the Dictionary, never written after it is built. Two calls with the same arguments return the same object.
Failure: ``FixError`` at load for a version or a custom tag that cannot be; validation itself only answers.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from ringfence.gateways.errors import FixError, GarbledMessage
from ringfence.gateways.fix.codec cimport RF_FIX_OK, rf_fix_parse
from ringfence.gateways.fix.dictionary_file import TYPES, Field, declared
from ringfence.gateways.fix.dictionary_tables import tables

cdef rf_fix_message_t scratch

CHECKS = {
    "required": RF_FIX_CHECK_REQUIRED, "unknown": RF_FIX_CHECK_UNKNOWN, "empty": RF_FIX_CHECK_EMPTY, "repeated": RF_FIX_CHECK_REPEATED,
    "order": RF_FIX_CHECK_ORDER, "types": RF_FIX_CHECK_TYPES, "values": RF_FIX_CHECK_VALUES, "groups": RF_FIX_CHECK_GROUPS,
    "user_tags": RF_FIX_CHECK_USER_TAGS, "msg_type": RF_FIX_CHECK_MSG_TYPE,
}
CHECK_ALL = RF_FIX_CHECK_ALL

REASONS = {
    RF_FIX_INVALID_TAG_NUMBER: "Invalid tag number",
    RF_FIX_REQUIRED_TAG_MISSING: "Required tag missing",
    RF_FIX_TAG_NOT_DEFINED_FOR_MESSAGE: "Tag not defined for this message type",
    RF_FIX_TAG_WITHOUT_VALUE: "Tag specified without a value",
    RF_FIX_VALUE_OUT_OF_RANGE: "Value is incorrect (out of range) for this tag",
    RF_FIX_INCORRECT_FORMAT: "Incorrect data format for value",
    RF_FIX_INVALID_MSG_TYPE: "Invalid MsgType",
    RF_FIX_TAG_REPEATED: "Tag appears more than once",
    RF_FIX_TAG_OUT_OF_ORDER: "Tag specified out of required order",
    RF_FIX_GROUP_COUNT: "Incorrect NumInGroup count for repeating group",
}

cdef dict loaded = {}


cdef class Dictionary:
    """One version of FIX, with the venue's own fields: tables for C, names for people."""

    def __init__(self, str begin_string not None, dict custom not None):
        declaration = declared(begin_string)
        own = {}
        for tag, (name, kind) in custom.items():
            if not 0 < tag < 2**31 or kind not in TYPES:
                raise FixError(f"custom tag {tag} {name!r} of type {kind!r}: the tag must be positive and the type one of {', '.join(sorted(TYPES))}")
            own[tag] = Field(tag, name, kind, {})
        self.begin_string = begin_string
        self.declaration = declaration
        self.fields = {**declaration.fields, **own}
        self.messages = declaration.messages
        self.block = tables(declaration, own)
        self.c = <const rf_fix_dictionary_t *> PyBytes_AS_STRING(self.block)

    def fault(self, bytes message not None, uint32_t checks=RF_FIX_CHECK_ALL):
        """Return ``(RefTagID, SessionRejectReason)`` of the fault that wins, or None.

        Raises
        ------
        GarbledMessage
            ``message`` is no whole FIX message; a session ignores it.
        """
        cdef size_t size
        cdef rf_fix_fault_t found
        if rf_fix_parse(<const unsigned char *> PyBytes_AS_STRING(message), PyBytes_GET_SIZE(message), &scratch, &size) != RF_FIX_OK:
            raise GarbledMessage(f"no FIX message at the start of {message[:64]!r}")
        if rf_fix_validate(self.c, checks, &scratch, &found):
            return None
        return <int> found.tag, found.reason


def load(str begin_string not None, custom=None) -> Dictionary:
    """Return the dictionary of a BeginString(8), with the venue's own fields.

    Parameters
    ----------
    begin_string : str
        FIX.4.2 or FIX.4.4.
    custom : dict of int to (str, str), optional
        Tag -> (name, FIX data type). Such a field is accepted in the body of every message, and inside groups.

    Raises
    ------
    FixError
        No dictionary for this version, or a custom tag that cannot be.
    """
    fields = {int(tag): (name, kind) for tag, (name, kind) in (custom or {}).items()}
    key = (begin_string, tuple(sorted(fields.items())))
    if key not in loaded:
        loaded[key] = Dictionary(begin_string, fields)
    return loaded[key]
