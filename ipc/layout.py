"""numpy and numba views of the records of ``schema.py``.

``schema.py`` needs no numpy; this module does. Offsets come from the schema, never from numpy's own alignment rules.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ringfence.ipc.schema import RECORDS, Field, Record

_NUMPY = {"u8": "u1", "i8": "i1", "u16": "<u2", "u32": "<u4", "i32": "<i4", "u64": "<u8", "i64": "<i8"}


def _format(field: Field) -> Any:
    if field.is_text:
        return f"S{field.size}"
    return _NUMPY[field.scalar] if field.count == 1 else (_NUMPY[field.scalar], (field.count,))


@cache
def dtype(name: str) -> np.dtype[Any]:
    """Return the numpy dtype of record ``name``; text fields are ``S`` bytes.

    Raises
    ------
    KeyError
        If the schema has no such record.
    """
    record: Record = RECORDS[name]
    return np.dtype(
        {
            "names": [f.name for f in record.fields],
            "formats": [_format(f) for f in record.fields],
            "offsets": list(record.offsets.values()),
            "itemsize": record.size,
        }
    )


def numba_type(name: str) -> Any:
    """Return the numba record type of ``name``; needs the extra ``ringfence[numba]``."""
    try:
        import numba
    except ImportError as e:
        raise ImportError("numba is not installed: pip install 'ringfence[numba]'") from e
    return numba.from_dtype(dtype(name))
