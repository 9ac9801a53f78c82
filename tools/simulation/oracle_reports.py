"""Venue events by the rules: which order a report is about, what it moves, which request it answers, what it leaves in doubt.

    VENUE_EVENT frame ─▶ take(model, venue, Report) ─▶ sessions (S15, S16) │ trades (oracle_book) │ answers to requests (S7, R8) │ the state table

Reads and writes the Model alone; nothing here fails: a contradiction is counted as a break and applied as far as quantities allow (S22).
"""

from __future__ import annotations

from ringfence.tools.simulation import oracle_book
from ringfence.tools.simulation.oracle_book import Report, contradicts
from ringfence.tools.simulation.oracle_model import (
    CANCEL,
    OUT_OF_BAND,
    REPLACE,
    Model,
    Order,
    advance,
    ask_status,
    cancel_open,
    end,
    end_cancels,
    settle,
)
from ringfence.tools.simulation.oracle_records import BIT
from ringfence.tools.simulation.oracle_rules import BY_QUANTITY, DONE, KEEP, reference, scaled

DUP, RESEND, TRUNCATED = BIT["VENUE_EVENT_POSS_DUP"], BIT["VENUE_EVENT_POSS_RESEND"], BIT["VENUE_EVENT_TRUNCATED"]
DUPLICATE_ORDER = 7  # OrdRejReason(103)=6 plus 1
TOO_LATE, UNKNOWN_ORDER = 1, 2  # CxlRejReason(102) plus 1
REFUSED = ord("0")  # MassCancelResponse(531)
NO_PROOF = frozenset({"NOT_SENT", "CANCEL_REJECT", "BUSINESS_REJECT"})  # what does not show that the venue has the order
_FACT = {"STOPPED": "STOPPED", "SUSPENDED": "SUSPENDED", "CALCULATED": "CALCULATED", "EXPIRED": "EXPIRED", "DONE_FOR_DAY": "DONE_FOR_DAY"}
_FACT |= {"ACK": BY_QUANTITY, "PENDING_NEW": KEEP, "PENDING_CANCEL": KEEP, "PENDING_REPLACE": KEEP}
_ANY_TIME = frozenset({"PENDING_NEW", "PENDING_CANCEL", "PENDING_REPLACE", "EXPIRED", "DONE_FOR_DAY"})  # also when older than what is known
_TRADES = frozenset({"FILL", "CORRECT"})


def take(m: Model, venue: int, e: Report) -> None:
    if venue not in m.venues:
        m.breaks += 1
        return
    if e.kind in ("SESSION_UP", "SESSION_DOWN"):
        _session(m, venue, up=e.kind == "SESSION_UP")
        return
    o, revision = _match(m, e) if e.kind != "MASS_CANCEL_REPORT" else (None, 0)
    older = o is not None and 0 < e.transact_ns < o.transact_ns
    doubted = o is not None and (o.base == "UNKNOWN" or o.unverified)
    if e.kind in _TRADES:
        _trade(m, e, o, older=older)
        return
    if o is not None and e.kind != "NOT_SENT" and not contradicts(m, e, o):
        _answered(e, o)
        _note(m, e, o, older=older)
    if e.kind == "BUST":
        oracle_book.bust(m, e, o)
    elif o is None:
        _unmatched(m, e)
    else:
        if e.kind not in NO_PROOF and not (e.kind == "STATUS" and e.ord_status == "REJECTED"):
            o.acked = True
        _report(m, e, o, revision, older=older, doubted=doubted)
    if o is not None:
        m.touched[o.row] = o


# ---- which order -----------------------------------------------------------------------------------------------------------------


def _match(m: Model, e: Report) -> tuple[Order | None, int]:
    """By ClOrdID, else by OrigClOrdID or OrderID, which name the order and its live version."""
    found = m.find(e.cl_ord_id, e.venue)
    if found is not None:
        return found
    found = m.find(e.orig_cl_ord_id, e.venue)
    if found is not None:
        return found[0], found[0].live
    if _has_order_id(e):
        named = [o for o in m.by_venue_id.get((e.venue, e.venue_order_id), ()) if o.venue_order_id == e.venue_order_id]
        if named:
            newest = max(named, key=lambda o: o.row)
            return newest, newest.live
    return None, 0


def _has_order_id(e: Report) -> bool:
    return e.venue_order_id not in (b"", b"NONE") and not (len(e.venue_order_id) == 32 and e.flags & TRUNCATED)


def _answered(e: Report, o: Order) -> None:
    """The venue has answered for the order; what it sends again is from before."""
    if not e.flags & DUP:
        o.unverified = False


def _note(m: Model, e: Report, o: Order, *, older: bool) -> None:
    if _has_order_id(e) and (not older or not o.venue_order_id) and e.venue_order_id != o.venue_order_id:
        o.venue_order_id = e.venue_order_id
        _take_name(m.by_venue_id.setdefault((o.venue, e.venue_order_id), []), o)
    o.transact_ns = max(o.transact_ns, e.transact_ns)


def _take_name(named: list[Order], o: Order) -> None:
    """An OrderID that two orders carry is the newer one's, also after that one got another: then it names nobody, and a fill goes to suspense (S3)."""
    known = max((n.row for n in named if n.venue_order_id == o.venue_order_id), default=0)
    if known == 0:
        named.append(o)
    elif known < o.row:
        named[[n.row for n in named].index(known)] = o


# ---- sessions --------------------------------------------------------------------------------------------------------------------


def _session(m: Model, venue: int, *, up: bool) -> None:
    """S15, S16: nothing changes but doubt; what was sent and never acknowledged has an unknown fate."""
    v = m.venues[venue]
    ours = [o for s in m.strategies.values() for o in s.open.values() if o.venue == venue]
    if v.up:
        for o in ours:
            if o.base == "PENDING_NEW" and not o.acked:
                o.base = "UNKNOWN"
                settle(m, o)
            elif o.base != "UNKNOWN":
                o.unverified = True
                m.touched[o.row] = o
    v.up = up
    v.sessions += 1
    if up:
        for o in ours:
            ask_status(m, o)


# ---- answers to requests ---------------------------------------------------------------------------------------------------------


def _refused(m: Model, o: Order, revision: int) -> bool:
    """End the request that this revision is, as refused; S7: what held before holds again."""
    if revision not in o.requests:
        return False
    end(m, o, revision)
    settle(m, o)
    return True


def _cancel_reject(m: Model, e: Report, o: Order, revision: int) -> None:
    if _refused(m, o, revision) and o.base not in DONE and e.text_code in (TOO_LATE, UNKNOWN_ORDER):
        o.unverified = True
        ask_status(m, o)


def _business_reject(m: Model, o: Order, revision: int) -> None:
    if _refused(m, o, revision):
        return
    if revision == 0 and o.base == "PENDING_NEW":
        o.base = "REJECTED"
        settle(m, o)
    else:
        m.breaks += 1


def _not_sent(m: Model, o: Order, revision: int) -> None:
    if _refused(m, o, revision):
        return
    if revision == 0 and o.cum == 0 and o.base in ("PENDING_NEW", "UNKNOWN"):
        o.base = "DENIED"
        settle(m, o)


# ---- what moves the status -------------------------------------------------------------------------------------------------------


def _trade(m: Model, e: Report, o: Order | None, *, older: bool) -> None:
    book = oracle_book.fill if e.kind == "FILL" else oracle_book.correct
    if o is None or contradicts(m, e, o):
        book(m, e, o)
        return
    doubt = o.unverified
    _answered(e, o)
    if book(m, e, o):
        _note(m, e, o, older=older)
    else:
        o.unverified = o.unverified or doubt
    m.touched[o.row] = o


def _simple(m: Model, o: Order, event: str, fact: str) -> None:
    advance(m, o, event, fact)
    settle(m, o)


def _report(m: Model, e: Report, o: Order, revision: int, *, older: bool, doubted: bool) -> None:
    kind = e.kind
    if e.flags & DUP and (o.base == "REJECTED" if kind == "ACK" else older and kind in ("STATUS", "DONE_FOR_DAY")):
        return  # sent again, from before what is known (S8)
    if kind == "STATUS":
        _status(m, e, o, revision, doubted=doubted)
    elif kind == "CANCEL_REJECT":
        _cancel_reject(m, e, o, revision)
    elif kind == "REPLACED":
        _replaced(m, e, o, revision, older=older)
    elif kind == "REJECTED":
        _rejected(m, e, o, revision)
    elif kind == "CANCELED":
        request = o.requests.get(revision)
        if revision >= o.live or (request is not None and request.kind == CANCEL):  # S20
            end_cancels(m, o)
            _simple(m, o, "CANCELED", "CANCELED")
    elif kind == "BUSINESS_REJECT":
        _business_reject(m, o, revision)
    elif kind == "NOT_SENT":
        _not_sent(m, o, revision)
    elif kind in _ANY_TIME or not older or o.base in ("PENDING_NEW", "UNKNOWN"):
        _restated(m, e, o) if kind == "RESTATED" else _moved(m, o, kind)


def _moved(m: Model, o: Order, kind: str) -> None:
    if kind in _FACT:
        _simple(m, o, kind, _FACT[kind])
    else:
        m.breaks += 1


def _terms(m: Model, e: Report, o: Order) -> None:
    """Price and OrderQty as the venue says them."""
    i = m.instruments[o.instrument]
    if e.present & BIT["PRESENT_PX"]:
        o.px = scaled(e.px, e.px_digits, i.price_digits) or o.px
    if e.present & BIT["PRESENT_QTY"]:
        qty = scaled(e.qty, e.qty_digits, i.qty_digits)
        o.qty = qty if qty is not None and qty > 0 else o.qty


def _replaced(m: Model, e: Report, o: Order, revision: int, *, older: bool) -> None:
    """R6, S9: in force from now on; down to or below CumQty it ends the order."""
    if revision == OUT_OF_BAND:  # a gateway's own cancel: it replaces nothing
        m.breaks += 1
        return
    if revision <= o.live:
        if revision in o.requests:  # a later version was granted before this one was told
            end(m, o, revision)
            settle(m, o)
        elif revision == o.live and not older and not e.flags & (DUP | RESEND):
            before = o.px, o.qty
            _terms(m, e, o)
            if (o.px, o.qty) != before:
                m.breaks += 1
                o.qty = max(o.qty, o.cum)
                _simple(m, o, "REPLACED", BY_QUANTITY)
        return
    request = o.requests.get(revision)
    if request is not None and request.kind == REPLACE:
        o.px, o.stop_px, o.qty = request.px, request.stop_px, request.qty
        end(m, o, revision)
    else:
        m.breaks += 1
    _terms(m, e, o)
    o.qty = max(o.qty, o.cum)
    o.live = revision
    _simple(m, o, "REPLACED", BY_QUANTITY)


def _restated(m: Model, e: Report, o: Order) -> None:
    """R13; CumQty in OrderQty's ratio is a split (R14, S21): the order follows, notional and position do not move."""
    before = o.qty
    _terms(m, e, o)
    if e.present & BIT["PRESENT_CUM_QTY"]:
        cum = scaled(e.cum_qty, e.cum_qty_digits, m.instruments[o.instrument].qty_digits)
        if cum is not None and cum != o.cum and o.cum > 0 and o.qty != before and o.qty * o.cum == cum * before:
            o.cum, o.fell_by = cum, m.seq
    o.qty = max(o.qty, o.cum)
    _simple(m, o, "RESTATED", KEEP)


def _rejected(m: Model, e: Report, o: Order, revision: int) -> None:
    """R12, D22, S20."""
    of_order = e.ord_status in ("", "REJECTED")
    if (of_order or e.text_code != DUPLICATE_ORDER) and _refused(m, o, revision):
        return
    if not of_order or revision < o.live or revision == OUT_OF_BAND:
        return
    if e.text_code == DUPLICATE_ORDER:
        if o.base == "PENDING_NEW":
            o.base = "UNKNOWN"
            settle(m, o)
            ask_status(m, o)
        return
    _simple(m, o, "REJECTED", "REJECTED")


_TOLD = {"CANCELED": "CANCELED", "REJECTED": "REJECTED", "EXPIRED": "EXPIRED", "DONE_FOR_DAY": "DONE_FOR_DAY", "PENDING_NEW": "PENDING_NEW"}


def _status(m: Model, e: Report, o: Order, revision: int, *, doubted: bool) -> None:
    """S19: books nothing, changes nothing but doubt. "Unknown order" counts only as an answer to what was asked since the session is up (S6)."""
    if not doubted or not e.ord_status:
        return
    final = e.ord_status in DONE and e.ord_status != "FILLED"
    if revision < o.live and final:
        o.unverified = True
        return
    if e.ord_status == "REJECTED" and o.base != "UNKNOWN":
        m.breaks += 1
        return
    if e.ord_status == "REJECTED" and not (o.asked == m.venues[o.venue].sessions and m.venues[o.venue].up):
        return
    if final:
        end_cancels(m, o)
    event = _TOLD.get(e.ord_status, "ACK")
    if o.base in ("UNKNOWN", "PENDING_NEW") or event != "ACK":
        _simple(m, o, event, KEEP)


# ---- reports that name none of our orders ----------------------------------------------------------------------------------------


def _unmatched(m: Model, e: Report) -> None:
    if e.kind == "MASS_CANCEL_REPORT":
        if e.mass_cancel_response == REFUSED:
            _one_by_one(m, e)
    elif e.kind in ("BUSINESS_REJECT", "NOT_SENT"):
        r = reference(e.cl_ord_id, m.prefix)
        if r is not None and r.order > (1 << 35) - 1 - m.mass_cancels:  # ids of mass cancels are counted down from the largest
            _one_by_one(m, e)
        else:
            m.breaks += 1


def _one_by_one(m: Model, e: Report) -> None:
    """A mass cancel was refused: every open order is cancelled on its own."""
    instrument = next((row for row, i in sorted(m.instruments.items()) if e.symbol and i.symbol == e.symbol), 0)
    for strategy in sorted(m.strategies):
        cancel_open(m, strategy, instrument, 0, e.venue)
    m.breaks += 1
