"""A venue's specification: every mistake names key, value and what is allowed."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateways.keys import SpecError, load_json
from ringfence.gateways.venue.__main__ import arguments, specification
from ringfence.gateways.venue.spec import venue_spec

GOOD: dict[str, Any] = {
    "port": 9878,
    "sender_comp_id": "SIM",
    "target_comp_id": "RF",
    "symbols": [{"symbol": "EUR/USD", "price_digits": 5}],
    "quotes": {"ticks": [{"symbol": "EUR/USD", "file": "eurusd_ticks.csv", "format": "histdata"}], "speed": 2.5},
}


def test_spec_when_good_gives_scaled_integers(tmp_path: Path) -> None:
    spec = venue_spec({**GOOD, "latency_ms": [Decimal("0.5"), 2], "store": "a.store", "record": "/tmp/r"}, tmp_path)
    assert spec.latency_ns == (500_000, 2_000_000)
    assert spec.by_symbol["EUR/USD"].level_qty == (1_000_000, 1_000_000)
    assert (spec.store, spec.record) == (tmp_path / "a.store", Path("/tmp/r"))
    assert spec.ticks[0].file.name == "eurusd_ticks.csv" and spec.ticks[0].file.is_file()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("port",), 70_000, r"spec\.port: 70000 is not allowed; it must be an integer from 0 to 65535"),
        (("port",), True, r"spec\.port: True is not allowed"),
        (("sender_comp_id",), "", r"spec\.sender_comp_id: '' is not allowed; it must be printable ASCII text"),
        (("symbols",), [], r"spec\.symbols: \[\] is not allowed; it must be a list with at least one entry"),
        (("symbols", 0, "price_digits"), "5", r"spec\.symbols\[0\]\.price_digits: '5' is not allowed"),
        (("symbols", 0, "level_qty"), [5, 2], r"spec\.symbols\[0\]\.level_qty: \[5, 2\] is not allowed; it must be a number or \[least, most\]"),
        (("symbols", 0, "level_qty"), 0, r"level_qty: 0 is not allowed"),
        (("latency_ms",), "soon", r"spec\.latency_ms: 'soon' is not allowed"),
        (("latency_ms",), "0.0000001", r"spec\.latency_ms: '0\.0000001' is not allowed"),
        (("reject_ppm",), 0.5, r"spec\.reject_ppm: 0\.5 is not allowed; it must be an integer from 0 to 1000000"),
        (("ioc_rest",), "kept", r"spec\.ioc_rest: 'kept' is not allowed; it must be one of canceled, expired"),
        (("pending_acks",), "yes", r"spec\.pending_acks: 'yes' is not allowed; it must be true or false"),
        (("quotes", "speed"), 0, r"spec\.quotes\.speed: 0 is not allowed; it must be above 0"),
        (("quotes", "speed"), "nan", r"spec\.quotes\.speed: 'nan' is not allowed; it must be a number"),
        (("quotes", "ticks", 0, "file"), "none.csv", r"file: 'none\.csv' is not allowed; it must be a tick file; .* does not exist"),
        (("quotes", "ticks", 0, "format"), "csv", r"format: 'csv' is not allowed; it must be one of histdata, truefx"),
        (("quotes", "ticks", 0, "symbol"), "GBP/USD", r"spec\.quotes\.ticks: 'GBP/USD' is not one of the venue's symbols"),
        (("quotes",), [], r"spec\.quotes: \[\] must be an object"),
        (("latencyms",), 5, r"spec\.latencyms: unknown key \(value 5\); known are .*latency_ms"),
        (("symbols", 0, "digits"), 5, r"spec\.symbols\[0\]\.digits: unknown key"),
    ],
)
def test_spec_when_a_value_is_wrong_names_key_value_and_what_is_allowed(path: tuple[Any, ...], value: Any, message: str) -> None:
    raw = copy.deepcopy(GOOD)
    at: Any = raw
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(SpecError, match=message):
        venue_spec(raw, Path())


@pytest.mark.parametrize("key", ["port", "sender_comp_id", "target_comp_id", "symbols", "quotes"])
def test_spec_when_a_key_is_missing_names_it(key: str) -> None:
    with pytest.raises(SpecError, match=rf"spec\.{key}: missing; add it"):
        venue_spec({k: v for k, v in GOOD.items() if k != key}, Path())


def test_load_json_when_it_is_none_says_where(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    with pytest.raises(SpecError, match=r"s\.json: cannot read: No such file"):
        load_json(file)
    file.write_text("{")
    with pytest.raises(SpecError, match=r"s\.json: not JSON"):
        load_json(file)


def test_flags_when_given_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(json.dumps(GOOD))
    flags = ["--spec", str(file), "--port", "1", "--seed", "9", "--latency-ms", "1,2", "--level-qty", "5,7", "--clip", "3", "--speed", "10", "--pending-acks"]
    spec = specification(arguments().parse_args(flags))
    assert (spec.port, spec.seed, spec.latency_ns, spec.pending_acks) == (1, 9, (1_000_000, 2_000_000), True)
    assert (spec.symbols[0].level_qty, spec.symbols[0].clip, spec.speed) == ((5, 7), 3, Decimal(10))


def test_flags_when_there_is_only_a_port_give_the_counterparty_of_the_example() -> None:
    spec = specification(arguments().parse_args(["--port", "9880"]))
    assert (spec.sender_comp_id, spec.target_comp_id, spec.port) == ("SIM", "RINGFENCE", 9_880)
    assert [(s.symbol, s.price_digits) for s in spec.symbols] == [("EUR/USD", 6), ("USD/JPY", 3)]
    assert [t.symbol for t in spec.ticks] == ["EUR/USD", "USD/JPY"]
    assert [t.symbol for t in specification(arguments().parse_args(["--port", "1", "--symbol", "USD/JPY:3"])).ticks] == ["USD/JPY"]


def test_flags_when_a_symbol_has_no_ticks_ask_for_quotes() -> None:
    with pytest.raises(SpecError, match=r"spec\.quotes\.ticks: \[\] is not allowed"):
        specification(arguments().parse_args(["--port", "1", "--symbol", "XAU/USD:2"]))


def test_flags_when_they_are_all_there_is_make_a_venue() -> None:
    flags = ["--port", "0", "--sender-comp-id", "S", "--target-comp-id", "T", "--symbol", "USD/JPY:3", "--symbol", "EUR/USD:5:2", "--quotes", "prod"]
    spec = specification(arguments().parse_args(flags))
    assert [(s.symbol, s.price_digits, s.qty_digits) for s in spec.symbols] == [("USD/JPY", 3, 0), ("EUR/USD", 5, 2)]
    assert spec.quotes_instance == "prod"


@pytest.mark.parametrize(("flag", "value"), [("--symbol", "EUR/USD"), ("--symbol", "EUR/USD:x"), ("--ticks", "EUR/USD:file")])
def test_flags_when_of_another_form_are_refused(flag: str, value: str) -> None:
    with pytest.raises(SpecError, match=flag):
        specification(arguments().parse_args([flag, value]))
