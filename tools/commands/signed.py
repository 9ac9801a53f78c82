"""Commands about signed commands: ``keygen`` and ``sign`` on the operator's machine, ``submit`` on the instance's host.

    keygen ──▶ private key (stays), public key (into [[operator]])
    sign COMMAND... ──the command's own parser──▶ words ──key──▶ envelope (JSON) ──any carrier──▶ submit ──control socket──▶ engine judges

``sign`` needs no instance and asks none. The request number is the clock in nanoseconds unless one is given: it rises by itself on one machine; an
operator with two machines keeps their clocks together, or says ``--number``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ringfence.tools import control_client, signed
from ringfence.tools.commands.authority import parameter_asked
from ringfence.tools.commands.control import _done, _execution, _said
from ringfence.tools.errors import ToolError, UsageError
from ringfence.tools.rule_values import parse_duration
from ringfence.tools.views.journal import parse_order_id

_Asked = tuple[str, dict[str, Any]]


def _order(text: str | None) -> int | None:
    return None if text is None else parse_order_id(text)


_OPERATION: dict[str, Callable[[argparse.Namespace], _Asked]] = {
    "kill": lambda a: ("kill", {"scope": a.scope, "flatten": a.flatten}),
    "resume": lambda a: ("release", {"scope": a.scope}) if a.scope else ("resume", {}),
    "limits": lambda a: ("set_limit", {"rule": a.rule, "scope": a.scope, "value": a.value, "for": a.duration}),
    "approve": lambda a: ("approve", {"proposal": a.proposal}),
    "withdraw": lambda a: ("withdraw", {"proposal": a.proposal}),
    "strategy": lambda a: ("set_strategy", {"strategy": a.name, "status": a.status}),
    "parameters": lambda a: ("set_parameter", parameter_asked(a)),
    "halt": lambda _: ("halt", {}),
    "cancel": lambda a: ("mass_cancel", {"venue": a.venue, "symbol": a.symbol}),
    "resolve": lambda a: ("resolve", {"order": _order(a.order), "status": a.status}),
    "assign": lambda a: ("assign", {"execution": _execution(a.execution), "order": _order(a.order), "strategy": a.to}),
    "dk": lambda a: ("dont_know", {"execution": _execution(a.execution), "dk_reason": a.code}),
}


def keygen(args: argparse.Namespace) -> int:
    """Make a key pair; print the line that goes into the configuration."""
    public = signed.keygen(Path(args.file))
    if args.options.output in {"json", "ndjson"}:
        print(json.dumps({"schema": "rf.keygen/1", "ts_ns": str(time.time_ns()), "file": args.file, "public_key": public.hex()}))
    else:
        print(f'public_key = "{public.hex()}"')
    return 0


def sign(args: argparse.Namespace) -> int:
    """Write a signed command to standard output or a file."""
    from ringfence.tools import cli

    instance = args.instance or os.environ.get("RINGFENCE_INSTANCE", "")
    if not instance:
        raise UsageError("which instance is it for? name it: ringfence sign --instance NAME ...; it need not run here")
    if not args.words or args.words[0] not in _OPERATION:
        raise UsageError(f"sign was given {' '.join(args.words) or 'no command'!r}; allowed: {', '.join(_OPERATION)}, each as it is used on the host")
    asked = cli.parser("ringfence sign").parse_args(args.words)
    now = time.time_ns()
    try:
        until = now + parse_duration(args.valid)
    except ValueError as e:
        raise UsageError(f"--valid: {e}") from e
    words = signed.compose(*_OPERATION[args.words[0]](asked))
    envelope = signed.Envelope(instance, args.operator, words, asked.reason, args.number or now, until)
    text = json.dumps(signed.sign(signed.load_key(Path(args.key)), envelope).as_json(), indent=2)
    if args.out:
        Path(args.out).write_text(text + "\n")
    else:
        print(text)
    return 0


def submit(args: argparse.Namespace) -> int:
    """Bring a signed command to the instance that it names, or to ``--instance``."""
    try:
        content = json.loads(sys.stdin.read() if args.file == "-" else Path(args.file).read_text())
    except ValueError as e:
        raise ToolError(f"{args.file}: no JSON ({e}); make one with ringfence sign") from e
    envelope = signed.parse(content)
    name = args.instance or envelope.instance
    answer = control_client.submit(name, content, args.timeout or control_client.TIMEOUT_S)
    return _done(args, name, answer, _said(answer, f"{name}: {envelope.words}, as {envelope.operator} signed it: done"))
