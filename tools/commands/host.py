"""Commands about this host and this build: ``doctor``, ``config check|show``, ``version``, ``completion``.

``doctor`` asks the kernel for what a trading host grants (locked memory, real-time priority, quiet cores, room in /dev/shm), holds the kernel's settings
against those that a plan for this host would have (``tuning.settings``), and prints, for each that is not so, the command that mends it. A host that is not
tuned still works, so those rows are warnings; only what keeps an instance from running is bad, and then the exit code is 1. Of each instance that runs it
also says what of its controls is not as it should be (``doctor_controls``).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence import __version__
from ringfence.tools import render
from ringfence.tools.render import Column, Row, View

if TYPE_CHECKING:
    from ringfence.tools.doctor_controls import Check, Picture

DOCTOR = View(
    "doctor",
    (Column("health", "", "glyph"), Column("check", "CHECK"), Column("detail", "DETAIL"), Column("fix", "FIX")),
    ("check",),
)
DISK_WARN, DISK_BAD = 0.20, 0.05
GLYPH_OF = {True: "ok", False: "warn"}


def _row(check: str, health: str, detail: str, fix: str | None = None) -> Row:
    return {"check": check, "health": health, "detail": detail, "fix": fix}


def _first_line(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def _table_bytes() -> int:
    """Of the default [limits]: nearly all that an instance has in shared memory."""
    from ringfence.core.state import Limits, state_sections
    from ringfence.ipc.layout import dtype

    return sum(rows * dtype(record).itemsize for _, record, rows in state_sections(Limits()))


def _shm() -> Row:
    try:
        usage = shutil.disk_usage("/dev/shm")
    except OSError as e:
        return _row("shm", "bad", f"/dev/shm: {e.strerror}", "mount -t tmpfs -o size=1G tmpfs /dev/shm")
    tables = _table_bytes()
    health = "ok" if usage.free >= 2 * tables else "bad"
    fix = None if health == "ok" else f"mount -o remount,size={(usage.used >> 30) + 1}G /dev/shm"
    need = f"the tables of the default [limits] take {tables >> 20}"
    return _row("shm", health, f"/dev/shm has {usage.free >> 20:,} MiB free of {usage.total >> 20:,}; {need}", fix)


def _cores() -> Row:
    mine, isolated = sorted(os.sched_getaffinity(0)), _first_line("/sys/devices/system/cpu/isolated") or ""
    if len(mine) < 4:
        return _row("cores", "warn", f"{len(mine)} usable: processes share cores, so idle strategies back off instead of spinning", None)
    if not isolated:
        return _row("cores", "warn", f"{len(mine)} usable, none isolated", "ringfence tune plan CONFIG.toml says which")
    return _row("cores", "ok", f"{len(mine)} usable, isolated: {isolated}")


def _granted() -> Iterator[Row]:
    """Ask for what the hot processes ask for, in a child, so that this process keeps nothing of it."""
    from ringfence.ipc import host

    trials: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("mlock", host.lock_memory),
        ("realtime", lambda: host.realtime(1)),
        ("pinning", lambda: host.pin(max(os.sched_getaffinity(0)))),
    )
    for name, trial in trials:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                outcome = trial()
                os.write(writer, json.dumps([bool(outcome), getattr(outcome, "reason", ""), getattr(outcome, "fix", "")]).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        with os.fdopen(reader, "rb") as answer:
            said = answer.read()
        os.waitpid(pid, 0)
        granted, reason, fix = json.loads(said) if said else (False, "the trial process died", "")
        yield _row(name, GLYPH_OF[granted], "granted" if granted else reason, None if granted else fix or None)


def _settings() -> Iterator[Row]:
    """What of the kernel is not as a plan for this host would have it (``tuning.settings``); locked memory was tried already."""
    from ringfence.tools.tuning import plan, settings
    from ringfence.tools.tuning.host import Host

    host = Host()
    for found in settings.findings(host, plan.make(host)):
        if found.setting.name != "memlock":
            wanted = f"; want {found.setting.want}" if found.state == "warn" else ""
            yield _row(found.setting.name, found.state, found.now + wanted, found.fix or None)


def _disk(directory: Path) -> Row:
    while not directory.exists():
        directory = directory.parent
    usage = shutil.disk_usage(directory)
    free = usage.free / usage.total
    health = "bad" if free < DISK_BAD else "warn" if free < DISK_WARN else "ok"
    return _row(
        "disk",
        health,
        f"{directory}: {usage.free >> 20:,} MiB free ({free:.0%})",
        None if health == "ok" else "make room: the engine takes no intents once the journal cannot grow",
    )


def _instances() -> Iterator[Row]:
    from ringfence.ipc import regions
    from ringfence.tools.errors import NotRunning
    from ringfence.tools.views.instance import Instance

    for name in regions.instances():
        found = regions.list_regions(name)
        dead = [r.name for r in found if not r.alive]
        try:
            with Instance(name) as instance:
                instance.region("instance")
                instance.region("state")
        except NotRunning as e:
            yield _row(f"abi {name}", "warn", str(e), None)
            continue
        if len(dead) == len(found):
            yield _row(
                f"left {name}",
                "warn",
                f"{len(dead)} regions of a dead instance, {sum(r.total_bytes for r in found) >> 20} MiB",
                "ringfence up CONFIG.toml recovers and then removes them",
            )
        else:
            yield _row(
                f"abi {name}", "ok", f"{len(found)} regions, layout agrees" + (f"; {len(dead)} without a live writer: {', '.join(dead)}" if dead else "")
            )
            yield from _processes(name)
            yield from _controls(name)


def _processes(name: str) -> Iterator[Row]:
    """What of a running instance does not run: the instance may trade on without it, so somebody has to look."""
    from ringfence.tools.views import processes
    from ringfence.tools.views.instance import Instance

    with Instance(name) as instance:
        down, logs = [r for r in processes.status(instance) if r["health"] == "bad"], f"{instance.data_dir or 'DATA'}/logs"
    for row in down:
        what = f"{row['component']} is {row['state']}: {row['note'] or 'it ended'}"
        yield _row(f"processes {name}", "warn", what, f"look at {logs}/{row['component']}.log, then ringfence down and ringfence up")
    if not down:
        yield _row(f"processes {name}", "ok", "every process runs that should")


def _controls(name: str) -> Iterator[Row]:
    """What of a running instance's controls is not as it should be (``doctor_controls``)."""
    from ringfence.tools import config, doctor_controls
    from ringfence.tools.errors import ConfigError
    from ringfence.tools.views.instance import Instance

    with Instance(name) as instance:
        run, tables = Path(instance.data_dir or "/") / "run", doctor_controls.tables_of(instance)
        breaks = doctor_controls.breaks_of(instance)
    owner, secrets = os.getuid(), ()  # type: int, tuple[tuple[str, Path], ...]
    try:
        owner = run.stat().st_uid
        secrets = doctor_controls.secrets_of(config.load(run / "config.toml", Path(json.loads((run / "engine.json").read_text())["config_source"])))
    except (OSError, ValueError, KeyError, ConfigError) as e:
        yield _row(f"keys {name}", "idle", f"which files hold secrets cannot be read: {e}", "run it as the user who started the instance")
    yield from doctor_rows(doctor_controls.CHECKS, doctor_controls.Picture(tables, owner, breaks, secrets), f" {name}")


def doctor_rows(checks: Iterable[Check], picture: Picture, suffix: str) -> Iterator[Row]:
    """One row per finding, and one for each check that found nothing."""
    for check in checks:
        findings = list(check.find(picture))
        for found in findings:
            yield _row(check.name + suffix, "warn", found.detail, found.fix)
        if not findings:
            yield _row(check.name + suffix, "ok", check.well)


def _given_keys(files: list[str]) -> Iterator[Row]:
    """Key files named on the command line: of signed commands, on an operator's machine, say."""
    from ringfence.tools import doctor_controls

    if files:
        picture = doctor_controls.Picture({}, secrets=tuple(("private key", Path(f)) for f in files))
        yield from doctor_rows([c for c in doctor_controls.CHECKS if c.name == "keys"], picture, "")


def doctor(args: argparse.Namespace) -> int:
    rows = [_shm(), _cores(), *_granted(), *_settings(), _disk(Path.cwd()), *_given_keys(args.keys), *_instances()]
    opts: render.Options = args.options
    frame = render.Frame(DOCTOR, render.choose(DOCTOR, rows, opts), args.instance or "", time.time_ns())
    print(render.render(frame, opts))
    return 1 if any(r["health"] == "bad" for r in rows) else 0


def config_check(args: argparse.Namespace) -> int:
    from ringfence.tools import config

    loaded = config.load(args.config)
    if args.options.output in {"json", "ndjson"}:
        answer = {"schema": "rf.config_check/1", "ts_ns": str(time.time_ns()), "instance": loaded.instance.name, "ok": True, "warnings": loaded.warnings}
        print(json.dumps(answer))
    elif not args.options.quiet:
        for warning in loaded.warnings:
            print(f"! {args.config}: {warning}")
        print(f"● {args.config}: right; start it: ringfence up {args.config}")
    return 0


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def toml_lines(value: dict[str, Any], path: str = "") -> list[str]:
    """Return a nested dict as TOML: scalars first, then tables and arrays of tables; None is left out (an absent key)."""
    tables = {k: v for k, v in value.items() if isinstance(v, dict) or (isinstance(v, list) and v and isinstance(v[0], dict))}
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in value.items() if k not in tables and v is not None]
    for key, inner in tables.items():
        name = f"{path}.{key}" if path else key
        for item in [inner] if isinstance(inner, dict) else inner:
            lines += ["", f"[{name}]" if isinstance(inner, dict) else f"[[{name}]]", *toml_lines(item, name)]
    return lines


def config_show(args: argparse.Namespace) -> int:
    from ringfence.tools import config

    shown = _plain(config.load(args.config))
    print(json.dumps(shown, indent=2, ensure_ascii=False) if args.options.output in {"json", "ndjson"} else "\n".join(toml_lines(shown)).strip())
    return 0


def version(args: argparse.Namespace) -> int:
    from ringfence.ipc.schema import LAYOUT_HASH, LAYOUT_VERSION

    facts = {
        "version": __version__,
        "abi": LAYOUT_VERSION,
        "layout_hash": f"{LAYOUT_HASH:016x}",
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    if args.options.output in {"json", "ndjson"}:
        print(json.dumps({"schema": "rf.version/1", "ts_ns": str(time.time_ns()), **facts}))
    else:
        print(f"ringfence {__version__}  abi {LAYOUT_VERSION} ({LAYOUT_HASH:016x})  Python {facts['python']}  {facts['machine']}")
    return 0


def _words(parser: argparse.ArgumentParser) -> tuple[dict[str, argparse.ArgumentParser], list[str]]:
    """Return ``(subcommands, flags)`` of a parser."""
    commands: dict[str, argparse.ArgumentParser] = {}
    flags: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            commands |= dict(action.choices)
        else:
            flags += action.option_strings
    return commands, flags


def completion(args: argparse.Namespace) -> int:
    """Print a completion script for bash (also used by zsh through bashcompinit)."""
    from ringfence.tools import cli

    commands, flags = _words(cli.parser())
    cases = []
    for name, sub in commands.items():
        parts, own = _words(sub)
        cases.append(f"        {name}) words='{' '.join(sorted({*parts, *own}))}' ;;")
    lines = [
        "# ringfence completion; load it: source <(ringfence completion " + args.shell + ")",
        *(["autoload -U +X bashcompinit && bashcompinit"] if args.shell == "zsh" else []),
        "_ringfence() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" command="" words w',
        f"    words='{' '.join(sorted({*commands, *flags}))}'",
        '    for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do case "$w" in -*) ;; *) command="$w"; break ;; esac; done',
        '    case "$command" in',
        *cases,
        "    esac",
        '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
        '    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))',
        "}",
        "complete -F _ringfence ringfence rf",
    ]
    print("\n".join(lines), file=sys.stdout)
    return 0
