"""``[[feed.session]]``: from the configuration to what the feed is told, and every mistake named."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateways.feed_spec import feed_spec
from ringfence.gateways.fix.tls import TlsConfig
from ringfence.tools.config import parse
from ringfence.tools.doctor_controls import secrets_of
from ringfence.tools.errors import ConfigError
from ringfence.tools.specs import plans, strategy_plans

EXAMPLE = Path(__file__).resolve().parents[2] / "tools" / "examples" / "demo.toml"
SESSION = {
    "name": "md1",
    "host": "md.example.com",
    "port": 9879,
    "sender_comp_id": "RF",
    "target_comp_id": "MD",
    "symbols": ["USD/JPY=JPY", "EUR/USD"],
    "depth": 5,
}


def configured(*sessions: dict[str, Any]) -> dict[str, Any]:
    values = tomllib.loads(EXAMPLE.read_text())
    values["feed"] = {"session": list(sessions)}
    return values


def test_session_when_it_is_configured_reaches_the_feed_whole(tmp_path: Path) -> None:
    for name in ("ca.pem", "key.pem", "password"):
        (tmp_path / name).write_text("x")
    tls = {"ca_file": "ca.pem", "certificate": "ca.pem", "key": "key.pem", "server_name": "md"}
    values = configured(
        {**SESSION, "username": "quant", "password_file": "password", "tls": tls},
        {**SESSION, "name": "md2", "symbols": ["EUR/USD"], "password_env": "MD_SECRET", "reconnect_min_s": 0.25},
    )
    values["feed"]["session"][0]["symbols"] = ["USD/JPY=JPY"]
    config = parse(values, tmp_path / "c.toml")
    told = next(plan.spec for plan in plans(config, 3, tmp_path / "c.toml") if plan.name == "feed")
    first, second = feed_spec(json.loads(json.dumps(told)), tmp_path).sessions
    assert (first.name, first.host, first.port, first.depth, first.username) == ("md1", "md.example.com", 9879, 5, "quant")
    assert [(i.symbol, i.instrument, i.price_digits) for i in first.instruments] == [("JPY", 2, 3)]
    ca, key = str(tmp_path / "ca.pem"), str(tmp_path / "key.pem")
    assert first.tls == TlsConfig(ca_file=ca, certificate=ca, key=key, server_name="md") and second.tls is None
    assert first.password_file == str(tmp_path / "password") and second.password_env == "MD_SECRET"
    assert first.store != second.store and (first.reconnect_min_ns, second.reconnect_min_ns) == (500_000_000, 250_000_000)
    assert all(plan.environment["MD_SECRET"] == "" for plan in strategy_plans(config)), "a strategy must not inherit the feed's password"
    assert [path.name for name, path in secrets_of(config) if "md1" in name] == ["key.pem", "password"]


@pytest.mark.parametrize(
    ("changes", "key", "allowed"),
    [
        ({"password": "hush"}, "password was '(hidden)'", "password_file"),
        ({"begin_string": "FIX.4.2", "username": "quant"}, "username was 'quant'", "from FIX.4.4 on"),
        ({"password_file": "a", "password_env": "A"}, "password_env was 'A'", "password_file says"),
        ({"tls": {"ca_file": "none.pem"}}, "tls.ca_file was 'none.pem'", "a file that exists"),
        ({"tls": {"cafile": "x"}}, "tls.cafile was 'x'", 'did you mean "ca_file"?'),
        ({"sender_comp_id": "R F"}, "sender_comp_id was 'R F'", "without a space"),
        ({"host": "a b"}, "host was 'a b'", "a host name"),
        ({"symbols": ["GBP/USD"]}, "symbols was 'GBP/USD'", "an instrument of this configuration"),
        ({"symbols": ["EUR/USD", "EUR/USD"]}, "symbols was 'EUR/USD'", "without a tick file or session"),
        ({"symbols": []}, "symbols was []", "a list of words"),
        ({"symbols": ["EUR/USD=A", "USD/JPY=A"]}, "symbols was ['A', 'A']", "no name of the venue twice"),
        ({"reconnect_max_s": 0.1}, "reconnect_max_s was 0.1", "at least reconnect_min_s"),
        ({"depth": 51}, "depth was 51", "a whole number from 1 to 50"),
    ],
)
def test_session_when_a_key_is_wrong_names_it(tmp_path: Path, changes: dict[str, Any], key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as e:
        parse(configured({**SESSION, **changes}), tmp_path / "c.toml")
    assert f"feed.session[1].{key}" in str(e.value) and allowed in str(e.value)
    assert "hush" not in str(e.value)


def test_sessions_when_two_have_one_name_are_refused(tmp_path: Path) -> None:
    """The name is that of the store's file too."""
    with pytest.raises(ConfigError, match="sessions without a name twice"):
        parse(configured({**SESSION, "symbols": ["EUR/USD"]}, {**SESSION, "symbols": ["USD/JPY"]}), tmp_path / "c.toml")
