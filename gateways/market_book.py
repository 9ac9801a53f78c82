"""The book of one instrument as a venue's market data tells it: entries in, price levels and their changes out. Pure, integers only.

An entry has an id of the venue's, or none; then its side and price name it. Levels are the sums of their entries, so that books by price and books by
order look the same.
What readers are shown is the best ``depth`` levels of each side; ``changes`` compares them with what was shown before, so what goes out is right also
where a venue updates levels beyond the depth, sends a whole snapshot each time, or does not delete what falls out.
At depth 1 a change of an entry without an id stands for its whole side: a top of book that is sent again replaces the one before.

What can fail: a change or delete of an entry that is not known, or more than ENTRIES_MAX entries: ``apply`` says False, and the owner asks for a new snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.ipc.schema import ENUMS

BUY, SELL = (ENUMS["Side"].by_name[n] for n in ("BUY", "SELL"))
NEW, CHANGE, DELETE = (ENUMS["BookAction"].by_name[n] for n in ("NEW", "CHANGE", "DELETE"))
ENTRIES_MAX = 10_000
QTY_MAX = 2**63 - 1
"""Of a level as it is shown: entries that sum to more are nonsense, but the slot has 64 bits."""
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
        self._replaced: dict[int, int] = {}  # side -> price of the top before, at depth 1

    def clear(self) -> None:
        """Forget every entry; what was shown stays for the next ``changes``."""
        self._entries.clear()
        self._replaced.clear()
        for levels in self._levels.values():
            levels.clear()

    def void(self) -> None:
        """Forget everything: the readers were told that the book is void."""
        self.clear()
        self._shown = {BUY: {}, SELL: {}}

    def replaces(self, side: int, entry_id: bytes, ref_id: bytes) -> bool:
        """Whether a new entry of this name takes the place of one that is in the book."""
        if entry_id or ref_id:
            return entry_id in self._entries or ref_id in self._entries
        return self.depth == 1 and bool(self._levels.get(side))

    def apply(self, action: int, side: int, px: int | None, qty: int | None, entry_id: bytes = b"", ref_id: bytes = b"", *, snapshot: bool = False) -> bool:
        """Take one entry; False when it cannot be placed and the book is not to be trusted any more.

        ``px`` None: not told, for an entry that its id names. ``qty`` None: not told, so that of the entry before stays; 0 in a change is told, not a delete.
        ``ref_id`` is an id that the entry had before, or its only one. ``snapshot``: one of all that there are; at depth 1 too it replaces nothing.
        """
        known = [key for key in (entry_id, ref_id) if key and key in self._entries]
        old = self._entries[known[0]] if known else None
        top_only = self.depth == 1 and not (entry_id or ref_id)
        side = side or (old[0] if old is not None else 0)
        if px is None and old is not None:
            px = old[1]
        if side not in (BUY, SELL) or (px is None and not (top_only and action == DELETE)):
            return False
        at = (side, px or 0)
        if action == DELETE:
            return self._delete(known, side, px, top_only)
        if action == CHANGE and old is None and at not in self._entries and not top_only:
            return False
        if qty is None:
            qty = (old or self._entries.get(at, (0, 0, 0)))[2] if action == CHANGE else 0
        for key in known:
            self._drop(key)
        self._drop(at)  # the same without an id, or a level of a snapshot without ids that gets its id now
        if top_only and not snapshot:
            self._replace(side)
        if len(self._entries) >= ENTRIES_MAX:
            return False
        self._entries[entry_id or ref_id or at] = (side, at[1], qty)
        total, count = self._levels[side].get(at[1], (0, 0))
        self._levels[side][at[1]] = (total + qty, count + 1)
        return True

    def _delete(self, known: list[bytes], side: int, px: int | None, top_only: bool) -> bool:
        if known:
            return all([self._drop(key) for key in known])
        if px is None:
            self._replace(side)
            return True
        return self._drop((side, px)) or (top_only and self._replaced.get(side) == px)  # the top that came before it has replaced it already

    def _replace(self, side: int) -> None:
        """Take away the entries of a side that have no id, for a new top."""
        for key in [k for k in self._entries if isinstance(k, tuple) and k[0] == side]:
            self._replaced[side] = key[1]
            self._drop(key)

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
        return px, min(levels[px][0], QTY_MAX)

    def levels(self, side: int) -> list[tuple[int, int]]:
        """Return the best ``depth`` levels of a side, the best first: price, quantity."""
        best = sorted(self._levels[side], reverse=side == BUY)[: self.depth]
        return [(px, min(self._levels[side][px][0], QTY_MAX)) for px in best]

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
