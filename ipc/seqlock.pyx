"""Read records that are published under a sequence lock (``Quote``, ``ClockCalibration``), from Python.

The record's first word is its version, odd while its writer is inside. Readers copy and compare; they never hold up the writer and
map the record read-only. A writer that died inside leaves the version odd, which the reader sees as TimeoutError after a bounded
number of tries. The C side is seqlock.h.
"""

import time

import numpy as np

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t

TRIES = 200
ROUNDS = 5_000  # of 0.1 ms at least: for a writer that lost its core inside; a tenth of that was too little at a load of 13


def read_consistent(row):
    """Return a copy of a record that its writer may be changing.

    Parameters
    ----------
    row : numpy record or 1-element structured array
        A view into the shared region, for instance ``segment.section("quotes")[7]``; its first field is the version.

    Returns
    -------
    numpy record
        Detached from the region.

    Raises
    ------
    TimeoutError
        If the version stays odd: the writer died while writing, or is stopped.
    """
    cdef Py_buffer source
    copy = np.zeros((), row.dtype)
    cdef Py_buffer target
    PyObject_GetBuffer(copy, &target, PyBUF_WRITABLE)
    PyObject_GetBuffer(row, &source, PyBUF_SIMPLE)
    try:
        if source.len != target.len:
            raise ValueError(f"one record has {target.len} bytes, {source.len} were given")
        for _ in range(ROUNDS):
            if rf_seqlock_copy(source.buf, target.buf, source.len, TRIES):
                return copy[()]
            time.sleep(0.0001)
    finally:
        PyBuffer_Release(&source)
        PyBuffer_Release(&target)
    raise TimeoutError("a record under a sequence lock stays odd: its writer died while writing or is stopped; restart it")


def write_consistent(row, values: dict) -> None:
    """Publish ``values`` into a record of which this process is the one writer; fields not named keep their value.

    ``row`` is a 1-element slice, ``segment.section("quotes")[7:8]``: a numpy scalar does not export a writable buffer.
    """
    cdef Py_buffer target
    PyObject_GetBuffer(row, &target, PyBUF_WRITABLE)
    cdef uint64_t *version = <uint64_t *>target.buf
    rf_seqlock_write_begin(version)
    try:
        for name, value in values.items():
            row[name] = value
    finally:
        rf_seqlock_write_end(version)
        PyBuffer_Release(&target)
