"""``[[margin]]``: what it says is in the engine's table, a row keeps its place by what it is about, what is wrong names the key; and the views of margin."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from firm_config import FIRM
from journal_by_hand import LIMITS, JournalByHand, record

from ringfence.core.replay import Replayer
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import definitions, margin_schedule
from ringfence.tools.config import Config, parse
from ringfence.tools.errors import ConfigError
from ringfence.tools.views import margin as views
from ringfence.tools.views import risk, tables

from .test_config_model import FILE, configured

TABLES = """
[[margin]]
rate = "10%"
[[margin]]
broker = "prime"
instrument = "EUR/USD"
rate = "2.5%"
tier = [{above = "1000000", rate = "5%"}, {above = "2500000.5", rate = "12.5%"}]
[[margin]]
account = "hedge"
kind = "future"
rate = "20%"
[[margin]]
currency = "EUR"
rate = "0%"
status = "halted"
"""
FREE = "\n[[limit]]\nscope = 'account:main'\nrule = 'FREE_MARGIN'\nvalue = '50%'\n"
ACTIVE, HALTED = ENUMS["Status"].by_name["ACTIVE"], ENUMS["Status"].by_name["HALTED"]


def firm(text: str = TABLES) -> Config:
    return parse(tomllib.loads(FIRM + text), FILE)


def schedule(engine: Replayer) -> list[tuple[int, ...]]:
    rows = engine.state.table("margin_rates")[1 : int(engine.state.table("engine")[1]["margin_rate_count"]) + 1]
    return [tuple(int(r[n]) for n in (*margin_schedule.KEY, "rate_ppm", "highest_ppm", "status")) for r in rows]


def test_schedule_when_published_is_in_the_table_and_again_changes_nothing() -> None:
    engine, _ = configured(firm())
    future = ENUMS["InstrumentKind"].by_name["FUTURE"]
    assert schedule(engine) == [
        (0, 0, 0, 0, 0, 100_000, 100_000, ACTIVE),
        (1, 0, 0, 1, 0, 25_000, 125_000, ACTIVE),
        (0, 2, 0, 0, future, 200_000, 200_000, ACTIVE),
        (0, 0, 2, 0, 0, 0, 0, HALTED),
    ]
    row = engine.state.table("margin_rates")[2]
    assert ([int(a) for a in row["above"]], [int(p) for p in row["step_ppm"]]) == ([10**10, 25_000_005_000, 0], [50_000, 125_000, 0])
    assert configured(firm(), engine, firm())[1] == []


def test_row_when_it_moves_in_the_file_keeps_its_place_and_one_that_is_gone_is_halted() -> None:
    engine, _ = configured(firm())
    _, second, *others = TABLES.split("[[margin]]")[1:]
    moved = "".join("[[margin]]" + t for t in (*others, second, '\nbroker = "prime"\nrate = "1%"\n'))
    _, commands = configured(firm(moved), engine, firm())
    about = [row[:5] for row in schedule(engine)]
    assert about[:2] == [(0, 0, 0, 0, 0), (1, 0, 0, 1, 0)]
    assert about[3:] == [(0, 0, 2, 0, 0), (1, 0, 0, 0, 0)]
    assert len(commands) == 3, "what halts the one that is gone, a new row that comes closed, and what opens it"
    assert [row[-1] for row in schedule(engine)] == [HALTED, ACTIVE, ACTIVE, HALTED, ACTIVE]
    assert configured(firm(moved), engine, firm(moved))[1] == []


def test_row_when_the_instance_has_traded_takes_two_to_go_and_one_that_is_new_comes_closed() -> None:
    engine, _ = configured(firm())
    engine.state.table("engine")[1]["intents"] = 1  # as if it had traded
    changed = TABLES.replace('rate = "10%"', 'rate = "9%"').replace('account = "hedge"\n', "") + '[[margin]]\nbroker = "prime"\nrate = "1%"\n'
    configured(firm(changed), engine, firm())
    assert [row[-1] for row in schedule(engine)] == [ACTIVE, ACTIVE, ACTIVE, HALTED, ACTIVE, HALTED], "of two new rows the one with the highest rate"
    assert schedule(engine)[0][5] == 100_000
    assert int(engine.state.table("engine")[1]["pending_proposals"]) == 3, "a lower rate, a row less, and a new row with a rate below another"
    assert configured(firm(changed), engine, firm(changed))[1] == [], "asked once"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "margin[1].rate"),
        ('rate = "10"', "margin[1].rate was '10'; allowed: a share with a percent sign"),
        ('rate = "100000.1%"', "at most 100000%"),
        ('rate = "1%"\nbroker = "nobody"', "margin[1].broker was 'nobody'; allowed: \"prime\""),
        ('rate = "1%"\nbroker = "prime"\naccount = "main"', "margin[1].account was 'main'; allowed: no such key beside broker"),
        ('rate = "1%"\nkind = "future"\ninstrument = "FESX"', "margin[1].kind was 'future'; allowed: no such key beside instrument"),
        ('rate = "1%"\nkind = "spot"', "margin[1].kind was 'spot'"),
        ('rate = "1%"\ncurrency = "CHF"', "margin[1].currency was 'CHF'"),
        (
            'rate = "1%"\ntier = [{above = "5", rate = "2%"}, {above = "5", rate = "3%"}]',
            "margin[1].tier[2].above was '5'; allowed: more than the tier before it",
        ),
        ('rate = "1%"\ntier = [{above = "0", rate = "2%"}]', "margin[1].tier[1].above"),
        ('rate = "1%"\ntier = [{above = "1"}]', "margin[1].tier[1].rate"),
        ('rate = "1%"\n' + "tier = [" + ", ".join(f'{{above = "{k}", rate = "1%"}}' for k in range(1, 5)) + "]", "margin[1].tier was '4 tables'"),
        ('rate = "1%"\n[[margin]]\nrate = "2%"', "margin[2].rate was '2%'; allowed: one table for each broker or account"),
        ('rate = "1%"\nleverage = 3', "margin[1].leverage"),
    ],
)
def test_schedule_when_it_is_wrong_names_the_key(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        firm(f"[[margin]]\n{text}\n")
    assert words in str(error.value)


def test_schedule_without_a_currency_of_the_firm_is_refused() -> None:
    values = tomllib.loads(FIRM + '[[margin]]\nrate = "1%"\n')
    del values["firm"], values["currency"]
    values["limit"] = []
    with pytest.raises(ConfigError, match=r"without \[firm\] currency"):
        parse(values, FILE)


def test_free_margin_needs_rates_of_every_currency() -> None:
    values = tomllib.loads(FIRM + FREE)
    values["limit"] = [limit for limit in values["limit"] if limit["rule"] == "FREE_MARGIN"]
    values["currency"] = []
    with pytest.raises(ConfigError, match="FREE_MARGIN of account:main is counted in the firm's"):
        parse(values, FILE)


# ---- views ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path: Path) -> JournalByHand:
    """The firm's currency is known, margin is 10 %, and nothing has traded."""
    j = JournalByHand(tmp_path)
    j.control("DEFINE_CURRENCY", record("Currency", id=1, code="USD", rate=10**9, is_firm=1, status=1))
    return j


def set_limit(j: JournalByHand, rule: str, value: int, account: int = 0) -> None:
    kind = ENUMS["ScopeKind"].by_name["ACCOUNT" if account else "FIRM"]
    j.control("SET_LIMIT", record("LimitChange", rule=ENUMS["RiskRule"].by_name[rule], value=value, kind=kind, a=account))


def source(j: JournalByHand) -> Any:
    return tables.Replayed(j.replayer.state)


def of_rule(j: JournalByHand) -> dict[str, Any]:
    return next(r for r in risk.risk(source(j), "account:main") if r["rule"] == "FREE_MARGIN")


def test_margin_before_it_is_counted_is_not_known(journal: JournalByHand) -> None:
    assert "before the first limit" in views.notes(source(journal))[0]
    assert views.accounts(source(journal))[0]["margin"] is None
    set_limit(journal, "MARGIN_RATE", 100_000)
    assert "from the first FREE_MARGIN limit on" in views.notes(source(journal))[0]
    shown = views.accounts(source(journal))[0]
    assert (shown["equity"], shown["margin"], shown["health"]) == (None, 0, "idle")


def test_margin_when_shown_is_what_the_check_compares(journal: JournalByHand) -> None:
    j = journal
    set_limit(j, "FREE_MARGIN", 800_000, 1)
    deposit = ENUMS["LedgerEventKind"].by_name["DEPOSIT"]
    j.control("BOOK_ENTRY", record("LedgerEntry", kind=deposit, reference="D", account=1, other=1, amount=100, amount_digits=0))
    row = record("MarginRate", id=1, instrument=1, rate_ppm=200_000, status=1)
    row["above"][0], row["step_ppm"][0] = 50 * 10**4, 500_000
    j.control("DEFINE_MARGIN", row)
    j.new(1, "BUY", 100, 10_000)
    j.fill(1, 100, 10_000, "E1")
    j.new(2, "BUY", 40, 10_000)
    shown = views.accounts(source(j))[0]
    assert {n: shown[n] for n in ("account", "equity", "of_positions", "of_orders", "margin", "free", "use_pct", "limit", "health")} == {
        "account": "main",
        "equity": 100,
        "of_positions": 35,
        "of_orders": 20,
        "margin": 55,
        "free": 45,
        "use_pct": 55,
        "limit": "80%",
        "health": "ok",
    }
    position = views.positions(source(j))[0]
    assert (position["symbol"], position["amount"], position["equity"], position["margin"]) == ("EUR/USD", 100, 0, 35)
    assert (position["row"], position["about"], position["rates"]) == (1, "instrument:EUR/USD", "20%, above 50 50%")
    assert (of_rule(j)["used"], of_rule(j)["max"], of_rule(j)["health"]) == ("55%", "80%", "ok")
    j.mark(5000, 5000)
    shown = views.accounts(source(j))[0]
    assert (shown["equity"], shown["of_positions"], shown["free"], shown["health"]) == (50, 10, 20, "ok")
    j.mark(4000, 4000)
    assert (views.accounts(source(j))[0]["use_pct"], views.accounts(source(j))[0]["health"]) == (70, "warn")
    j.mark(1000, 1000)
    assert (views.accounts(source(j))[0]["health"], of_rule(j)["health"]) == ("bad", "bad")
    assert views.notes(source(j)) == []


def test_margin_when_equity_is_gone_is_no_share_and_bad(journal: JournalByHand) -> None:
    set_limit(journal, "MARGIN_RATE", 100_000)
    journal.new(1, "BUY", 100, 10_000)
    journal.fill(1, 100, 10_000, "E1")
    set_limit(journal, "FREE_MARGIN", 800_000, 1)
    shown = views.accounts(source(journal))[0]
    assert (shown["equity"], shown["use_pct"], shown["health"]) == (0, None, "bad")
    assert (of_rule(journal)["used"], of_rule(journal)["health"]) == (None, "bad")
    position = views.positions(source(journal))[0]
    assert (position["row"], position["rates"], position["margin"]) == (None, "10%", 10)


def test_margin_of_an_amount_is_that_of_each_part_rounded_up() -> None:
    row = np.zeros((), dtype("MarginRate"))
    row["rate_ppm"], row["above"], row["step_ppm"] = 333_333, [7, 9, 0], [500_001, 1, 0]
    assert [margin_schedule.margin_of(row, amount) for amount in (0, 1, 7, 8, 9, 10)] == [0, 1, 3, 4, 5, 6]


def test_margin_when_nothing_is_there_to_hold_it_against_is_bad_in_every_scope_that_is_limited(journal: JournalByHand) -> None:
    set_limit(journal, "MARGIN_RATE", 100_000)
    set_limit(journal, "FREE_MARGIN", 1_000_000)
    shown = views.accounts(source(journal))[0]
    assert (shown["equity"], shown["health"], shown["limit"]) == (0, "bad", "wider")
    set_limit(journal, "FREE_MARGIN", 1_000_000, 1)
    shown = views.accounts(source(journal))[0]
    assert (shown["health"], shown["limit"]) == ("bad", "100%")


def test_schedule_when_its_table_is_full_changes_in_place_and_too_many_are_refused(tmp_path: Path) -> None:
    j = JournalByHand(tmp_path, replace(LIMITS, margin_rates=2, instruments=8))
    j.control("DEFINE_CURRENCY", record("Currency", id=1, code="USD", rate=10**9, is_firm=1, status=1))
    table = j.replayer.state.table
    terms = {"tick": 1, "lot": 1, "qty_max": 10**9, "multiplier": 1, "price_digits": 2, "status": 1, "quote": "USD"}
    for row in range(2, 6):
        j.control("DEFINE_INSTRUMENT", record("Instrument", id=row, symbol=f"F{row}", base=f"F{row}", **terms))

    def reload(*instruments: int) -> list[int]:
        margins = tuple(margin_schedule.MarginConfig(0, 0, 0, row, 0, 50_000, (), "active") for row in instruments)
        config = SimpleNamespace(margins=margins, source=SimpleNamespace(name="x.toml"))
        first, then = definitions._margins(config, table, table("engine")[1], False)
        for c in first + then:
            j.frame("CONTROL", c)
        return sorted(int(r["instrument"]) for r in table("margin_rates")[1:] if int(r["status"]) == 1)

    assert reload(2) == [2]
    assert reload(3, 4) == [3, 4]
    assert reload(4, 5) == [4, 5]
    assert reload(5) == [5]
    assert reload(2, 5) == [2, 5]
    with pytest.raises(ConfigError, match=r"at most 2, as limits\.margin_rates says"):
        reload(2, 3, 4)
    assert int(table("engine")[1]["break_count"]) == 0
