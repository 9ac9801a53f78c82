"""What a run is made of, drawn from its seed: an instance's configuration, the pace of its processes, which faults may happen.

seed ──Random──▶ Shape ──▶ instance.toml ──tools.config──▶ Config        Shape also says what the oracle must know of instruments and accounts
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from ringfence.core.rules import RULES

SYMBOLS = ("EURUSD", "GBPUSD", "AUDUSD")
DAILY = "GBPUSD"  # a future with daily settlement; the others are spot
PREFIX = "SM"
START_NS = 1_772_438_400_000_000_000  # 2026-03-02 08:00 UTC, a Monday
US = "RINGFENCE"
SECOND_OPERATOR = 4_000_000_001  # a uid that is nobody's here


@dataclass(frozen=True)
class Shape:
    """The draws that are made once per run."""

    seed: int
    name: str
    venues: tuple[str, ...]  # BeginString of each
    strategies: int
    accounts: tuple[str, ...]  # durability of each
    instruments: tuple[str, ...]
    cancel_on_detach: tuple[bool, ...]
    journal_slots: int
    command_slots: int
    event_slots: int
    intent_slots: int
    strategy_event_slots: int
    sync_ms: int
    segment_bytes: int
    heartbeat_s: int
    timer_ms: int
    busy_ns: int
    idle_ns: int
    hostile: bool
    limited: bool  # limits that nothing reaches: scopes count, decisions stay
    strict: bool  # limits and grants that refuse
    pace: dict[str, float] = field(default_factory=dict)


def draw_shape(seed: int, name: str) -> Shape:
    """The run's shape; the same seed gives the same."""
    draw = Random(f"{seed}/shape")
    venues = tuple(draw.choice(("FIX.4.2", "FIX.4.2", "FIX.4.4")) for _ in range(draw.choice((1, 1, 2))))
    strategies = draw.choice((1, 2, 2, 3))
    accounts = tuple(draw.choice(("async", "local", "local")) for _ in range(draw.choice((1, 2))))
    return Shape(
        seed=seed,
        name=name,
        venues=venues,
        strategies=strategies,
        accounts=accounts,
        instruments=SYMBOLS[: draw.choice((1, 2, 3))],
        cancel_on_detach=tuple(draw.random() < 0.5 for _ in range(strategies)),
        journal_slots=draw.choice((128, 256, 1024)),
        command_slots=draw.choice((16, 64, 256)),
        event_slots=draw.choice((16, 64, 256)),
        intent_slots=draw.choice((16, 64, 256)),
        strategy_event_slots=draw.choice((16, 64, 512)),
        sync_ms=draw.choice((0, 1, 5, 50)),
        segment_bytes=draw.choice((1 << 16, 1 << 18, 1 << 20)),
        heartbeat_s=draw.choice((1, 5, 30)),
        timer_ms=draw.choice((10, 50, 100)),
        busy_ns=draw.choice((5_000, 20_000, 100_000)),
        idle_ns=draw.choice((500_000, 3_000_000, 10_000_000)),
        hostile=draw.random() < 0.25,
        limited=draw.random() < 0.5,
        strict=Random(f"{seed}/strict").random() < 0.3,
        pace={},
    )


# Limits of a strict run and of the fault ``set_limit``: the least and the most, in the rule's unit (quantities, 10^-4 of the firm's currency, counts).
LIMITED: dict[str, tuple[int, int]] = {
    "MAX_QTY": (500, 6_000),
    "MAX_NOTIONAL": (5_000_000, 60_000_000),
    "MAX_POSITION": (500, 9_000),
    "OPEN_ORDERS": (1, 6),
    "TURNOVER": (20_000_000, 600_000_000),
    "NEW_RATE": (4, 200),
    "NEW_BURST": (1, 8),
    "REPLACE_RATE": (2, 80),
    "REPLACE_BURST": (1, 4),
    "MESSAGE_RATE": (8, 400),
    "MESSAGE_BURST": (1, 16),
    "CANCEL_RESERVE": (1, 4),
}
_NAMES = {"ACCOUNT": "account:acc{}", "VENUE": "venue:v{}", "STRATEGY": "strategy:s{}"}


def _places(shape: Shape) -> list[tuple[str, str]]:
    """Kind and name of each scope."""
    rows = {"ACCOUNT": len(shape.accounts), "VENUE": len(shape.venues), "STRATEGY": shape.strategies}
    out = [("FIRM", "firm"), *(("INSTRUMENT", f"instrument:{symbol}") for symbol in shape.instruments)]
    for kind, count in rows.items():
        names = [_NAMES[kind].format(row) for row in range(1, count + 1)]
        out += [(kind, name) for name in names]
        out += [(f"{kind}_INSTRUMENT", f"{name}/{symbol}") for name in names for symbol in shape.instruments if kind != "VENUE"]
    return out


def _strict_limits(shape: Shape) -> list[str]:
    draw = Random(f"{shape.seed}/limits")
    places, set_already, lines = _places(shape), set(), []
    for _ in range(draw.randrange(2, 12)):
        rule = draw.choice(sorted(LIMITED))
        scope = draw.choice([name for kind, name in places if kind in RULES[rule].scopes])
        value = draw.randint(*LIMITED[rule])
        if (scope, rule) not in set_already:
            set_already.add((scope, rule))
            text = f"{value // 10_000}" if RULES[rule].unit == "amount" else str(value)
            lines += ["[[limit]]", f'scope = "{scope}"', f'rule = "{rule}"', f'value = "{text}"']
    return lines


def _strict_grants(shape: Shape) -> list[str]:
    """Each strategy may trade some of what there is; now and then everything."""
    draw = Random(f"{shape.seed}/grants")
    lines = []
    for row in range(1, shape.strategies + 1):
        lines += ["[[permission]]", f'name = "g{row}"', f'strategies = ["s{row}"]', "short = true"]
        if draw.random() < 0.5:
            lines.append(f"instruments = {_some(draw, shape.instruments)}")
        if draw.random() < 0.3:
            lines.append('ord_types = ["limit"]')
        if draw.random() < 0.3:
            lines.append('time_in_forces = ["day", "gtc"]')
    return lines


def _some(draw: Random, names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{n}"' for n in draw.sample(names, draw.randint(1, len(names)))) + "]"


def _model(shape: Shape) -> list[str]:
    """The firm's model: a grant, and in a run that is limited limits that no order meets, so that the engine counts exposure; in a strict one some that refuse.

    There is no feed: a market order without a reference price is refused where an amount is limited.
    """
    lines = ["[firm]", 'currency = "USD"', "[[holidays]]", 'currency = "USD"', 'days = ["2026-03-03", "2026-03-05"]']
    lines += ["[[currency]]", 'code = "XAU"', 'rate = "1850.5"', "[[currency]]", 'code = "XAG"', 'rate = "0.333333333"']  # no instrument is in these
    lines += _strict_grants(shape) if shape.strict else ["[[permission]]", 'name = "all"', "short = true"]
    if shape.strict:
        lines += _strict_limits(shape)
    elif shape.limited:
        for scope, rule, value in (("account:acc1", "OPEN_ORDERS", "1000000"), ("strategy:s1", "MAX_QTY", "1000000000000")):
            lines += ["[[limit]]", f'scope = "{scope}"', f'rule = "{rule}"', f'value = "{value}"']
        lines += _weighed(shape)
    return [*lines, "[[operator]]", 'name = "second"', f"uid = {SECOND_OPERATOR}", 'role = "risk"']


def _weighed(shape: Shape) -> list[str]:
    """A margin schedule, and a FREE_MARGIN limit of a broker that holds no account: margin and equity are counted, and refuse nothing."""
    lines = ["[[broker]]", 'name = "idle"', "[[limit]]", 'scope = "broker:idle"', 'rule = "FREE_MARGIN"', 'value = "100%"']
    lines += ["[[margin]]", 'rate = "10%"', 'tier = [{above = "100", rate = "12.5%"}, {above = "1000.5", rate = "33.3333%"}]']
    return [*lines, "[[margin]]", f'instrument = "{shape.instruments[-1]}"', 'account = "acc1"', 'rate = "2%"', 'tier = [{above = "20", rate = "1%"}]']


def toml(shape: Shape, data_dir: str) -> str:
    """The instance's configuration file."""
    lines = [
        "[instance]",
        f'name = "{shape.name}"',
        f'data_dir = "{data_dir}"',
        'mode = "demo"',
        f'prefix = "{PREFIX}"',
        'idle = "backoff"',
        'durability = "async"',
        f"timer_ms = {shape.timer_ms}",
        "[rings]",
        f"journal = {shape.journal_slots}",
        f"commands = {shape.command_slots}",
        f"venue_events = {shape.event_slots}",
        f"intents = {shape.intent_slots}",
        f"strategy_events = {shape.strategy_event_slots}",
        "control = 64",
        "[limits]",
        "orders = 16384",
        "executions = 32768",
        "positions = 64",
        "breaks = 8192",
        "[journal]",
        "segment_mib = 1",
        f"sync_ms = {shape.sync_ms}",
        "reserve_mib = 1",
    ]
    for symbol in shape.instruments:
        lines += ["[[instrument]]", f'symbol = "{symbol}"', f'base = "{symbol[:3]}"', f'quote = "{symbol[3:]}"', "price_digits = 5", "qty_digits = 0"]
        lines += ['kind = "future"', 'variation_margin = "daily"'] if symbol == DAILY else []
        lines += ['tick = "0.00001"', 'lot = "1"', 'qty_min = "1"', 'qty_max = "1000000"']
    for row, durability in enumerate(shape.accounts, 1):
        lines += ["[[account]]", f'name = "acc{row}"', 'currency = "USD"', f'durability = "{durability}"']
    for row, begin_string in enumerate(shape.venues, 1):
        lines += ["[[venue]]", f'name = "v{row}"', "[venue.session]", f'begin_string = "{begin_string}"', f'sender_comp_id = "{US}"']
        lines += [f'target_comp_id = "VENUE{row}"', 'host = "127.0.0.1"', f"port = {9000 + row}", f"heartbeat_s = {shape.heartbeat_s}"]
        lines += ["reconnect_min_s = 0.01", "reconnect_max_s = 0.5"]
    for row in range(1, shape.strategies + 1):
        lines += ["[[strategy]]", f'name = "s{row}"', "max_age_ms = 5000", f"cancel_on_detach = {str(shape.cancel_on_detach[row - 1]).lower()}"]
    lines += _model(shape)
    for row in range(1, len(shape.accounts) + 1):
        lines += ["[[route]]", f'name = "r{row}"', f'account = "acc{row}"', f'venue = "v{(row - 1) % len(shape.venues) + 1}"']
    return "\n".join(lines) + "\n"
