"""FIX market data messages both ways, in both versions, checked by the dictionary; amounts exact or not at all."""

from __future__ import annotations

import pytest

from ringfence.gateways.fix import market_data as md
from ringfence.gateways.fix.codec import encode, parse, timestamp_ns
from ringfence.gateways.fix.dictionary import load

VERSIONS = ("FIX.4.2", "FIX.4.4")
NOW = timestamp_ns(b"20200101-10:20:30.123")
HEADER = ((49, b"V"), (56, b"F"), (34, b"7"), (52, b"20200101-10:20:31"))


def message(kind: bytes, body: bytes, version: str) -> bytes:
    pairs = [field.partition(b"=") for field in body.split(b"\x01") if field]
    return encode(kind, [*HEADER, *((int(tag), value) for tag, _, value in pairs)], version.encode())


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_when_made_pass_the_dictionary_and_come_back(version: str) -> None:
    dictionary = load(version)
    v = message(b"V", md.request(b"r1", b"EUR/USD", 5, True), version)
    w = message(b"W", md.snapshot(b"r1", b"EUR/USD", [(md.BID, 112_120, 1_000), (md.OFFER, 112_130, 5)], (5, 1), NOW), version)
    x = message(b"X", md.refresh(b"r1", b"EUR/USD", [(md.DELETE, md.BID, 112_120, 0), (md.NEW, md.TRADE, 112_125, 7)], (5, 0), NOW), version)
    y = message(b"Y", md.reject(b"r1", md.UNKNOWN_SYMBOL, "no symbol"), version)
    assert [dictionary.fault(m) for m in (v, w, x, y)] == [None] * 4
    assert md.decode_request(v) == md.Request(b"r1", b"1", b"5", b"1", (b"0", b"1", b"2"), (b"EUR/USD",))
    told = md.decode(w)
    assert isinstance(told, md.Refresh) and (told.request_id, told.snapshot, told.symbol) == (b"r1", True, b"EUR/USD")
    assert [(e.kind, md.scaled(e.px, 5), md.scaled(e.qty, 1), e.source_ns) for e in told.entries] == [(b"0", 112_120, 1_000, NOW), (b"1", 112_130, 5, NOW)]
    changed = md.decode(x)
    assert isinstance(changed, md.Refresh) and not changed.snapshot
    assert [(e.action, e.kind, e.symbol, md.scaled(e.px, 5), e.qty) for e in changed.entries] == [
        (b"2", b"0", b"EUR/USD", 112_120, b""),
        (b"0", b"2", b"EUR/USD", 112_125, b"7"),
    ]
    assert md.decode(y) == md.Rejected(b"r1", b"0", b"no symbol")
    assert (md.decode(v), md.decode_request(w)) == (None, None)


def test_decode_when_entries_leave_out_symbol_or_time_uses_what_was_said_before() -> None:
    body = b"262=r\x01268=3\x01279=0\x01269=0\x01278=a\x0155=EUR/USD\x01270=1.1\x01279=1\x01278=a\x01280=b\x01270=1.2\x01279=2\x01278=c\x0155=USD/JPY\x01"
    told = md.decode(message(b"X", body, "FIX.4.4"))
    assert isinstance(told, md.Refresh)
    assert [(e.symbol, e.entry_id, e.ref_id, e.kind) for e in told.entries] == [
        (b"EUR/USD", b"a", b"", b"0"),
        (b"EUR/USD", b"a", b"b", b""),
        (b"USD/JPY", b"c", b"", b""),
    ]
    assert {e.source_ns for e in told.entries} == {timestamp_ns(b"20200101-10:20:31")}


@pytest.mark.parametrize(
    ("text", "digits", "value"),
    [(b"1.1212", 5, 112_120), (b"-0.5", 1, -5), (b"1.12121", 4, None), (b"1e5", 5, None), (b"nan", 5, None), (b"", 5, None), (b"9999999999999999", 5, None)],
)
def test_scaled_when_given_text_is_exact_or_nothing(text: bytes, digits: int, value: int | None) -> None:
    assert md.scaled(text, digits) == value


def test_request_when_it_unsubscribes_says_so() -> None:
    assert (263, b"2") in parse(message(b"V", md.request(b"r1", b"EUR/USD", 1, False, md.UNSUBSCRIBE), "FIX.4.4"))
