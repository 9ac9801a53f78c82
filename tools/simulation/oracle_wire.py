"""What left for the venues, and what the venues say they traded, against the oracle's model.

    bytes at the venue's end ─▶ check_message ─▶ I1 (once), I2 (an intent before it, its terms), I13 (nothing new after a halt)
    executions of the venue ──▶ compare_truth ─▶ I5, I6 at quiescence: each one booked once, with its quantity and price

Owned by one ``Oracle``. Nothing fails: a message that cannot be read is a violation of I2, since no intent asks for such a thing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle_kills import flattens
from ringfence.tools.simulation.oracle_model import BOOKED, OUT_OF_BAND, Model, Order
from ringfence.tools.simulation.oracle_rules import Reference, reference
from ringfence.tools.simulation.oracle_scopes import holds

_NEW, _CANCEL, _REPLACE = b"D", b"F", b"G"
_POSS_DUP = b"Y"
SHOWN_MAX = 5


class VenueTrade(NamedTuple):
    """One execution as the venue has it: ``cl_ord_id`` is any of the order's chain, figures are in the instrument's scale, side is FIX's."""

    exec_id: str
    cl_ord_id: str
    side: int
    qty: int
    px: int


class Sent(NamedTuple):
    """One message at a venue's end, and the last journal sequence that was published when it arrived there."""

    venue: int
    fields: dict[bytes, bytes]
    seq: int


@dataclass(slots=True)
class Wire:
    """Everything that ever left, and the venue's truth."""

    waiting: list[Sent] = field(default_factory=list)
    seen: dict[tuple[int, bytes], int] = field(default_factory=dict)
    truth: dict[tuple[int, int, str], VenueTrade] = field(default_factory=dict)
    forgotten: set[bytes] = field(default_factory=set)


def fields_of(message: bytes | Mapping[int, str]) -> dict[bytes, bytes]:
    """The first value of each tag, of a message or of one that was read already."""
    if not isinstance(message, bytes):
        return {b"%d" % tag: value.encode("latin-1") for tag, value in message.items()}
    out: dict[bytes, bytes] = {}
    for part in message.split(b"\x01"):
        tag, _, value = part.partition(b"=")
        out.setdefault(tag, value)
    return out


def check_message(m: Model, w: Wire, sent: Sent) -> list[Violation]:
    """One message that reached a venue."""
    f = sent.fields
    kind = f.get(b"35", b"")
    if kind not in (_NEW, _CANCEL, _REPLACE):
        return []
    cl_ord_id = f.get(b"11", b"")
    name = f"{kind.decode()} {cl_ord_id.decode('latin-1')} at venue {sent.venue}"
    first = w.seen.get((sent.venue, cl_ord_id))
    w.seen.setdefault((sent.venue, cl_ord_id), sent.seq)
    out = []
    again = f.get(b"43") == _POSS_DUP
    r = reference(cl_ord_id, m.prefix)
    by_itself = kind == _CANCEL and r is not None and r.revision == OUT_OF_BAND
    if first is not None and (kind == _NEW or not again):  # a request may be sent again when the venue asks for it; an order never
        out.append(Violation("I1", f"{name} left twice{' with PossDupFlag' if again else ''}, first at sequence {first}", sent.seq))
    if r is None or not 0 < r.order <= len(m.orders) or (r.revision > m.orders[r.order - 1].revision and not by_itself):
        if cl_ord_id in w.forgotten or by_itself:  # by tables of a dead engine, which a torn turn leaves ahead of its journal: it cancels nothing
            return out
        return [*out, Violation("I2", f"{name}: no journaled intent asked for it", sent.seq)]
    if m.orders[r.order - 1].lost:  # on its way when the host's memory was lost
        return out
    return out + _asked_for(m, m.orders[r.order - 1], r, f, kind, name, sent)


def _asked_for(m: Model, o: Order, r: Reference, f: dict[bytes, bytes], kind: bytes, name: str, sent: Sent) -> list[Violation]:
    wrong = []
    if o.created_seq > sent.seq:
        wrong.append(f"its intent has sequence {o.created_seq}, which was not published then")
    if o.day != r.day or o.venue != sent.venue:
        wrong.append(f"order {o.row} has day {o.day} and venue {o.venue}")
    if kind == _NEW and r.revision == 0:
        i = m.instruments[o.instrument]
        (ord_px, qty) = (o.terms[0], o.terms[2])
        if not same(f.get(b"38", b""), qty, i.qty_digits):
            wrong.append(f"38={f.get(b'38', b'').decode()}, the intent asks for {qty}e-{i.qty_digits}")
        if ord_px and not same(f.get(b"44", b""), ord_px, i.price_digits):
            wrong.append(f"44={f.get(b'44', b'').decode()}, the intent asks for {ord_px}e-{i.price_digits}")
        if f.get(b"54", b"") != str(o.side).encode():
            wrong.append(f"54={f.get(b'54', b'').decode()}, the intent asks for {o.side}")
    elif (kind == _NEW) != (r.revision == 0):
        wrong.append(f"revision {r.revision} does not fit such a message")
    out = [Violation("I2", f"{name}: {text}", sent.seq) for text in wrong]
    if kind != _NEW or flattens(o):  # what closes a position is no new risk
        return out
    if any(begin < o.created_seq and not 0 < finish < o.created_seq for begin, finish in m.halts):
        out.append(Violation("I13", f"{name}: its intent has sequence {o.created_seq}, after the halt", sent.seq))
    of = o.account, o.strategy, o.instrument, o.venue
    after = [begin for scope, begin, finish in m.killed if begin < o.created_seq and not 0 < finish < o.created_seq and holds(scope, *of)]
    return out + [Violation("I19", f"{name}: its intent has sequence {o.created_seq}, its scope was killed at {begin}", sent.seq) for begin in after]


def same(text: bytes, value: int, digits: int) -> bool:
    """Whether a decimal on the wire is this scaled figure."""
    whole, _, part = text.partition(b".")
    part = part.rstrip(b"0")
    if len(part) > digits or not (whole + part).lstrip(b"-").isdigit():
        return False
    return int(whole + part.ljust(digits, b"0")) == value


def check_survival(m: Model, w: Wire, after_seq: int) -> list[Violation]:
    """With durability ``local`` nothing left for a venue before the disk had it: no order that a host crash forgot is on the wire."""
    out = []
    for venue, text in w.seen:
        r = reference(text, m.prefix)
        if r is not None and r.revision == 0 and 0 < r.order <= len(m.orders) and m.orders[r.order - 1].created_seq > after_seq:
            seq = m.orders[r.order - 1].created_seq
            out.append(
                Violation("I2", f"{text.decode('latin-1')} left for venue {venue}, and its intent, sequence {seq}, did not survive the crash", after_seq)
            )
    return out


# ---- the venue's truth -----------------------------------------------------------------------------------------------------------


def executed(m: Model, w: Wire, venue: int, trade: VenueTrade) -> None:
    w.truth[_truth_key(m, venue, trade.cl_ord_id, trade.exec_id)] = trade


def busted(m: Model, w: Wire, venue: int, cl_ord_id: str, exec_id: str) -> None:
    w.truth.pop(_truth_key(m, venue, cl_ord_id, exec_id), None)


def corrected(m: Model, w: Wire, venue: int, old_exec_id: str, trade: VenueTrade) -> None:
    busted(m, w, venue, trade.cl_ord_id, old_exec_id)
    executed(m, w, venue, trade)


def _truth_key(m: Model, venue: int, cl_ord_id: str, exec_id: str) -> tuple[int, int, str]:
    """The order by its ClOrdID, whose prefix the instance gave itself: the text says the number whatever the model knows."""
    text = cl_ord_id.encode("latin-1")
    r = reference(text, text[:2])
    return venue, r.order if r is not None else 0, exec_id


def compare_truth(m: Model, w: Wire) -> list[Violation]:
    """I5, I6: what the venue traded for orders of ours and what is booked are the same, one for one."""
    booked: dict[tuple[int, int, str], tuple[int, int]] = {}
    for x in m.execution_rows:
        if x.state == BOOKED and x.order is not None:
            booked[x.key[0], x.key[2], x.key[4].decode("latin-1")] = x.qty, x.px
    lost = {o.row for o in m.orders if o.lost}  # their executions are in suspense
    theirs = {key: (t.qty, t.px) for key, t in w.truth.items() if key[1] and key[1] not in lost}
    missing = [f"venue {v}, order {o}: execution {e} of {theirs[v, o, e]} is not booked" for v, o, e in theirs if (v, o, e) not in booked]
    extra = [f"venue {v}, order {o}: execution {e} is booked, the venue has none" for v, o, e in booked if (v, o, e) not in theirs]
    other = [f"venue {k[0]}, order {k[1]}: execution {k[2]} is {booked[k]}, the venue has {theirs[k]}" for k in theirs if booked.get(k, theirs[k]) != theirs[k]]
    net: Counter[tuple[int, int]] = Counter()
    for (_, row, _), t in w.truth.items():
        if 0 < row <= len(m.orders) and row not in lost:
            o = m.orders[row - 1]
            net[o.account, o.instrument] += t.qty if t.side == 1 else -t.qty
    ours: Counter[tuple[int, int]] = Counter()
    for (account, strategy, instrument), p in m.positions.items():
        if strategy:
            ours[account, instrument] += p.bought - p.sold  # entries of the ledger are no executions
    out = [Violation("I5", text, m.seq) for text in (missing + extra + other)[:SHOWN_MAX]]
    for at in sorted(set(net) | set(ours)):
        if net[at] != ours[at]:
            out.append(Violation("I6", f"account {at[0]}, instrument {at[1]}: bought less sold is {ours[at]}, by the venue's executions {net[at]}", m.seq))
    return out
