"""What a simulated venue is told: one JSON file, checked whole before anything starts.

    {"port": 9878, "sender_comp_id": "SIM", "target_comp_id": "RINGFENCE", "seed": 7, "latency_ms": [0.5, 2],
     "symbols": [{"symbol": "EUR/USD", "price_digits": 5, "level_qty": [100000, 500000], "clip": 200000}],
     "quotes": {"ticks": [{"symbol": "EUR/USD", "file": "eurusd_ticks.csv", "format": "histdata"}], "speed": 500, "loop": true},
     "store": "sim.store", "record": "sim.ndjson"}

``quotes`` is either tick files, as above, or ``{"instance": "NAME"}``: read the region ``quotes`` of that running instance, so that the venue
trades on the very prices that the strategies see. An unknown key, a wrong type or a value out of range is a ``SpecError`` that names the key, the value
and what is allowed. Times are given in milliseconds and kept in nanoseconds; probabilities in parts per million: no float decides anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ringfence.gateways.data import data_file
from ringfence.gateways.errors import GatewayError
from ringfence.gateways.ticks import FORMATS

PPM = 1_000_000


class SpecError(GatewayError):
    """The specification of a process is wrong; names key, value and what is allowed."""


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
    pending_acks: bool = False
    ioc_rest: str = "canceled"
    quotes_instance: str = ""
    ticks: tuple[TickSource, ...] = ()
    speed: Decimal = Decimal(1)
    loop: bool = True
    store: Path | None = None
    record: Path | None = None
    by_symbol: dict[str, SymbolSpec] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.by_symbol.update({s.symbol: s for s in self.symbols})


class Keys:
    """Typed access to one JSON object; remembers what was read, so that an unknown key can be named."""

    def __init__(self, raw: Any, where: str) -> None:
        if not isinstance(raw, dict):
            raise SpecError(f"{where}: {raw!r} must be an object with keys")
        self.raw, self.where, self.read = raw, where, set[str]()

    def fail(self, key: str, allowed: str) -> SpecError:
        return SpecError(f"{self.where}.{key}: {self.raw.get(key)!r} is not allowed; it must be {allowed}")

    def has(self, key: str) -> bool:
        return key in self.raw

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        if key not in self.raw and default is None:
            raise SpecError(f"{self.where}.{key}: missing; add it")
        return self.raw.get(key, default)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.get(key, default)
        if not isinstance(value, str) or not (value or default == "") or not value.isprintable() or not value.isascii():
            raise self.fail(key, "printable ASCII text")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fail(key, f"an integer from {low} to {high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        value = self.get(key, default)
        if value not in allowed:
            raise self.fail(key, "one of " + ", ".join(allowed))
        return str(value)

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        value = self.get(key, default)
        try:
            number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("nan")
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite() or number < 0:
            raise self.fail(key, "a number, 0 or more")
        return number

    def span(self, key: str, default: int, scale: int = 1, low: int = 0) -> tuple[int, int]:
        """A number, or [least, most]; times ``scale``, as integers."""
        value = self.get(key, default)
        pair = value if isinstance(value, list) else [value, value]
        try:
            numbers = [Decimal(str(v)) * scale for v in pair if not isinstance(v, bool)]
        except InvalidOperation:
            numbers = []
        if len(numbers) != 2 or not all(n.is_finite() and n == int(n) for n in numbers) or not low <= numbers[0] <= numbers[1]:
            raise self.fail(key, f"a number or [least, most], from {low}")
        return int(numbers[0]), int(numbers[1])

    def items(self, key: str, empty: bool = False) -> list[Keys]:
        value = self.get(key)
        if not isinstance(value, list) or not (value or empty):
            raise self.fail(key, "a list with at least one entry")
        return [Keys(raw, f"{self.where}.{key}[{i}]") for i, raw in enumerate(value)]

    def done(self) -> None:
        """Raise for keys that nobody asked for."""
        unknown = sorted(set(self.raw) - self.read)
        if unknown:
            raise SpecError(f"{self.where}.{unknown[0]}: unknown key (value {self.raw[unknown[0]]!r}); known are {', '.join(sorted(self.read))}")


def load_json(path: Path) -> Any:
    """Read a JSON file; numbers with a point stay decimal."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as e:
        raise SpecError(f"{path}: cannot read: {e.strerror}") from e
    except ValueError as e:
        raise SpecError(f"{path}: not JSON: {e}") from e


def tick_file(keys: Keys, key: str, folder: Path) -> Path:
    """A tick file: a path (relative ones from the spec's folder), or the name of one that ships with the package."""
    name = keys.text(key)
    path = Path(name) if Path(name).is_absolute() else folder / name
    if path.is_file():
        return path
    try:
        return data_file(name)
    except FileNotFoundError as e:
        raise keys.fail(key, f"a tick file; {path} does not exist and {e}") from e


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
    if keys.has("instance"):
        out: dict[str, Any] = {"quotes_instance": keys.text("instance")}
    else:
        sources = []
        for item in keys.items("ticks"):
            sources.append(TickSource(item.text("symbol"), tick_file(item, "file", folder), item.choice("format", tuple(FORMATS))))
            item.done()
        out = {"ticks": tuple(sources), "speed": keys.number("speed", Decimal(1)), "loop": keys.flag("loop", True)}
        if not out["speed"]:
            raise keys.fail("speed", "above 0")
    keys.done()
    return out


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
        begin_string=keys.choice("begin_string", ("FIX.4.2",), "FIX.4.2"),
        sender_comp_id=keys.text("sender_comp_id"),
        target_comp_id=keys.text("target_comp_id"),
        heartbeat_s=keys.integer("heartbeat_s", 1, 3_600, 30),
        seed=keys.integer("seed", 0, 1 << 62, 1),
        latency_ns=keys.span("latency_ms", 0, scale=PPM),
        reject_ppm=keys.integer("reject_ppm", 0, PPM, 0),
        pending_acks=keys.flag("pending_acks", False),
        ioc_rest=keys.choice("ioc_rest", ("canceled", "expired"), "canceled"),
        symbols=symbols,
        store=folder / store if store else None,
        record=folder / record if record else None,
        **quotes,
    )
    keys.done()
    return spec
