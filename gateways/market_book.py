"""The book of one instrument as a venue's market data tells it: entries in, price levels and their changes out. Pure, integers only.

An entry has an id of the venue's, or none; then its side and price name it. Levels are the sums of their entries, so that books by price and books by
order look the same.
What readers are shown is the best ``depth`` levels of each side; ``changes`` compares them with what was shown before, so what goes out is right also
where a venue updates levels beyond the depth, sends a whole snapshot each time, or does not delete what falls out.
At depth 1 an entry without an id stands for its whole side: a top of book that is sent again replaces the one before.

What can fail: a change or delete of an entry that is not known, or more than ENTRIES_MAX entries: ``apply`` says False, and the owner asks for a new snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.ipc.schema import ENUMS

BUY, SELL = (ENUMS["Side"].by_name[n] for n in ("BUY", "SELL"))
NEW, CHANGE, DELETE = (ENUMS["BookAction"].by_name[n] for n in ("NEW", "CHANGE", "DELETE"))
ENTRIES_MAX = 10_000
Key = tuple[int, int] | bytes


class MarketBook:
    """One instrument's book.

    Parameters
    ----------
    depth : int
        Levels of each side that are shown, at least 1.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._entries: dict[Key, tuple[int, int, int]] = {}  # side, px, qty
        self._levels: dict[int, dict[int, tuple[int, int]]] = {BUY: {}, SELL: {}}  # px -> qty, entries
        self._shown: dict[int, dict[int, int]] = {BUY: {}, SELL: {}}

    def clear(self) -> None:
        """Forget every entry; what was shown stays for the next ``changes``."""
        self._entries.clear()
        for levels in self._levels.values():
            levels.clear()

    def void(self) -> None:
        """Forget everything: the readers were told that the book is void."""
        self.clear()
        self._shown = {BUY: {}, SELL: {}}

    def knows(self, entry_id: bytes) -> bool:
        """Whether an entry of this id is in the book."""
        return entry_id in self._entries

    def apply(self, action: int, side: int, px: int | None, qty: int, entry_id: bytes = b"", ref_id: bytes = b"") -> bool:
        """Take one entry; False when it cannot be placed and the book is not to be trusted any more.

        ``px`` None: not told, for an entry that its id names. A quantity of 0 in a change is told, not a delete.
        """
        if ref_id and ref_id != entry_id:
            self._drop(ref_id)
        old = self._entries.get(entry_id) if entry_id else None
        if px is None:
            if old is None:
                return False
            side, px = old[0], old[1]
        elif not side:
            side = old[0] if old is not None else 0
        if side not in (BUY, SELL):
            return False
        key: Key = entry_id or (side, px)
        if action == DELETE:
            return self._drop(entry_id if old is not None else (side, px))
        if action == CHANGE and key not in self._entries and (side, px) not in self._entries and not (self.depth == 1 and not entry_id):
            return False
        if entry_id:
            self._drop((side, px))  # a level of a snapshot without ids gets its id now
        elif self.depth == 1:
            for stale in [k for k in self._entries if isinstance(k, tuple) and k[0] == side]:
                self._drop(stale)
        self._drop(key)
        if len(self._entries) >= ENTRIES_MAX:
            return False
        self._entries[key] = (side, px, qty)
        total, count = self._levels[side].get(px, (0, 0))
        self._levels[side][px] = (total + qty, count + 1)
        return True

    def _drop(self, key: Key) -> bool:
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        side, px, qty = entry
        total, count = self._levels[side][px]
        if count == 1:
            del self._levels[side][px]
        else:
            self._levels[side][px] = (total - qty, count - 1)
        return True

    def top(self, side: int) -> tuple[int, int]:
        """Return price and quantity of the best level; (0, 0) when there is none."""
        levels = self._levels[side]
        if not levels:
            return 0, 0
        px = max(levels) if side == BUY else min(levels)
        return px, levels[px][0]

    def levels(self, side: int) -> list[tuple[int, int]]:
        """Return the best ``depth`` levels of a side, the best first: price, quantity."""
        best = sorted(self._levels[side], reverse=side == BUY)[: self.depth]
        return [(px, self._levels[side][px][0]) for px in best]

    def changes(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield (side, BookAction, px, qty) for what readers must be told so that they see ``levels``: deletes of a side first."""
        for side in (BUY, SELL):
            before, now = self._shown[side], dict(self.levels(side))
            self._shown[side] = now
            for px in before:
                if px not in now:
                    yield side, DELETE, px, 0
            for px, qty in now.items():
                if px not in before:
                    yield side, NEW, px, qty
                elif before[px] != qty:
                    yield side, CHANGE, px, qty
