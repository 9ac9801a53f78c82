"""What a simulated venue is told: one JSON file, checked whole before anything starts.

    {"port": 9878, "sender_comp_id": "SIM", "target_comp_id": "RINGFENCE", "seed": 7, "latency_ms": [0.5, 2],
     "symbols": [{"symbol": "EUR/USD", "price_digits": 5, "level_qty": [100000, 500000], "clip": 200000}],
     "quotes": {"ticks": [{"symbol": "EUR/USD", "file": "eurusd_ticks.csv", "format": "histdata"}], "speed": 500, "loop": true},
     "store": "sim.store", "record": "sim.ndjson",
     "market_data": {"port": 9879, "sender_comp_id": "SIMMD", "target_comp_id": "RINGFENCE", "begin_string": "FIX.4.4"}}

``quotes`` is either tick files, as above, or ``{"instance": "NAME"}``: read the region ``market`` of that running instance, so that the venue
trades on the very prices that the strategies see; or both, then the symbols without a file are read from the instance.
An unknown key, a wrong type or a value out of range is a ``SpecError`` that names the key, the value
and what is allowed. ``market_data``, where it is there,
serves the books on a second port. ``commission_ppm`` is charged on the value of each fill, in the quote currency (a negative one is a rebate). Times are
given in milliseconds and kept in nanoseconds; probabilities in parts per million: no float decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.gateways.keys import Keys, SpecError, tick_file
from ringfence.gateways.ticks import FORMATS

PPM = 1_000_000


@dataclass(frozen=True)
class SymbolSpec:
    """One traded symbol. ``level_qty`` is the size shown at each new quote, drawn from this range (scaled by ``10**qty_digits``)."""

    symbol: str
    price_digits: int
    qty_digits: int = 0
    level_qty: tuple[int, int] = (1_000_000, 1_000_000)
    clip: int = 0
    instrument: int = 0


@dataclass(frozen=True)
class TickSource:
    symbol: str
    file: Path
    format: str


@dataclass(frozen=True)
class MarketDataSpec:
    """The session that market data is served on, with a port of its own."""

    port: int
    sender_comp_id: str
    target_comp_id: str
    begin_string: str


@dataclass(frozen=True)
class VenueSpec:
    """A whole venue; the defaults make a fast, honest one."""

    port: int
    sender_comp_id: str
    target_comp_id: str
    symbols: tuple[SymbolSpec, ...]
    host: str = "127.0.0.1"
    begin_string: str = "FIX.4.2"
    heartbeat_s: int = 30
    seed: int = 1
    latency_ns: tuple[int, int] = (0, 0)
    reject_ppm: int = 0
    commission_ppm: int = 0
    pending_acks: bool = False
    ioc_rest: str = "canceled"
    quotes_instance: str = ""
    ticks: tuple[TickSource, ...] = ()
    speed: Decimal = Decimal(1)
    loop: bool = True
    store: Path | None = None
    record: Path | None = None
    market_data: MarketDataSpec | None = None
    by_symbol: dict[str, SymbolSpec] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.by_symbol.update({s.symbol: s for s in self.symbols})


def _symbol(keys: Keys) -> SymbolSpec:
    spec = SymbolSpec(
        symbol=keys.text("symbol"),
        price_digits=keys.integer("price_digits", 0, 12),
        qty_digits=keys.integer("qty_digits", 0, 12, 0),
        level_qty=keys.span("level_qty", 1_000_000, low=1),
        clip=keys.integer("clip", 0, 1 << 62, 0),
        instrument=keys.integer("instrument", 0, 1 << 31, 0),
    )
    keys.done()
    return spec


def _quotes(keys: Keys, folder: Path) -> dict[str, Any]:
    out: dict[str, Any] = {"quotes_instance": keys.text("instance")} if keys.has("instance") else {}
    if not out or keys.has("ticks"):
        sources = []
        for item in keys.items("ticks"):
            sources.append(TickSource(item.text("symbol"), tick_file(item, "file", folder), item.choice("format", tuple(FORMATS))))
            item.done()
        out |= {"ticks": tuple(sources), "speed": keys.number("speed", Decimal(1)), "loop": keys.flag("loop", True)}
        if not out["speed"]:
            raise keys.fail("speed", "above 0")
    keys.done()
    return out


def _market_data(keys: Keys) -> MarketDataSpec | None:
    if not keys.has("market_data"):
        return None
    own = Keys(keys.get("market_data"), f"{keys.where}.market_data")
    spec = MarketDataSpec(
        port=own.integer("port", 0, 65_535),
        sender_comp_id=own.text("sender_comp_id"),
        target_comp_id=own.text("target_comp_id"),
        begin_string=own.choice("begin_string", ("FIX.4.2", "FIX.4.4"), "FIX.4.4"),
    )
    own.done()
    return spec


def venue_spec(raw: Any, folder: Path, where: str = "spec") -> VenueSpec:
    """Check a decoded JSON object and return the venue that it describes.

    Raises
    ------
    SpecError
        Naming the key, its value and what is allowed.
    """
    keys = Keys(raw, where)
    symbols = tuple(_symbol(item) for item in keys.items("symbols"))
    if len({s.symbol for s in symbols}) != len(symbols):
        raise keys.fail("symbols", "a list without repeated symbols")
    quotes = _quotes(Keys(keys.get("quotes"), f"{where}.quotes"), folder)
    for source in quotes.get("ticks", ()):
        if source.symbol not in {s.symbol for s in symbols}:
            raise SpecError(f"{where}.quotes.ticks: {source.symbol!r} is not one of the venue's symbols")
    store, record = keys.text("store", ""), keys.text("record", "")
    spec = VenueSpec(
        port=keys.integer("port", 0, 65_535),
        host=keys.text("host", "127.0.0.1"),
        begin_string=keys.choice("begin_string", ("FIX.4.2", "FIX.4.4"), "FIX.4.2"),
        sender_comp_id=keys.text("sender_comp_id"),
        target_comp_id=keys.text("target_comp_id"),
        heartbeat_s=keys.integer("heartbeat_s", 1, 3_600, 30),
        seed=keys.integer("seed", 0, 1 << 62, 1),
        latency_ns=keys.span("latency_ms", 0, scale=PPM),
        reject_ppm=keys.integer("reject_ppm", 0, PPM, 0),
        commission_ppm=keys.integer("commission_ppm", -PPM, PPM, 0),
        pending_acks=keys.flag("pending_acks", False),
        ioc_rest=keys.choice("ioc_rest", ("canceled", "expired"), "canceled"),
        symbols=symbols,
        store=folder / store if store else None,
        record=folder / record if record else None,
        market_data=_market_data(keys),
        **quotes,
    )
    keys.done()
    return spec
