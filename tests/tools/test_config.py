"""Configuration: the example loads, and every wrong file names the key, the value and what is allowed."""

from __future__ import annotations

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ringfence.tools import toml_table
from ringfence.tools.config import Config, load, parse
from ringfence.tools.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "tools" / "examples" / "demo.toml"

DELETE = object()


@pytest.fixture
def values() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text())


def changed(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with the key at ``path`` ("venue.0.session.port") set or deleted."""
    out = copy.deepcopy(values)
    at: Any = out
    *parents, last = path.split(".")
    for part in parents:
        at = at[int(part)] if part.isdigit() else at.setdefault(part, {})
    if value is DELETE:
        del at[last]
    elif isinstance(at, list):
        at[int(last)] = value
    else:
        at[last] = value
    return out


def test_load_when_example_is_read_converts_exactly() -> None:
    config = load(EXAMPLE)
    eurusd, usdjpy = config.instruments
    assert (eurusd.symbol, eurusd.id, eurusd.price_digits, eurusd.tick, eurusd.qty_max) == ("EUR/USD", 1, 6, 1, 10_000_000)
    assert (usdjpy.tick, usdjpy.price_digits) == (1, 3)
    assert config.routes[0].venue == config.venues[0].id == 1
    assert (config.routes[0].instrument, config.routes[0].account) == (0, 1)
    assert config.instance.data_dir == EXAMPLE.parent / "demo-data"
    assert config.feed is not None
    assert all(t.path.is_file() for t in config.feed.ticks)


def test_example_when_defaults_are_left_out_is_the_same(values: dict[str, Any]) -> None:
    """What the example calls a default is one."""
    short = copy.deepcopy(values)
    for table, keys in {"instance": ("idle", "durability", "timer_ms", "day"), "feed": ("speed", "loop", "mark_ms")}.items():
        for key in keys:
            del short[table][key]
    for table in ("rings", "limits", "journal", "cores"):
        del short[table]
    for row, keys in (
        ("instrument", ("multiplier", "status")),
        ("strategy", ("max_age_ms", "cancel_on_detach", "status")),
        ("route", ("instrument",)),
    ):
        for key in keys:
            short[row][0].pop(key)
    for key in ("begin_string", "heartbeat_s", "reset_on_logon", "reconnect_min_s", "reconnect_max_s"):
        short["venue"][0]["session"].pop(key)
    assert parse(short, EXAMPLE) == parse(values, EXAMPLE)


@pytest.mark.parametrize(("text", "digits", "scaled"), [("0.00001", 5, 1), ("1.5", 5, 150_000), ("12", 0, 12), ("0.1", 12, 10**11)])
def test_amount_when_decimal_text_is_scaled_exactly(values: dict[str, Any], text: str, digits: int, scaled: int) -> None:
    edited = changed(changed(values, "instrument.0.price_digits", digits), "instrument.0.tick", text)
    assert parse(edited, EXAMPLE).instruments[0].tick == scaled


@pytest.mark.parametrize(
    ("path", "value", "key", "allowed"),
    [
        ("instance", DELETE, "instance is missing", "a table [instance]"),
        ("instance.name", DELETE, "instance.name is missing", "1 to 31 letters"),
        ("instance.name", "a b", "instance.name was 'a b'", "1 to 31 letters"),
        ("instance.name", 7, "instance.name was 7", "1 to 31 letters"),
        ("instance.data_dir", "x" * 120, "instance.data_dir was", "it holds a Unix socket"),
        ("instance.mode", "test", "instance.mode was 'test'", '"live", "paper", "demo"'),
        ("instance.idle", "sleep", "instance.idle was 'sleep'", '"auto", "spin", "yield", "backoff"'),
        ("instance.durability", "disk", "instance.durability was 'disk'", '"async", "local", "replicated"'),
        ("instance.roll", "5pm", "instance.roll was '5pm'", "HH:MM ZONE"),
        ("instance.roll", "17:00 America/Gotham", "instance.roll was '17:00 America/Gotham'", "HH:MM ZONE"),
        ("instance.timer_ms", 0, "instance.timer_ms was 0", "a whole number from 1 to 60000"),
        ("instance.timer_ms", True, "instance.timer_ms was True", "a whole number from 1 to 60000"),
        ("instance.timer_ms", 1.5, "instance.timer_ms was 1.5", "a whole number from 1 to 60000"),
        ("instance.prefix", "rf", "instance.prefix was 'rf'", "2 characters of 0-9 and A-V"),
        ("instance.day", "2026-13-01", "instance.day was '2026-13-01'", '"2026-01-31"'),
        ("instance.timermS", 5, "instance.timermS was 5", 'did you mean "timer_ms"?'),
        ("cores.engine", 100_000, "cores.engine was 100000", "a whole number from 0 to"),
        ("rings.journal", 1000, "rings.journal was 1000", "a power of two from 64 to"),
        ("limits.orders", 3, "limits.orders was 3", "a whole number from 16"),
        ("limits.instruments", 1, "instrument was '2 tables'", "1 to 1 tables [[instrument]]"),
        ("journal.segment_mib", 0, "journal.segment_mib was 0", "a whole number from 1 to 4096"),
        ("instrument", DELETE, "instrument is missing", "tables [[instrument]]"),
        ("instrument", [], "instrument was '0 tables'", "1 to 256 tables [[instrument]]"),
        ("instrument.0.symbol", "EUR USD", "instrument[1].symbol was 'EUR USD'", "without a space"),
        ("instrument.1.symbol", "EUR/USD", "instrument[2].symbol was 'EUR/USD'", "instrument[1] has this one"),
        ("instrument.0.price_digits", DELETE, "instrument[1].price_digits is missing", "a whole number from 0 to 12"),
        ("instrument.0.tick", 0.00001, "instrument[1].tick was 1e-05", 'a positive decimal in quotes with at most 6 decimals, such as "0.000001"'),
        ("instrument.0.tick", "0.0000001", "instrument[1].tick was '0.0000001'", "finer than 6 decimals"),
        ("instrument.0.tick", "-0.01", "instrument[1].tick was '-0.01'", "a positive decimal"),
        ("instrument.0.tick", "zero", "instrument[1].tick was 'zero'", "not a plain decimal"),
        ("instrument.0.lot", "0", "instrument[1].lot was '0'", "a positive decimal"),
        ("instrument.0.qty_max", "99999999999999999999", "instrument[1].qty_max was", "does not fit in 64 bits"),
        ("instrument.0.qty_min", "20000000", "instrument[1].qty_max was 10000000", "at least qty_min"),
        ("instrument.0.lot", "3", "instrument[1].qty_min was 1", "a multiple of lot"),
        ("account.0.currency", DELETE, "account[1].currency is missing", "1 to 7 ASCII characters"),
        ("account.0.durability", "local ", "account[1].durability was 'local '", '"async", "local", "replicated"'),
        ("venue.0.name", "a.venue", "venue[1].name was 'a.venue'", "1 to 16 letters"),
        ("venue.0.session", DELETE, "venue[1].session is missing", "a table [venue[1].session]"),
        ("venue.0.session.port", 0, "venue[1].session.port was 0", "a whole number from 1 to 65535"),
        ("venue.0.session.prot", 1, "venue[1].session.prot was 1", 'did you mean "port"?'),
        ("venue.0.session.begin_string", "FIX.5.0", "venue[1].session.begin_string was 'FIX.5.0'", '"FIX.4.2"'),
        ("venue.0.session.reset_on_logon", "no", "venue[1].session.reset_on_logon was 'no'", "true, false"),
        ("venue.0.session.reconnect_max_s", 0.1, "venue[1].session.reconnect_max_s was 0.1", "at least reconnect_min_s"),
        ("strategy.1.name", "mm1", "strategy[2].name was 'mm1'", "strategy[1] has this one"),
        ("strategy.0.status", "on", "strategy[1].status was 'on'", '"enabled", "reduce_only"'),
        ("strategy.0.command", "python x.py", "strategy[1].command was 'python x.py'", "a list of words"),
        ("route.0.venue", "lmax", "route[1].venue was 'lmax'", 'allowed: "sim"'),
        ("route.0.venue", DELETE, "route[1].venue is missing", '"sim"'),
        ("route.0.instrument", "GBP/USD", "route[1].instrument was 'GBP/USD'", '"*", "EUR/USD", "USD/JPY"'),
        ("route.0.account", "other", "route[1].account was 'other'", '"*", "main"'),
        ("feed.speed", 0, "feed.speed was 0", "a number from 0.001"),
        ("feed.ticks.0.file", "nowhere.csv", "feed.ticks[1].file was 'nowhere.csv'", "a file that exists"),
        ("feed.ticks.0.format", "csv", "feed.ticks[1].format was 'csv'", '"histdata", "truefx"'),
        ("feed.ticks.1.instrument", "EUR/USD", "feed.ticks[2].instrument was 'EUR/USD'", "without a tick file"),
        ("venues", [], "venues was []", 'did you mean "venue"?'),
    ],
)
def test_parse_when_a_key_is_wrong_names_key_value_and_what_is_allowed(values: dict[str, Any], path: str, value: object, key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as e:
        parse(changed(values, path, value), EXAMPLE)
    message = str(e.value)
    assert message.startswith(f"demo.toml: {key}"), message
    assert allowed in message
    assert e.value.exit_code == 2


def test_load_when_file_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a readable TOML file"):
        load(tmp_path / "none.toml")


def test_load_when_file_is_not_toml_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[instance\n")
    with pytest.raises(ConfigError, match=r"valid TOML \(.*line 1"):
        load(tmp_path / "bad.toml")


def test_highest_durability_when_any_level_is_higher_is_that(values: dict[str, Any]) -> None:
    assert parse(values, EXAMPLE).highest_durability == "async"
    for path in ("instance.durability", "account.0.durability", "venue.0.durability"):
        for level in ("local", "replicated"):
            config: Config = parse(changed(values, path, level), EXAMPLE)
            assert config.highest_durability == level, path


def test_reference_page_when_read_has_every_key(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, set[str]] = {}
    finish = toml_table.Table.finish

    def record(table: toml_table.Table) -> None:
        known.setdefault(re.sub(r"\[\d+\]", "", table.path), set()).update(table.known)
        finish(table)

    monkeypatch.setattr(toml_table.Table, "finish", record)
    parse(values, EXAMPLE)
    page = (ROOT / "docs" / "configuration.md").read_text()
    sections = {m[1]: m[2] for m in re.finditer(r"^## `\[+([a-z_.]+)\]+`.*?\n(.*?)(?=^## |\Z)", page, re.M | re.S)}
    for table, keys in known.items():
        if table:
            documented = set(re.findall(r"^\| `(\w+)` \|", sections[table], re.M))
            assert documented == {k for k in keys if f"{table}.{k}" not in known}, table


def test_ledger_when_there_is_no_table_is_off_and_with_one_books_into_the_data_directory(values: dict[str, Any]) -> None:
    named = parse(values, EXAMPLE).ledger
    assert (named.enabled, named.store) == (True, str(EXAMPLE.parent / "demo-data" / "ledger.db"))
    assert parse({k: v for k, v in values.items() if k != "ledger"}, EXAMPLE).ledger.enabled is False
    assert parse(values | {"ledger": {"store": "books/x.db"}}, EXAMPLE).ledger.store == str(EXAMPLE.parent / "books" / "x.db")
    assert parse(values | {"ledger": {"store": "postgresql://u@h/d#s"}}, EXAMPLE).ledger.store == "postgresql://u@h/d#s"


@pytest.mark.parametrize("store", ["postgresql://u:secret@h/d", "mysql://u@h/d"])
def test_ledger_when_its_store_is_no_store_or_tells_a_password_is_refused_without_repeating_it(values: dict[str, Any], store: str) -> None:
    with pytest.raises(ConfigError, match=r"ledger\.store") as caught:
        parse(values | {"ledger": {"store": store}}, EXAMPLE)
    assert "secret" not in str(caught.value)
