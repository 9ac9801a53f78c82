"""``ringfence ledger book`` and ``exposure``: the worked examples under every method, files of both shapes, and what is wrong with bad ones."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from ringfence.tools import cli, ledger_book, ledger_exposure
from ringfence.tools.errors import Refused, UsageError
from ringfence.tools.ledger_case import Case
from ringfence.tools.ledger_numbers import Amount, exact, significant

FILE = Path(__file__).parents[1] / "fixtures" / "ledger_examples.json"
EXAMPLES: dict[str, Any] = json.loads(FILE.read_text())
CASES = [(case, method) for case in EXAMPLES["cases"] for method in case["methods"]]
EQUITY = {"kind": "equity", "quote": "USD", "settle": "USD", "mult": "1", "px_dp": 2, "qty_dp": 0, "money_dp": 2}
SPOT = {"kind": "spot", "base": "BTC", "quote": "USDT", "settle": "USDT", "mult": "1", "px_dp": 2, "qty_dp": 8, "money_dp": 8}


def differences(found: Any, expected: Any, at: str = "") -> list[str]:
    """Return where two reports differ: exact where a number terminates, else 15 significant digits."""
    if isinstance(expected, dict) and isinstance(found, dict):
        missing = [f"{at}: keys {sorted(found)} and {sorted(expected)}"] if found.keys() != expected.keys() else []
        return missing + [d for k in expected if k in found for d in differences(found[k], expected[k], f"{at}.{k}")]
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        return [d for n, (f, e) in enumerate(zip(found, expected, strict=True)) for d in differences(f, e, f"{at}[{n}]")]
    if isinstance(expected, str) and "/" in expected and "|" not in expected:
        expected = significant(Fraction(expected))
    return [] if found == expected else [f"{at}: was {found!r}, expected {expected!r}"]


def booked(events: list[dict[str, Any]], method: str = "FIFO", instrument: dict[str, Any] = EQUITY, **case: Any) -> dict[str, Any]:
    """The report of a case with one instrument, X."""
    for n, e in enumerate(events, 1):
        e.setdefault("type", "fill")
        e.setdefault("id", f"f{n}")
        if e["type"] not in {"bust", "correct", "deposit", "convert"}:
            e.setdefault("inst", "X")
    raw = {"instruments": {"X": instrument}, "events": events, "marks": {"px": {"X": "100"}}} | case
    return ledger_book.report(Case(raw, "test"), method)


def buy(qty: str, px: str, **more: Any) -> dict[str, Any]:
    return {"side": "B", "qty": qty, "px": px} | more


def sell(qty: str, px: str, **more: Any) -> dict[str, Any]:
    return {"side": "S", "qty": qty, "px": px} | more


@pytest.mark.parametrize(("case", "method"), CASES, ids=[f"{c['id']}-{m}" for c, m in CASES])
def test_ledger_book_when_a_worked_example_is_booked_gives_what_is_expected(case: dict[str, Any], method: str) -> None:
    assert differences(ledger_book.report(Case(case, case["id"]), method), case["expected"][method]) == []


@pytest.mark.parametrize("case", [*EXAMPLES["exposure_cases"], *EXAMPLES["ndf_cases"]], ids=lambda c: c["id"])
def test_ledger_exposure_when_a_worked_example_is_summed_gives_what_is_expected(case: dict[str, Any]) -> None:
    assert differences(ledger_exposure.report(case, case["id"]), case["expected"]) == []


@pytest.mark.parametrize("method", ["WAC", "FIFO", "LIFO", "HIFO"])
def test_ledger_book_when_fees_are_capitalized_the_total_is_that_of_expensed_ones(method: str) -> None:
    fee = {"asset": "USD", "amt": "3"}
    events = [buy("10", "100", fee=fee), buy("10", "110", fee=fee), sell("25", "120", fee=fee)]
    plain = booked([dict(e) for e in events], method)
    capital = booked([dict(e) for e in events], method, policy={"fee": "capitalize"})
    assert capital["total_pnl"] == plain["total_pnl"]
    assert capital["cash"] == plain["cash"]
    assert (capital["fees"], capital["fees_value"], plain["fees_value"]) == ({"USD": "9"}, "0", "9")


def test_ledger_book_when_the_order_is_by_time_lots_follow_it() -> None:
    events = [buy("1", "10", ts=30), buy("1", "20", ts=10), sell("1", "50", ts=40)]
    assert booked([dict(e) for e in events])["realized_net"] == "40"
    late = booked([dict(e) for e in events], policy={"order": "ts"})
    assert late["realized_net"] == "30"
    assert late["positions"]["A|X"]["lots"] == [{"id": "f1", "qty": "1", "px": "10", "seq": 1}]


def test_ledger_book_when_corrections_chain_and_come_early_gives_the_last_content() -> None:
    events = [
        {"type": "correct", "id": "c1", "ref": "f1", "px": "11"},
        {"type": "bust", "id": "b", "ref": "f2"},
        buy("10", "10", id="f1"),
        buy("5", "50", id="f2"),
        {"type": "correct", "id": "c2", "ref": "c1", "qty": "8"},
    ]
    report = booked(events)
    assert report["positions"]["A|X"]["lots"] == [{"id": "f1", "qty": "8", "px": "11", "seq": 3}]
    assert report["timeline"] == [[1, "0", None, "0"], [2, "0", None, "0"], [3, "10", "11", "0"], [4, "10", "11", "0"], [5, "8", "11", "0"]]


def test_ledger_book_when_an_identity_repeats_only_the_first_counts_and_a_conflict_is_named() -> None:
    same = {"venue": "V", "order": "O", "exec_id": "1", "trade_date": "2026-01-02"}
    events = [buy("10", "10", **same), buy("10", "10", **same), buy("9", "10", **same), buy("10", "10", **(same | {"trade_date": "2026-01-03"}))]
    report = booked(events)
    assert report["positions"]["A|X"]["qty"] == "20"
    assert report["conflicts"] == [3]


def test_ledger_book_when_a_bust_never_meets_its_fill_it_is_listed() -> None:
    assert booked([buy("1", "10"), {"type": "bust", "id": "b", "ref": "elsewhere"}])["held"] == [2]


@pytest.mark.parametrize(
    ("event", "cash", "net"),
    [
        ({"type": "dividend", "per_share": "0.5"}, "-995", "5"),
        ({"type": "dividend", "amt": "7"}, "-993", "7"),
        ({"type": "interest", "amt": "-2"}, "-1002", "-2"),
        ({"type": "funding", "amt": "1.25"}, "-998.75", "1.25"),
        ({"type": "funding", "rate": "0.001", "px": "100"}, "-1001", "-1"),
        ({"type": "roc", "per_share": "10"}, "-900", "0"),
        ({"type": "split", "ratio": "3/2"}, "-1000", "0"),
        ({"type": "reward", "qty": "1", "px": "40"}, "-1000", "40"),
        ({"type": "expiry", "px": "130"}, "300", "300"),
    ],
)
def test_ledger_book_when_an_event_moves_cash_or_income_both_are_right(event: dict[str, Any], cash: str, net: str) -> None:
    report = booked([buy("10", "100"), event])
    assert (report["cash"], report["realized_net"]) == ({"USD": cash}, net)


def test_ledger_book_when_a_reverse_split_leaves_a_fraction_it_is_paid_out() -> None:
    report = booked([buy("15", "10"), {"type": "split", "ratio": "1/10", "cash_in_lieu_px": "120"}])
    position = report["positions"]["A|X"]
    assert (position["qty"], position["cost"], position["realized_gross"], report["cash"]) == ("1", "100", "10", {"USD": "-90"})


def test_ledger_book_when_a_share_is_spun_off_cost_goes_along_and_nothing_is_realized() -> None:
    instruments = {"X": EQUITY, "Y": EQUITY}
    spin = {"type": "spinoff", "new_inst": "Y", "ratio": "1/2", "cost_share": "0.25"}
    report = booked([buy("10", "100"), spin], instruments=instruments, marks={"px": {"X": "80", "Y": "60"}})
    assert report["positions"]["A|X"]["cost"] == "750"
    assert report["positions"]["A|Y"] == {
        "qty": "5",
        "unit_cost": "50",
        "cost": "250",
        "realized_gross": "0",
        "lots": [{"id": "f1", "qty": "5", "px": "50", "seq": 1}],
        "unrealized": "50",
    }
    assert (report["realized_net"], report["total_pnl"]) == ("0", "100")


def test_ledger_book_when_a_transfer_pays_in_kind_the_fee_is_a_disposal() -> None:
    move = {"type": "transfer", "from": "A", "to": "B", "qty": "0.5", "fee": "0.01", "fee_rate": "120"}
    report = booked([buy("1", "100"), move], instrument=SPOT)
    assert report["positions"]["A|X"]["qty"] == "0.49"
    assert report["positions"]["B|X"]["cost"] == "50"
    assert (report["fees"], report["fees_value"], report["realized_net"]) == ({"BTC": "0.01"}, "1.2", "-1")
    assert report["cash"] == {"BTC": "0.99", "USDT": "-100"}


def test_ledger_book_when_a_fee_is_in_an_asset_without_lots_its_value_is_an_expense() -> None:
    report = booked([buy("1", "100", fee={"asset": "BNB", "amt": "0.02", "rate": "300"})], instrument=SPOT)
    assert (report["fees"], report["fees_value"], report["cash"]) == ({"BNB": "0.02"}, "6", {"BNB": "-0.02", "BTC": "1", "USDT": "-100"})
    unknown = booked([buy("1", "100", fee={"asset": "BNB", "amt": "0.02"})], instrument=SPOT)
    assert (unknown["fees_value"], unknown["total_pnl"]) == (None, None)


def test_ledger_book_when_a_mark_or_rate_is_missing_there_is_no_number() -> None:
    report = booked([buy("1", "100")], marks={}, reporting="EUR")
    assert (report["unrealized"], report["total_pnl"], report["total_base"]) == (None, None, None)
    assert report["positions"]["A|X"]["cost_base"] is None


def test_ledger_book_when_euros_are_deposited_their_fx_is_on_cash() -> None:
    euro = EQUITY | {"quote": "EUR", "settle": "EUR"}
    events = [{"type": "deposit", "ccy": "EUR", "amt": "1000", "fx": "1.1"}, buy("10", "50", fx="1.1")]
    report = booked(events, instrument=euro, reporting="USD", marks={"px": {"X": "50"}, "fx": {"EUR": "1.2"}})
    assert (report["total_base"], report["cash"]) == ("100", {"EUR": "500"})
    assert report["positions"]["A|X"]["unrealized_base"] == "50"


def test_ledger_book_when_money_is_converted_both_balances_move_and_the_base_total_is_at_the_marks() -> None:
    euro = EQUITY | {"quote": "EUR", "settle": "EUR"}
    convert = {"type": "convert", "sell": "USD", "sell_amt": "110", "buy": "EUR", "buy_amt": "100"}
    events = [{"type": "deposit", "ccy": "USD", "amt": "500"}, convert, buy("2", "40", fx="1.1")]
    report = booked(events, instrument=euro, reporting="USD", marks={"px": {"X": "40"}, "fx": {"EUR": "1.2"}})
    assert (report["cash"], report["total_base"]) == ({"EUR": "20", "USD": "390"}, "10")


def test_ledger_book_when_a_mark_comes_as_an_event_the_last_one_counts() -> None:
    events = [buy("2", "40"), {"type": "mark", "px": "45"}, {"type": "mark", "px": "50"}]
    assert booked(events, marks={})["unrealized"] == "20"
    assert booked(events)["unrealized"] == "120"


def test_ledger_book_when_a_bust_names_an_exec_id_it_finds_the_fill() -> None:
    report = booked([buy("1", "10", exec_id="E1", venue="V"), {"type": "bust", "id": "b", "ref": "E1"}])
    assert (report["positions"]["A|X"]["qty"], "held" in report) == ("0", False)


def test_ledger_book_when_quantities_have_18_decimals_every_digit_is_printed() -> None:
    report = booked([buy("123.456789012345678901", "3456.78")], instrument=SPOT | {"qty_dp": 18})
    assert report["positions"]["A|X"]["cost"] == exact(Fraction("123.456789012345678901") * Fraction("3456.78"))


def test_ledger_book_when_10_billion_change_hands_at_8_decimals_every_digit_is_printed() -> None:
    report = booked([buy("123456.78901234", "81000.12345678"), sell("0.00000001", "81000.12345679")], instrument=SPOT)
    assert report["positions"]["A|X"]["realized_gross"] == "0.0000000000000001"
    assert report["cash"]["USDT"] == exact(Fraction("0.00000001") * Fraction("81000.12345679") - Fraction("123456.78901234") * Fraction("81000.12345678"))


def test_ledger_book_when_prices_are_negative_or_zero_positions_are_still_right() -> None:
    report = booked([buy("10", "-37.63"), buy("10", "37.63"), sell("5", "-5")], "WAC")
    assert report["positions"]["A|X"]["unit_cost"] == "0"
    assert (report["positions"]["A|X"]["realized_gross"], report["cash"]) == ("-25", {"USD": "-25"})


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"events": [buy("x", "1")]}, r"event 1 \(f1\): qty was 'x'; allowed: a number as a string"),
        ({"events": [buy("1", "1", type="gift")]}, "type was 'gift'; allowed: fill"),
        ({"events": [{"side": "B", "qty": "1"}]}, "px is missing"),
        ({"events": [buy("1", "1", inst="Y")]}, "inst was 'Y'; allowed: X"),
        ({"events": [buy("1", "1", side="long")]}, "side was 'long'; allowed: B or S"),
        ({"events": [buy("1.5", "1.0") | {"qty": 1.5}]}, "qty was 1.5; allowed: a number as a string"),
        ({"events": [buy("1" + "0" * 30, "1" + "0" * 8)]}, "too much for 128 bits"),
        ({"events": [buy("1", "1")], "policy": {"fee": "free"}}, "fee was 'free'; allowed: expense, capitalize"),
        ({"events": [buy("1", "1")], "instruments": {"X": {"mult": "0", "quote": "USD"}}}, "mult was '0'; allowed: a decimal above zero"),
        ({"events": [buy("1", "0")], "instruments": {"X": {"kind": "perp_inverse", "quote": "USD", "settle": "BTC"}}}, "BAD_PRICE"),
    ],
)
def test_ledger_book_when_a_file_is_wrong_says_what_where_and_what_to_do(case: dict[str, Any], said: str) -> None:
    with pytest.raises((UsageError, Refused), match=said):
        booked(**case)


def test_ledger_book_when_the_lots_named_are_ambiguous_is_refused_with_the_event() -> None:
    events = [buy("10", "1"), buy("10", "2"), sell("12", "3", lots=[{"fill": "f1", "qty": "11"}, {"fill": "f2", "qty": "1"}])]
    with pytest.raises(Refused, match=r"test: event 3 \(f3\), fill of X is refused: AMBIGUOUS: name lots that are open"):
        booked(events, "SPEC")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.main(["ledger", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_ledger_command_when_one_case_is_chosen_prints_its_object(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "book", str(FILE), "--method", "FIFO", "--case", "A02", "--json")
    assert status == 0
    case = next(c for c in EXAMPLES["cases"] if c["id"] == "A02")
    assert differences(json.loads(out), case["expected"]["FIFO"]) == []


def test_ledger_command_when_no_case_is_chosen_prints_all_that_list_the_method(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "book", str(FILE), "--method", "wac", "--json")
    assert status == 0
    assert json.loads(out).keys() == {c["id"] for c in EXAMPLES["cases"] if "WAC" in c["methods"]}


def test_ledger_command_when_the_file_is_one_case_prints_its_object_and_as_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    case = EXAMPLES["cases"][1]
    path = tmp_path / "case.json"
    path.write_text(json.dumps({k: case[k] for k in ("instruments", "events", "marks")}))
    status, out, _ = run(capsys, "book", str(path), "--method", "LIFO", "--json")
    report = json.loads(out)
    del report["rounded"]
    assert (status, differences(report, case["expected"]["LIFO"])) == (0, [])
    status, out, _ = run(capsys, "book", str(path), "--method", "LIFO")
    assert (status, "unit_cost             103.333333333333" in out) == (0, True)


def test_ledger_command_when_exposures_are_asked_prints_all_cases(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "exposure", str(FILE), "--json")
    assert (status, sorted(json.loads(out))) == (0, ["N01", "X01", "X02"])
    status, out, _ = run(capsys, "exposure", str(FILE), "--case", "X01", "--json")
    assert (status, json.loads(out)["gross_usd"]) == (0, "500")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["book", "nowhere.json", "--method", "FIFO"], 2, "nowhere.json: cannot be read"),
        (["book", str(FILE), "--method", "FIFO", "--case", "Z9"], 2, "--case was 'Z9'; allowed: A01"),
        (["book", str(FILE), "--method", "AVG", "--case", "A01"], 2, "--method was 'AVG'; allowed: WAC"),
        (["exposure", str(FILE), "--case", "A01"], 2, "allowed: X01, X02, N01"),
        (["book", __file__, "--method", "FIFO"], 2, "line 1 is not JSON"),
    ],
)
def test_ledger_command_when_it_cannot_work_exits_as_documented_and_says_why(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    found, out, err = run(capsys, *words)
    assert (found, out, said in err) == (status, "", True), err


@pytest.mark.parametrize(
    ("raw", "digits", "natural", "text"),
    [
        (1666666666666666666667, 21, 2, "1.66666666666667"),
        (20000000000000000000001, 21, 2, "20"),
        (-19999999999999999999999, 21, 2, "-20"),
        (15, 1, 1, "1.5"),
        (0, 20, 2, "0"),
        (123456789012345678901, 20, 20, "1.23456789012345678901"),
    ],
)
def test_amount_when_printed_is_exact_where_it_ends_and_15_digits_where_not(raw: int, digits: int, natural: int, text: str) -> None:
    assert Amount(raw, digits, natural).text() == text
