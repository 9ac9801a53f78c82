"""Failpoints for code in Python: named places at which a test kills, stops, delays or fails the process; nothing in a normal build.

A place is ``reached("D2")``, or ``RF_FP(b"E3")`` in Cython and C. The environment of the test build (``.ci/failpoint-build``) says what happens
there, see ``failpoint.h``. Every id stands at exactly one place in the source and has a test; a test of the tests counts them.
"""

import os

cdef bint compiled = RF_FAILPOINTS_COMPILED
COMPILED = bool(compiled)


def reached(str name) -> None:
    """Do what the environment plans for this place.

    Raises
    ------
    OSError
        With the planned errno.
    """
    if not compiled:
        return
    cdef int error = RF_FP(name.encode())
    if error:
        raise OSError(error, f"{os.strerror(error)} (failpoint {name})")


def due(str name) -> bool:
    """Whether the next ``reached(name)`` will act: the place before it writes only half then."""
    return compiled and RF_DUE(name.encode()) != 0


def planted(str name) -> bool:
    """Whether this bug is planted (test build only)."""
    return compiled and RF_BUG(name.encode()) != 0
