"""A changed configuration of a running instance: all of it or nothing, tighter at once, looser by two, and what needs a restart is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from firm_config import FIRM
from running_instance import Running

from ringfence.ipc.segment import Segment
from ringfence.tools import control_client, reload
from ringfence.tools.config import Config, parse
from ringfence.tools.errors import ConfigError, Refused

FILE = Path("firm.toml")


@pytest.fixture
def running(tmp_path: Path, instance: str) -> Iterator[Running]:
    made = Running(tmp_path, instance)
    yield made
    made.close()


@pytest.fixture
def config() -> Config:
    return parse(tomllib.loads(FIRM), FILE)


@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v["instrument"][0].update(qty_max="5000", status="halted", restricted=True),
        lambda v: v["instrument"][0].update(mark="side"),
        lambda v: v["account"].append({"name": "third", "currency": "EUR"}),
        lambda v: v["strategy"].append({"name": "mm3", "desk": "fx"}),
        lambda v: v["instrument"].append(dict(v["instrument"][0], symbol="GBP/USD")),
        lambda v: v["currency"].append({"code": "GBP", "rate": "1.25"}),
        lambda v: v["strategy"][0].update(deadman_ms=7, max_age_ms=5),
        lambda v: v["strategy"][0].update(parameters={"qty": 5}),
        lambda v: v["venue"][0].update(status="halted"),
        lambda v: v["route"].pop(),
        lambda v: v.update(holidays=[{"currency": "USD", "days": ["2026-12-25"]}]),
        lambda v: v["limit"].clear(),
        lambda v: v["permission"].clear(),
    ],
)
def test_reload_when_rows_of_the_model_change_needs_no_restart(config: Config, edit: Callable[[Any], object]) -> None:
    values = tomllib.loads(FIRM)
    edit(values)
    reload.needs_restart(config, parse(values, FILE))


@pytest.mark.parametrize(
    ("edit", "key"),
    [
        (lambda v: v["instance"].update(timer_ms=7), "instance.timer_ms was 7"),
        (lambda v: v.update(limits={"orders": 4096}), "limits.orders was 4096"),
        (lambda v: v["strategy"].append({"name": "mm3", "command": ["x"]}), "strategy[3].command was ['x']"),
        (lambda v: v["strategy"].insert(0, {"name": "mm3"}), "strategy[1].name was 'mm3'"),
        (lambda v: (v["strategy"].pop(), v["permission"].clear()), "strategy was '1 tables'"),
        (lambda v: v["venue"].append({"name": "dark", "session": dict(v["venue"][0]["session"], target_comp_id="C")}), "venue[2] was \"new, 'dark'\""),
        (lambda v: v["account"].append({"name": "third", "currency": "EUR", "durability": "local"}), "account[3].durability was 'local'"),
        (lambda v: v["instrument"].pop(), "was '1 tables'"),
        (lambda v: v["venue"][0]["session"].update(port=2), "venue[1].session.addresses was"),
        (lambda v: v["strategy"][0].update(uid=77), "strategy[1].uid was 77"),
        (lambda v: v["instrument"][0].update(price_digits=6), "instrument[1].price_digits was 6"),
    ],
)
def test_reload_when_processes_would_have_to_change_names_the_key(config: Config, edit: Callable[[Any], object], key: str) -> None:
    values = tomllib.loads(FIRM)
    for table in ("limit", "permission", "route"):
        values[table] = [r for r in values[table] if "FESX" not in str(r)]
    edit(values)
    with pytest.raises(ConfigError) as error:
        reload.needs_restart(config, parse(values, FILE))
    assert key in str(error.value) and "restarted" in str(error.value)


def test_reload_when_the_file_lies_elsewhere_is_refused(config: Config, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="relative paths would mean something else"):
        reload.prepare(replace(config, source=Path("/somewhere/firm.toml")), tmp_path / "firm.toml", None)  # type: ignore[arg-type]


def test_reload_of_a_live_instance_changes_all_or_nothing(running: Running) -> None:
    limit = '\n[firm]\ncurrency = "USD"\n[[limit]]\nscope = "firm"\nrule = "MAX_QTY"\nvalue = "{}"\n'
    assert running.up() == 0, running.logs()

    def send(text: str) -> dict[str, Any]:
        path = running.config.with_name("changed.toml")
        path.write_text(text)
        return control_client.request(running.name, {"op": "reload", "config": str(path)})

    def max_qty() -> int:
        with Segment.attach(running.name, "state") as state:
            return int(state.section("scopes")[1]["limits"][14])

    base = running.config.read_text()
    assert send(base)["changes"] == 0
    assert send(base + limit.format("500"))["changes"] == 2
    assert max_qty() == 500
    with pytest.raises(Exception, match=r"limit\[1\].value was '5x'"):
        send(base.replace('currency = "USD"', 'currency = "USD"\nstatus = "halted"', 1) + limit.format("5x"))
    with Segment.attach(running.name, "state") as state:
        assert int(state.section("accounts")[1]["status"]) == 1, "an error anywhere changes nothing"
    assert send(base + limit.format("400"))["changes"] == 1
    assert max_qty() == 400
    assert (running.data / "run" / "config.toml").read_text() == base + limit.format("400"), "a restarted engine reads the new file"
    assert running.down() == []
