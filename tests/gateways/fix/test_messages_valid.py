"""Every message that we send passes the data dictionary of its version: kinds x order types x times in force, and our own venue's reports."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix import profile as profiles
from ringfence.gateways.fix.codec import encode, parse
from ringfence.gateways.fix.dictionary import CHECKS, load
from ringfence.gateways.fix.messages import event_values, order_body
from ringfence.gateways.fix.profile import BEGIN_STRINGS, Profile
from ringfence.gateways.venue import messages as venue
from ringfence.gateways.venue import wire
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import session_config

NOW = 1_700_000_000_123_000_000
HEADER = [(34, 7), (49, "B"), (52, "20231114-22:13:20.123"), (56, "A")]
IDS = {"cl_ord_id": b"RF7JQ-0000A1F-01", "orig_cl_ord_id": b"RF7JQ-0000A1F-00", "venue_order_id": b"V1", "symbol": b"EUR/USD", "account_code": b"ACC"}


def command(kind: str, **changes: Any) -> bytes:
    c = np.zeros(1, dtype("OrderCommand"))
    values = {"kind": ENUMS["CommandKind"].by_name[kind], "side": 1, "ord_type": 2, "time_in_force": 1, "px": 10025, "px_digits": 2, "qty": 100}
    for name, value in {**values, **IDS, "engine_ns": NOW, "expire_ns": NOW, "stop_px": 9950, **changes}.items():
        c[0][name] = value
    return c.tobytes()


def whole(msg_type: bytes, body: bytes, begin_string: str) -> bytes:
    fields = [(int(tag), value) for tag, _, value in (f.partition(b"=") for f in body.split(b"\x01")[:-1])]
    return encode(msg_type, [*HEADER, *fields], begin_string.encode())


def fault(raw: bytes, profile: Profile) -> str:
    """What the dictionary says about a message of ours; empty when it is fine."""
    msg_type, body = order_body(raw, NOW, profile=profile)
    message = whole(msg_type, body, profile.begin_string)
    found = load(profile.begin_string).fault(message)
    return "" if found is None else f"{found}: {message!r}"


def shipped() -> list[Profile]:
    out = []
    for name, begin_string in itertools.product(profiles.names(), BEGIN_STRINGS):
        try:
            out.append(profiles.load(name, begin_string))
        except SessionError:
            continue
    return out


@pytest.mark.parametrize("profile", shipped(), ids=lambda p: f"{p.name}-{p.begin_string}")
def test_messages_when_every_order_that_a_profile_maps_is_sent_the_dictionary_finds_no_fault(profile: Profile) -> None:
    types, times = ENUMS["OrdType"].by_name, ENUMS["TimeInForce"].by_name
    instructions = [0, 1] if profile.post_only else [0]
    displays = [0, 10] if profile.display_qty else [0]
    sides = ENUMS["Side"].by_name.values()
    for kind, ord_type, tif, side, bits, shown in itertools.product(
        ("NEW", "REPLACE"), profile.ord_types, profile.time_in_forces, sides, instructions, displays
    ):
        raw = command(kind, ord_type=types[ord_type.upper()], time_in_force=times[tif.upper()], side=side, instructions=bits, display_qty=shown)
        assert fault(raw, profile) == ""


@pytest.mark.parametrize("profile", shipped(), ids=lambda p: f"{p.name}-{p.begin_string}")
def test_messages_when_every_request_that_a_profile_maps_is_sent_the_dictionary_finds_no_fault(profile: Profile) -> None:
    requests = [command("CANCEL"), command("CANCEL", venue_order_id=b"", account_code=b"")]
    requests += [command("STATUS"), command("STATUS", venue_order_id=b"")] if profile.status != "none" else []
    requests += [command("MASS_CANCEL"), command("MASS_CANCEL", symbol=b"", side=0)] if profile.mass_cancel else []
    if profile.dont_know:
        requests += [command("DONT_KNOW", exec_id=b"E1", display_qty=5, dk_reason=reason) for reason in (0, *b"ABCDZ")]
    for raw in requests:
        assert fault(raw, profile) == ""


@pytest.mark.parametrize(
    ("text", "kind", "changes"),
    [
        ('[orders]\npost_only = "18=6"\ndisplay_qty = 210\nexpire = "date"', "NEW", {"instructions": 1, "display_qty": 5, "time_in_force": 7}),
        ('[requests]\nstatus = "AF"', "STATUS", {}),
        ('[symbol]\ntag = 55\nseparator = "."\n[constants]\nD = ["22=8", "48=X"]', "NEW", {}),
        ("[tags]\ntime_places = 0\naccount = false", "REPLACE", {}),
    ],
)
def test_messages_when_a_profile_uses_other_fields_of_the_version_the_dictionary_finds_no_fault(
    tmp_path: Path, text: str, kind: str, changes: dict[str, Any]
) -> None:
    (tmp_path / "v.toml").write_text('about = "x"\n' + text)
    assert fault(command(kind, **changes), profiles.load(str(tmp_path / "v.toml"), "FIX.4.4")) == ""


# ---- the simulated venue's own messages

REPORT = venue.ExecReport("V1", "C2", "1-1", "0", "0", "0", "EUR/USD", "1", "100", "100", "0", "0", "C1", "ACC", "2", "0", "1.10")


@pytest.mark.parametrize("begin_string", BEGIN_STRINGS)
def test_venue_when_it_reports_anything_the_dictionary_finds_no_fault_and_we_read_what_it_meant(begin_string: str) -> None:
    new, fill = {"qty": "100"}, {"last_qty": "40", "last_px": "1.10", "cum_qty": "40", "leaves_qty": "60", "avg_px": "1.10"}
    cases: list[tuple[dict[str, Any], str]] = [({"exec_type": t, "ord_status": t}, k) for t, k in (("0", "ACK"), ("A", "PENDING_NEW"), ("4", "CANCELED"))]
    cases += [({"exec_type": t, "ord_status": t}, k) for t, k in (("6", "PENDING_CANCEL"), ("E", "PENDING_REPLACE"), ("C", "EXPIRED"))]
    cases += [({"exec_type": "8", "ord_status": "8", "reject_reason": 0, "text": "no"}, "REJECTED"), ({"exec_type": "5", "ord_status": "5"}, "REPLACED")]
    cases += [({"exec_type": "1", "ord_status": "1", **fill}, "FILL"), ({"exec_trans_type": "3", "ord_status": "0"}, "STATUS")]
    for changes, kind in cases:
        values = {n: getattr(REPORT, n) for n in REPORT.__slots__} | new | changes
        message = whole(*wire.body(venue.ExecReport(**values), NOW, begin_string), begin_string)
        assert load(begin_string).fault(message) is None, (load(begin_string).fault(message), message)
        event = event_values(message)
        assert event is not None
        assert (ENUMS["VenueEventKind"].by_value[int(event["kind"])], event["flags"]) == (kind, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("begin_string", BEGIN_STRINGS)
def test_venue_when_it_refuses_or_answers_a_mass_request_the_dictionary_finds_no_fault(begin_string: str) -> None:
    reports: list[venue.Report] = [venue.CancelReject("V1", "C2", "C1", "0", "1", 0, "too late")]
    if begin_string == "FIX.4.4":
        reports += [venue.MassCancelReport("M1", "C2", "7", "7", 2, "", None, ""), venue.MassCancelReport("NONE", "C2", "1", "0", 0, "X", 1, "no")]
    for report in reports:
        message = whole(*wire.body(report, NOW, begin_string), begin_string)
        assert load(begin_string).fault(message) is None, (load(begin_string).fault(message), message)
    reject = whole(b"j", wire.business_reject(5, wire.Unserved("D", 3, "no")), begin_string)
    assert load(begin_string).fault(reject) is None


def test_venue_when_a_44_report_is_written_it_has_no_word_of_42() -> None:
    replaced = venue.ExecReport(**{n: getattr(REPORT, n) for n in REPORT.__slots__} | {"exec_type": "5", "ord_status": "5"})
    fields = dict(parse(whole(*wire.body(replaced, NOW, "FIX.4.4"), "FIX.4.4")))
    assert (fields[39], 20 in fields) == (b"0", False)


def test_checks_when_named_in_the_configuration_are_the_validators() -> None:
    assert {name: 1 << k for k, name in enumerate(session_config.CHECKS)} == CHECKS
