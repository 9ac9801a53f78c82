"""The venue's order handling: FIX 4.2 states, chains, the record, and the same again from the same seed."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.messages import CancelReject, CancelRequest, ExecReport, NewOrder, ReplaceRequest, Report, Request, StatusRequest
from ringfence.gateways.venue.record import RecordError, RecordWriter, read_record
from ringfence.gateways.venue.spec import venue_spec

EUR = "EUR/USD"


def spec_of(**changes: Any) -> Any:
    raw = {
        "port": 0,
        "sender_comp_id": "SIM",
        "target_comp_id": "RF",
        "symbols": [{"symbol": EUR, "price_digits": 5, "level_qty": 1_000, "clip": changes.pop("clip", 0)}],
        "quotes": {"instance": "none"},
        **changes,
    }
    return venue_spec(raw, Path())


class Venue:
    """An exchange whose latency is nothing: receive and work in one step."""

    def __init__(self, record: Path | None = None, restored: Any = None, **changes: Any) -> None:
        self.writer = RecordWriter(record)
        self.exchange = Exchange(spec_of(**changes), self.writer, restored)
        self.now = 0
        self.resumed = self.exchange.resume(restored, 0) if restored else ([], [])
        self.quote("1.10000", "1.10010")

    def quote(self, bid: str, ask: str) -> list[Report]:
        return self.exchange.quote(EUR, int(Decimal(bid).scaleb(5)), int(Decimal(ask).scaleb(5)), self.now)

    def __call__(self, request: Request) -> list[Report]:
        self.now += 1
        reports, work = self.exchange.receive(request, self.now)
        return reports + work(self.now)


def buy(cl_ord_id: str, qty: str = "500", px: str = "1.09990", **terms: Any) -> NewOrder:
    return NewOrder(cl_ord_id, EUR, "1", "2", qty, px, **terms)


def brief(report: Report) -> tuple[Any, ...]:
    """(35, 11, 41, 150, 39, 38, 14, 151) or, for a cancel reject, (35, 11, 41, 39, 434, 102)."""
    if isinstance(report, CancelReject):
        return ("9", report.cl_ord_id, report.orig_cl_ord_id, report.ord_status, report.response_to, report.reason)
    return ("8", report.cl_ord_id, report.orig_cl_ord_id, report.exec_type, report.ord_status, report.qty, report.cum_qty, report.leaves_qty)


def test_new_when_it_rests_is_acknowledged_and_filled_by_the_quote() -> None:
    venue = Venue(clip=300)
    (ack,) = venue(buy("A"))
    assert brief(ack) == ("8", "A", "", "0", "0", "500", "0", "500")
    first, second = venue.quote("1.09900", "1.09980")
    assert brief(first) == ("8", "A", "", "1", "1", "500", "300", "200")
    assert brief(second) == ("8", "A", "", "2", "2", "500", "500", "0")
    assert isinstance(second, ExecReport)
    assert (second.last_qty, second.last_px, second.avg_px) == ("200", "1.09990", "1.099900000")


def test_average_when_fills_differ_in_price_is_rounded_half_up() -> None:
    venue = Venue()
    venue(NewOrder("S", EUR, "2", "2", "1", "1.10005"))
    *_, last = venue(buy("A", "3", "1.10010"))
    assert isinstance(last, ExecReport)
    assert last.avg_px == "1.100083333"


def test_new_when_a_market_order_finds_too_little_is_canceled_for_the_rest() -> None:
    ack, fill, rest = Venue()(NewOrder("A", EUR, "1", "1", "1500"))
    assert brief(ack)[3:5] == ("0", "0")
    assert brief(fill) == ("8", "A", "", "1", "1", "1500", "1000", "500")
    assert brief(rest) == ("8", "A", "", "4", "4", "1500", "1000", "0")


@pytest.mark.parametrize(("rest", "status"), [("canceled", "4"), ("expired", "C")])
def test_new_when_immediate_or_cancel_does_not_fill_ends_as_configured(rest: str, status: str) -> None:
    ack, end = Venue(ioc_rest=rest)(buy("A", tif="3"))
    assert (brief(ack)[3], *brief(end)[3:]) == ("0", status, status, "500", "0", "0")


def test_new_when_fill_or_kill_cannot_fill_whole_trades_nothing() -> None:
    ack, end = Venue()(buy("A", "1500", "1.10010", tif="4"))
    assert (brief(ack)[3], *brief(end)[3:]) == ("0", "4", "4", "1500", "0", "0")


def test_stop_when_the_quote_reaches_it_trades_at_the_market() -> None:
    venue = Venue()
    (ack,) = venue(NewOrder("A", EUR, "1", "3", "400", "", "1.10050"))
    assert brief(ack)[3:5] == ("0", "0")
    (fill,) = venue.quote("1.10040", "1.10060")
    assert isinstance(fill, ExecReport)
    assert (brief(fill)[3:5], fill.last_px) == (("2", "2"), "1.10060")


def test_match_when_both_orders_are_ours_gives_both_legs_one_exec_id() -> None:
    venue = Venue()
    venue(NewOrder("S", EUR, "2", "2", "400", "1.10005"))
    ack, maker, taker = venue(buy("B", "400", "1.10005"))
    assert [brief(r)[1] for r in (ack, maker, taker)] == ["B", "S", "B"]
    assert isinstance(maker, ExecReport) and isinstance(taker, ExecReport)
    assert maker.exec_id == taker.exec_id and maker.order_id != taker.order_id


@pytest.mark.parametrize(
    ("request_", "reason", "text"),
    [
        (NewOrder("A", "XAU/USD", "1", "1", "1"), 1, "XAU/USD is not traded here; there are EUR/USD"),
        (buy("A", px="1.000001"), 0, r"Price(44): 1.000001 is finer than 5 decimals"),
        (buy("A", px="0"), 0, "Price(44)=0 must be above 0"),
        (buy("A", qty="-5"), 0, "OrderQty(38)=-5 must be above 0"),
        (buy("A", tif="6"), 0, "TimeInForce(59)=6 is not offered"),
        (NewOrder("A", EUR, "7", "1", "1"), 0, "Side(54)=7 is not offered"),
        (NewOrder("A", EUR, "1", "P", "1"), 0, "OrdType(40)=P is not offered"),
    ],
)
def test_new_when_it_cannot_be_taken_is_rejected_with_a_reason(request_: NewOrder, reason: int, text: str) -> None:
    (report,) = Venue()(request_)
    assert isinstance(report, ExecReport)
    assert brief(report)[3:5] == ("8", "8") and report.reject_reason == reason and text in report.text


def test_new_when_the_reject_rule_draws_it_is_rejected() -> None:
    (report,) = Venue(reject_ppm=1_000_000)(buy("A"))
    assert brief(report) == ("8", "A", "", "8", "8", "500", "0", "0")


def test_new_when_the_cl_ord_id_was_used_is_rejected_and_the_live_order_untouched() -> None:
    venue = Venue(clip=300)
    venue(buy("A"))
    venue.quote("1.09900", "1.09980")
    venue(buy("B", "900"))
    (report,) = venue(buy("B", "900"))
    assert isinstance(report, ExecReport)
    assert (brief(report)[3:5], report.reject_reason) == (("8", "1"), 6)
    (status,) = venue(StatusRequest("B"))
    assert brief(status)[4:] == ("1", "900", "500", "400")
    (again,) = venue(buy("B", "900", poss_resend=True))
    assert isinstance(again, ExecReport) and again.exec_trans_type == "3"


def test_cancel_when_live_ends_the_order() -> None:
    venue = Venue()
    venue(buy("A"))
    (report,) = venue(CancelRequest("C", "A"))
    assert brief(report) == ("8", "C", "A", "4", "4", "500", "0", "0")
    assert venue.quote("1.09900", "1.09980") == []


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (CancelRequest("C", "none"), ("9", "C", "none", "8", "1", 1)),
        (CancelRequest("C", "done"), ("9", "C", "done", "4", "1", 0)),
        (ReplaceRequest("C", "done", "10"), ("9", "C", "done", "4", "2", 0)),
        (ReplaceRequest("C", "A", "0"), ("9", "C", "A", "0", "2", 0)),
        (CancelRequest("A", "A"), ("9", "A", "A", "0", "1", 2)),
    ],
)
def test_request_when_it_cannot_be_met_is_rejected_with_the_orders_status(request_: Request, expected: tuple[Any, ...]) -> None:
    venue = Venue()
    venue(buy("A"))
    venue(buy("done", tif="3"))
    assert [brief(r) for r in venue(request_)] == [expected]


def test_replace_when_accepted_the_new_version_is_the_live_one() -> None:
    venue = Venue()
    venue(buy("A"))
    assert [brief(r) for r in venue(ReplaceRequest("B", "A", "700", "1.09980"))] == [("8", "B", "A", "5", "5", "700", "0", "700")]
    assert [brief(r) for r in venue(CancelRequest("C", "A"))] == [("9", "C", "A", "0", "1", 1)]
    (fill,) = venue.quote("1.09900", "1.09970")
    assert brief(fill)[1:5] == ("B", "", "2", "2")


def test_replace_when_down_to_what_is_filled_ends_filled() -> None:
    venue = Venue(clip=300)
    venue(buy("A", "1200", "1.10010"))
    (status,) = venue(StatusRequest("A"))
    assert brief(status)[4:] == ("1", "1200", "1000", "200")
    assert [brief(r) for r in venue(ReplaceRequest("B", "A", "800"))] == [("8", "B", "A", "5", "2", "1000", "1000", "0")]


def test_fill_when_a_cancel_is_pending_carries_the_old_id_and_pending_status() -> None:
    venue = Venue(pending_acks=True)
    pending_new, ack = venue(buy("A"))
    assert (brief(pending_new)[3:5], brief(ack)[3:5]) == (("A", "A"), ("0", "0"))
    reports, work = venue.exchange.receive(CancelRequest("C", "A"), 1)
    assert [brief(r) for r in reports] == [("8", "C", "A", "6", "6", "500", "0", "500")]
    (fill,) = venue.quote("1.09900", "1.09980")
    assert brief(fill) == ("8", "A", "", "2", "6", "500", "500", "0")
    assert [brief(r) for r in work(2)] == [("9", "C", "A", "2", "1", 0)]


def test_replace_when_two_are_chained_in_flight_are_done_in_turn() -> None:
    venue = Venue()
    venue(buy("X"))
    first = venue.exchange.receive(ReplaceRequest("Y", "X", "600"), 1)[1]
    second = venue.exchange.receive(ReplaceRequest("Z", "Y", "700"), 1)[1]
    assert [brief(r) for r in first(2)] == [("8", "Y", "X", "5", "E", "600", "0", "600")]
    assert [brief(r) for r in second(2)] == [("8", "Z", "Y", "5", "5", "700", "0", "700")]


def test_status_when_the_order_is_unknown_says_so_and_makes_none() -> None:
    venue = Venue()
    (report,) = venue(StatusRequest("none", "V00000009", EUR, "1"))
    assert isinstance(report, ExecReport)
    assert (report.exec_trans_type, report.ord_status, report.reject_reason, report.order_id) == ("3", "8", 5, "NONE")
    assert not venue.exchange.orders


def drive(venue: Venue, seed: int, count: int) -> list[Report]:
    """A seeded stream of every kind of request and of quotes."""
    draws = random.Random(seed)
    reports: list[Report] = []
    live: list[str] = []
    for i in range(count):
        px = f"1.{draws.randint(9990, 10020):05d}"
        match draws.randrange(8):
            case 0 | 1 | 2:
                live.append(f"N{i}")
                reports += venue(NewOrder(f"N{i}", EUR, draws.choice("12"), "2", str(draws.randint(1, 2_000)), px, tif=draws.choice("0134"), account="ACC"))
            case 3 if live:
                reports += venue(CancelRequest(f"N{i}", draws.choice(live)))
            case 4 if live:
                at = draws.randrange(len(live))
                reports += venue(ReplaceRequest(f"N{i}", live[at], str(draws.randint(1, 2_000)), px))
                live[at] = f"N{i}"
            case 5:
                reports += venue(NewOrder(f"N{i}", EUR, draws.choice("12"), "3", "50", "", px, account="ACC"))
            case _:
                bid = draws.randint(109_990, 110_010)
                reports += venue.exchange.quote(EUR, bid, bid + draws.randint(1, 8), venue.now)
    return reports


@pytest.mark.parametrize("changes", [{}, {"clip": 100, "reject_ppm": 100_000, "pending_acks": True}])
def test_exchange_when_run_twice_from_one_seed_reports_the_same(changes: dict[str, Any]) -> None:
    runs = [drive(Venue(seed=5, symbols=[{"symbol": EUR, "price_digits": 5, "level_qty": [10, 500]}], **changes), 11, 600) for _ in range(2)]
    assert runs[0] == runs[1] and len(runs[0]) > 600
    assert any(isinstance(r, ExecReport) and r.last_qty for r in runs[0])


def test_record_when_read_back_agrees_with_every_report(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    venue = Venue(path, clip=200, reject_ppm=50_000)
    reports = drive(venue, 3, 1_500)
    record = read_record(path)
    fills = [r for r in reports if isinstance(r, ExecReport) and r.last_qty]
    assert len(fills) > 200
    assert [(f.exec_id, f.order_id, f.side, str(f.qty), str(f.px)) for f in record.fills] == [
        (r.exec_id, r.order_id, r.side, r.last_qty, r.last_px) for r in fills
    ]
    signed = sum(int(r.last_qty) * (1 if r.side == "1" else -1) for r in fills)
    assert record.positions() == {("ACC", EUR): Decimal(signed)}
    last = {r.order_id: r for r in reports if isinstance(r, ExecReport) and r.order_id != "NONE" and r.reject_reason != 6}
    for order in record.orders.values():
        report = last[order.order_id]
        assert (str(order.cum_qty), str(order.leaves_qty), str(order.qty)) == (report.cum_qty, report.leaves_qty, report.qty), order
        assert order.cl_ord_ids[-1] == report.cl_ord_id
        assert sum(f.qty for f in record.fills if f.order_id == order.order_id) == order.cum_qty


def test_exchange_when_it_died_goes_on_from_its_record(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    venue = Venue(path, clip=200)
    drive(venue, 4, 400)
    before = {n: (o.chain, o.qty, o.cum, o.leaves, o.state, o.notional, o.px, o.stop_px) for n, o in venue.exchange.orders.items()}
    with path.open("ab") as file:
        file.write(b'{"type":"fill","exec')  # died inside a write
    again = Venue(path, read_record(path), clip=200)
    after = {n: (o.chain, o.qty, o.cum, o.leaves, o.state, o.notional, o.px, o.stop_px) for n, o in again.exchange.orders.items()}
    rejected = {n for n, o in before.items() if o[4] == "8"}
    assert {n: o for n, o in before.items() if n not in rejected} == {n: o for n, o in after.items() if n not in rejected}
    old = {f.exec_id for f in read_record(path).fills}
    reports = drive(again, 5, 50)
    assert old.isdisjoint(r.exec_id for r in reports if isinstance(r, ExecReport))
    assert read_record(path).runs == 2


def test_exchange_when_it_died_while_an_order_was_trading_lets_it_go_on(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    venue = Venue(path)
    venue(NewOrder("S", EUR, "2", "2", "400", "1.10020", account="ACC"))
    venue(NewOrder("M", EUR, "1", "1", "1500", account="ACC"))
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"cl_ord_ids":["M"]' in line)
    path.write_bytes(b"".join(lines[: at + 1]))  # acknowledged, and then none of its trades
    again = Venue(path, read_record(path))
    fills = [brief(r)[1:] for r in again.resumed[0]]
    assert fills == [("S", "", "2", "2", "400", "400", "0"), ("M", "", "1", "1", "1500", "400", "1100"), ("M", "", "4", "4", "1500", "400", "0")]
    (rejected,) = again(CancelRequest("C", "M"))
    assert brief(rejected)[:4] == ("9", "C", "M", "4")


def test_record_when_a_line_in_the_middle_is_bad_names_it(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    drive(Venue(path), 4, 20)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"type":"order"}\n', *lines[2:]]))
    with pytest.raises(RecordError, match=r"r\.ndjson:3: KeyError"):
        read_record(path)


def test_record_when_it_has_a_symbol_that_is_not_traded_any_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.ndjson"
    Venue(path)(buy("A"))
    with pytest.raises(RecordError, match="has orders in EUR/USD, which the specification does not list"):
        Exchange(spec_of(symbols=[{"symbol": "USD/JPY", "price_digits": 3}]), RecordWriter(None), read_record(path))
