"""The engine's ledger as its tables hold it: figures as integers, and whether they agree with themselves and with positions.

    tables of region ``state``, of a replay or of a snapshot ──▶ figure, lots_of ──▶ whoever shows them
                                                            └──▶ disagreements: [] or a line for each figure that is not what it must be

Pure functions over tables that nobody writes meanwhile; a live region is copied first (``views.instance.settled``). Two computations meet here: positions are
64-bit figures at the instrument's scale by average cost, the ledger has 128 bits, 18 decimals and the account's method, and both book every execution and every
entry. What no method may change must be equal to the last unit: the quantity (less fees paid in what is traded), and what was paid for quantities, of positions
that transfers and spin-offs tie together in sum, since which cost moves is the method's. Rows of value dates to come are those of the trades that settle then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.ledger_numbers import half_even

Table = Callable[[str], Any]
Owner = tuple[int, int, int]
"""Account, strategy and instrument of a position."""
MONEY_DIGITS: int = CONSTANTS["LEDGER_MONEY_DIGITS"][0]
INVERSE: int = CONSTANTS["LEDGER_INVERSE"][0]
SUSPENSE = "suspense"
"""What the owner of executions that nobody sent is called."""
_MARGIN: int = CONSTANTS["LEDGER_MARGIN"][0]
_DAILY: int = CONSTANTS["LEDGER_DAILY"][0]
_STATES = ENUMS["LedgerEventState"].by_name
_KINDS = ENUMS["LedgerEventKind"].by_name
_BASE: int = ENUMS["LedgerFee"].by_name["BASE"]
_SKIPPED = 4  # POSITION_SKIPPED of core/ledger_recompute
_WORD = 1 << 64
_SIGN = 1 << 127
_EXACT = Context(prec=80)


class Terms(NamedTuple):
    """How an instrument is valued: linear ``qty * px * factor / divisor``, inverse ``-qty * factor / px``."""

    factor: int
    divisor: int
    px_digits: int
    inverse: bool


def wide(words: Any) -> int:
    """A 128-bit figure, low word first, as an integer."""
    value = int(words[0]) | int(words[1]) << 64
    return value - (_WORD << 64) if value >= _SIGN else value


def used(table: Table, name: str, count: str) -> Any:
    """The used rows of one of the ledger's tables, row 0 included."""
    return table(name)[: int(table("ledger")[1][count]) + 1]


def by_owner(table: Table) -> dict[Owner, Any]:
    """Rows of ``ledger_positions`` by account, strategy and instrument."""
    rows = used(table, "ledger_positions", "position_count")[1:]
    return {(int(p["account"]), int(p["strategy"]), int(p["instrument"])): p for p in rows}


def lots_of(table: Table, position: Any) -> Iterator[Any]:
    """The open lots of a position, oldest first; at most as many as it counts."""
    lots, at = table("lots"), int(position["first_lot"])
    for _ in range(int(position["lot_count"])):
        if not 0 < at < len(lots):
            return
        yield lots[at]
        at = int(lots[at]["next"])


def value(instrument: Any, qty: int, px: Fraction) -> Fraction:
    """Exact value of a quantity at a price, in money units: what ``LedgerInstrument`` says, without rounding."""
    if int(instrument["flags"]) & INVERSE:
        return Fraction(-qty * wide(instrument["factor"])) / px
    return Fraction(qty) * px * wide(instrument["factor"]) / wide(instrument["divisor"])


def terms_of(instrument: Any) -> Terms:
    """Terms of a row of ``ledger_instruments``."""
    inverse = bool(int(instrument["flags"]) & INVERSE)
    return Terms(wide(instrument["factor"]), wide(instrument["divisor"]), int(instrument["px_digits"]), inverse)


def dates_of(table: Table, position: Any) -> Iterator[Any]:
    """The rows of ``value_dates`` of a position, by rising day; at most as many as there are."""
    rows, at = table("value_dates"), int(position["first_date"])
    for _ in range(len(rows)):
        if not 0 < at < len(rows):
            return
        yield rows[at]
        at = int(rows[at]["next"])


def unit_cost(terms: Terms, qty: int, cost: int) -> Decimal | None:
    """Price at which a quantity is worth its cost, rounded to two digits more than a price has; None when flat or without such a price."""
    if qty == 0 or cost == 0:
        return None
    px = Fraction(-qty * terms.factor, cost) if terms.inverse else Fraction(cost * terms.divisor, qty * terms.factor)
    return Decimal(round(px * 100)).scaleb(-terms.px_digits - 2, _EXACT)


def equity_of(table: Table, position: Any) -> int:
    """What EQUITY must have of a position, by its causes: cost that moved, fees in assets without lots, the cost of what is margined, what is settled daily."""
    flags = int(table("ledger_instruments")[int(position["instrument"])]["flags"])
    cost, realized, moved, settled, elsewhere = (wide(position[n]) for n in ("cost", "realized", "moved", "settled", "fees_elsewhere"))
    if flags & _DAILY:
        return -(cost + settled - realized + elsewhere)
    return -((cost if flags & _MARGIN else moved) + elsewhere)


def base_fees(table: Table) -> dict[int, Fraction]:
    """Units that fees in what is traded took, in units of now, by row of ``ledger_positions``; a fraction after a split that rounded."""
    events = used(table, "ledger_events", "event_count")
    taken: dict[int, Fraction] = defaultdict(Fraction)
    if not (events["fee_kind"] == _BASE).any():
        return taken
    for event in events[(events["state"] == _STATES["BOOKED"]) & (events["position"] != 0)]:
        now = events[int(event["newest"])] if event["newest"] else event
        if int(now["fee_kind"]) == _BASE:
            taken[int(event["position"])] += wide(now["fee"])
        if int(event["kind"]) == _KINDS["SPLIT"]:
            taken[int(event["position"])] *= Fraction(int(event["ratio_num"]), int(event["ratio_den"]))
        elif int(event["kind"]) == _KINDS["EXPIRE"]:
            taken[int(event["position"])] = Fraction(0)
    return taken


def tied(table: Table) -> dict[int, int]:
    """Row of ``ledger_positions`` to the lowest of those that transfers and spin-offs tie to it; alone it is its own."""
    events, lowest = used(table, "ledger_events", "event_count"), {row: row for row in range(1, int(table("ledger")[1]["position_count"]) + 1)}
    for event in events[events["other_position"] != 0]:
        one, other = lowest[int(event["position"])], lowest[int(event["other_position"])]
        lowest = {row: min(one, other) if now in (one, other) else now for row, now in lowest.items()}
    return lowest


def tied_owners(table: Table, owners: Iterable[Owner]) -> set[Owner]:
    """Owners, and those of positions that transfers and spin-offs tie to theirs."""
    rows, families, found = {owner: row for row, owner in enumerate(by_owner(table), 1)}, tied(table), set(owners)
    wanted = {families[rows[owner]] for owner in found if owner in rows}
    return found | {owner for owner, row in rows.items() if families[row] in wanted}


def unnamed(table: Table) -> Any:
    """Rows of ``ledger_events``: closes under SPEC that wait for the names of their lots, oldest first."""
    if not int(table("ledger")[1]["held"]):
        return table("ledger_events")[:0]
    events = used(table, "ledger_events", "event_count")
    return events[(events["state"] == _STATES["HELD"]) & (events["kind"] == _KINDS["FILL"])]


def disagreements(table: Table, lacking: Collection[Owner] = ()) -> list[str]:
    """What is not as it must be, a line each.

    Positions of ``lacking`` (``tied_owners``) have executions that the ledger refused, so the two are not compared there, nor where a close waits for names.
    Conservation (cost - realized - moved = flow), lots and value dates that add up, of every position; and quantity and flow against the engine's positions.
    Of an inverse contract, a scale finer than money or a fee in what is traded the flow is rounded or another, so it is not compared.
    """
    out: list[str] = []
    if waiting := [(int(e["account"]), int(e["strategy"]), int(e["instrument"])) for e in unnamed(table)]:
        lacking = set(lacking) | tied_owners(table, waiting)
    taken, to_come, instruments, rows = base_fees(table), _days_to_come(table), table("ledger_instruments"), by_owner(table)
    number = {owner: row for row, owner in enumerate(rows, 1)}
    families, rounded, names = tied(table), set[int](), defaultdict[int, list[str]](list)
    paid, flows = defaultdict[int, int](int), defaultdict[int, int](int)
    for row, p in enumerate(used(table, "ledger_positions", "position_count")[1:], 1):
        name = f"ledger position {row}"
        cost, realized, moved, flow = (wide(p[n]) for n in ("cost", "realized", "moved", "flow"))
        if cost - realized - moved != flow:
            out.append(f"{name}: cost {cost} less realized {realized} less moved {moved} is not flow {flow}")
        lots = list(lots_of(table, p))
        for field in ("qty", "cost"):
            if sum(wide(lot[field]) for lot in lots) != wide(p[field]):
                out.append(f"{name}: {field} of {len(lots)} lots is {sum(wide(lot[field]) for lot in lots)}, the position has {wide(p[field])}")
        if wide(p["qty"]) == 0 and cost:
            out.append(f"{name}: flat, its cost is {cost}")
        out += _wrong_dates(table, row, p, name, to_come[row])
    for row, q in enumerate(table("positions")[1 : int(table("engine")[1]["position_count"]) + 1], 1):
        owner = int(q["account"]), int(q["strategy"]), int(q["instrument"])
        p, at = rows.get(owner), number.get(owner, 0)
        if owner in lacking:
            continue
        if p is None:
            if q["fills"]:
                out.append(f"position {row} has executions, the ledger has none of them")
            continue
        if taken[at].denominator == 1 and wide(p["qty"]) != int(q["net_qty"]) - taken[at]:
            out.append(f"position {row}: quantity {int(q['net_qty'])} less fees {taken[at]}, the ledger has {wide(p['qty'])}")
        i, family = instruments[int(p["instrument"])], families[at]
        if int(i["flags"]) & INVERSE or wide(i["divisor"]) != 1 or taken[at]:
            rounded.add(family)
        paid[family] += (_signed(q, "cost") - _signed(q, "realized")) * wide(i["factor"])
        flows[family] += wide(p["flow"])
        names[family].append(str(row))
    for family in paid.keys() - rounded:
        if paid[family] != flows[family]:
            out.append(f"position {' and '.join(names[family])}: paid {paid[family]}, the ledger has a flow of {flows[family]}")
    return out


def _days_to_come(table: Table) -> dict[int, dict[int, tuple[int, int]]]:
    """Quantity and flow of the trades that have not settled, by position and value date: what these themselves did, whatever entries made of them since."""
    events, instruments, out = used(table, "ledger_events", "event_count"), table("ledger_instruments"), defaultdict[int, dict[int, tuple[int, int]]](dict)
    booked = (events["state"] == _STATES["BOOKED"]) & np.isin(events["kind"], [_KINDS["FILL"], _KINDS["CROSS"]])
    for event in events[booked & (events["value_day"] > table("engine")[1]["day"])]:
        now = events[int(event["newest"])] if event["newest"] else event
        i, px, fee = instruments[int(event["instrument"])], Fraction(wide(now["px"])), wide(now["fee"]) if int(now["fee_kind"]) == _BASE else 0
        qty, flow = out[int(event["position"])].get(int(event["value_day"]), (0, 0))
        flow += half_even(value(i, wide(now["qty"]), px)) - (half_even(value(i, fee, px)) if fee else 0)
        out[int(event["position"])][int(event["value_day"])] = qty + wide(now["qty"]) - fee, flow
    return out


def _wrong_dates(table: Table, row: int, position: Any, name: str, to_come: dict[int, tuple[int, int]]) -> list[str]:
    dates, today = list(dates_of(table, position)), int(table("engine")[1]["day"])
    days = [int(d["value_day"]) for d in dates]
    out = [f"{name}: value date {day} has come and is not settled" for day in days if 0 < day <= today]
    if days != sorted(set(days)) or any(int(d["position"]) != row for d in dates):
        out.append(f"{name}: value dates {days} are not its own by rising day")
    for field in ("qty", "flow"):
        if sum(wide(d[field]) for d in dates) != wide(position[field]):
            out.append(f"{name}: {field} of {len(dates)} value dates is {sum(wide(d[field]) for d in dates)}, the position has {wide(position[field])}")
    found = {int(d["value_day"]): (wide(d["qty"]), wide(d["flow"])) for d in dates if int(d["value_day"])}
    if _has_every_date(table) and not int(position["flags"]) & _SKIPPED:
        for day in sorted(found.keys() | to_come.keys()):
            if found.get(day, (0, 0)) != to_come.get(day, (0, 0)):
                out.append(f"{name}: of value date {day} it has {found.get(day, (0, 0))}, its trades {to_come.get(day, (0, 0))}")
    return out


def _has_every_date(table: Table) -> bool:
    """Whether there always was a row for another day; else days are with their neighbours."""
    return int(table("engine")[1]["value_date_count"]) + len(table("ledger_positions")) < len(table("value_dates"))


def _signed(row: Any, name: str) -> int:
    return (int(row[f"{name}_hi"]) << 64) + int(row[f"{name}_lo"])
