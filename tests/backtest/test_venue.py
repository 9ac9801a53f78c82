"""The venue without a wire against the one with: every command also goes through the gateway's encoder, the venue's FIX side and the gateway's parser."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.backtest.venue import Market, Venue
from ringfence.gateways.fix.messages import order_body, venue_event
from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.record import RecordWriter
from ringfence.gateways.venue.spec import venue_spec
from ringfence.gateways.venue.wire import body, decode
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS

EUR, EVENT = "EUR/USD", dtype("VenueEvent")
KIND, STATUS = ENUMS["VenueEventKind"].by_value, ENUMS["OrdStatus"].by_value
AMOUNTS = ("last_px", "last_qty", "cum_qty", "leaves_qty", "avg_px", "qty", "px", "commission")
SAME = (
    "kind",
    "ord_status",
    "side",
    "exec_trans_type",
    "text_code",
    "cl_ord_id",
    "orig_cl_ord_id",
    "exec_id",
    "venue_order_id",
    "symbol",
    "cxl_rej_response_to",
)


class Wired:
    """The simulated venue, reached by FIX messages and without latency."""

    def __init__(self, **terms: Any) -> None:
        symbol = {"symbol": EUR, "price_digits": 5, "level_qty": 1_000, "clip": terms.pop("clip", 0)}
        raw = {"port": 0, "sender_comp_id": "SIM", "target_comp_id": "RF", "symbols": [symbol], "quotes": {"instance": "none"}, **terms}
        self.exchange = Exchange(venue_spec(raw, Path()), RecordWriter(None))

    def take(self, command: Any, now: int) -> list[Any]:
        kind, text = order_body(command.tobytes(), now)
        fields = [(35, kind), *((int(tag), value) for tag, _, value in (f.partition(b"=") for f in text.split(b"\x01")[:-1]))]
        reports, work = self.exchange.receive(decode(fields), now)
        return self.events([*reports, *work(now)], now)

    def quote(self, bid: int, ask: int, now: int) -> list[Any]:
        return self.events(self.exchange.quote(EUR, bid, ask, now), now)

    def events(self, reports: list[Any], now: int) -> list[Any]:
        return [self.event(*body(r, now)) for r in reports]

    @staticmethod
    def event(kind: bytes, text: bytes) -> Any:
        rest = b"35=%s\x0134=1\x0149=SIM\x0156=RF\x0152=20260102-00:00:00\x01%s" % (kind, text)
        message = b"8=FIX.4.2\x019=%d\x01%s" % (len(rest), rest)
        found = venue_event(message + b"10=%03d\x01" % (sum(message) % 256))
        assert found is not None
        return np.frombuffer(found, EVENT)[0]


def command(kind: str, name: str, orig: str = "", **terms: Any) -> Any:
    made = np.zeros(1, dtype("OrderCommand"))
    row = made[0]
    row["kind"], row["cl_ord_id"], row["orig_cl_ord_id"], row["symbol"] = ENUMS["CommandKind"].by_name[kind], name.encode(), orig.encode(), EUR.encode()
    row["side"], row["ord_type"], row["time_in_force"], row["px_digits"], row["durability"] = 1, 2, 1, 5, 1
    for field, value in terms.items():
        row[field] = value
    return row


def brief(event: Any) -> dict[str, Any]:
    out = {name: event[name].item() for name in SAME}
    for name in AMOUNTS:
        if int(event["present"]) & CONSTANTS[f"PRESENT_{name.upper()}"][0]:
            digits = event["comm_digits" if name == "commission" else f"{name}_digits"]
            out[name] = Decimal(int(event[name])).scaleb(-int(digits)).normalize()
    return out


PX = st.integers(110_000, 110_010)
QTY = st.integers(1, 2_500)
NEW = st.tuples(st.just("new"), st.sampled_from([1, 2, 5]), st.sampled_from([1, 2, 3, 4]), st.sampled_from([1, 2, 4, 5]), QTY, PX, PX)
CHANGE = st.tuples(st.sampled_from(["cancel", "replace", "status"]), st.integers(0, 5), st.integers(0, 1), QTY, PX)
QUOTE = st.tuples(st.just("quote"), PX, st.integers(0, 3))


@settings(deadline=None, max_examples=80)
@given(st.lists(st.one_of(NEW, CHANGE, QUOTE), max_size=25), st.sampled_from([0, 300]), st.sampled_from([0, 25, -7]))
def test_venue_when_anything_is_asked_it_answers_what_comes_back_over_fix(steps: list[Any], clip: int, commission: int) -> None:
    direct = Venue(1, {EUR.encode(): 1}, Market(level_qty=(1_000, 1_000), clip=clip, commission_ppm=commission), 7)
    wired = Wired(clip=clip, commission_ppm=commission)
    chains: list[list[str]] = []
    assert [brief(e) for e in direct.quote(1, 110_000, 110_004, 0, 0, 1)] == [brief(e) for e in wired.quote(110_000, 110_004, 1)]
    for now, (kind, *terms) in enumerate(steps, 2):
        if kind == "quote":
            ours, theirs = direct.quote(1, terms[0], terms[0] + terms[1], 0, 0, now), wired.quote(terms[0], terms[0] + terms[1], now)
        else:
            if kind == "new":
                side, ord_type, tif, qty, px, stop_px = terms
                chains.append([f"O{now}"])
                priced = {"px": px if ord_type in (2, 4) else 0, "stop_px": stop_px if ord_type in (3, 4) else 0}
                c = command("NEW", f"O{now}", side=side, ord_type=ord_type, time_in_force=tif, qty=qty, **priced)
            else:
                order, back, qty, px = terms
                chain = chains[order] if order < len(chains) else ["none"]
                orig = chain[max(0, len(chain) - 1 - back)]
                c = command("STATUS", orig) if kind == "status" else command(kind.upper(), f"C{now}", orig, qty=qty, px=px)
            ours, theirs = direct.take(c, now), wired.take(c, now)
            chain_of = {c: chain for chain in chains for c in chain}
            for event in ours:
                if KIND[int(event["kind"])] in ("CANCELED", "REPLACED") and event["orig_cl_ord_id"]:
                    chain_of[event["orig_cl_ord_id"].decode()].append(event["cl_ord_id"].decode())
        assert [brief(e) for e in ours] == [brief(e) for e in theirs]


def test_venue_when_a_clordid_comes_twice_it_is_refused_as_over_fix() -> None:
    direct, wired = Venue(1, {EUR.encode(): 1}, Market(), 7), Wired()
    for c in (command("NEW", "A", qty=5, px=100), command("NEW", "A", qty=6, px=101), command("CANCEL", "A", "A")):
        assert [brief(e) for e in direct.take(c, 1)] == [brief(e) for e in wired.take(c, 1)]


def test_venue_when_it_refuses_by_rule_the_order_is_rejected() -> None:
    venue = Venue(1, {EUR.encode(): 1}, Market(reject_ppm=1_000_000), 7)
    (event,) = venue.take(command("NEW", "A", qty=5, px=100), 1)
    assert (KIND[int(event["kind"])], STATUS[int(event["ord_status"])], int(event["text_code"])) == ("REJECTED", "REJECTED", 1)


def test_venue_when_a_tick_tells_its_sizes_no_more_than_these_trades() -> None:
    venue = Venue(1, {EUR.encode(): 1}, Market(), 7)
    venue.quote(1, 99, 101, 40, 60, 1)
    events = venue.take(command("NEW", "A", qty=100, px=101, time_in_force=4), 2)
    assert [(KIND[int(e["kind"])], int(e["last_qty"])) for e in events] == [("ACK", 0), ("FILL", 60), ("CANCELED", 0)]


def test_venue_when_all_is_cancelled_each_order_is_reported_and_then_the_whole() -> None:
    venue = Venue(1, {EUR.encode(): 1, b"USD/JPY": 2}, Market(), 7)
    for name, symbol in (("A", b"EUR/USD"), ("B", b"USD/JPY"), ("C", b"EUR/USD")):
        venue.take(command("NEW", name, qty=5, px=100, symbol=symbol), 1)
    some = venue.take(command("MASS_CANCEL", "M1", symbol=b"EUR/USD"), 2)
    rest = venue.take(command("MASS_CANCEL", "M2", symbol=b""), 3)
    assert [(KIND[int(e["kind"])], e["cl_ord_id"]) for e in some] == [("CANCELED", b"A"), ("CANCELED", b"C"), ("MASS_CANCEL_REPORT", b"M1")]
    assert [(KIND[int(e["kind"])], e["cl_ord_id"]) for e in rest] == [("CANCELED", b"B"), ("MASS_CANCEL_REPORT", b"M2")]


@pytest.mark.parametrize("terms", [{"level_qty": (0, 5)}, {"level_qty": (5, 4)}, {"clip": -1}, {"reject_ppm": 1_000_001}, {"commission_ppm": -1_000_001}])
def test_market_when_it_cannot_be_it_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="market"):
        Market(**terms)


def test_venue_when_a_day_ends_or_an_order_is_due_it_expires_once() -> None:
    venue = Venue(1, {EUR.encode(): 1}, Market(), 7)
    for name, tif, expire in (("A", 1, 0), ("B", 2, 0), ("C", 7, 50), ("D", 7, 90), ("E", 7, 60)):
        venue.take(command("NEW", name, qty=5, px=100, time_in_force=tif, expire_ns=expire), 1)
    venue.take(command("CANCEL", "X", "E"), 2)
    assert venue.next_expiry_ns == 50
    said = [*venue.expire(49), *venue.expire(60), *venue.expire(60), *venue.end_day(70), *venue.end_day(70)]
    assert [(KIND[int(e["kind"])], STATUS[int(e["ord_status"])], e["cl_ord_id"], int(e["leaves_qty"])) for e in said] == [
        ("EXPIRED", "EXPIRED", b"C", 0),
        ("EXPIRED", "EXPIRED", b"A", 0),
    ]
    assert venue.next_expiry_ns == 90
