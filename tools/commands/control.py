"""Commands that change something: ``up``, ``down``, ``checkpoint``, ``roll``, ``strategy``, ``halt``, ``resume``, ``cancel``, ``resolve``, ``assign``,
``dk``; and ``wait``, which waits for what they did.

    up ──▶ tools.supervisor      the rest ──JSON line──▶ control socket ──▶ the supervisor's agent, which knows who asks and journals it

Stopping a LIVE instance asks for its name first; without a terminal to ask on it is refused (exit 4) unless ``--yes`` says so. Each wait is bounded: exit 5
when it did not happen in time, and the message says what was still missing; exit 6 when it may have happened.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from ringfence.tools import control_client
from ringfence.tools.errors import NotRunning, Refused, TimedOut, ToolError
from ringfence.tools.render import Row, duration
from ringfence.tools.views import processes
from ringfence.tools.views.instance import HEARTBEAT_MAX_NS, Instance, choose
from ringfence.tools.views.journal import parse_order_id

READY_S, POLL_S = 30.0, 0.02


def up(args: argparse.Namespace) -> int:
    """Run an instance in the foreground, or with ``--detach`` return when it runs."""
    from ringfence.tools import supervisor

    quiet: bool = args.options.quiet
    options = supervisor.Options(args.new_history, tuple(args.new_session))
    return supervisor.up(args.config, args.detach, lambda line: None if quiet else print(line, flush=True), options)


def wait_ready(name: str, timeout: float) -> None:
    """Return when every component runs and every session is logged on.

    Raises
    ------
    TimedOut
        After ``timeout`` seconds; names what is missing.
    """
    until = time.monotonic() + timeout
    missing = f"no instance {name!r}"
    while True:
        try:
            with Instance(name) as instance:
                missing = _missing(instance)
        except NotRunning as e:
            missing = str(e)
        if not missing:
            return
        if time.monotonic() >= until:
            raise TimedOut(f"not ready after {timeout:g} s: {missing}")
        time.sleep(POLL_S)


def _missing(instance: Instance) -> str:
    """Return what is not ready, in words; "" when all is."""
    rows = processes.status(instance)
    if not rows or instance.engine_age is None:
        return "the engine does not beat yet"
    needed = [r for r in rows if r["component"] != "ledger"]  # nothing waits for the store of its writer
    down = [f"{r['component']} {_what(r)}" for r in needed if r["health"] not in {"ok", "idle"}]
    found = processes.sessions(instance)
    down += [f"session {r['session']} {r['state']}" for r in found if r["state"] != "UP"]
    return ", ".join(down if found else [*down, "no session configured yet"])


def _what(row: Row) -> str:
    """Return what keeps a component from being ready."""
    silent = row["hb_age"] is not None and row["hb_age"] > HEARTBEAT_MAX_NS
    return f"{row['state'] or 'unknown'}" + (f", no heartbeat for {duration(row['hb_age'])}" if silent else "")


def wait(args: argparse.Namespace) -> int:
    """Return when the instance is ready; exit 5 when not in time, 3 when there is none at all."""
    name = choose(args.instance)
    wait_ready(name, READY_S if args.timeout is None else args.timeout)
    if not args.options.quiet:
        print(f"● {name} is ready")
    return 0


def down(args: argparse.Namespace) -> int:
    """Ask the supervisor to stop the instance and wait until it has."""
    name = choose(args.instance)
    with Instance(name) as instance:
        mode = instance.mode
    _confirm(name, mode, args.yes)
    left = control_client.down(name, args.reason, args.timeout or control_client.DOWN_TIMEOUT_S)
    if left:
        raise ToolError(f"instance {name!r} stopped but left regions {', '.join(left)}: something was not taken; ringfence up CONFIG.toml recovers it")
    if not args.options.quiet:
        print(f"● {name} stopped")
    return 0


def _done(args: argparse.Namespace, name: str, answer: dict[str, object], line: str) -> int:
    """Print what a journaled command did."""
    if args.options.output in {"json", "ndjson"}:
        shown = {k: v for k, v in answer.items() if k != "ok"}
        print(json.dumps({"schema": f"rf.{args.command}/1", "ts_ns": str(time.time_ns()), "instance": name, **shown}))
    elif not args.options.quiet:
        print(line)
    return 0


def _said(answer: dict[str, object], done: str) -> str:
    """What came of a command that may need a second operator."""
    if answer.get("outcome") == "proposed":
        return f"▲ proposed as {answer['proposal']}: another operator of role risk has 15 minutes: ringfence approve {answer['proposal']} --reason ..."
    return f"● {done}"


def checkpoint(args: argparse.Namespace) -> int:
    """Have the engine journal its state hash now, for a replay to compare with."""
    name = choose(args.instance)
    answer = control_client.checkpoint(name, args.reason, args.timeout or control_client.TIMEOUT_S)
    return _done(args, name, answer, f"● {name}: checkpoint journaled")


def roll(args: argparse.Namespace) -> int:
    """Begin a trading day now."""
    name = choose(args.instance)
    day = int(args.day.replace("-", "")) if args.day else 0
    answer = control_client.roll_day(name, day, args.reason, args.timeout or control_client.TIMEOUT_S)
    return _done(args, name, answer, _said(answer, f"{name}: trading day {answer['day']}"))


def strategy(args: argparse.Namespace) -> int:
    """Change a strategy's status; journaled with operator and reason."""
    name = choose(args.instance)
    answer = control_client.set_strategy(name, args.name, args.status, args.reason, args.timeout or control_client.TIMEOUT_S)
    return _done(args, name, answer, _said(answer, f"{name}: strategy {args.name} is {args.status}"))


def cancel(args: argparse.Namespace) -> int:
    """Cancel every open order at a venue; in one message where the venue takes it."""
    name = choose(args.instance)
    with Instance(name) as instance:
        mode = instance.mode
    _confirm(name, mode, args.yes)
    answer = _operate(args, name, "mass_cancel", venue=args.venue, symbol=args.symbol)
    return _done(args, name, answer, f"● {name}: everything{f' in {args.symbol}' if args.symbol else ''} at {args.venue} is being cancelled")


def halt(args: argparse.Namespace) -> int:
    """Take no new risk until resumed."""
    name = choose(args.instance)
    answer = _operate(args, name, "halt")
    return _done(args, name, answer, f"● {name}: halted, only cancels pass; ringfence resume lifts it")


def resume(args: argparse.Namespace) -> int:
    """Lift what operators and the shadow have halted; a live instance asks first."""
    name = choose(args.instance)
    with Instance(name) as instance:
        mode = instance.mode
    _confirm(name, mode, args.yes)
    answer = _operate(args, name, "resume")
    with Instance(name) as instance:
        left = instance.restrictions
    line = _said(answer, f"{name}: new risk is taken")
    if left and answer.get("outcome") != "proposed":
        line = f"▲ {name}: resumed, still restricted by {', '.join(left)}; see ringfence status"
    return _done(args, name, answer | {"restrictions": left}, line)


def resolve(args: argparse.Namespace) -> int:
    """Say how an order in doubt ended."""
    name = choose(args.instance)
    answer = _operate(args, name, "resolve", order=parse_order_id(args.order), status=args.status)
    return _done(args, name, answer, _said(answer, f"{name}: order {args.order} is {args.status}"))


def assign(args: argparse.Namespace) -> int:
    """Move an execution out of suspense, to an order or to a strategy."""
    name = choose(args.instance)
    order = None if args.order is None else parse_order_id(args.order)
    answer = _operate(args, name, "assign", execution=_execution(args.execution), order=order, strategy=args.to)
    of = f"order {args.order}" if args.order else f"strategy {args.to}"
    return _done(args, name, answer, _said(answer, f"{name}: execution {args.execution} is of {of}"))


def dk(args: argparse.Namespace) -> int:
    """Refuse an execution: DontKnowTrade(Q) to its venue; what is booked stays booked."""
    name = choose(args.instance)
    answer = _operate(args, name, "dont_know", execution=_execution(args.execution), dk_reason=args.code)
    return _done(args, name, answer, f"● {name}: execution {args.execution} is refused, DKReason {args.code}")


def _operate(args: argparse.Namespace, name: str, op: str, **fields: object) -> dict[str, object]:
    return control_client.operate(name, op, args.reason, args.timeout or control_client.TIMEOUT_S, **fields)


def _execution(text: str) -> int | str:
    """A row number, or an ExecID; ``=5`` is the ExecID 5."""
    return int(text) if text.isdigit() else text.removeprefix("=")


def _confirm(name: str, mode: str, yes: bool) -> None:
    """Let a LIVE instance be stopped only by who types its name.

    Raises
    ------
    Refused
        If the answer is another, or there is no terminal to ask on.
    """
    if mode != "LIVE" or yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"instance {name!r} is LIVE and there is no terminal to confirm on; add --yes")
    if input(f"{name} is LIVE. Type its name to go on: ").strip() != name:
        raise Refused("the name was not the instance's; nothing was done")
