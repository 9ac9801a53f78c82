"""The latest top of book of one instrument, as ``self.quote(instrument)`` gives it in every mode: a copy, so it stays as it is.

    table ``quotes`` of region ``market`` (the feed writes it) ──sequence lock──▶ TopOfBook

A named tuple of integers, because compiled code can make one without allocating. Nothing can fail: of what is unknown, everything is 0.
"""

from __future__ import annotations

from typing import NamedTuple


class TopOfBook(NamedTuple):
    """Top of book and last trade; prices and quantities in the instrument's scale.

    ``published_ns`` 0: no quote was published yet, or there is no such instrument. 0 in a price: nobody bids, or offers. ``flags``: TickFlag.
    """

    instrument: int
    bid: int
    ask: int
    bid_qty: int
    ask_qty: int
    last: int
    last_qty: int
    flags: int
    published_ns: int
    source_ns: int
