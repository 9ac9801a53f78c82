"""Commands that show and change the firm's model: ``risk``, ``margin``, ``permissions``, ``route explain``, ``reload``.

risk, permissions ──▶ views.risk      margin ──▶ views.margin      route explain ──▶ tools.explain on a copy      reload ──JSON line──▶ control agent
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from ringfence.tools import control_client, render
from ringfence.tools.render import Column, Frame, Options, Row, View
from ringfence.tools.views import margin as margins
from ringfence.tools.views import proof
from ringfence.tools.views import risk as views
from ringfence.tools.views.instance import Instance, choose

EXPLAIN = View(
    "route_explain",
    (
        Column("route", "ROUTE"),
        Column("venue", "VENUE"),
        Column("account", "ACCT"),
        Column("fits", "FITS"),
        Column("why", "WHY_NOT"),
        Column("chosen", "CHOSEN"),
    ),
    ("route",),
)
REFUSED = 4


def risk(args: argparse.Namespace) -> int:
    """Limits, what is used of them, and how often they refused."""
    from ringfence.tools.commands import show

    def picture(instance: Instance, opts: Options) -> Frame:
        rows: list[Row] = views.risk(instance, args.scope)
        engine = instance.engine
        pending = int(engine["pending_proposals"]) if engine is not None else 0
        footer = [f"▲ {pending} change(s) wait for a second operator: ringfence proposals"] if pending else []
        state = instance.region("state")
        footer += [f"▲ {words}" for words in proof.unflattened(state, views.names_by_row(instance))] if state is not None else []
        if not rows:
            footer.append(f"○ no limit is set{f' at {args.scope}' if args.scope else ''}; [[limit]] in the configuration, or ringfence limits set")
        return instance.frame(views.RISK, rows, opts, footer)

    return show.show(args, picture)


def margin(args: argparse.Namespace) -> int:
    """Equity and margin of accounts, or of each position."""
    from ringfence.tools.commands import show

    view, rows = (margins.POSITIONS, margins.positions) if args.positions else (margins.MARGIN, margins.accounts)
    return show.show(args, lambda i, o: i.frame(view, rows(i), o, margins.notes(i)))


def permissions(args: argparse.Namespace) -> int:
    """The grants in force."""
    from ringfence.tools.commands import show

    return show.show(args, lambda i, o: i.frame(views.PERMISSIONS, views.permissions(i), o))


def route_explain(args: argparse.Namespace) -> int:
    """Dry run of an intent on a copy of the tables; 4 when it would be refused."""
    from ringfence.tools import explain

    opts: Options = args.options
    with Instance(choose(args.instance)) as instance:
        state = explain.copy_of(instance.table)
        strategy, intent = explain.parse(args.intent, state)
        answer = explain.run(state, strategy, intent, instance.now_ns)
        lines = []
        if answer.accepted:
            lines.append(f"● accepted: route {answer.route}, account {answer.account}, venue {answer.venue}")
        lines += [
            f"✖ {r.reason}" + (f" by {', '.join(r.rules)}" if r.rules not in ([], [r.reason]) else "") + (f" at {', '.join(r.scopes)}" if r.scopes else "")
            for r in answer.refusals
        ]
        if answer.refusals and answer.unlooked:
            lines.append("○ checks behind the last one were not reached")
        elif answer.refusals:
            lines.append(f"○ but for {'that' if len(answer.refusals) == 1 else 'those'} it would pass, by route {answer.route}")
        if answer.passed and opts.output == "wide":
            lines.append(f"  checks passed: {', '.join(answer.passed)}")
        frame = instance.frame(EXPLAIN, list(answer.routes), opts, lines)
        frame.extra = {
            "accepted": answer.accepted,
            "route": answer.route,
            "account": answer.account,
            "venue": answer.venue,
            "refusals": [{"reason": r.reason, "rules": r.rules, "scopes": r.scopes} for r in answer.refusals],
            "passed": answer.passed,
            "complete": not answer.unlooked,
        }
        print(render.render(frame, opts))
    return 0 if answer.accepted else REFUSED


def reload(args: argparse.Namespace) -> int:
    """Bring a changed configuration file into force."""
    from ringfence.tools import config
    from ringfence.tools.commands import control

    name = choose(args.instance)
    path = Path(args.config).resolve()
    warnings = config.load(path).warnings
    answer = control_client.request(name, {"op": "reload", "config": str(path)}, args.timeout or control_client.TIMEOUT_S)
    with Instance(name) as instance:
        engine = instance.engine
        waiting = int(engine["pending_proposals"]) if engine is not None else 0
    if not args.options.quiet and args.options.output not in {"json", "ndjson"}:
        for warning in warnings:
            print(f"! {args.config}: {warning}")
    changes, refused = answer.get("changes"), int(answer["refused"])
    line = f"● {name}: {changes} change(s)" if changes else f"● {name}: nothing differs"
    line += f"; ✖ {refused} of them the engine could not do: ringfence breaks, ringfence audit --all" if refused else ""
    line += f"; ▲ {waiting} wait for a second operator: ringfence proposals" if waiting else ""
    shown = answer | {"pending_proposals": waiting, "at_ns": str(time.time_ns())}
    return control._done(args, name, shown, line) or (REFUSED if refused else 0)
