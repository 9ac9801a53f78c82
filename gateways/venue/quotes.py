"""Where the venue's quotes come from: tick files that it plays itself, the ``market`` region of a running instance, or both.

All say when they want to be asked again (``wait_ns``) and give (symbol, bid, ask) for everything new. The region is read-only here and read
under its sequence lock; only the latest quote of each instrument can be seen, which is what every reader of the feed sees. An instance that is not up
yet, or is restarted, is looked for again ten times a second: a venue outlives its clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from ringfence.gateways.keys import SpecError
from ringfence.gateways.ticks import Playback, TickError, read
from ringfence.gateways.venue.spec import VenueSpec
from ringfence.ipc.errors import IpcError, RegionMissing
from ringfence.ipc.regions import owner_alive
from ringfence.ipc.segment import Segment
from ringfence.ipc.seqlock import read_consistent

POLL_NS = 1_000_000
LOOK_NS = 100_000_000


class QuoteSource(Protocol):
    """A stream of top-of-book quotes."""

    def wait_ns(self, now_ns: int) -> int:
        """Return how long nothing new can come [ns]."""
        ...

    def take(self, now_ns: int) -> Iterator[tuple[str, int, int]]:
        """Yield what is new: symbol, bid, ask (scaled)."""
        ...

    def close(self) -> None: ...


class TickQuotes:
    """Tick files at a set speed."""

    def __init__(self, spec: VenueSpec, start_ns: int) -> None:
        speed = Fraction(spec.speed)
        digits = {s.symbol: s.price_digits for s in spec.symbols}
        self._tapes: list[tuple[str, Playback]] = []
        for source in spec.ticks:
            ticks = read(source.file, source.format, digits[source.symbol])
            if not len(ticks):
                raise TickError(f"{source.file}: no quotes in it, and a venue trades on quotes")
            self._tapes.append((source.symbol, Playback(ticks, speed, spec.loop, start_ns)))

    def wait_ns(self, now_ns: int) -> int:
        due = [tape.due_ns for _, tape in self._tapes]
        return max(0, min((d for d in due if d is not None), default=now_ns + LOOK_NS) - now_ns)

    def take(self, now_ns: int) -> Iterator[tuple[str, int, int]]:
        for symbol, tape in self._tapes:
            for at in tape.take(now_ns):
                bid, ask = int(tape.ticks.bid[at]), int(tape.ticks.ask[at])
                if bid > 0 and ask > 0:
                    yield symbol, bid, ask

    def close(self) -> None:
        self._tapes = []


class InstanceQuotes:
    """The latest quotes in the ``market`` region of a running instance, of the symbols that have no tick file."""

    def __init__(self, spec: VenueSpec) -> None:
        self._spec = spec
        played = {t.symbol for t in spec.ticks}
        self._symbols = [s for s in spec.symbols if s.symbol not in played]
        self._segment: Segment | None = None
        self._rows: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._look_ns = 0

    def wait_ns(self, now_ns: int) -> int:
        return POLL_NS if self._segment else max(0, self._look_ns - now_ns)

    def take(self, now_ns: int) -> Iterator[tuple[str, int, int]]:
        if now_ns >= self._look_ns:
            self._look(now_ns)
        if self._segment is None:
            return
        table = self._segment.section("quotes")
        for symbol, row in self._rows.items():
            if int(table[row]["count"]) == self._counts.get(symbol, 0) or int(table[row]["version"]) & 1:
                continue  # being written: next time; or its feed was killed in the middle of it, and the one that follows mends it
            try:
                quote = read_consistent(table[row : row + 1])
            except TimeoutError:
                continue
            self._counts[symbol] = int(quote["count"])
            if quote["bid"] > 0 and quote["ask"] > 0:
                yield symbol, int(quote["bid"]), int(quote["ask"])

    def _look(self, now_ns: int) -> None:
        """Attach, or let go of a region whose writer is gone."""
        self._look_ns = now_ns + LOOK_NS
        if self._segment is not None:
            if owner_alive(self._segment.superblock):
                return
            self.close()
        try:
            segment = Segment.attach(self._spec.quotes_instance, "market")
            rows = self._instruments()
        except (RegionMissing, SpecError):
            return  # not up yet: looked for again
        self._segment, self._rows, self._counts = segment, rows, {}

    def _instruments(self) -> dict[str, int]:
        """Row of each symbol: what the specification says, else what the instance's instrument table says."""
        rows = {s.symbol: s.instrument for s in self._symbols if s.instrument}
        if len(rows) == len(self._symbols):
            return rows
        with Segment.attach(self._spec.quotes_instance, "state") as state:
            count = int(state.section("engine")[1]["instrument_count"])
            table = state.section("instruments")
            found = {table[i]["symbol"].decode(): (i, int(table[i]["price_digits"])) for i in range(1, count + 1)}
        for s in self._symbols:
            if s.symbol not in found:
                raise SpecError(f"instance {self._spec.quotes_instance!r} has no instrument {s.symbol!r} (yet)")
            if found[s.symbol][1] != s.price_digits:
                raise IpcError(f"{s.symbol}: the instance has {found[s.symbol][1]} price digits, the venue {s.price_digits}; make them equal")
            rows[s.symbol] = found[s.symbol][0]
        return rows

    def close(self) -> None:
        if self._segment is not None:
            self._segment.close()
        self._segment = None


class BothQuotes:
    """Some symbols from tick files, the others from an instance."""

    def __init__(self, spec: VenueSpec, start_ns: int) -> None:
        self._sources = (TickQuotes(spec, start_ns), InstanceQuotes(spec))

    def wait_ns(self, now_ns: int) -> int:
        return min(source.wait_ns(now_ns) for source in self._sources)

    def take(self, now_ns: int) -> Iterator[tuple[str, int, int]]:
        for source in self._sources:
            yield from source.take(now_ns)

    def close(self) -> None:
        for source in self._sources:
            source.close()


def open_quotes(spec: VenueSpec, now_ns: int) -> QuoteSource:
    """Return the source that the specification names."""
    if spec.quotes_instance and spec.ticks:
        return BothQuotes(spec, now_ns)
    return InstanceQuotes(spec) if spec.quotes_instance else TickQuotes(spec, now_ns)
