"""FIX names of tags, message types and values, for people: logs, the command line, tests and documentation.

Everything comes from the dictionaries of ``dictionaries/``; FIX 4.4's name wins where the versions differ in a value, FIX 4.2's in a field's name (it is
the name that the records use: LastShares(32)). The compiled modules write tags as numbers (``b"44="``), since that is what an operator sees on the wire.
"""

from __future__ import annotations

from ringfence.gateways.fix.dictionary_file import Declaration, declared, tags_of

_OLD, _NEW = declared("FIX.4.2"), declared("FIX.4.4")


def _values(tag: int) -> dict[bytes, str]:
    """Return the values of an enumeration in both versions."""
    both: dict[bytes, str] = {}
    for declaration in (_OLD, _NEW):
        if tag in declaration.fields:
            both |= declaration.fields[tag].values
    return dict(sorted(both.items()))


def _names(declaration: Declaration) -> dict[int, str]:
    return {tag: f.name for tag, f in declaration.fields.items()}


TAGS: dict[int, str] = dict(sorted((_names(_NEW) | _names(_OLD)).items()))
TAG_OF: dict[str, int] = {name: tag for names in (_names(_NEW), TAGS) for tag, name in names.items()}
MSG_TYPES: dict[bytes, str] = {t: m.name for d in (_NEW, _OLD) for t, m in d.messages.items()}
ADMIN_MSG_TYPES = frozenset(b"0 1 2 3 4 5 A".split())
HEADER_TAGS = frozenset({*tags_of(_OLD.header), *tags_of(_NEW.header)})
EXEC_TYPES: dict[bytes, str] = _values(150)


def readable(message: bytes) -> str:
    """Return a message for a log: SOH as ``|``, anything not printable as ``.``."""
    return "".join("|" if c == 1 else chr(c) if 32 <= c < 127 else "." for c in message)
