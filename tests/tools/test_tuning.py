"""Plans and settings of hosts in copies of /sys and /proc: who gets which core, what is not as planned, and a script that makes it so and takes it back."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import host_tree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.tools import cli
from ringfence.tools.config import parse
from ringfence.tools.tuning import plan, script
from ringfence.tools.tuning import settings as table
from ringfence.tools.tuning.host import CPUS, Core, Host, cpu_list, cpu_mask, list_text, mask_text, topology

Capture = pytest.CaptureFixture[str]
BOOT_ONLY = {"tick", "rcu"}  # what only a boot line can set
ELSEWHERE = {"isolation", "irqbalance", "swap", "memlock", "numa"}  # set by commands, or not by a value in a file


@pytest.fixture
def small(tmp_path: Path) -> Host:
    host_tree.small(tmp_path)
    return Host(tmp_path)


@pytest.fixture
def large(tmp_path: Path) -> Host:
    host_tree.large(tmp_path)
    return Host(tmp_path)


def placed(p: plan.Plan) -> dict[str, int]:
    return {place.process: place.cpu for place in p.places}


def states(host: Host, p: plan.Plan) -> dict[str, str]:
    return {f.setting.name: f.state for f in table.findings(host, p, planned=True)}


# ---- words of the kernel


@settings(max_examples=50)
@given(st.sets(st.integers(0, 200)))
def test_lists_and_masks_of_cpus_are_read_as_they_are_written(cpus: set[int]) -> None:
    assert cpu_list(list_text(cpus)) == cpus
    assert cpu_mask(mask_text(cpus)) == cpus
    assert all(len(group) <= 8 for group in mask_text(cpus).split(","))


@pytest.mark.parametrize(("text", "cpus"), [("(null)", set()), ("", set()), ("managed_irq,domain,2-3,7", {2, 3, 7}), ("0", {0}), ("nohz,1", {1})])
def test_list_of_cpus_when_it_has_words_leaves_them_out(text: str, cpus: set[int]) -> None:
    assert cpu_list(text) == cpus


def test_file_when_it_is_not_there_or_a_directory_is_none(tmp_path: Path) -> None:
    assert (Host(tmp_path).text("/sys/x"), Host(tmp_path).text("/"), Host(tmp_path).dma_latency_us()) == (None, None, None)
    assert topology(Host(tmp_path)) == {}


# ---- who gets which core


def test_plan_when_threads_are_siblings_takes_one_of_each_core_and_leaves_the_first_core(small: Host) -> None:
    p = plan.make(small)
    assert placed(p) == {"engine": 1, "gw.VENUE": 2, "strat.A": 3}
    assert (p.hot, p.siblings, p.housekeeping) == ({1, 2, 3}, {5, 6, 7}, {0, 4})
    assert p.shared == ("strat.B",) and "3 of 4 processes fit" in p.notes[0]


def test_plan_when_caches_are_apart_stays_in_the_one_that_holds_all(large: Host) -> None:
    p = plan.make(large)
    assert placed(p) == {"engine": 8, "gw.VENUE": 9, "strat.A": 10, "strat.B": 11}, "node 0 lacks its first core"
    assert p.notes == ()


def test_plan_when_cores_are_isolated_already_uses_those_first(large: Host) -> None:
    host_tree.write(large.root, {f"{CPUS}/isolated": "2-3"})
    p = plan.make(large)
    assert placed(p)["engine"] == 2 and placed(p)["gw.VENUE"] == 3
    assert {large_node(p, cpu) for cpu in p.hot} == {0}, "the others are beside them"


def large_node(p: plan.Plan, cpu: int) -> int:
    return p.cores[cpu].node


def test_plan_when_there_is_one_core_places_nobody(tmp_path: Path) -> None:
    host_tree.write(tmp_path, host_tree.topology(1, lambda c: {c}, lambda c: {c}, lambda _c: 0) | host_tree.untuned(1))
    p = plan.make(Host(tmp_path))
    assert (p.places, p.hot, p.notes) == ((), frozenset(), ("no core can be given away: this host has one",))
    found = table.findings(Host(tmp_path), p)
    assert {f.state for f in found if f.setting.of_cores} == {"idle"}
    assert "isolcpus" not in table.boot_line(Host(tmp_path), p)


def test_plan_of_a_configuration_names_its_processes_and_says_where_it_differs(large: Host) -> None:
    from importlib import resources

    values: dict[str, Any] = tomllib.loads((resources.files("ringfence.tools.examples") / "demo.toml").read_text())
    config = parse(values, Path("demo.toml"))
    named = [name for name, _, _ in plan.hot(config)]
    assert named[0] == "engine" and [n for n in named if n.startswith("gw.")] == [f"gw.{v.name}" for v in config.venues]
    values["cores"] = {"engine": 0}
    p = plan.make(large, parse(values, Path("demo.toml")))
    assert f"engine: cores.engine is 0, planned {placed(p)['engine']}" in p.notes
    assert script.keys(p)[0] == f"cores.engine = {placed(p)['engine']}"


@st.composite
def hosts(draw: st.DrawFn) -> dict[str, str]:
    """Any host whose threads, caches and nodes nest."""
    threads, cores, caches, nodes = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    first = cores * caches * nodes

    def core(cpu: int) -> int:
        return cpu % first

    def siblings(cpu: int) -> set[int]:
        return {core(cpu) + first * t for t in range(threads)}

    def cache(cpu: int) -> set[int]:
        return {c for c in range(first * threads) if core(c) // cores == core(cpu) // cores}

    return host_tree.topology(first * threads, siblings, cache, lambda cpu: core(cpu) // (cores * caches))


@settings(max_examples=25, deadline=None)
@given(files=hosts())
def test_plan_of_any_host_keeps_its_rules_and_is_found_again_when_it_is_in_force(files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("host")
    host_tree.write(root, files)
    p = plan.make(Host(root))
    cores: dict[int, Core] = p.cores
    assert p.hot | p.siblings == p.isolated and p.isolated | p.housekeeping == cores.keys() and not p.isolated & p.housekeeping
    assert not set(cores[0].siblings) & p.isolated
    assert len({cores[cpu].siblings for cpu in p.hot}) == len(p.places) == min(4, len({c.siblings for c in cores.values()}) - 1)
    assert len(p.places) + len(p.shared) == 4
    host_tree.write(root, {f"{CPUS}/isolated": list_text(p.isolated)})
    again = plan.make(Host(root))
    assert (again.isolated, again.housekeeping, set(placed(again).values())) == (p.isolated, p.housekeeping, set(placed(p).values()))


# ---- settings


def test_every_setting_when_a_distribution_chose_it_is_not_as_planned(small: Host) -> None:
    p = plan.make(small)
    found = {f.setting.name: f for f in table.findings(small, p)}
    assert {name for name, f in found.items() if f.state != "warn"} == {"numa"}
    assert all(f.fix for name, f in found.items() if f.state == "warn" and name != "reserved huge pages")
    assert all(len(f.undo) == len(f.apply) or f.setting.undo for f in found.values())
    irq = found["irq"]
    assert [line for line in irq.apply if "/irq/26/" in line] == [], "it goes to core 0, whatever its mask allows"
    assert irq.fix == "echo 0,4 > /proc/irq/24/smp_affinity_list; echo 0,4 > /proc/irq/25/smp_affinity_list"
    states_shut = [line for line in found["c-states"].apply if "state2" in line]
    assert len(states_shut) == len(found["c-states"].apply) == 3, "only the deep state, only of hot cores"


def test_setting_when_the_host_has_no_such_file_is_idle(tmp_path: Path) -> None:
    host_tree.write(tmp_path, host_tree.topology(8, lambda c: {c}, lambda _c: set(range(8)), lambda _c: 0))
    found = {f.setting.name: f.state for f in table.findings(Host(tmp_path), plan.make(Host(tmp_path)))}
    assert {name for name, state in found.items() if state != "idle"} == {"numa", "irqbalance", "smt"}


def run_script(text: str, what: str, root: Path) -> subprocess.CompletedProcess[str]:
    """The script in a copy of a host; commands that are no shell's are written to a log."""
    commands = root / "bin"
    commands.mkdir(exist_ok=True)
    for name in ("swapoff", "swapon", "systemctl"):
        (commands / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {root}/log\n')
        (commands / name).chmod(0o755)
    moved = re.sub(r"(?<![\w/])/(sys|proc|etc)/", rf"{root}/\1/", text)
    file = root / "tuning.sh"
    file.write_text(moved)
    return subprocess.run(["sh", str(file), what], capture_output=True, text=True, check=False, env={"PATH": f"{commands}:/usr/bin:/bin"}, timeout=60)


def tree(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for folder in ("sys", "proc") for p in sorted((root / folder).rglob("*")) if p.is_file()}


def test_script_when_applied_makes_it_so_and_when_undone_puts_it_back(small: Host) -> None:
    p = plan.make(small)
    found = table.findings(small, p, planned=True)
    text, before = script.shell(p, found, plan.words(p)), tree(small.root)
    (small.root / "etc/security/limits.d").mkdir(parents=True)
    done = run_script(text, "apply", small.root)
    assert (done.returncode, done.stderr) == (0, "")
    after = {f.setting.name: f for f in table.findings(small, p, planned=True)}
    still = {name for name, f in after.items() if f.state == "warn"}
    assert still == BOOT_ONLY | {"irqbalance", "swap", "memlock"}, "what commands do, the copy of a host does not show"
    assert (small.root / "sys/fs/cgroup/ringfence/cpuset.cpus").read_text() == f"{list_text(p.isolated)}\n"
    assert "swapoff -a" in (small.root / "log").read_text() and "memlock unlimited\n" in (small.root / "etc/security/limits.d/90-ringfence.conf").read_text()
    assert "IRQBALANCE_BANNED_CPULIST=1-3,5-7\n" in (small.root / f"{table.BANNED.lstrip('/')}").read_text()
    assert script.shell(p, list(after.values()), "").count("run 'echo") < text.count("run 'echo") / 2
    done = run_script(text, "undo", small.root)
    assert done.returncode == 0
    now = {
        name: text.replace("[always] madvise never", "always").replace("always within_size advise [never] deny force", "never") for name, text in before.items()
    }
    assert {name: text for name, text in tree(small.root).items() if "cgroup" not in name} == {n: t for n, t in now.items() if "cgroup" not in n}
    assert run_script(text, "", small.root).returncode == 2


def test_script_when_the_host_is_as_planned_has_nothing_to_do(small: Host) -> None:
    p = plan.make(small)
    assert "    run '" not in script.shell(p, [], "")


def test_isolation_without_cgroup_v2_is_the_boot_lines_alone(small: Host) -> None:
    (small.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    f = next(f for f in table.findings(small, plan.make(small)) if f.setting.name == "isolation")
    assert (f.apply, f.undo, f.fix) == ((), (), "boot with isolcpus=managed_irq,domain,1-3,5-7")


def test_boot_line_when_in_force_is_the_same_and_its_settings_hold(small: Host) -> None:
    p = plan.make(small)
    line = table.boot_line(small, p)
    assert {word.partition("=")[0] for word in line.split()} == {
        *("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "nmi_watchdog", "processor.max_cstate", "intel_idle.max_cstate", "transparent_hugepage", "tsc")
    }
    isolated = list_text(p.isolated)
    host_tree.write(small.root, {"/proc/cmdline": f"ro {line}", f"{CPUS}/isolated": isolated, f"{CPUS}/nohz_full": isolated})
    again = plan.make(small)
    assert states(small, again) | dict.fromkeys(("isolation", "tick", "rcu", "irqbalance"), "ok") == states(small, again)
    assert table.boot_line(small, again) == line, "what is there already stays in the line"


def test_idle_states_when_somebody_holds_the_latency_do_not_matter(small: Host) -> None:
    p = plan.make(small)
    (small.root / "dev").mkdir()
    for held, state in ((0, "ok"), (2, "ok"), (100, "warn")):
        (small.root / "dev/cpu_dma_latency").write_bytes(held.to_bytes(4, "little"))
        assert states(small, p)["c-states"] == state


def test_isolation_by_a_partition_is_seen_with_and_without_the_roots_list(small: Host) -> None:
    p = plan.make(small)
    host_tree.write(small.root, {f"{plan.PARTITION}/cpuset.cpus": list_text(p.isolated)})
    host_tree.write(small.root, {f"{plan.PARTITION}/cpuset.cpus.partition": "isolated invalid (no CPU)"})
    assert states(small, p)["isolation"] == "warn"
    host_tree.write(small.root, {f"{plan.PARTITION}/cpuset.cpus.partition": "isolated"})
    assert states(small, p)["isolation"] == "ok"


def test_balancer_when_it_is_told_to_keep_off_is_as_planned(small: Host) -> None:
    p = plan.make(small)
    (small.root / "proc/77/environ").write_text("A=b\0IRQBALANCE_BANNED_CPULIST=1-3,5-7\0")
    assert states(small, p)["irqbalance"] == "ok"
    (small.root / "proc/77/environ").write_text("IRQBALANCE_BANNED_CPULIST=1\0")
    assert states(small, p)["irqbalance"] == "warn"


def test_table_says_of_each_setting_what_it_buys_and_costs_and_the_page_has_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tuning.md").read_text()
    rows = re.findall(r"^\| `([a-z -]+)` \| [^|]+ \| [^|]+ \|", page, re.M)
    assert rows == [s.name for s in table.SETTINGS]
    assert all(s.want and s.why and s.cost for s in table.SETTINGS)
    assert len({s.name for s in table.SETTINGS}) == len(table.SETTINGS)


# ---- commands


def run(capsys: Capture, *argv: str) -> tuple[int, str]:
    status = cli.main(argv)
    out, err = capsys.readouterr()
    return status, out + err


def test_plan_command_when_json_has_all_that_the_text_has(small: Host, capsys: Capture) -> None:
    status, said = run(capsys, "tune", "plan", "--root", str(small.root), "--json")
    told = json.loads(said)
    assert (status, told["schema"]) == (0, "rf.tune_plan/1")
    assert [(p["process"], p["core"], p["siblings"]) for p in told["places"]] == [("engine", 1, [5]), ("gw.VENUE", 2, [6]), ("strat.A", 3, [7])]
    assert "CPUAffinity=0 4\n" in told["units"]["ringfence.service"] and told["sysctl"]["vm.stat_interval"] == "10"
    status, text = run(capsys, "tune", "plan", "--root", str(small.root))
    assert status == 0 and told["boot"] in text and "cores.engine = 1" in text and "cpuset partition" in text
    assert all(line in text for line in told["moves"])


def test_plan_command_when_asked_for_the_script_prints_one_that_a_shell_reads(small: Host, capsys: Capture, tmp_path: Path) -> None:
    status, said = run(capsys, "tune", "plan", "--root", str(small.root), "--script")
    (tmp_path / "made.sh").write_text(said)
    assert (status, subprocess.run(["sh", "-n", str(tmp_path / "made.sh")], check=False).returncode) == (0, 0)
    assert "# governor: performance. Now: powersave" in said and said.rstrip().endswith("tsc=reliable")


def test_verify_command_when_something_is_not_in_force_exits_1_and_0_when_all_is(small: Host, capsys: Capture) -> None:
    status, said = run(capsys, "tune", "verify", "--root", str(small.root), "--json")
    rows = {r["setting"]: r for r in json.loads(said)["rows"]}
    assert status == 1 and rows["governor"]["health"] == "warn" and rows["governor"]["fix"].startswith("echo performance > ")
    assert not {"perf", "reserved huge pages"} & rows.keys(), "advice is no part of a plan"
    tuned(small)
    status, said = run(capsys, "tune", "verify", "--root", str(small.root))
    assert status == 0, said


def tuned(host: Host) -> None:
    """Everything as the plan has it."""
    p = plan.make(host)
    found = table.findings(host, p, planned=True)
    (host.root / "etc/security/limits.d").mkdir(parents=True, exist_ok=True)
    run_script(script.shell(p, found, ""), "apply", host.root)
    isolated = list_text(p.isolated)
    host_tree.write(
        host.root,
        {
            f"{CPUS}/isolated": isolated,
            f"{CPUS}/nohz_full": isolated,
            "/proc/cmdline": f"nohz_full={isolated}",
            "/proc/swaps": "Filename Type",
            "/proc/self/limits": "Max locked memory unlimited unlimited bytes",
            f"{CPUS}/online": list_text(p.housekeeping | p.hot),
        },
    )


def test_command_when_the_root_is_no_host_is_a_usage_error(tmp_path: Path, capsys: Capture) -> None:
    status, said = run(capsys, "tune", "verify", "--root", str(tmp_path))
    assert (status, "--root was" in said) == (2, True)
