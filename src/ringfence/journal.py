"""Read a journal: numpy record arrays of every kind of frame, of a closed or a live instance.

    >>> from ringfence.journal import Reader
    >>> reader = Reader("data/journal")
    >>> intents = reader.records("INTENT")                  # heads and payloads, row by row the same frames
    >>> late = intents.heads["engine_ns"] - intents.payloads["created_ns"]
    >>> for frame in reader.follow(reader.last_seq + 1).poll():
    ...     print(frame.head["seq"], frame.payload)

Fields are those of docs/records.md; the files are described in docs/journal.md. Nothing here needs a running instance.
"""

from __future__ import annotations

from ringfence.tools.errors import JournalCorrupt, JournalError, JournalRetired
from ringfence.tools.journal import JournalFrame, JournalReader
from ringfence.tools.journal_records import Follower, Reader, Records

__all__ = ["Follower", "JournalCorrupt", "JournalError", "JournalFrame", "JournalReader", "JournalRetired", "Reader", "Records"]
