"""Executions and positions by the rules: quantity is truth (S1), each identity books once (S2), what names nobody goes to suspense (S3), chains (S11).

    fill, bust, correction ─▶ identity ─▶ known? duplicate or mismatch │ new ─▶ order's CumQty and notional, position's sums

A bust or correction is followed to the version that lives. One that names an execution which has not come yet keeps a place for it, so that the execution,
when it comes, is born busted or corrected. Written to the Model alone; nothing here fails. Whether a report left a trace is the return value: after a
mismatch the rest of the report is ignored (S18).
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.tools.simulation.oracle_limits import corrected, traded
from ringfence.tools.simulation.oracle_model import (
    ASSIGNED,
    BOOKED,
    BUSTED,
    CORRECTED,
    HELD,
    Execution,
    ExecutionKey,
    Model,
    Order,
    advance,
    ask_status,
    average,
    settle,
    trade_fits,
)
from ringfence.tools.simulation.oracle_records import BIT
from ringfence.tools.simulation.oracle_rules import BY_QUANTITY, FILLED_OR_KEEP, KEEP, fits64, fits128, scaled

TRUNCATED = BIT["VENUE_EVENT_TRUNCATED"]
HAS_PX, HAS_QTY = BIT["PRESENT_LAST_PX"], BIT["PRESENT_LAST_QTY"]
BUY = 1


@dataclass(slots=True)
class Report:
    """One venue event, its texts without padding. ``exec_full`` and ``order_full``: the id fills its field and may have been cut."""

    venue: int
    last_px: int
    last_qty: int
    cum_qty: int
    qty: int
    px: int
    transact_ns: int
    flags: int
    present: int
    text_code: int
    kind: str
    ord_status: str
    side: int
    last_px_digits: int
    last_qty_digits: int
    cum_qty_digits: int
    qty_digits: int
    px_digits: int
    mass_cancel_response: int
    cl_ord_id: bytes
    orig_cl_ord_id: bytes
    exec_id: bytes
    exec_ref_id: bytes
    venue_order_id: bytes
    symbol: bytes


@dataclass(slots=True)
class Trade:
    """Whose trade a report is: an order's, or suspense of an account (order None, strategy 0)."""

    order: Order | None
    side: int
    account: int
    strategy: int
    instrument: int
    px: int = 0
    qty: int = 0

    @property
    def signed(self) -> int:
        return self.qty if self.side == BUY else -self.qty

    @property
    def position(self) -> tuple[int, int, int]:
        return self.account, self.strategy, self.instrument


def contradicts(m: Model, e: Report, o: Order) -> bool:
    """The report names another symbol or direction than the order; SELL and SELL_SHORT are one direction."""
    if e.side and (e.side == BUY) != (o.side == BUY):
        return True
    return bool(e.symbol) and e.symbol != m.instruments[o.instrument].symbol


def whose(m: Model, e: Report, o: Order | None) -> Trade:
    if o is not None and not contradicts(m, e, o):
        return Trade(o, o.side, o.account, o.strategy, o.instrument)
    if o is not None:
        account, instrument = o.account, o.instrument if not e.symbol else _instrument(m, e.symbol)
    else:
        account = next((r.account for _, r in sorted(m.routes.items()) if r.venue == e.venue and r.account), 0)
        instrument = _instrument(m, e.symbol)
    return Trade(None, e.side or BUY, account, 0, instrument)


def _instrument(m: Model, symbol: bytes) -> int:
    return next((row for row, i in sorted(m.instruments.items()) if symbol and i.symbol == symbol), 0)


def _measure(m: Model, e: Report, t: Trade) -> bool:
    """Bring the amounts to the instrument's scale; False when they do not fit."""
    if not t.instrument:
        t.px, t.qty = e.last_px, e.last_qty
        return True
    i = m.instruments[t.instrument]
    qty = scaled(e.last_qty, e.last_qty_digits, i.qty_digits)
    px = scaled(e.last_px, e.last_px_digits, i.price_digits) if e.present & HAS_PX else 0
    if qty is None or px is None:
        m.breaks += 1
        return False
    t.px, t.qty = px, qty
    return True


def identity(e: Report, t: Trade, exec_id: bytes) -> ExecutionKey:
    """S2; and S18 for a report without a usable ExecID: order, CumQty, price and time."""
    if not exec_id or (len(exec_id) == 40 and e.flags & TRUNCATED):
        exec_id = b"~%d/%d/%d" % (e.cum_qty, e.last_px, e.transact_ns)
    if t.order is not None:
        return e.venue, t.account, t.order.row, t.side, exec_id, b""
    return e.venue, t.account, 0, t.side, exec_id, e.venue_order_id


# ---- booking -------------------------------------------------------------------------------------------------------------------


def _into_position(m: Model, t: Trade, px: int, qty: int) -> None:
    if not t.instrument:
        return
    p, signed = m.position(t.position), qty if t.side == BUY else -qty
    if p is None or not trade_fits(p, signed, px):
        m.breaks += 1
        return
    p.cost, p.realized = average(p.net, p.cost, p.realized, signed, px)
    p.trade(signed, px)
    p.flatten_tries = 0


def _into_order(m: Model, o: Order | None, qty: int, px: int) -> bool:
    if o is None:
        return True
    if not fits64(o.cum + qty) or not fits128(o.notional + qty * px):
        m.breaks += 1
        return False
    o.cum += qty
    o.notional += qty * px
    return True


def _credit(m: Model, venue: int, t: Trade, px: int, qty: int) -> bool:
    if not _into_order(m, t.order, qty, px):
        return False
    m.fills += 1
    if t.instrument:
        traded(m, (t.strategy, t.account, venue, t.instrument), px, qty)
    _into_position(m, t, px, qty)
    return True


def _append(m: Model, t: Trade, key: ExecutionKey, state: str, *, first: bool = True) -> Execution | None:
    """A row for one version; None when the table is full. The caller indexes it."""
    if len(m.execution_rows) + 1 >= m.capacity["executions"]:
        m.breaks += 1
        return None
    x = Execution(key, t.px, t.qty, state, t.position, t.order, len(m.execution_rows) + 1, None, first, m.seq)
    m.execution_rows.append(x)
    return x


def _remember(m: Model, t: Trade, key: ExecutionKey, state: str, *, first: bool = True) -> Execution | None:
    x = _append(m, t, key, state, first=first)
    if x is not None:
        m.executions[key] = x
    return x


def _conclude(m: Model, o: Order | None, event: str, fact: str) -> None:
    if o is None:
        return
    o.acked = True
    advance(m, o, event, fact)
    settle(m, o)


def _known(m: Model, t: Trade, key: ExecutionKey) -> str:
    x = m.executions.get(key)
    if x is None:
        return ""
    if (x.px, x.qty) == (t.px, t.qty):
        m.duplicate_fills += 1
        return "duplicate"
    m.breaks += 1
    return "mismatch"


def fill(m: Model, e: Report, o: Order | None) -> bool:
    """Book a fill; False after a mismatch, whose report leaves no other trace (S18)."""
    if not e.present & HAS_QTY or e.last_qty <= 0:
        m.breaks += e.last_qty < 0
        return True
    t = whose(m, e, o)
    if not _measure(m, e, t):
        return True
    if t.order is not None and not e.present & HAS_PX:
        t.px = t.order.px
    key = identity(e, t, e.exec_id)
    place = m.executions.get(key)
    if place is not None and place.state == HELD and not place.qty:
        _arrive(m, t, place)
        return True
    known = _known(m, t, key)
    if known:
        return known != "mismatch"
    if _credit(m, e.venue, t, t.px, t.qty):
        _remember(m, t, key, BOOKED)
        _conclude(m, t.order, "FILL", FILLED_OR_KEEP)
        _hold_cum_qty(m, e, t.order)
    return True


def _hold_cum_qty(m: Model, e: Report, o: Order | None) -> None:
    """S5: a jump asks the venue for status."""
    if o is None or not e.present & BIT["PRESENT_CUM_QTY"]:
        return
    theirs = scaled(e.cum_qty, e.cum_qty_digits, m.instruments[o.instrument].qty_digits)
    if theirs is not None and theirs > o.cum:
        ask_status(m, o)


def _arrive(m: Model, t: Trade, place: Execution) -> None:
    """A fill whose bust or correction came first."""
    x = _append(m, t, place.key, BUSTED)
    if x is None:
        return
    m.executions[place.key] = x
    if place.successor is None:
        return
    x.state, x.successor, place.successor = CORRECTED, place.successor, None
    last = x.living()
    if last.state == HELD and _credit(m, place.key[0], t, last.px, last.qty):
        last.state = BOOKED
        _conclude(m, t.order, "FILL", FILLED_OR_KEEP)


# ---- busts and corrections -----------------------------------------------------------------------------------------------------


def _referred(m: Model, e: Report, t: Trade) -> Execution | None:
    if not e.exec_ref_id:
        return None
    x = m.executions.get(identity(e, t, e.exec_ref_id))
    return None if x is None else x.living()


def _adopt(m: Model, t: Trade, x: Execution) -> None:
    """A report that names nobody, about an execution that an operator took out of suspense."""
    account, strategy, _ = x.position
    if t.order is None and strategy:
        t.order, t.account, t.strategy = x.order, account, strategy


def _hold(m: Model, e: Report, t: Trade) -> Execution | None:
    m.breaks += 1
    if not e.exec_ref_id:
        return None
    place = Trade(t.order, t.side, t.account, t.strategy, t.instrument)
    return _remember(m, place, identity(e, t, e.exec_ref_id), HELD)


def _take_back(m: Model, x: Execution) -> None:
    """Out of its position; the order's figures are the caller's."""
    p = m.positions.get(x.position)
    if p is not None:
        p.undo(x.qty if x.key[3] == BUY else -x.qty, x.px)
        m.moved[x.position] = p


def bust(m: Model, e: Report, o: Order | None) -> None:
    t = whose(m, e, o)
    x = _referred(m, e, t)
    if x is None:
        _hold(m, e, t)
    elif x.state == BUSTED or (x.state == HELD and not x.qty):
        m.duplicate_fills += 1
    elif x.state == HELD:
        x.state = BUSTED
    else:
        x.state = BUSTED
        _adopt(m, t, x)
        if t.order is not None:
            t.order.notional -= x.qty * x.px
            t.order.cum = max(t.order.cum - x.qty, 0)  # after a split less may be left
            t.order.fell_by = m.seq
        _take_back(m, x)
        _conclude(m, t.order, "BUST", KEEP)


def correct(m: Model, e: Report, o: Order | None) -> bool:
    t = whose(m, e, o)
    if not _measure(m, e, t):
        return True
    if t.qty <= 0 or not e.present & HAS_QTY or not e.present & HAS_PX:
        m.breaks += 1
        return True
    key = identity(e, t, e.exec_id)
    place = m.executions.get(key)
    if place is not None and place.state == HELD and not place.qty:
        _arrive_correction(m, e, t, place)
        return True
    known = _known(m, t, key)
    if known:
        return known != "mismatch"
    old = _referred(m, e, t)
    if old is None:
        old = _hold(m, e, t)
        if old is None:
            return True
    elif old.position[2] != t.instrument:
        m.breaks += 1
        return True
    elif old.state == BOOKED:
        return _replace(m, e, t, old, key)
    elif old.state == BUSTED or not old.qty:
        m.breaks += 1
        return True
    x = _remember(m, t, key, HELD, first=False)
    if x is not None:
        old.successor = x
        if old.qty:
            old.state = CORRECTED
    return True


def _arrive_correction(m: Model, e: Report, t: Trade, place: Execution) -> None:
    """A correction of which a bust or a correction was told before it: what survives of it stands in the place of what it corrects."""
    last = place
    while last.successor is not None:
        last = last.successor
    old = _referred(m, e, t)
    if old is None:
        old = _hold(m, e, t)
        if old is None:
            return
    elif old.position[2] != t.instrument or old is last or old.state == BUSTED or not old.qty:
        m.breaks += 1
        return
    booked, lives = old.state == BOOKED, last.state == HELD and last is not place
    if booked and lives and t.order is not None:
        cum, notional = t.order.cum - old.qty + last.qty, t.order.notional - old.qty * old.px + last.qty * last.px
        if not fits64(cum) or not fits128(notional):
            m.breaks += 1
            return
        t.order.cum, t.order.notional, t.order.fell_by = cum, notional, m.seq
    place.px, place.qty, place.first = t.px, t.qty, False
    place.state = CORRECTED if place.successor is not None else BUSTED
    old.successor = place
    if old.qty:
        old.state = CORRECTED
    if not booked:
        return
    _adopt(m, t, old)
    _take_back(m, old)
    if lives:
        last.state = BOOKED
        p = m.positions.get(t.position)
        if p is not None:
            p.trade(last.qty if t.side == BUY else -last.qty, last.px)
        corrected(m, (t.strategy, t.account, e.venue, t.instrument), (old.px, old.qty), (last.px, last.qty))
        _conclude(m, t.order, "CORRECT", BY_QUANTITY)
        return
    if t.order is not None:
        t.order.notional -= old.qty * old.px
        t.order.cum = max(t.order.cum - old.qty, 0)
        t.order.fell_by = m.seq
    _conclude(m, t.order, "BUST", KEEP)


def _replace(m: Model, e: Report, t: Trade, old: Execution, key: ExecutionKey) -> bool:
    if t.order is None and old.position[1]:
        _adopt(m, t, old)
        key = identity(e, t, e.exec_id)
        known = _known(m, t, key)
        if known:
            return known != "mismatch"
    if t.order is not None:
        cum, notional = t.order.cum - old.qty + t.qty, t.order.notional - old.qty * old.px + t.qty * t.px
        if not fits64(cum) or not fits128(notional):
            m.breaks += 1
            return True
        t.order.cum, t.order.notional, t.order.fell_by = cum, notional, m.seq
    _take_back(m, old)
    p = m.positions.get(t.position)
    if p is not None:
        p.trade(t.signed, t.px)
    corrected(m, (t.strategy, t.account, e.venue, t.instrument), (old.px, old.qty), (t.px, t.qty))
    x = _remember(m, t, key, BOOKED, first=False)
    if x is not None:
        old.state, old.successor = CORRECTED, x
    else:
        old.px, old.qty = t.px, t.qty
    _conclude(m, t.order, "CORRECT", BY_QUANTITY)
    return True


# ---- out of suspense (S3, S21) ---------------------------------------------------------------------------------------------------


def in_suspense(m: Model, execution: int) -> Execution | None:
    """The last version of an execution that is in suspense, and in an instrument of ours."""
    if not 0 < execution <= len(m.execution_rows):
        return None
    x = m.execution_rows[execution - 1]
    while x.successor is not None and x.state != ASSIGNED:
        x = x.successor
    return x if x.order is None and not x.position[1] and x.state == BOOKED and x.position[2] else None


def assign(m: Model, execution: int, order: int, strategy: int) -> bool:
    """Move an execution from suspense to an order or a strategy; False when the command cannot be."""
    x = in_suspense(m, execution)
    if x is None or (order == 0) == (strategy == 0) or order > len(m.orders) or (strategy and strategy not in m.strategies):
        return False
    account, _, instrument = x.position
    o = m.orders[order - 1] if order else None
    venue, _, _, side, exec_id, _ = x.key
    if o is not None and (o.instrument != instrument or o.venue != venue or (o.side == BUY) != (side == BUY)):
        return False
    t = Trade(o, side if o is None else o.side, o.account if o else account, o.strategy if o else strategy, instrument, x.px, x.qty)
    key = (venue, t.account, o.row, t.side, exec_id, b"") if o else x.key
    if not t.account or (o is not None and key in m.executions) or not trade_fits(m.positions.get(t.position), t.signed, t.px):
        return False
    if len(m.execution_rows) + 1 >= m.capacity["executions"] or (t.position not in m.positions and len(m.positions) + 1 >= m.capacity["positions"]):
        return False
    if not _into_order(m, o, t.qty, t.px):
        return False
    moved = _append(m, t, key, BOOKED)
    if moved is not None and o is not None:
        m.executions[key] = moved
    _take_back(m, x)
    x.state, x.successor = ASSIGNED, moved
    _into_position(m, t, t.px, t.qty)
    if o is not None:
        _conclude(m, o, "FILL", FILLED_OR_KEEP)
    return True
