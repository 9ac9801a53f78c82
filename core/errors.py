"""What can go wrong around the engine, outside of the hot path.

``CoreError`` is the root; tools map it to exit code 1, ``StateMismatch`` to 7. The hot path raises nothing: refusals are
``DenyReason`` values and contradictions are rows of ``breaks``.
"""

from __future__ import annotations


class CoreError(Exception):
    """An engine, state or replay was used in a way that cannot work; the message says what to do."""


class ReplayError(CoreError):
    """A journal frame cannot be applied: it is malformed or out of sequence.

    ``seq`` is the sequence of the last frame that was applied.
    """

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(f"replay stopped after sequence {seq}: {problem}")
        self.seq = seq


class StateMismatch(ReplayError):
    """A checkpoint in the journal holds another state hash than the replayed state: code or journal differ from the live run.

    ``rows`` rows from ``first_row`` of the long tables were hashed with the short ones; 0: all.
    """

    def __init__(self, seq: int, expected: int, found: int, first_row: int = 0, rows: int = 0) -> None:
        of = f" of rows {first_row} to {first_row + rows - 1}" if rows else ""
        problem = f"checkpoint {seq} says state hash {expected:016x}{of}, replay has {found:016x}; replay both builds and compare the tables"
        super().__init__(seq - 1, problem)
        self.first_row = first_row
        self.rows = rows
        self.seq = seq
        self.expected = expected
        self.found = found
