"""Entries of the ledger by the rules: which can be, what they make of positions, and what busts behind them leave.

    BOOK_ENTRY, agreed ─▶ by its reference: known? refused │ new ─▶ quantity and cost of its positions        bust of a fill or an entry ─▶ settle

Written from docs/ledger.md; only what positions show is followed, not the ledger's own figures. Positions that an entry has changed are computed again, when
something is taken back, from executions and entries in the order of the journal. Not covered: a ledger that refuses what its positions could do (a fee that
was paid in what is traded leaves it with less; instruments whose money differs). Reads and writes the Model alone; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.ledger_numbers import half_even
from ringfence.tools.ledger_state import Table, by_owner
from ringfence.tools.simulation import oracle_cash, oracle_records
from ringfence.tools.simulation.oracle_definitions import field_of
from ringfence.tools.simulation.oracle_model import BOOKED, HELD, Entry, Execution, Model, PositionKey, average
from ringfence.tools.simulation.oracle_rules import fits64, fits128, shared

Figures = tuple[int, int, int]  # quantity, cost, realized
BUY = 1
DIGITS = CONSTANTS["LEDGER_MONEY_DIGITS"][0]
FIGURE_MOST = 1 << 125
_KIND = ENUMS["LedgerEventKind"].by_value
_FIELDS = {  # what a kind must have, and what it may
    "FUNDING": ({"amount"}, {"amount"}),
    "INTEREST": ({"amount"}, {"amount"}),
    "DIVIDEND": (set(), {"px", "amount"}),
    "RETURN_OF_CAPITAL": ({"px"}, {"px"}),
    "SETTLE": (set(), {"px"}),
    "EXPIRE": (set(), {"px"}),
    "REWARD": ({"qty"}, {"qty", "px"}),
    "SPLIT": ({"num", "den"}, {"num", "den", "px", "qty"}),
    "SPIN_OFF": ({"num", "den", "other"}, {"num", "den", "other", "amount"}),
    "TRANSFER": ({"qty", "other", "other_strategy"}, {"qty", "other", "other_strategy", "amount", "px"}),
    "CROSS": ({"qty", "other_strategy"}, {"qty", "other_strategy", "px"}),
    "DEPOSIT": ({"amount", "other"}, {"amount", "other"}),
    "WITHDRAWAL": ({"amount", "other"}, {"amount", "other"}),
    "CONVERSION": ({"amount", "other", "qty", "other_strategy"}, {"amount", "other", "qty", "other_strategy"}),
}
_MARGINED = frozenset({"PERPETUAL", "FUTURE", "FX_NDF", "FX_FORWARD"})
_QUANTITY = frozenset({"TRANSFER", "CROSS", "SPLIT", "REWARD", "SPIN_OFF", "EXPIRE", "RETURN_OF_CAPITAL"})


def read(body: bytes) -> tuple[bytes, Entry]:
    """The reference and what is said under it."""
    reference, qty, px, amount, num, den, instrument, account, strategy, other, other_strategy, kind, digits = oracle_records.ENTRY.unpack_from(body)
    said = {"qty": qty, "px": px, "amount": amount, "num": num, "den": den, "other": other, "other_strategy": other_strategy}
    return reference, Entry(_KIND.get(kind, ""), (account, strategy, instrument), said, digits)


def other_of(e: Entry) -> PositionKey:
    """The second position that an entry changes, else its own."""
    account, strategy, instrument = e.position
    if e.kind == "TRANSFER":
        return e.said["other"], e.said["other_strategy"], instrument
    if e.kind == "CROSS":
        return account, e.said["other_strategy"], instrument
    return (account, strategy, e.said["other"]) if e.kind == "SPIN_OFF" else e.position


def before(m: Model, body: bytes) -> int:
    """What is booked under the reference: its sequence, negative when it was busted, 0 when there is nothing."""
    known = m.entries.get(read(body)[0])
    return 0 if known is None else -known.seq if known.busted else known.seq


def can_be(m: Model, body: bytes) -> bool:
    reference, e = read(body)
    text = oracle_records.text_of(reference)
    if not text or any(not 32 < c < 127 for c in text) or any(reference[len(text) :]):
        return False
    known = m.entries.get(reference)
    if e.kind == "BUST":
        fits = known is not None and (known.kind not in oracle_cash.KINDS or oracle_cash.can_take_back(m, known))
        return fits and known is not None and not known.busted and not any(e.said.values()) and not any(e.position)
    if e.kind in oracle_cash.KINDS:
        return known is None and _is_whole(e) and oracle_cash.can_be(m, e)
    if known is not None or not _is_whole(e) or e.position not in m.positions or not (_exists(m, e.position) and _exists(m, other_of(e))):
        return False
    if e.kind in ("TRANSFER", "CROSS") and other_of(e) == e.position:
        return False
    if e.kind == "TRANSFER" and e.said["amount"] and _kind(m, e) in _MARGINED:
        return False
    if e.kind == "SETTLE" and not field_of("DEFINE_INSTRUMENT", m.images["DEFINE_INSTRUMENT", e.position[2]], "daily"):
        return False
    if other_of(e) not in m.positions and len(m.positions) + 1 >= m.capacity["positions"]:
        return False
    return e.kind not in _QUANTITY or effect(e, _figures(m, e.position), _figures(m, other_of(e))) is not None


def _kind(m: Model, e: Entry) -> str:
    return ENUMS["InstrumentKind"].by_value.get(field_of("DEFINE_INSTRUMENT", m.images["DEFINE_INSTRUMENT", e.position[2]], "kind"), "")


def _is_whole(e: Entry) -> bool:
    if e.kind not in _FIELDS or e.digits > DIGITS or e.said["qty"] < 0:
        return False
    must, may = _FIELDS[e.kind]
    has = {name for name, value in e.said.items() if value}
    if must - has or has - may or abs(e.said["amount"]) * 10 ** (DIGITS - e.digits) >= FIGURE_MOST:
        return False
    if e.kind == "SPIN_OFF":
        return 0 <= e.said["amount"] <= 10**e.digits and e.said["other"] != e.position[2]
    if e.kind == "REWARD" and e.said["px"] < 0:
        return False
    if e.kind == "TRANSFER" and (e.said["amount"] < 0 or e.said["px"] < 0 or len(has & {"amount", "px"}) == 1 or e.said["amount"] % 10**e.digits):
        return False
    return e.kind not in ("DIVIDEND", "SPLIT") or len(has & {"px", "amount", "qty"}) == (1 if e.kind == "DIVIDEND" else 2 if has & {"px", "qty"} else 0)


def _exists(m: Model, key: PositionKey) -> bool:
    account, strategy, instrument = key
    return account in m.accounts and strategy in m.strategies and instrument in m.instruments


def _figures(m: Model, key: PositionKey) -> Figures:
    p = m.positions.get(key)
    return (p.net, p.cost, p.realized) if p is not None else (0, 0, 0)


def effect(e: Entry, one: Figures, two: Figures) -> tuple[Figures, Figures] | None:
    """What an entry makes of its position and the other one; None when it cannot be."""
    net, cost, realized = one
    px, qty = e.said["px"], e.said["qty"]
    if e.kind == "TRANSFER":
        moved = qty if net > 0 else -qty
        if qty > abs(net) or two[0] * moved < 0:
            return None
        out = shared(cost, qty, abs(net))
        one, two = (net - moved, cost - out, realized), (two[0] + moved, two[1] + out, two[2])
        if fee := _fee(e):
            if fee > one[0]:
                return None
            one = one[0] - fee, *average(*one, -fee, px)
    elif e.kind == "SPIN_OFF":
        received = half_even(Fraction(net * e.said["num"], e.said["den"]))
        if two[0] * received < 0:
            return None
        out = shared(cost, e.said["amount"], 10**e.digits) if received else 0
        one, two = (net, cost - out, realized), (two[0] + received, two[1] + out, two[2])
    elif e.kind == "CROSS":
        one = net - qty, *average(net, cost, realized, -qty, px)
        two = two[0] + qty, *average(*two, qty, px)
    elif e.kind == "SPLIT":
        one = _split(e, net, cost, realized)
    elif e.kind == "RETURN_OF_CAPITAL":
        one = net, cost - net * px, realized
    else:
        signed = qty if e.kind == "REWARD" else -net
        one = net + signed, *average(net, cost, realized, signed, px)
    fits = all(fits64(f[0]) and fits128(f[1]) and fits128(f[2]) for f in (one, two))
    return (one, two) if fits else None


def _fee(e: Entry) -> int:
    """Units that a transfer costs; quantities here are whole."""
    return int(e.said["amount"] // 10**e.digits)


def _split(e: Entry, net: int, cost: int, realized: int) -> Figures:
    net = half_even(Fraction(net * e.said["num"], e.said["den"]))
    if not net:
        return 0, 0, realized - cost
    unit = e.said["qty"]
    rest = (abs(net) % unit if unit else 0) * (1 if net > 0 else -1)
    return net - rest, *average(net, cost, realized, -rest, e.said["px"])


def book(m: Model, body: bytes) -> bool:
    """Book an entry, or take one back; False when it cannot be."""
    if not can_be(m, body):
        return False
    reference, e = read(body)
    if e.kind == "BUST":
        known = m.entries[reference]
        known.busted = True
        oracle_cash.add(m, known.moves, -1)
        if known.kind in _QUANTITY:
            m.positions[known.position].exact = False
        return True
    e.seq = m.seq
    m.entries[reference] = e
    if e.kind in oracle_cash.KINDS:
        e.moves = oracle_cash.moves(m, e)
        oracle_cash.add(m, e.moves, 1)
    if e.kind in _QUANTITY:
        made = effect(e, _figures(m, e.position), _figures(m, other_of(e)))
        assert made is not None
        for key, figures in zip((other_of(e), e.position), (made[1], made[0]), strict=True):
            _set(m, key, figures)
    return True


def _set(m: Model, key: PositionKey, figures: Figures) -> None:
    p = m.position(key)
    if p is not None:
        p.net, p.cost, p.realized = figures
        p.signed_notional = p.cost - p.realized  # what was paid, moved cost with it


# ---- the cost method of one position ----------------------------------------------------------------------------------------------------


def own_method(m: Model, body: bytes) -> int:
    """The method that the position has for itself, 0: none."""
    instrument, account, strategy, _ = oracle_records.METHOD_CHANGE.unpack_from(body)
    return m.methods.get((account, strategy, instrument), 0)


def can_have_method(m: Model, body: bytes) -> bool:
    """Only a flat position takes another method; one that never traded is made for it."""
    instrument, account, strategy, method = oracle_records.METHOD_CHANGE.unpack_from(body)
    key = account, strategy, instrument
    if method > max(ENUMS["LedgerMethod"].by_value) or not _exists(m, key) or _figures(m, key)[0]:
        return False
    return key in m.positions or len(m.positions) + 1 < m.capacity["positions"]


def set_method(m: Model, body: bytes) -> bool:
    """Give a position a method of its own, or its account's again."""
    if not can_have_method(m, body):
        return False
    instrument, account, strategy, method = oracle_records.METHOD_CHANGE.unpack_from(body)
    m.position((account, strategy, instrument))
    m.methods[account, strategy, instrument] = method
    return True


def other_methods(m: Model, table: Table) -> list[str]:
    """Positions of the ledger that have another method of their own than was set, a line each."""
    found = {owner: int(p["own_method"]) for owner, p in by_owner(table).items()}
    wrong = [key for key in found.keys() | m.methods.keys() if found.get(key, 0) != m.methods.get(key, 0)]
    return [f"ledger position {key} has method {found.get(key, 0)} of its own, and was given {m.methods.get(key, 0)}" for key in sorted(wrong)]


# ---- what was taken back behind an entry ---------------------------------------------------------------------------------------------


def settle(m: Model) -> None:
    """Compute the positions again that something was taken out of and an entry has changed, with those that entries tie to them."""
    found = [e for e in m.entries.values() if e.kind in _QUANTITY]
    inexact = {key for e in found for key in (e.position, other_of(e)) if key in m.positions and not m.positions[key].exact}
    if not inexact or len(m.execution_rows) + 1 >= m.capacity["executions"]:
        return  # in a full table executions have no row: a bust is a reversing trade
    keys, size = inexact, 0
    while len(keys) != size:
        size = len(keys)
        keys = keys | {key for e in found if {e.position, other_of(e)} & keys for key in (e.position, other_of(e))}
    figures: dict[PositionKey, Figures] = dict.fromkeys(sorted(keys), (0, 0, 0))
    for fact in _history(m, found, keys):
        if isinstance(fact, Entry):
            made = effect(fact, figures[fact.position], figures[other_of(fact)])
            if made is not None:
                figures[other_of(fact)], figures[fact.position] = made[1], made[0]
            continue
        last = fact.living()
        if last.state == BOOKED and last.position == fact.position:
            net, cost, realized = figures[fact.position]
            signed = last.qty if last.key[3] == BUY else -last.qty
            figures[fact.position] = net + signed, *average(net, cost, realized, signed, last.px)
    for key, now in figures.items():
        if key in m.positions:
            _set(m, key, now)
            m.positions[key].exact = True


def _history(m: Model, found: list[Entry], keys: set[PositionKey]) -> Iterator[Entry | Execution]:
    """Executions, in their first versions' places, and entries that stand, as they came."""
    facts: list[tuple[int, Entry | Execution]] = [(x.seq, x) for x in m.execution_rows if x.first and x.state != HELD and x.position in keys]
    facts += [(e.seq, e) for e in found if e.position in keys and not e.busted]
    for _, fact in sorted(facts, key=lambda f: f[0]):
        yield fact
