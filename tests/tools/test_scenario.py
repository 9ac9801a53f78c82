"""The scenario runner: every scenario of tests/scenarios holds, and the runner says so when one does not."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core.replay import Replayer
from ringfence.tools import cli, scenario
from ringfence.tools.scenario_engine import LIMITS
from ringfence.tools.scenario_file import parse
from ringfence.tools.scenario_words import BadScenario

Capture = pytest.CaptureFixture[str]
SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
PAGE = SCENARIOS.parent.parent / "docs" / "scenarios.md"
FILES = sorted(SCENARIOS.glob("*.ndjson"))
CASES = [f"{letter}{n:02d}" for letter, last in (("S", 22), ("R", 20), ("D", 37)) for n in range(1, last + 1)]
NEW = {"intent": {"client_id": 1, "op": "new", "side": "buy", "qty": "100", "price": "1.00", "type": "limit", "tif": "day"}}
ACK = {"venue": "35=8|20=0|150=0|39=0|11=@1|37=V1|17=A1|54=1|38=100|14=0|151=100"}
FILL = {"venue": "35=8|20=0|150=1|39=1|11=@1|37=V1|17=E1|54=1|38=100|32=50|31=1.00|14=50|151=50"}


def run(*lines: dict[str, Any]) -> scenario.Result:
    return scenario.run(parse("x.ndjson", "\n".join(map(json.dumps, lines)).encode()))


def expect(**values: Any) -> dict[str, Any]:
    return {"expect": values}


def differences(*lines: dict[str, Any]) -> list[str]:
    return [str(f) for f in run(*lines).failures]


def replayed(result: scenario.Result) -> int:
    replayer, journal = Replayer(LIMITS), b"".join(result.journal)
    assert replayer.apply_buffer(journal, 0, len(journal)) == len(result.journal)
    return replayer.state_hash()


# ---- the project's scenarios -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_scenario_file_holds_and_replays(path: Path) -> None:
    result = scenario.run_file(path)
    assert scenario.report(result) == ""
    assert result.checks
    assert replayed(result) == result.state_hash


@pytest.mark.parametrize("case", CASES)
def test_scenario_of_every_numbered_case_is_there_and_says_so_first(case: str) -> None:
    files = [p for p in FILES if re.match(rf"{case}[a-z]?-", p.name)]
    assert files, f"no scenario for {case}"
    for path in files:
        first = json.loads(path.read_text().splitlines()[0])
        assert list(first) == ["comment"]
        assert first["comment"].startswith(f"{path.name.split('-')[0]}: ")


def test_scenario_of_fix_44_is_spoken_in_fix_44() -> None:
    files = [p for p in FILES if p.name.startswith("F44-")]
    assert len(files) >= 10
    for path in files:
        assert '"begin_string": "FIX.4.4"' in path.read_text()


def test_scenario_examples_of_the_page_hold() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 3
    for i, block in enumerate(blocks):
        result = scenario.run(parse(f"docs/scenarios.md example {i + 1}", block.encode()))
        assert scenario.report(result) == ""
        assert result.checks >= 2


# ---- the runner --------------------------------------------------------------------------------------------------------


def test_scenario_when_every_expectation_holds_there_is_no_failure() -> None:
    lines = [
        NEW,
        expect(order=1, status="PendingNew", leaves="100"),
        expect(sent="35=D|54=1|38=100|44=1.00|11=@1.0"),
        expect(sent_none=True),
        ACK,
        FILL,
        expect(order=1, status="PartiallyFilled", cum="50", leaves="50", avg_px="1.0", qty="100", price=1, venue_order_id="V1"),
        expect(position={"net": "50.0", "avg_px": 1.0, "realized": "0"}, suspense={"net": "0", "avg_px": None}),
        expect(breaks=[]),
    ]
    result = run(*lines)
    assert (result.ok, result.checks, result.failures) == (True, 6, [])
    assert len(result.sent) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (expect(order=1, status="Filled"), "order 1: status: expected Filled, is PartiallyFilled"),
        (expect(order=1, cum="50.1"), "order 1: cum: expected 50.1, is 50"),
        (expect(order=1, avg_px="1.00000001"), "order 1: avg_px: expected 1.00000001, is 1"),
        (expect(order=1, venue_order_id="v1"), "order 1: venue_order_id: expected v1, is V1"),
        (expect(order=7), "order: expected 7, is no order of this client_id, and none was refused"),
        (expect(position={"net": "49"}), "position: net: expected 49, is 50"),
        (expect(position={"avg_px": None}), "position: avg_px: expected null, is 1"),
        (expect(suspense={"net": "1"}), "suspense: net: expected 1, is 0"),
        (expect(sent="35=F"), "sent: 35: expected F, is D"),
        (expect(sent="38=101"), "sent: 38: expected 101, is 100"),
        (expect(sent="44="), "sent: 44: expected absent, is 1"),
        (expect(sent="99=1"), "sent: 99: expected 1, is absent"),
        (expect(breaks=["overfill"]), "breaks: expected [overfill], is []"),
        (expect(breaks_include=["overfill"]), "breaks_include: expected [overfill], is []"),
        (expect(denied=True), "denied: expected true, is false"),
        (expect(denied="STALE"), "denied: expected STALE, is false"),
        (expect(answer="DUPLICATE"), "answer: expected DUPLICATE, is ACCEPTED"),
    ],
)
def test_scenario_when_an_expectation_is_wrong_it_fails_with_both_sides(wrong: dict[str, Any], message: str) -> None:
    assert differences(NEW, ACK, FILL, wrong) == [message]


def test_scenario_when_a_message_was_not_expected_sent_none_shows_it() -> None:
    assert "35=D|" in differences(NEW, expect(sent_none=True))[0]


def test_scenario_when_breaks_repeat_multiplicity_counts() -> None:
    stranger = {"venue": "35=8|20=0|150=1|39=1|11=X|37=V9|17=E9|54=1|38=5|32=5|31=1|14=5|151=0"}
    twice = [stranger, {"venue": stranger["venue"].replace("17=E9", "17=E8")}]
    assert differences(*twice, expect(breaks=["unknown_order", "unknown_order"])) == []
    assert differences(*twice, expect(breaks_include=["unknown_order"])) == []
    assert len(differences(*twice, expect(breaks=["unknown_order"]))) == 1
    assert len(differences(*twice, expect(breaks_include=["unknown_order"] * 3))) == 1


def test_scenario_references_name_the_chain_from_the_order_to_the_last_request() -> None:
    cancel, replace = {"intent": {"op": "cancel", "target": 1}}, {"intent": {"op": "replace", "target": 1, "qty": "200"}}
    result = run(NEW, ACK, replace, expect(sent="35=D|11=@1.0"), expect(sent="35=G|11=@1.1|41=@1.0"), cancel, expect(sent="35=F|11=@1.2|11=@1"))
    assert result.failures == []
    beyond = differences(NEW, {"venue": "35=8|150=0|39=0|11=@1.3|17=A"})
    assert beyond == ["venue: expected a line that can be done, is @1.3 stands for nothing: 1 ClOrdIDs of client_id 1 went out"]


def test_scenario_when_a_request_has_a_client_id_of_its_own_it_is_a_reference_to_it() -> None:
    cancel = {"intent": {"client_id": 2, "op": "cancel", "target": 1}}
    assert differences(NEW, ACK, cancel, expect(sent="35=D"), expect(sent="35=F|11=@2|11=@1.1")) == []


def test_scenario_scales_fit_the_finest_figure_of_the_file() -> None:
    fine = {"venue": FILL["venue"].replace("31=1.00", "31=1.00000123").replace("32=50", "32=0.125").replace("14=50", "14=0.125")}
    assert differences(NEW, fine, expect(order=1, cum="0.125", avg_px="1.00000123", leaves="99.875"), expect(breaks=[])) == []


def test_scenario_when_the_config_gives_a_scale_finer_figures_are_inexact() -> None:
    config = {"config": {"instruments": [{"symbol": "EURUSD", "price_digits": 2, "qty_digits": 0}]}}
    fine = {"venue": FILL["venue"].replace("31=1.00", "31=1.003")}
    assert differences(config, NEW, fine, expect(breaks=["inexact"])) == []


def test_scenario_config_takes_numbers_names_and_tables() -> None:
    config = {
        "config": {"strategies": 2, "accounts": ["A", "B"], "instruments": ["XAU", {"symbol": "XAG", "tick": "0.5", "lot": 10}], "begin_string": "FIX.4.4"}
    }
    order = {"client_id": 1, "op": "new", "side": "sell", "qty": 20, "price": 2.5, "symbol": "XAG", "account": "B", "strategy": "s2"}
    bad = order | {"client_id": 2, "price": 2.6}
    lines = [config, {"intent": order}, {"intent": bad}, expect(denied="BAD_PRICE"), expect(order=2, strategy="s2", status="Denied", reason="BAD_PRICE")]
    assert differences(*lines, expect(sent="35=D|1=B|55=XAG|54=2|44=2.5"), expect(order=1, strategy="s1")) == [
        "order: expected 1, is no order of this client_id, and none was refused"
    ]


@pytest.mark.parametrize("key", ["price_digits", "price_scale", "price_decimals"])
@pytest.mark.parametrize("scale", [2, 1000])
def test_scenario_config_scales_have_several_names(key: str, scale: int) -> None:
    config = {"config": {"instruments": {"EURUSD": {key: scale, "tick_size": "0.01"}}}}
    too_fine = {"venue": FILL["venue"].replace("31=1.00", "31=1.0003")}
    assert differences(config, NEW, expect(sent="44=1"), too_fine, expect(breaks=["inexact"])) == []


def test_scenario_when_the_session_is_down_messages_wait_for_the_gap_fill() -> None:
    lines = [
        NEW,
        ACK,
        {"session": "down"},
        FILL,
        expect(order=1, cum=0),
        {"session": "up"},
        expect(order=1, cum=50),
        expect(sent="35=D"),
        expect(sent="35=H|11=@1"),
    ]
    assert differences(*lines, expect(sent_none=True)) == []


def test_scenario_when_time_passes_limits_fire_and_heartbeats_keep_the_session_up() -> None:
    cancel = {"intent": {"op": "cancel", "target": 1}}
    lines = [NEW, ACK, cancel, {"clock_ms": 29000}, expect(breaks=[]), {"clock_ms": 2000}, expect(breaks=["request_unanswered"])]
    again = {"intent": {"client_id": 2, "op": "new", "side": "buy", "qty": 1, "price": 1}}
    assert differences(*lines, {"clock_ms": 86_400_000}, again, expect(denied=False)) == []


def test_scenario_when_a_log_is_pasted_its_header_and_trailer_are_made_anew() -> None:
    pasted = "8=FIX.4.2|9=999|35=8|34=57|49=BROKER|56=FUND|52=20260301-12:00:00|20=0|150=0|39=0|11=@1|37=V1|17=A1|54=1|55=EURUSD|14=0|151=100|10=000"
    assert differences(NEW, {"venue": pasted}, expect(order=1, status="New")) == []


def test_scenario_when_a_report_has_no_symbol_it_gets_the_only_one_unless_it_is_written_empty() -> None:
    stranger = "35=8|20=0|150=1|39=1|11=X|37=V9|17=E9|54=1|38=5|32=5|31=1|14=5|151=0"
    assert differences({"venue": stranger}, expect(suspense={"net": "5"})) == []
    assert differences({"venue": stranger + "|55="}, expect(suspense={"net": "0"}), expect(breaks=["unknown_order"])) == []


def test_scenario_when_a_comment_stands_anywhere_it_is_ignored() -> None:
    config = {"config": {"day": 20260105, "comment": "a Monday"}, "comment": "first"}
    lines = [{"comment": "before config"}, config, {"comment": ["any", "value"]}, NEW | {"comment": "x"}, expect(order=1, status="PendingNew", comment="y")]
    assert differences(*lines) == []


def test_scenario_when_an_order_was_refused_it_has_its_terms_and_a_reason() -> None:
    lines = [
        {"session": "down"},
        NEW,
        {"intent": {"op": "cancel", "target": 5}},
        expect(order=1, status="Denied", reason="SessionDown", qty=100, leaves=0, price=1),
    ]
    assert differences(*lines) == []
    assert differences(*lines, expect(order=5, status="Denied")) == ["order: expected 5, is no order of this client_id, and none was refused"]


# ---- bad files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"intent": ', "no JSON object at column"),
        ("[1]", "a line is one JSON object"),
        ('{"expect": {"order": NaN}}', "NaN is no JSON number"),
        ('{"intents": {}}', "unknown key 'intents'"),
        ('{"venue": "35=8", "session": "up"}', "exactly one of"),
        ("{}", "exactly one of"),
        ('{"venue": "35=8", "venue": "35=9"}', "stands twice"),
        ('{"intent": {"op": "new", "client_id": 1, "side": "buy", "qty": 1, "colour": "red"}}', "unknown key 'colour' in intent"),
        ('{"intent": {"op": "new", "client_id": 1, "side": "buy"}}', "needs qty"),
        ('{"intent": {"op": "cancel"}}', "needs target"),
        ('{"intent": {"op": "drop", "client_id": 1}}', "op 'drop' is not one of new, cancel"),
        ('{"intent": {"op": "new", "client_id": 1, "side": "buy", "qty": "ten"}}', "intent.qty: 'ten' is no figure"),
        ('{"intent": {"op": "new", "client_id": 1, "side": "buy", "qty": true}}', "is no figure"),
        ('{"intent": {"op": "new", "client_id": -1, "side": "buy", "qty": 1}}', "no whole number"),
        ('{"venue": "hello"}', "is no FIX field"),
        ('{"venue": "20=0|150=0"}', "needs MsgType"),
        ('{"venue": "35=8|11=@5"}', "no intent before this line has client_id 5"),
        ('{"session": "sideways"}', "session 'sideways' is not one of up, down"),
        ('{"clock_ms": "soon"}', "no whole number"),
        ('{"expect": {}}', "expect is empty"),
        ('{"expect": {"statu": "New"}}', "unknown key 'statu' in expect"),
        ('{"expect": {"status": "New"}}', "name it"),
        ('{"expect": {"order": 1, "status": "Newish"}}', "status 'Newish' is not one of PendingNew"),
        ('{"expect": {"position": {"nett": 1}}}', "unknown key 'nett' in position"),
        ('{"expect": {"breaks": ["over_fill_ed"]}}', "is not one of"),
        ('{"expect": {"breaks": "overfill"}}', "a list of names"),
        ('{"expect": {"sent_none": false}}', "write true"),
        ('{"config": {}}', "config stands once, before everything else"),
        ('{"config": {"wings": 2}}', "unknown key 'wings' in config"),
        ('{"operator": {"resolve": 1, "status": "PendingNew"}}', "is not one of"),
        ('{"observe": "rain"}', "is not one of"),
    ],
)
def test_scenario_when_a_line_is_bad_the_error_has_file_and_line(line: str, problem: str) -> None:
    with pytest.raises(BadScenario, match=re.escape(problem)) as caught:
        parse("x.ndjson", b'{"comment": "1"}\n\n{"session": "up"}\n' + line.encode())
    assert str(caught.value).startswith("x.ndjson:4: ")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"intent": NEW["intent"] | {"strategy": "s9"}}, "no strategy 's9'; there are s1"),
        ({"intent": NEW["intent"] | {"account": "a9"}}, "no account 'a9'; there are main"),
        ({"session": "down", "at": "v9"}, "no venue 'v9'; there are venue"),
        (expect(position={"instrument": "XAU"}), "no instrument 'XAU'; there are EURUSD"),
    ],
)
def test_scenario_when_a_name_is_not_configured_the_file_is_bad(line: dict[str, Any], problem: str) -> None:
    result = run(NEW | {"intent": NEW["intent"] | {"symbol": "EURUSD"}}, line)
    assert str(result.error) == f"x.ndjson:2: {problem}"


# ---- the command -------------------------------------------------------------------------------------------------------


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines) + "\n")
    return path


def test_scenario_command_when_all_hold_exits_0(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "b.ndjson", NEW, expect(order=1, status="PendingNew"))
    assert cli.main(["scenario", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 scenarios, 1 expectations: all hold\n"


def test_scenario_command_when_one_differs_exits_7_and_shows_what_was_sent(tmp_path: Path, capsys: Capture) -> None:
    path = write(tmp_path / "b.ndjson", NEW, ACK, expect(order=1, status="Filled"))
    assert cli.main(["scenario", str(path)]) == 7
    out = capsys.readouterr().out
    assert f"{path}:3: order 1: status: expected Filled, is New\n" in out
    assert "35=D|" in out
    assert out.endswith("1 scenarios, 1 expectations: 1 different\n")


def test_scenario_command_when_one_file_is_bad_the_others_run_and_it_exits_2(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "a.ndjson", NEW, {"nonsense": 1})
    write(tmp_path / "b.ndjson", NEW, expect(order=1, status="Filled"))
    assert cli.main(["scenario", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert f"{tmp_path / 'a.ndjson'}:2: unknown key 'nonsense'" in captured.err
    assert "b.ndjson:2: order 1: status" in captured.out


@pytest.mark.parametrize("name", ["missing.ndjson", "empty"])
def test_scenario_command_when_a_path_names_no_scenario_exits_2(name: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    assert cli.main(["scenario", str(tmp_path / name)]) == 2
    assert name in capsys.readouterr().err


def test_scenario_command_with_json_gives_an_object_a_file_and_a_summary(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "a.ndjson", "{")
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper" / "b.ndjson", NEW, expect(order=1, status="Filled"))
    write(tmp_path / "c.ndjson", NEW, expect(sent="35=D"))
    assert cli.main(["scenario", str(tmp_path), "--json"]) == 2
    out = json.loads(capsys.readouterr().out)
    assert [Path(f["file"]).name for f in out["files"]] == ["a.ndjson", "c.ndjson", "b.ndjson"]
    assert [f["ok"] for f in out["files"]] == [False, True, False]
    assert out["files"][0]["error"]["line"] == 1
    assert out["files"][2]["failures"] == [{"line": 2, "field": "order 1: status", "expected": "Filled", "actual": "PendingNew"}]
    assert out["summary"] == {"files": 3, "checks": 2, "ok": 1, "different": 1, "bad": 1}


def test_scenario_command_with_first_stops_at_the_first_difference(tmp_path: Path, capsys: Capture) -> None:
    write(tmp_path / "a.ndjson", NEW, expect(order=1, status="Filled"), expect(order=1, cum="7"))
    write(tmp_path / "b.ndjson", NEW, expect(order=1, status="Filled"))
    assert cli.main(["scenario", str(tmp_path), "--first", "-o", "ndjson"]) == 7
    lines = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
    assert len(lines[0]["failures"]) == 1
    assert lines[-1]["summary"]["files"] == 1


def test_scenario_command_with_v_traces_everything_sent_and_received(tmp_path: Path, capsys: Capture) -> None:
    path = write(tmp_path / "a.ndjson", NEW, ACK)
    assert cli.main(["scenario", str(path), "-v"]) == 0
    out = capsys.readouterr().out
    assert "venue < 35=A|" in out
    assert "venue > 35=8|" in out


# ---- any scenario ------------------------------------------------------------------------------------------------------

_CLIENT = st.integers(1, 3)
_QTY = st.sampled_from(["0", "1", "40", "100", "250"])
_PRICE = st.sampled_from(["1", "1.5", "0"])
_OPTIONAL = {"price": _PRICE, "type": st.sampled_from(["limit", "market", "stop"]), "tif": st.sampled_from(["day", "ioc", "gtd"])}
_INTENT = st.one_of(
    st.fixed_dictionaries({"op": st.just("new"), "client_id": _CLIENT, "side": st.sampled_from(["buy", "sell"]), "qty": _QTY}, optional=_OPTIONAL),
    st.fixed_dictionaries({"op": st.sampled_from(["cancel", "replace"]), "target": _CLIENT}, optional={"qty": _QTY, "price": _PRICE}),
    st.just({"op": "cancel_all"}),
)
_REPORT = st.fixed_dictionaries(
    {
        35: st.sampled_from(["8", "8", "8", "8", "9", "3", "j", "r", "B"]),
        20: st.sampled_from("0123"),
        150: st.sampled_from("0123456789ABCDEFGHI"),
        39: st.sampled_from("0123456789ABCE"),
        11: st.sampled_from(["@1", "@1.0", "@2", "@3.0", "@1.1", "STRANGER"]),
        17: st.sampled_from(["E1", "E2", "E3", "E4"]),
    },
    optional={
        41: st.sampled_from(["@1.0", "@2", "@1.1"]),
        37: st.sampled_from(["V1", "V2", "NONE"]),
        19: st.sampled_from(["E1", "E2", "E9"]),
        38: _QTY,
        32: _QTY,
        31: _PRICE,
        14: _QTY,
        151: _QTY,
        44: _PRICE,
        54: st.sampled_from("12"),
        43: st.just("Y"),
        97: st.just("Y"),
        34: st.integers(1, 9).map(str),
        45: st.sampled_from(["@1", "2", "99"]),
        102: st.sampled_from("012"),
        103: st.sampled_from("56"),
        434: st.sampled_from("12"),
        60: st.sampled_from(["20260102-08:00:00", "20260102-08:00:01"]),
    },
)
_LINE = st.one_of(
    _INTENT.map(lambda v: {"intent": v}),
    _REPORT.map(lambda v: {"venue": "|".join(f"{t}={c}" for t, c in v.items())}),
    _REPORT.map(lambda v: {"venue": "|".join(f"{t}={c}" for t, c in v.items())}),
    st.sampled_from(["up", "down"]).map(lambda v: {"session": v}),
    st.integers(0, 90000).map(lambda v: {"clock_ms": v}),
    st.sampled_from(["journal_pressure", "journal_clear", "gateway_stalled", "gateway_ready"]).map(lambda v: {"observe": v}),
)
_OPENING = [{"intent": {"op": "new", "client_id": n, "side": "buy", "qty": "100", "price": "1"}} for n in (1, 2, 3)]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_LINE, max_size=30), st.sampled_from(["FIX.4.2", "FIX.4.4"]))
def test_scenario_of_any_lines_runs_and_its_frames_replay_to_the_same_state(lines: list[dict[str, Any]], begin_string: str) -> None:
    result = run({"config": {"begin_string": begin_string}}, *_OPENING, *lines, expect(order=1), expect(position={}, suspense={}), expect(breaks_include=[]))
    assert result.error is None
    assert replayed(result) == result.state_hash


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.integers(0, 2**32))
def test_scenario_of_damaged_bytes_is_read_or_refused_with_its_line(noise: bytes, seed: int) -> None:
    data = bytearray(FILES[seed % len(FILES)].read_bytes())
    at = random.Random(seed).randrange(len(data))
    data[at : at + len(noise)] = noise
    try:
        parsed = parse("x.ndjson", bytes(data))
    except BadScenario as error:
        assert 1 <= error.line <= bytes(data).count(b"\n") + 1
    else:
        assert scenario.run(parsed).path == "x.ndjson"
