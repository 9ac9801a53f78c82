"""Commands of operators about limits, parameters and what was killed: ``resume``, ``limits set``, ``parameters``, ``proposals``, ``approve``, ``withdraw``.

command ──JSON line──▶ control socket ──▶ engine (judges) ──▶ applied, proposed, refused
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from ringfence.core.authority import ROLES
from ringfence.ipc.schema import ENUMS
from ringfence.tools import audit_trail, control_client, render
from ringfence.tools.change_text import of_proposal
from ringfence.tools.commands.control import _done, _said
from ringfence.tools.commands.control import resume as resume_halt
from ringfence.tools.errors import UsageError
from ringfence.tools.render import Column, Frame, Options, Row, View
from ringfence.tools.views import journal as pictures
from ringfence.tools.views import parameters as views
from ringfence.tools.views.instance import Instance, choose

PROPOSALS = View(
    "proposals",
    (
        Column("health", "", "glyph"),
        Column("id", "ID"),
        Column("state", "STATE"),
        Column("kind", "KIND"),
        Column("what", "WHAT"),
        Column("before", "BEFORE"),
        Column("after", "AFTER"),
        Column("by", "BY"),
        Column("expires_ns", "EXPIRES", "time"),
        Column("reason", "REASON"),
    ),
    ("id",),
)
AUDIT = View(
    "audit",
    (
        Column("health", "", "glyph"),
        Column("seq", "SEQ"),
        Column("engine_ns", "TIME", "time"),
        Column("operator", "OPERATOR"),
        Column("role", "ROLE"),
        Column("signed", "SIGNED"),
        Column("kind", "KIND"),
        Column("what", "WHAT"),
        Column("before", "BEFORE"),
        Column("after", "AFTER"),
        Column("outcome", "OUTCOME"),
        Column("reason", "REASON"),
        Column("hash", "HASH"),
    ),
    ("seq",),
)
_PEOPLE = frozenset((*ROLES, "ROLL_DAY", "DIVERGENCE"))
_GLYPH = {"PENDING": "warn", "RUNNING": "warn", "APPROVED": "ok"}


def _ask(args: argparse.Namespace, name: str, op: str, **fields: object) -> dict[str, object]:
    return control_client.operate(name, op, args.reason, args.timeout or control_client.TIMEOUT_S, **fields)


def resume(args: argparse.Namespace) -> int:
    """Lift a halt of the instance, or propose to release a scope's kill."""
    if args.scope is None:
        return resume_halt(args)
    name = choose(args.instance)
    answer = _ask(args, name, "release", scope=args.scope)
    return _done(args, name, answer, _said(answer, f"{name}: {args.scope} takes risk again"))


def entry(args: argparse.Namespace) -> int:
    """Book what no venue reports: funding, dividends, splits, transfers; or bust such an entry."""
    name = choose(args.instance)
    keys = (
        *("account", "strategy", "symbol", "amount", "qty", "px", "ratio", "to_account", "to_strategy", "new_symbol", "reference"),
        *("execution", "lot", "currency", "to_currency", "to_amount"),
    )
    answer = _ask(args, name, "book_entry", kind=args.kind, **{key: getattr(args, key) for key in keys})
    return _done(args, name, answer, _said(answer, f"{name}: {args.kind} {args.reference} is booked"))


def method(args: argparse.Namespace) -> int:
    """Set the cost method of one position, which must be flat."""
    name = choose(args.instance)
    answer = _ask(args, name, "set_method", **{key: getattr(args, key) for key in ("account", "strategy", "symbol", "method")})
    where = f"{args.account}/{args.strategy}/{args.symbol}"
    return _done(args, name, answer, _said(answer, f"{name}: {where} books by {args.method if args.method != 'account' else 'the method of its account'}"))


def parameters(args: argparse.Namespace) -> int:
    """Show strategies' live parameters, or set one."""
    if args.what is None:
        from ringfence.tools.commands import show

        return show.show(args, lambda i, o: i.frame(views.PARAMETERS, views.parameters(i), o))
    name = choose(args.instance)
    answer = _ask(args, name, "set_parameter", **parameter_asked(args))
    return _done(args, name, answer, _said(answer, f"{name}: {args.name} of {args.of} is {args.value}"))


def parameter_asked(args: argparse.Namespace) -> dict[str, object]:
    """The fields of the request that ``parameters set`` makes.

    Raises
    ------
    UsageError
        If a word is missing, which is no error of the parser, as ``parameters`` alone shows them.
    """
    if args.value is None or not args.reason:
        raise UsageError("parameters set needs STRATEGY NAME VALUE and --reason, which is journaled")
    return {"strategy": args.of, "parameter": args.name, "value": args.value}


def limits(args: argparse.Namespace) -> int:
    """Set one limit."""
    name = choose(args.instance)
    fields = {"rule": args.rule, "scope": args.scope, "value": args.value, "for": args.duration}
    answer = _ask(args, name, "set_limit", **fields)
    return _done(
        args, name, answer, _said(answer, f"{name}: {args.rule.upper()} of {args.scope} is {args.value}" + (f" for {args.duration}" if args.duration else ""))
    )


def approve(args: argparse.Namespace) -> int:
    """Agree to a proposal; the engine refuses its own proposer."""
    name = choose(args.instance)
    answer = _ask(args, name, "approve", proposal=args.proposal)
    return _done(args, name, answer, f"● {name}: proposal {args.proposal} is approved and in force")


def withdraw(args: argparse.Namespace) -> int:
    """Take back one's own proposal, or refuse another's."""
    name = choose(args.instance)
    answer = _ask(args, name, "withdraw", proposal=args.proposal)
    return _done(args, name, answer, f"● {name}: proposal {args.proposal} is withdrawn")


def proposals(args: argparse.Namespace) -> int:
    """List them, newest last."""
    from ringfence.tools.commands import show

    def picture(instance: Instance, opts: Options) -> Frame:
        return instance.frame(PROPOSALS, proposal_rows(instance), opts, [])

    return show.show(args, picture)


def proposal_rows(instance: Instance) -> list[Row]:
    state = instance.region("state")
    if state is None:
        return []
    count = int(state.section("engine")[1]["proposal_count"])
    rows = sorted(state.section("proposals")[1 : count + 1], key=lambda r: int(r["id"]))
    names = {e: ENUMS[e].by_value for e in ("ProposalState", "ControlKind")}
    out: list[Row] = []
    for r in rows:
        kept = names["ProposalState"].get(int(r["state"]), "?")
        asked = of_proposal(state.section, r)
        out.append(
            {
                "health": _GLYPH.get(kept, "idle"),
                "id": int(r["id"]),
                "state": kept,
                "kind": names["ControlKind"].get(int(r["kind"]), "?"),
                "what": asked.what,
                "before": asked.before,
                "after": asked.after,
                "by": bytes(r["operator_name"]).decode("ascii", "replace"),
                "expires_ns": int(r["expires_ns"]) or None,
                "reason": bytes(r["reason"]).decode("ascii", "replace"),
            }
        )
    return out


def audit(args: argparse.Namespace) -> int:
    """List, filter, export and verify the audit trail; 7 when it contradicts itself or an export, or a signature is not its operator's."""
    instance = None if args.dir else Instance(choose(args.instance))
    trail = audit_trail.Trail(pictures.directory(args.dir, instance))
    entries = list(trail.entries())
    if args.csv:
        audit_trail.write_csv(entries, Path(args.csv))
    if args.against and (found := audit_trail.first_difference(entries, Path(args.against))):
        print(f"✖ {found}")
        return audit_trail.DIFFERENT
    for found in trail.forged:
        print(f"✖ {found}", file=sys.stderr)
    cut = trail.cut_off()
    status = audit_trail.DIFFERENT if trail.forged or cut else 0
    shown = [e for e in entries if _wanted(e, args)]
    if args.options.output in {"json", "ndjson"}:
        head = {"schema": "rf.audit/3", "ts_ns": str(time.time_ns()), "directory": str(trail.reader.directory), "frames": trail.frames}
        print(
            json.dumps(
                {
                    **head,
                    "torn": str(trail.torn.error()) if trail.torn else None,
                    "cut": cut or None,
                    "unanchored": trail.unanchored,
                    "whole": len(shown) == len(entries),
                    "entries": len(entries),
                    "head": entries[-1].hash if entries else "",
                    "rows": [asdict(e) for e in shown],
                }
            )
        )
        return status
    if not args.verify:
        rows = [asdict(e) | {"health": "bad" if e.outcome == "refused" or e.signed == "forged" else "ok", "hash": e.hash[:16]} for e in shown]
        frame = render.Frame(AUDIT, render.choose(AUDIT, rows, args.options), "", time.time_ns(), "", "", None, [])
        print(render.render(frame, args.options))
    if trail.torn:
        print(f"▲ {trail.torn.error()}; the {trail.frames:,} frames before it were read")
    if cut:
        print(f"✖ {cut}")
    for doubt in trail.unchecked:
        print(f"▲ {doubt}")
    if args.verify and trail.unanchored:
        what = f"{trail.unanchored} {'entry' if trail.unanchored == 1 else 'entries'} after the last checkpoint"
        print(f"▲ {what} (sequence {trail.anchor:,}) are held by checksums alone until the next one (ringfence checkpoint)")
    digest = int(trail.replayer.state.table("engine")[1]["audit_digest"])
    proven = sum(e.signed == "signed" for e in entries)
    held = f"; {proven} signatures hold" if proven else ""
    held += f", checked against {args.against}" if args.against else ""
    mark = "✖" if status else "●"
    count = f"{len(entries)} entries in {trail.frames:,} frames"
    print(f"{mark} {count}: segments, checksums and checkpoints hold{held}; digest {digest:016x}, head {_head(entries)}")
    return status


def _head(entries: list[audit_trail.Entry]) -> str:
    return entries[-1].hash[:16] if entries else "-"


def _wanted(e: audit_trail.Entry, args: argparse.Namespace) -> bool:
    return (
        (args.all or e.kind in _PEOPLE or e.outcome in ("refused", "automatic"))
        and (not args.operator or e.operator == args.operator)
        and (not args.kind or e.kind == args.kind.upper())
        and (not args.scope or args.scope in e.what)
    )
