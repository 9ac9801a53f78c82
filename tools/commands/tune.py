"""Commands about a quiet host: ``tune plan``, ``tune verify``, ``jitter``.

    tune    Host (a root) + Config ──tuning.plan──▶ Plan ──tuning.settings──▶ findings ──▶ text, JSON, a script; nothing is changed here
    jitter  one core, pinned ──ipc.jitter──▶ gaps, and what the kernel counted meanwhile

``tune verify`` exits with 1 when a setting of the plan is not in force. ``jitter`` ends early at Ctrl-C, prints what it has, and exits with 130.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from ringfence.tools import render
from ringfence.tools.errors import Refused, UsageError
from ringfence.tools.render import Column, Row, View
from ringfence.tools.tuning import plan as plans
from ringfence.tools.tuning import script, settings
from ringfence.tools.tuning.host import Host, list_text
from ringfence.tools.tuning.plan import Plan

VERIFY = View(
    "tune_verify",
    (
        Column("health", "", "glyph"),
        Column("setting", "SETTING"),
        Column("now", "NOW"),
        Column("want", "WANT"),
        Column("fix", "FIX"),
        Column("why", "BUYS", wide=True),
        Column("cost", "COSTS", wide=True),
    ),
    ("setting",),
)
INTERRUPTED = 130


def _planned(args: argparse.Namespace) -> tuple[Host, Plan]:
    from ringfence.tools import config

    root = Path(args.root)
    if not (root / "sys").is_dir():
        raise UsageError(f"--root was {args.root}; it needs a directory with sys and proc of a host in it")
    host = Host(root)
    return host, plans.make(host, config.load(args.config) if args.config else None)


def plan(args: argparse.Namespace) -> int:
    """Say which core gets which process and what to set."""
    host, planned = _planned(args)
    found, words = settings.findings(host, planned, planned=True), plans.words(planned)
    if args.script:
        print(script.shell(planned, found, words), end="")
        return 0
    boot, sysctl = settings.boot_line(host, planned), script.sysctl_file(host, planned)
    units = script.units(planned, str(Path(sys.executable).with_name("ringfence")), str(Path(args.config or "CONFIG.toml").resolve()))
    if args.options.output in {"json", "ndjson"}:
        print(json.dumps(_as_json(planned, found, boot, sysctl, units)))
        return 0
    print("\n".join(_text(planned, found, boot, sysctl, units, words)))
    return 0


def _text(planned: Plan, found: list[settings.Finding], boot: str, sysctl: str, units: dict[str, str], words: str) -> list[str]:
    lines = [f"cores: {words}"]
    for p in planned.places:
        core = planned.cores[p.cpu]
        beside = f", {list_text(set(core.siblings) - {p.cpu})} beside it stays empty" if len(core.siblings) > 1 else ""
        lines.append(f"  {p.process:<16} core {p.cpu:<4} {p.key} = {p.cpu}   (node {core.node}, cache of {core.cache}{beside})")
    lines += [f"  ▲ {note}" for note in planned.notes]
    lines += ["", "boot line:", f"  {boot or 'nothing to add'}", "", f"{script.SYSCTL_PATH}:", *(f"  {line}" for line in sysctl.splitlines()), ""]
    left = [f for f in found if f.state == "warn"]
    lines += [f"settings: {len(left)} of {len(found)} are not as planned (ringfence tune verify); ringfence tune plan --script sets what needs no boot"]
    lines += [f"  ▲ {f.setting.name}: {f.now}; want {f.setting.want}" for f in left]
    if any(f.setting.name == "isolation" and f.apply for f in left):
        lines += ["", "without a reboot: the script makes a cpuset partition; after ringfence up, move the processes there:"]
        lines += [f"  {line}" for line in script.moves(planned)]
    for name, text in units.items():
        lines += ["", f"/etc/systemd/system/{name}:", *(f"  {line}" if line else "" for line in text.splitlines())]
    return lines


def _as_json(planned: Plan, found: list[settings.Finding], boot: str, sysctl: str, units: dict[str, str]) -> dict[str, Any]:
    return {
        "schema": "rf.tune_plan/1",
        "ts_ns": str(time.time_ns()),
        "places": [
            {"process": p.process, "core": p.cpu, "key": p.key, "configured": p.configured}
            | {"node": planned.cores[p.cpu].node, "siblings": sorted(set(planned.cores[p.cpu].siblings) - {p.cpu})}
            for p in planned.places
        ],
        "shared": list(planned.shared),
        "hot": sorted(planned.hot),
        "isolated": sorted(planned.isolated),
        "housekeeping": sorted(planned.housekeeping),
        "notes": list(planned.notes),
        "boot": boot,
        "sysctl": dict(line.split(" = ", 1) for line in sysctl.splitlines()),
        "settings": [
            {"name": f.setting.name, "state": f.state, "now": f.now, "want": f.setting.want, "why": f.setting.why, "cost": f.setting.cost}
            | {"apply": list(f.apply), "undo": list(f.undo), "boot": f.boot}
            for f in found
        ],
        "moves": script.moves(planned),
        "units": units,
    }


def verify(args: argparse.Namespace) -> int:
    """Say whether the plan is in force."""
    host, planned = _planned(args)
    found = settings.findings(host, planned, planned=True)
    frame = render.Frame(VERIFY, render.choose(VERIFY, [row_of(f) for f in found], args.options), "", time.time_ns())
    frame.header = f"cores: {plans.words(planned)}"
    frame.footer = [f"▲ {note}" for note in planned.notes]
    print(render.render(frame, args.options))
    return 1 if any(f.state == "warn" for f in found) else 0


def row_of(f: settings.Finding) -> Row:
    """A finding as a row of ``tune verify``."""
    return {
        "health": f.state,
        "setting": f.setting.name,
        "now": f.now,
        "want": f.setting.want,
        "fix": f.fix or None,
        "why": f.setting.why,
        "cost": f.setting.cost,
    }


def jitter(args: argparse.Namespace) -> int:
    """Listen on a core for what interrupts it."""
    from ringfence.ipc import host, stop
    from ringfence.ipc.jitter import listen
    from ringfence.tools import jitter as reports

    granted = host.pin(args.core)
    if not granted:
        raise Refused(str(granted))
    stop.clear()
    stop.install()
    before = reports.counted(args.core)
    heard = listen(args.seconds, round(args.threshold * 1000))
    report = reports.report(args.core, args.threshold, heard, before, reports.counted(args.core))
    if args.options.output in {"json", "ndjson"}:
        print(json.dumps({"schema": "rf.jitter/1", "ts_ns": str(time.time_ns()), **report}))
    else:
        print("\n".join(reports.text(report)))
    return INTERRUPTED if heard.stopped else 0
