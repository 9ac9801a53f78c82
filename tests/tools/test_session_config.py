"""``[venue.session]``: what each key becomes in the gateway's spec, and what is said about a wrong one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.tools import definitions, specs
from ringfence.tools.config import Config, parse
from ringfence.tools.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "tools" / "examples" / "demo.toml"
SESSION = 'sender_comp_id = "US"\ntarget_comp_id = "THEM"\n'


def config(text: str = 'host = "h"\nport = 1\n', source: Path = EXAMPLE) -> Config:
    values = tomllib.loads(EXAMPLE.read_text())
    values["venue"][0]["session"] = tomllib.loads(SESSION + text)
    return parse(values, source)


def gateway_spec(loaded: Config) -> dict[str, Any]:
    plan = next(p for p in specs.plans(loaded, 1, EXAMPLE) if p.name == "gw.sim")
    out: dict[str, Any] = json.loads(json.dumps(plan.spec))
    return out


def test_session_when_host_and_port_are_given_they_are_its_address() -> None:
    assert config().venues[0].session.addresses == ("h:1",)
    assert config('host = "::1"\nport = 1\n').venues[0].session.addresses == ("[::1]:1",)
    assert config('role = "acceptor"\nport = 9\n').venues[0].session.addresses == ("127.0.0.1:9",)


def test_session_when_addresses_are_given_they_keep_their_order() -> None:
    assert config('addresses = ["b:2", "[::1]:3", "a:1"]\n').venues[0].session.addresses == ("b:2", "[::1]:3", "a:1")


def test_spec_when_written_is_taken_by_the_gateway(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(gateway_spec(config('begin_string = "FIX.4.4"\nfix_profile = "simulator"\naddresses = ["a:1", "b:2"]\nlogon_s_max = 7\n'))))
    spec = GatewaySpec.load(path)
    settings = spec.config()
    assert (spec.addresses, settings.begin_string, settings.logon_s_max, spec.profile().name) == (["a:1", "b:2"], "FIX.4.4", 7, "simulator")
    assert spec.symbols == ["EUR/USD", "USD/JPY"]


def test_password_when_configured_is_in_no_spec_and_read_by_the_gateway_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\n")
    file.chmod(0o644)
    text = f'host = "h"\nport = 1\nbegin_string = "FIX.4.4"\nusername = "me"\npassword_file = "{file}"\n'
    spec = gateway_spec(config(text))
    assert "hunter2" not in json.dumps(spec)
    assert spec["password_file"] == str(file)
    with pytest.raises(SessionError, match="others may read it"):
        GatewaySpec(**spec).config()
    monkeypatch.delenv("RF_TEST_PASSWORD", raising=False)
    spec = gateway_spec(config('host = "h"\nport = 1\nbegin_string = "FIX.4.4"\npassword_env = "RF_TEST_PASSWORD"\n'))
    with pytest.raises(SessionError, match="the environment has no RF_TEST_PASSWORD"):
        GatewaySpec(**spec).config()


def test_password_when_in_the_environment_is_kept_from_strategies() -> None:
    values = tomllib.loads(EXAMPLE.read_text())
    values["venue"][0]["session"] |= {"begin_string": "FIX.4.4", "password_env": "RF_TEST_PASSWORD"}
    values["strategy"][0]["command"] = ["python", "x.py"]
    plans = specs.strategy_plans(parse(values, EXAMPLE))
    assert [p.environment["RF_TEST_PASSWORD"] for p in plans] == [""]


def test_definition_when_the_dialect_lacks_something_its_venue_row_says_so() -> None:
    row = definitions.images(config('host = "h"\nport = 1\nbegin_string = "FIX.4.4"\nfix_profile = "osl"\n'))["venues"][0]
    assert (row["ord_types"], row["time_in_forces"], row["instructions"]) == (0b110, 0b10110110, 1)
    default = definitions.images(config())["venues"][0]
    assert (default["ord_types"], default["time_in_forces"], default["instructions"]) == (0b11110, 0b11111110, 0)


@pytest.mark.parametrize(("longest", "fits"), [(16, False), (18, False), (19, True)])
def test_session_when_its_venue_takes_no_cancel_of_the_kill_switch_is_refused(tmp_path: Path, longest: int, fits: bool) -> None:
    (tmp_path / "short.toml").write_text(f"[ids]\ncl_ord_id_max = {longest}\n")
    text = 'host = "h"\nport = 1\nfix_profile = "short.toml"\n'
    if fits:
        assert config(text, tmp_path / "x.toml").venues[0].session.dialect.cl_ord_id_max == longest
        return
    with pytest.raises(ConfigError, match="our ClOrdIDs have 19 characters"):
        config(text, tmp_path / "x.toml")


def test_session_when_fix_profile_is_a_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('about = "mine"\n[orders]\nmax_age_s = 30\n')
    loaded = config('host = "h"\nport = 1\nfix_profile = "mine.toml"\n', tmp_path / "x.toml").venues[0].session
    assert (loaded.fix_profile, loaded.dialect.name, loaded.order_max_age_s) == (str(tmp_path / "mine.toml"), "mine", 30)


def test_session_when_tls_schedule_and_custom_tags_are_given_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    text = f'host = "h"\nport = 1\n[tls]\nca_file = "{tmp_path}/ca.pem"\n[schedule]\ntime_zone = "America/New_York"\nstart = "17:00:00"\nend = "16:59:00"\n'
    text += 'start_day = "sunday"\nend_day = "friday"\n[custom_tags]\n5001 = ["Desk", "STRING"]\n'
    session = config(text).venues[0].session
    assert session.tls is not None and (session.tls.ca_file, session.tls.verify) == (f"{tmp_path}/ca.pem", True)
    assert session.schedule is not None and (session.schedule.start_day, session.schedule.reset) == ("sunday", True)
    assert session.custom_tags == {"5001": ["Desk", "STRING"]}
    assert gateway_spec(config(text))["tls"]["ca_file"] == f"{tmp_path}/ca.pem"


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ('host = "h"\nport = 1\nrole = "both"', "role was 'both'", '"initiator", "acceptor"'),
        ('host = "h"\nport = 1\nprofile = "lax"', "profile was 'lax'", '"compatible", "strict"'),
        ("port = 1", "host is missing", "a host name"),
        ('host = "h"\naddresses = ["a:1"]', "host was 'h'", "nothing: addresses"),
        ("addresses = []", "addresses was []", "words"),
        ('addresses = ["a"]', "addresses was ['a']", 'one to eight texts "host:port"'),
        ('addresses = ["a:1", "a:1"]', "addresses was", 'one to eight texts "host:port"'),
        ('role = "acceptor"\naddresses = ["a:1", "b:1"]', "addresses was", "an acceptor listens on one"),
        ('host = "h"\nport = 1\nfix_profile = "nyse"', "fix_profile was 'nyse'", "use cqg, default"),
        ('host = "h"\nport = 1\nfix_profile = "osl"', "fix_profile was 'osl'", "FIX.4.2 is not among them"),
        ('host = "h"\nport = 1\nusername = "me"', "username was 'me'", "from FIX.4.4 on"),
        ('host = "h"\nport = 1\nbegin_string = "FIX.4.4"\npassword_file = "f"\npassword_env = "E"', "password_env was 'E'", "nothing: password_file"),
        ('host = "h"\nport = 1\npassword = "x"', "password was '(hidden)'", "password_file, or use password_env"),
        ('host = "h"\nport = 1\nnext_expected = true', "next_expected was True", "from FIX.4.4 on"),
        ('host = "h"\nport = 1\nresend_chunk = -1', "resend_chunk was -1", "a whole number from 0"),
        ('host = "h"\nport = 1\nchecks_off = ["sums"]', "checks_off was ['sums']", "required, unknown"),
        ('host = "h"\nport = 1\n[custom_tags]\n5001 = "Desk"', "custom_tags.5001 was 'Desk'", 'TAG = ["Name", "TYPE"]'),
        ('host = "h"\nport = 1\n[custom_tags]\n5001 = ["Desk", "TEXT"]', "custom_tags.5001 was", "QTY, SEQNUM, STRING"),
        ('host = "h"\nport = 1\n[tls]\nca_file = "nowhere.pem"', "tls.ca_file was 'nowhere.pem'", "a file that exists"),
        ('port = 1\nrole = "acceptor"\n[tls]\nverify = true', "tls.certificate is missing", "a file"),
        ('host = "h"\nport = 1\n[schedule]\nstart = "25:00:00"\nend = "01:00:00"', "schedule.start was '25:00:00'", "HH:MM:SS"),
        ('host = "h"\nport = 1\n[schedule]\ntime_zone = "Mars"\nstart = "01:00:00"\nend = "02:00:00"', "schedule.time_zone was 'Mars'", "IANA name"),
        ('host = "h"\nport = 1\n[schedule]\nstart = "01:00:00"\nend = "02:00:00"\nstart_day = "monday"', "schedule.start_day was 'monday'", "go together"),
    ],
)  # fmt: skip
def test_session_when_a_key_is_wrong_names_key_value_and_what_is_allowed(text: str, key: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as e:
        config(text)
    assert str(e.value).startswith(f"demo.toml: venue[1].session.{key}"), str(e.value)
    assert allowed in str(e.value)


def test_session_when_two_instruments_are_one_symbol_at_the_venue_is_refused() -> None:
    values = tomllib.loads(EXAMPLE.read_text())
    values["instrument"][1]["symbol"] = "EURUSD"
    values["feed"]["ticks"] = values["feed"]["ticks"][:1]
    values["venue"][0]["session"] |= {"begin_string": "FIX.4.4", "fix_profile": "osl"}
    with pytest.raises(ConfigError, match="'EUR/USD' and 'EURUSD' are both 'EURUSD' at the venue"):
        parse(values, EXAMPLE)


def test_budget_when_only_the_rate_is_given_burst_and_reserve_follow_from_it() -> None:
    where = 'host = "h"\nport = 1\n'
    assert [gateway_spec(config(where))[k] for k in ("messages_per_s", "burst", "cancel_reserve")] == [0, 1, 0]
    assert [gateway_spec(config(where + "messages_per_s = 500\n"))[k] for k in ("burst", "cancel_reserve")] == [50, 10]
    assert [gateway_spec(config(where + "messages_per_s = 3\n"))[k] for k in ("burst", "cancel_reserve")] == [1, 0]
    explicit = gateway_spec(config(where + "messages_per_s = 500\nburst = 4\ncancel_reserve = 3\n"))
    assert [explicit[k] for k in ("messages_per_s", "burst", "cancel_reserve")] == [500, 4, 3]


def test_budget_when_the_reserve_leaves_nothing_for_orders_is_refused() -> None:
    with pytest.raises(ConfigError, match="cancel_reserve was 4"):
        config('host = "h"\nport = 1\nmessages_per_s = 500\nburst = 4\ncancel_reserve = 4\n')
