"""``kill``: the out-of-band word first, then the command, then the proof.

    firm, venue ──▶ word in region ``kill`` (engine and gateways see it by themselves) ──▶ command to the control socket ──▶ proof from the engine's tables
    other scopes, --flatten ─────────────────────────────────────────────────────────────▶ command ──▶ proof

Nobody has to answer for the word to work: not the supervisor, not the engine. So it is set before the supervisor is asked, and the answer of one that hangs
is awaited for ``ANSWER_S`` only. Who may is judged by the engine's table of operators as far as it can be read, and by who may write the region. The proof is
the open orders of the scope that the venue has not confirmed as over, and with ``--flatten`` its positions that are not flat. Exit 0: the engine has killed
the scope and nothing is left. Exit 6: something is left when the time is over, or the engine, which alone can prove it, does not beat; what was done stands
there.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, field
from typing import Any

from ringfence.core.authority import ROLES
from ringfence.ipc.errors import IpcError
from ringfence.ipc.segment import Segment
from ringfence.tools import authority, control_client, definitions, kill_words
from ringfence.tools.commands.control import _done
from ringfence.tools.errors import NotRunning, OutcomeUnknown, Refused, TimedOut, ToolError, UsageError
from ringfence.tools.render import duration
from ringfence.tools.rule_values import Place, parse_scope
from ringfence.tools.views import proof
from ringfence.tools.views.instance import Instance, choose

POLL_S = 0.02
REOPEN_S = 1.0  # a process that was started again meanwhile has other regions
KILL_S = 10.0
ANSWER_S = 2.0
SHOWN = 10
_UNANSWERED = (NotRunning, OutcomeUnknown, TimedOut)


@dataclass
class Left:
    """What of a kill is not proven yet; ``killed`` says whether the engine has it, ``stale_ns`` for how long that has not beaten (0: it beats)."""

    orders: list[int] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    killed: bool = False
    stale_ns: int = 0
    obeying: dict[str, int] = field(default_factory=dict)
    deaf: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return self.killed and not self.orders and not self.positions and not self.stale_ns


def kill(args: argparse.Namespace) -> int:
    """Kill a scope, then wait until none of its orders is open any more."""
    name, scope = choose(args.instance), str(args.scope)
    by_word = scope == "firm" or scope.startswith("venue:")
    if args.flatten and scope.startswith("venue:"):
        raise UsageError("--flatten: positions are of no venue; flatten the firm, an account, a strategy or an instrument")
    if not args.reason.strip():
        raise UsageError("a reason is needed: it is kept with the word and journaled with the command")
    unset = _set_word(name, scope, args.reason) if by_word and not args.flatten else "no word"
    answer, unanswered = _command(args, name, scope, unset)
    left = _await_proof(name, scope, flatten=args.flatten, word=not unset, timeout_s=args.timeout or KILL_S)
    done = answer | {
        "word": not unset,
        "killed": left.killed,
        "unconfirmed": left.orders,
        "not_flat": left.positions,
        "gateways": left.obeying,
        "unanswered": unanswered,
    }
    _done(args, name, done, "\n".join(_lines(name, scope, left, word=not unset, unanswered=unanswered)))
    if not left.nothing:
        raise OutcomeUnknown(_what_is_left(scope, left))
    return 0


def _set_word(name: str, scope: str, reason: str) -> str:
    """Set the word of the firm or a venue; "" when that was done, else why it could not be.

    Raises
    ------
    Refused
        If the engine's table says that the caller may not kill, or no venue has the name.
    """
    uid = os.getuid()
    try:
        with Segment.attach(name, "state") as state:
            role = authority.role_of(state, uid)
    except (IpcError, KeyError):
        role = ROLES["KILL"]  # no table to ask: who may write the region may kill
    if not authority.may_set_word("kill", role):
        who = f"has role {role.lower()}" if role else "is no operator of this instance"
        raise Refused(f"kill: uid {uid} ({definitions.user_name(uid)}) {who}; a kill needs {ROLES['KILL'].lower()}")
    try:
        kill_words.set_word(name, scope.partition(":")[2] or None, reason, uid)
    except (IpcError, OSError) as e:
        return str(e)
    return ""


def _command(args: argparse.Namespace, name: str, scope: str, unset: str) -> tuple[dict[str, object], str]:
    """The supervisor's answer, and "" or why there is none; without an answer or a word nothing was done and that is an error."""
    timeout = args.timeout or control_client.TIMEOUT_S
    try:
        return control_client.operate(name, "kill", args.reason, timeout if unset else min(timeout, ANSWER_S), scope=scope, flatten=args.flatten or None), ""
    except ToolError as e:
        if not unset:
            return {}, str(e)
        if unset != "no word":
            raise type(e)(f"{e}; nor could the out-of-band word be set: {unset}") from e
        if isinstance(e, _UNANSWERED):
            raise type(e)(f"{e}; {_wider(name, scope)}") from e
        raise


def _wider(name: str, scope: str) -> str:
    """Which kills need no supervisor."""
    try:
        words = [f"venue:{w.venue}" for w in kill_words.read_words(name) if w.venue]
    except IpcError as e:
        return f"nor can an out-of-band word be set ({e})"
    why = "closing positions needs engine and supervisor" if scope == "firm" else f"a kill of {scope} needs them"
    return f"{why}; without them works, wider: ringfence kill {' or '.join([*words, 'firm'])} --reason ... (no --flatten)"


# ---- the proof -------------------------------------------------------------------------------------------------------------------


def _await_proof(name: str, scope: str, *, flatten: bool, word: bool, timeout_s: float) -> Left:
    """What is left; returns as soon as nothing is, when the time is over, or when the engine is silent and its gateways have done what they can say."""
    until = time.monotonic() + timeout_s
    while True:
        with Instance(name) as instance:
            reopen = min(until, time.monotonic() + REOPEN_S)
            while True:
                left = _look(instance, scope, flatten=flatten, word=word)
                now = time.monotonic()
                if left.nothing or now >= until or (left.stale_ns and word and not left.deaf):
                    return left
                if now >= reopen:
                    break
                time.sleep(POLL_S)
                instance.renew()


def _look(instance: Instance, scope: str, *, flatten: bool, word: bool) -> Left:
    left = Left(stale_ns=instance.stale_ns or 0)
    state = instance.region("state")
    if word:
        _hear_gateways(instance, scope, left)
    place = None if state is None else _place(scope, state)
    if state is None or place is None:
        left.stale_ns = left.stale_ns or 1
        return left
    left.killed = proof.is_killed(state, place)
    left.orders = proof.open_orders(state, place)
    left.positions = proof.not_flat(state, place) if flatten else []
    return left


def _place(scope: str, state: Any) -> Place | None:
    """The scope's place in the tables; None for a venue that was given by its row number."""
    try:
        return parse_scope(scope, authority.names_in(state))
    except ValueError:
        return None


def _hear_gateways(instance: Instance, scope: str, left: Left) -> None:
    """Which gateways say that they obey the word, with the cancels that they have sent by themselves, and which do not say so."""
    wanted = scope.partition(":")[2]
    for component in instance.metric_components():
        metrics = instance.metrics(component) if component.startswith("gw.") and wanted in ("", component.removeprefix("gw.")) else None
        counters = dict(metrics.counters()) if metrics is not None else {}
        if counters.get("killed"):
            left.obeying[component] = int(counters.get("kill_cancels", 0))
        elif counters:
            left.deaf.append(component)


def _lines(name: str, scope: str, left: Left, *, word: bool, unanswered: str) -> list[str]:
    """What was done and what was not, for people."""
    if left.nothing and not unanswered:
        return [f"● {name}: {scope} is killed, no order of it is open"]
    lines = [f"▲ {name}: {scope} is killed" + ("" if left.killed else " by the out-of-band word; the engine has not taken it yet")]
    if unanswered:
        why = "the word is set and needs no supervisor; the journal will have it without your name"
        lines.append(f"▲ the supervisor has not taken the command: {unanswered}; {why}")
    if word and not left.nothing:
        lines += [f"● {gw} sends no new orders and has sent {n} cancels by itself" for gw, n in sorted(left.obeying.items())]
        lines += [f"✖ {gw} has not said that it obeys; see ringfence sessions" for gw in left.deaf]
    return lines


def _what_is_left(scope: str, left: Left) -> str:
    parts = []
    if left.stale_ns:
        since = f"for {duration(left.stale_ns)}" if left.stale_ns > 1 else "at all"
        parts.append(f"the engine has not beaten {since}: its list of open orders is as old, ask the venue")
    elif not left.killed:
        parts.append("the engine has not taken the kill")
    if left.orders:
        parts.append(f"{len(left.orders)} orders of {scope} are not confirmed as over: {', '.join(map(str, left.orders[:SHOWN]))}")
    if left.positions:
        parts.append(f"{len(left.positions)} positions are not flat: {', '.join(left.positions[:SHOWN])}")
    return f"{'; '.join(parts)}; see ringfence orders, ringfence positions"
