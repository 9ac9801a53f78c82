"""Commands to bodies and reports to events; the meaning of every enum value is taken from the schema's own text, not from the code under test."""

from __future__ import annotations

import contextlib
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.errors import FixError, GarbledMessage
from ringfence.gateways.fix import profile as profiles
from ringfence.gateways.fix.codec import encode, parse, timestamp_text
from ringfence.gateways.fix.dialect import Dialect
from ringfence.gateways.fix.messages import event_values, order_body, venue_event
from ringfence.gateways.fix.profile import Profile
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS

NOW = 1_700_000_000_123_000_000
HEADER = [(34, 7), (49, "B"), (52, "20231114-22:13:20.123"), (56, "A")]
INVALID, TRUNCATED = CONSTANTS["VENUE_EVENT_INVALID"][0], CONSTANTS["VENUE_EVENT_TRUNCATED"][0]
REPORT = [(37, "V1"), (11, "C1"), (17, "E1"), (20, 0), (150, 0), (39, 0), (55, "ABC"), (54, 1), (38, 100), (151, 100), (14, 0), (6, 0)]
IDS = (("cl_ord_id", 11, 24), ("orig_cl_ord_id", 41, 24), ("exec_id", 17, 40), ("exec_ref_id", 19, 40), ("venue_order_id", 37, 32), ("symbol", 55, 24))


def fix_values(enum: str, tag: int) -> dict[str, str]:
    """FIX wire value by name, from lines of the schema such as ``NEW: 39=0``."""
    return {name: m.group(1) for name, _, doc in ENUMS[enum].values if (m := re.search(rf"\b{tag}=(\w)", doc))}


def command(kind: str = "NEW", **changes: Any) -> bytes:
    c = np.zeros(1, dtype("OrderCommand"))
    values = {
        "kind": ENUMS["CommandKind"].by_name[kind], "side": 1, "ord_type": 2, "time_in_force": 1, "px": 10025, "px_digits": 2, "qty": 100,
        "cl_ord_id": b"C1", "orig_cl_ord_id": b"" if kind in ("NEW", "STATUS") else b"C0", "symbol": b"ABC", "account_code": b"ACC", "engine_ns": NOW,
        **changes,
    }  # fmt: skip
    for name, value in values.items():
        c[0][name] = value
    return c.tobytes()


def body(raw: bytes, begin_string: str = "FIX.4.2", profile: Profile | None = None) -> tuple[bytes, dict[int, bytes]]:
    msg_type, text = order_body(raw, NOW, begin_string, profile)
    fields = [f.split(b"=", 1) for f in text.split(b"\x01")[:-1]]
    tags = [int(t) for t, _ in fields]
    assert len(set(tags)) == len(tags), "no tag comes twice"
    assert tags == sorted(tags) or profile is not None, "tags ascend"
    return msg_type, {int(t): v for t, v in fields}


def event(fields: list[tuple[int, Any]], msg_type: bytes = b"8", header: list[tuple[int, Any]] | None = None, store: MessageStore | None = None) -> Any:
    raw = venue_event(encode(msg_type, [*(header or HEADER), *fields]), NOW, store)
    return None if raw is None else np.frombuffer(raw, dtype("VenueEvent"))[0]


def changed(**tags: Any) -> list[tuple[int, Any]]:
    """REPORT with tags (``t39="2"``) replaced, added, or removed (None)."""
    new = {int(k[1:]): v for k, v in tags.items()}
    return [(t, v) for t, v in {**dict(REPORT), **new}.items() if v is not None]


# ---- out


def test_order_body_when_new_limit_has_every_required_tag() -> None:
    assert body(command()) == (
        b"D", {1: b"ACC", 11: b"C1", 21: b"1", 38: b"100", 40: b"2", 44: b"100.25", 54: b"1", 55: b"ABC", 59: b"0", 60: b"20231114-22:13:20.123"},
    )  # fmt: skip


@pytest.mark.parametrize(("name", "wire"), fix_values("Side", 54).items())
def test_order_body_when_side_is_set_uses_its_fix_value(name: str, wire: str) -> None:
    assert body(command(side=ENUMS["Side"].by_name[name]))[1][54] == wire.encode()


@pytest.mark.parametrize(("name", "wire"), fix_values("TimeInForce", 59).items())
def test_order_body_when_time_in_force_is_set_uses_its_fix_value(name: str, wire: str) -> None:
    fields = body(command(time_in_force=ENUMS["TimeInForce"].by_name[name], expire_ns=NOW))[1]
    assert fields[59] == wire.encode()
    assert fields.get(126) == (timestamp_text(NOW) if name == "GTD" else None)


@pytest.mark.parametrize(("name", "prices"), [("MARKET", set()), ("LIMIT", {44}), ("STOP", {99}), ("STOP_LIMIT", {44, 99})])
def test_order_body_when_order_type_is_set_carries_only_its_prices(name: str, prices: set[int]) -> None:
    fields = body(command(ord_type=ENUMS["OrdType"].by_name[name], stop_px=9950))[1]
    assert fields[40] == fix_values("OrdType", 40)[name].encode()
    assert {44, 99} & set(fields) == prices
    assert fields.get(99, b"99.50") == b"99.50"


def test_order_body_when_part_is_displayed_carries_max_floor() -> None:
    assert body(command(display_qty=15, qty_digits=1))[1][111] == b"1.5"


def test_order_body_when_cancel_replace_and_status_carry_their_tags() -> None:
    kind, fields = body(command("CANCEL", venue_order_id=b"V9"))
    assert (kind, fields) == (
        b"F", {1: b"ACC", 11: b"C1", 37: b"V9", 38: b"100", 41: b"C0", 54: b"1", 55: b"ABC", 60: b"20231114-22:13:20.123"},
    )  # fmt: skip
    kind, fields = body(command("REPLACE", venue_order_id=b"V9", qty=120))
    assert (kind, fields[11], fields[41], fields[37], fields[38], fields[21], fields[40], fields[44]) == (
        b"G",
        b"C1",
        b"C0",
        b"V9",
        b"120",
        b"1",
        b"2",
        b"100.25",
    )
    assert body(command("STATUS")) == (b"H", {1: b"ACC", 11: b"C1", 54: b"1", 55: b"ABC"})


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 10**18 - 1), st.integers(0, 9), st.integers(-(10**17), 10**17), st.integers(0, 9))
def test_order_body_when_amounts_vary_is_exact(qty: int, qty_digits: int, px: int, px_digits: int) -> None:
    fields = body(command(qty=qty, qty_digits=qty_digits, px=px, px_digits=px_digits))[1]
    assert Decimal(fields[38].decode()) == Decimal(qty).scaleb(-qty_digits)
    assert Decimal(fields[44].decode()) == Decimal(px).scaleb(-px_digits)


def test_order_body_when_ids_fill_their_fields_is_whole() -> None:
    fields = body(command(cl_ord_id=b"c" * 24, symbol=b"s" * 24, account_code=b"a" * 24))[1]
    assert (fields[11], fields[55], fields[1]) == (b"c" * 24, b"s" * 24, b"a" * 24)


@pytest.mark.parametrize(
    "changes",
    [{"side": 0}, {"side": 3}, {"ord_type": 9}, {"time_in_force": 0}, {"qty": 0}, {"cl_ord_id": b""}, {"symbol": b""}, {"px_digits": 19}],
)
def test_order_body_when_a_value_has_no_fix_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(FixError, match="has no FIX form"):
        order_body(command(**changes))


def test_order_body_when_cancel_names_no_original_or_kind_is_unknown_is_refused() -> None:
    with pytest.raises(FixError, match="has no FIX form"):
        order_body(command("CANCEL", orig_cl_ord_id=b""))
    unknown_kind = bytearray(command())
    unknown_kind[100] = 9
    with pytest.raises(FixError, match="has no FIX form: kind 9"):
        order_body(bytes(unknown_kind))
    with pytest.raises(FixError, match="320 bytes, was 3"):
        order_body(b"abc")


# ---- out, FIX 4.4


def test_order_body_when_44_leaves_out_handl_inst_and_keeps_order_qty() -> None:
    kind, fields = body(command(), "FIX.4.4")
    assert (kind, fields) == (
        b"D", {1: b"ACC", 11: b"C1", 38: b"100", 40: b"2", 44: b"100.25", 54: b"1", 55: b"ABC", 59: b"0", 60: b"20231114-22:13:20.123"},
    )  # fmt: skip
    for name in ("CANCEL", "REPLACE"):
        assert {38, 41} <= set(body(command(name), "FIX.4.4")[1])


@pytest.mark.parametrize(("symbol", "scope"), [(b"", b"7"), (b"ABC", b"1")])
def test_order_body_when_mass_cancel_says_what_it_covers(symbol: bytes, scope: bytes) -> None:
    kind, fields = body(command("MASS_CANCEL", symbol=symbol, side=0), "FIX.4.4")
    expected = {11: b"C1", 60: b"20231114-22:13:20.123", 530: scope} | ({55: symbol} if symbol else {})
    assert (kind, fields) == (b"q", expected)
    with pytest.raises(FixError, match="no mass cancel"):
        order_body(command("MASS_CANCEL"), NOW)


@pytest.mark.parametrize("begin_string", ["FIX.4.2", "FIX.4.4"])
def test_order_body_when_dont_know_names_the_execution(begin_string: str) -> None:
    refused = command("DONT_KNOW", exec_id=b"E9", venue_order_id=b"V1", dk_reason=68, qty=100, display_qty=40, px=1025)
    assert body(refused, begin_string) == (
        b"Q", {17: b"E9", 31: b"10.25", 32: b"40", 37: b"V1", 38: b"100", 54: b"1", 55: b"ABC", 127: b"D"},
    )  # fmt: skip
    unknown = body(command("DONT_KNOW", exec_id=b"E9", qty=0, display_qty=40, px=0), begin_string)[1]
    assert (unknown[37], unknown[38], unknown[127]) == (b"NONE", b"40", b"Z")


# ---- out, dialects


def profile(folder: Path, text: str, begin_string: str = "FIX.4.4") -> Profile:
    path = folder / "v.toml"
    path.write_text('about = "test"\n' + text)
    return profiles.load(str(path), begin_string)


@pytest.mark.parametrize(
    ("text", "changes", "tags"),
    [
        ('[orders]\npost_only = "18=6"', {"instructions": 1}, {18: b"6", 59: b"0"}),
        ('[orders]\npost_only = "59=P"', {"instructions": 1}, {59: b"P"}),
        ('[orders]\npost_only = "59=P"', {"time_in_force": 2}, {59: b"1"}),
        ("[orders]\ndisplay_qty = 210", {"display_qty": 5}, {210: b"5"}),
        ("[orders]\ndisplay_qty = 1138", {"display_qty": 5}, {1138: b"5"}),
        ('[orders]\nexpire = "date"', {"time_in_force": 7, "expire_ns": NOW}, {59: b"6", 432: b"20231114"}),
        ('[symbol]\ntag = 48\n[constants]\nD = ["22=8"]', {}, {48: b"ABC", 22: b"8"}),
        ("[tags]\ntime_places = 6", {"engine_ns": NOW + 456789}, {60: b"20231114-22:13:20.123456"}),
        ("[tags]\ntime_places = 0", {}, {60: b"20231114-22:13:20"}),
        ('[tags]\nhandl_inst = "2"', {}, {21: b"2"}),
    ],
)
def test_order_body_when_the_profile_maps_it_otherwise_uses_the_venues_field(
    tmp_path: Path, text: str, changes: dict[str, Any], tags: dict[int, bytes]
) -> None:
    fields = body(command(**changes), profile=profile(tmp_path, text))[1]
    assert {tag: fields.get(tag) for tag in tags} == tags


def test_order_body_when_the_profile_leaves_tags_out_they_are_absent(tmp_path: Path) -> None:
    bare = profile(tmp_path, "[tags]\naccount = false\norder_id = false\ncancel_qty = false")
    assert set(body(command("CANCEL", venue_order_id=b"V9"), profile=bare)[1]) == {11, 41, 54, 55, 60}


@pytest.mark.parametrize(
    ("text", "name", "changes", "what"),
    [
        ("", "NEW", {"instructions": 1}, "no post-only"),
        ("[orders]\ndisplay_qty = 0", "NEW", {"display_qty": 5}, "no display quantity"),
        ('[orders]\nord_types = ["limit"]', "NEW", {"ord_type": 1}, r"does not take this OrdType\(40\)"),
        ('[orders]\ntime_in_forces = ["day"]', "REPLACE", {"time_in_force": 4}, r"does not take this TimeInForce\(59\)"),
        ('[requests]\nstatus = "none"', "STATUS", {}, "no order status request"),
        ("[requests]\ndont_know = false", "DONT_KNOW", {"exec_id": b"E1"}, "no DontKnowTrade"),
        ("[requests]\nmass_cancel = false", "MASS_CANCEL", {}, "no mass cancel"),
    ],
)
def test_order_body_when_the_profile_does_not_map_it_is_refused_by_name(tmp_path: Path, text: str, name: str, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(FixError, match=what):
        order_body(command(name, **changes), NOW, profile=profile(tmp_path, text))


def test_order_body_when_symbols_are_mapped_only_those_can_be_sent(tmp_path: Path) -> None:
    dialect = Dialect(profile(tmp_path, '[symbol]\nseparator = "-"\n[symbol.names]\n"USD/JPY" = "7"'), ["EUR/USD", "USD/JPY", "ABC"])
    for ours, theirs in ((b"EUR/USD", b"EUR-USD"), (b"USD/JPY", b"7"), (b"ABC", b"ABC")):
        assert b"\x0155=" + theirs + b"\x01" in order_body(command(symbol=ours), NOW, dialect=dialect)[1]
        raw = venue_event(encode(b"8", [*HEADER, *changed(t55=theirs.decode())]), NOW, dialect=dialect)
        assert raw is not None
        assert np.frombuffer(raw, dtype("VenueEvent"))[0]["symbol"] == ours
    with pytest.raises(FixError, match="no such Symbol"):
        order_body(command(symbol=b"XYZ"), NOW, dialect=dialect)
    raw = venue_event(encode(b"8", [*HEADER, *changed(t55="UNKNOWN")]), NOW, dialect=dialect)
    assert raw is not None
    assert np.frombuffer(raw, dtype("VenueEvent"))[0]["symbol"] == b"UNKNOWN"


def test_order_body_when_status_is_by_mass_request_asks_for_every_order(tmp_path: Path) -> None:
    assert body(command("STATUS"), profile=profile(tmp_path, '[requests]\nstatus = "AF"')) == (b"AF", {584: b"C1", 585: b"7"})


# ---- in


@pytest.mark.parametrize(("name", "wire"), [(n, w) for n, w in fix_values("VenueEventKind", 150).items() if n != "FILL"])
def test_report_when_exec_type_is_set_is_of_its_kind(name: str, wire: str) -> None:
    assert ENUMS["VenueEventKind"].by_value[int(event(changed(t150=wire))["kind"])] == name


@pytest.mark.parametrize(
    ("trans", "exec_type", "kind"),
    [
        ("0", "1", "FILL"), ("0", "2", "FILL"), (None, "F", "FILL"), ("1", "1", "BUST"), ("1", "2", "BUST"), ("2", "2", "CORRECT"), ("3", "2", "STATUS"),
        ("3", "0", "STATUS"),
        (None, "G", "CORRECT"), (None, "H", "BUST"), (None, "I", "STATUS"), ("0", "7", "STOPPED"),
    ],
)  # fmt: skip
def test_report_when_exec_trans_type_is_set_decides_before_exec_type(trans: str | None, exec_type: str, kind: str) -> None:
    e = event(changed(t20=trans, t150=exec_type, t19="E0", t31="10", t32="5"))
    assert (ENUMS["VenueEventKind"].by_value[int(e["kind"])], int(e["flags"])) == (kind, 0)
    assert int(e["exec_trans_type"]) == (0 if trans is None else int(trans) + 1)


@pytest.mark.parametrize(("name", "wire"), fix_values("OrdStatus", 39).items())
def test_report_when_ord_status_is_set_is_ours(name: str, wire: str) -> None:
    assert ENUMS["OrdStatus"].by_value[int(event(changed(t39=wire))["ord_status"])] == name


def test_report_when_complete_every_field_arrives() -> None:
    fields = changed(
        t6="10.125",
        t12="-0.125",
        t13=3,
        t479="USD",
        t14="40",
        t31="10.25",
        t32="40.0",
        t38="100",
        t41="C0",
        t44="11",
        t58="hello",
        t60="20231114-22:13:20",
        t150=1,
        t39=1,
        t151="60",
        t19="E0",
        t103=5,
    )
    e = event(fields, header=[*HEADER, (43, "Y"), (97, "Y")])
    amounts = {n: (int(e[n]), int(e[f"{n}_digits"])) for n in ("avg_px", "cum_qty", "last_px", "last_qty", "qty", "px", "leaves_qty")}
    assert amounts == {
        "avg_px": (10125, 3), "cum_qty": (40, 0), "last_px": (1025, 2), "last_qty": (40, 0), "qty": (100, 0), "px": (11, 0), "leaves_qty": (60, 0),
    }  # fmt: skip
    assert (int(e["commission"]), int(e["comm_digits"]), int(e["comm_type"]), e["comm_currency"]) == (-125, 3, 3, b"USD")
    assert int(e["present"]) == sum(v for n, (v, _) in CONSTANTS.items() if n.startswith("PRESENT_"))
    assert [e[n] for n in ("cl_ord_id", "orig_cl_ord_id", "exec_id", "exec_ref_id", "venue_order_id", "symbol", "text")] == [
        b"C1", b"C0", b"E1", b"E0", b"V1", b"ABC", b"hello",
    ]  # fmt: skip
    assert (int(e["transact_ns"]), int(e["received_ns"]), int(e["msg_seq_num"]), int(e["side"]), int(e["text_code"])) == (1_700_000_000 * 10**9, NOW, 7, 1, 6)
    assert int(e["flags"]) == CONSTANTS["VENUE_EVENT_POSS_DUP"][0] | CONSTANTS["VENUE_EVENT_POSS_RESEND"][0]
    assert (int(e["slot_seq"]), bytes(e["pad_1"])) == (0, b"")


def test_report_when_amounts_are_absent_their_bits_are_not_set() -> None:
    e = event([(37, "V1"), (17, "E1"), (150, 0), (39, 0)])
    assert (int(e["present"]), int(e["flags"]), e["cl_ord_id"]) == (0, 0, b"")


@pytest.mark.parametrize(
    "tags",
    [
        {"t38": "lots"},
        {"t38": ""},
        {"t31": "1e5"},
        {"t60": "now"},
        {"t39": "?"},
        {"t54": "9"},
        {"t20": "7"},
        {"t103": "x"},
        {"t6": "9" * 30},
        {"t14": "-5"},
        {"t11": "a\x00b"},
    ],
)
def test_report_when_a_field_is_wrong_is_delivered_and_flagged(tags: dict[str, Any]) -> None:
    e = event(changed(t150=1, t39=1, t32=7, **tags) if "t39" not in tags else changed(t150=1, t32=7, **tags))
    assert int(e["flags"]) & INVALID
    assert (ENUMS["VenueEventKind"].by_value[int(e["kind"])], int(e["last_qty"]), e["exec_id"]) == ("FILL", 7, b"E1")


def test_report_when_it_has_more_fields_than_are_read_is_flagged() -> None:
    assert not event([*REPORT, *((5000 + k, "x") for k in range(900))])["flags"] & INVALID
    assert event([*REPORT, *((5000 + k, "x") for k in range(1100))])["flags"] & INVALID


@pytest.mark.parametrize(("status", "last", "kind"), [("1", 5, "FILL"), ("2", 5, "FILL"), ("0", 5, "STATUS"), ("1", 0, "STATUS")])
def test_report_when_exec_type_is_unknown_a_traded_quantity_is_a_fill(status: str, last: int, kind: str) -> None:
    e = event(changed(t150="Z", t39=status, t32=last))
    assert (ENUMS["VenueEventKind"].by_value[int(e["kind"])], bool(int(e["flags"]) & INVALID)) == (kind, True)


@pytest.mark.parametrize(("name", "tag", "width"), IDS)
def test_report_when_an_id_is_too_long_is_cut_and_flagged(name: str, tag: int, width: int) -> None:
    fits = event(changed(**{f"t{tag}": "x" * width}))
    assert (fits[name], int(fits["flags"])) == (b"x" * width, 0)
    cut = event(changed(**{f"t{tag}": "x" * width + "y"}))
    assert (cut[name], int(cut["flags"])) == (b"x" * width, TRUNCATED)


@pytest.mark.parametrize(("exec_type", "kind"), [("0", "ACK"), ("4", "CANCELED"), ("7", "STOPPED"), ("I", "STATUS"), ("D", "RESTATED"), ("5", "REPLACED")])
def test_report_when_it_is_no_trade_its_last_shares_are_no_fill(exec_type: str, kind: str) -> None:
    """R1: a guarantee, a status answer or an acknowledgement may carry LastShares."""
    e = event(changed(t20=None, t150=exec_type, t39=1, t32=7, t31="10"))
    assert (ENUMS["VenueEventKind"].by_value[int(e["kind"])], int(e["flags"])) == (kind, 0)


@pytest.mark.parametrize(("trans", "exec_type"), [(None, "1"), (None, "2"), ("0", "F")])
def test_report_when_a_trade_is_said_in_the_other_versions_way_is_a_fill_all_the_same(trans: str | None, exec_type: str) -> None:
    assert ENUMS["VenueEventKind"].by_value[int(event(changed(t20=trans, t150=exec_type, t32=7))["kind"])] == "FILL"


@pytest.mark.parametrize(("response", "reason", "code"), [("7", None, 0), ("0", "1", 2), ("0", "99", 100)])
def test_mass_cancel_report_when_received_carries_response_and_reason(response: str, reason: str | None, code: int) -> None:
    affected = [(534, 1), (41, "C0"), (535, "V1")]  # of an order, not of the request
    fields = [(37, "M1"), (11, "C1"), (530, 7), (531, response), *([(532, reason)] if reason else []), (55, "ABC"), *affected]
    e = event(fields, b"r")
    assert ENUMS["VenueEventKind"].by_value[int(e["kind"])] == "MASS_CANCEL_REPORT"
    assert (e["cl_ord_id"], e["orig_cl_ord_id"], chr(e["mass_cancel_response"]), int(e["text_code"]), e["symbol"]) == (b"C1", b"", response, code, b"ABC")


def test_report_when_text_is_long_is_cut_without_a_flag() -> None:
    e = event(changed(t58="t" * 200))
    assert (e["text"], int(e["flags"])) == (b"t" * 64, 0)


def test_cancel_reject_when_received_names_request_and_order() -> None:
    e = event([(37, "NONE"), (11, "C1"), (41, "C0"), (39, 8), (434, 2), (102, 1), (58, "too late")], b"9")
    assert ENUMS["VenueEventKind"].by_value[int(e["kind"])] == "CANCEL_REJECT"
    assert (e["cl_ord_id"], e["orig_cl_ord_id"], int(e["cxl_rej_response_to"]), int(e["text_code"]), e["text"]) == (b"C1", b"C0", 2, 2, b"too late")
    assert ENUMS["OrdStatus"].by_value[int(e["ord_status"])] == "REJECTED"


@pytest.mark.parametrize(("ref", "ours", "response_to"), [(b"D", b"11=C5\x01", 0), (b"F", b"11=C5\x0141=C4\x01", 1), (b"G", b"11=C5\x0141=C4\x01", 2)])
@pytest.mark.parametrize(("msg_type", "reason_tag"), [(b"j", 380), (b"3", 373)])
def test_reject_by_number_when_it_is_in_the_store_names_our_ids(
    tmp_path: Path, ref: bytes, ours: bytes, response_to: int, msg_type: bytes, reason_tag: int
) -> None:
    store = MessageStore(tmp_path / "s", "me")
    store.append(b"8=FIX.4.2\x019=5\x0135=A\x0110=000\x01", 1)
    store.append(b"8=FIX.4.2\x019=5\x0135=" + ref + b"\x0134=2\x01" + ours + b"10=000\x01", 3 if ref == b"D" else 2)
    e = event([(45, 2), (372, ref), (reason_tag, 3), (58, "no")], msg_type, store=store)
    assert ENUMS["VenueEventKind"].by_value[int(e["kind"])] == "BUSINESS_REJECT"
    assert (e["cl_ord_id"], e["orig_cl_ord_id"]) == (b"C5", b"C4" if response_to else b"")
    assert (int(e["cxl_rej_response_to"]), int(e["text_code"]), int(e["flags"])) == (response_to, 4, 0)
    assert event([(45, 1), (reason_tag, 3)], msg_type, store=store) is None, "a reject of our Logon is no event"
    unknown = event([(45, 99), (reason_tag, 3)], msg_type, store=store)
    assert (unknown["cl_ord_id"], ENUMS["VenueEventKind"].by_value[int(unknown["kind"])]) == (b"", "BUSINESS_REJECT")
    store.close()


def test_reject_of_a_status_request_when_it_is_in_the_store_does_not_name_the_live_order(tmp_path: Path) -> None:
    """H carries the order's own ClOrdID; a venue that refuses to answer has not refused the order."""
    with contextlib.closing(MessageStore(tmp_path / "s", "me")) as store:
        store.append(b"8=FIX.4.2\x019=5\x0135=H\x0134=1\x0111=C5\x0110=000\x01", 2)
        e = event([(45, 1), (372, "H"), (380, 3), (58, "no")], b"j", store=store)
        assert (e["cl_ord_id"], ENUMS["VenueEventKind"].by_value[int(e["kind"])], int(e["cxl_rej_response_to"])) == (b"", "BUSINESS_REJECT", 0)


@pytest.mark.parametrize(("ref", "name", "response_to"), [("D", b"C5", 0), ("F", b"C5", 1), ("G", b"C5", 2), ("H", b"", 0)])
def test_business_reject_when_its_number_is_not_stored_any_more_is_read_by_its_own_reference(ref: str, name: bytes, response_to: int) -> None:
    e = event([(45, 99), (372, ref), (379, "C5"), (380, 3)], b"j")
    assert (e["cl_ord_id"], int(e["cxl_rej_response_to"])) == (name, response_to)


def test_message_when_of_another_type_is_no_event() -> None:
    assert event([(148, "news")], b"B") is None
    assert event_values(encode(b"B", [*HEADER, (148, "news")])) is None
    with pytest.raises(GarbledMessage):
        venue_event(b"8=FIX.4.2\x01")


def test_event_values_when_read_equal_the_record() -> None:
    fields = changed(t6="10.125", t14="40", t31="10.25", t32="40", t150=1, t39=1, t151="60")
    values, record = event_values(encode(b"8", [*HEADER, *fields])), event(fields)
    assert values is not None
    for name, value in values.items():
        if isinstance(value, tuple):
            assert value == (int(record[name]), int(record[f"{name}_digits"]))
        else:
            assert value == record[name]
    assert "px" not in values


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from([6, 11, 14, 17, 19, 20, 31, 32, 37, 38, 39, 41, 44, 54, 55, 58, 60, 102, 103, 150, 151, 434, 45]),
                          st.binary(max_size=60).filter(lambda v: b"\x01" not in v)), max_size=25), st.sampled_from([b"8", b"9", b"j", b"3"]))  # fmt: skip
def test_message_when_its_fields_are_anything_gives_a_valid_event(fields: list[tuple[int, bytes]], msg_type: bytes) -> None:
    e = event(fields, msg_type)
    assert int(e["kind"]) in ENUMS["VenueEventKind"].by_value
    assert int(e["side"]) in (0, *ENUMS["Side"].by_value)
    assert int(e["ord_status"]) in (0, *ENUMS["OrdStatus"].by_value)
    assert all(int(e[f"{n}_digits"]) <= 18 for n in ("last_px", "last_qty", "cum_qty", "leaves_qty", "avg_px", "qty", "px"))
    assert dict(parse(encode(msg_type, [*HEADER, *fields])))[34] == b"7"
