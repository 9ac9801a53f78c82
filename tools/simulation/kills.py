"""Kill switches in a simulated run: who strikes them, the two operators who release them, and what must hold meanwhile.

    fault ──command or word──▶ control ring, region ``kill``      operator's turn ──RELEASE, then APPROVE by another──▶ released, word cleared
    a gateway's turn with its word set ──look at what it sent──▶ I19      the end of a run ──▶ what is open of a killed scope is the proof list, which empties

Owned by one ``World``; reads the engine's tables as an operator's tools do, since what was asked may be lost with a host. Nothing here fails by raising.
"""

from __future__ import annotations

import socket
from typing import Any

import numpy as np

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools import definitions, kill_words
from ringfence.tools.simulation.host import Host
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.oracle_rules import DONE
from ringfence.tools.simulation.oracle_scopes import Scope, holds
from ringfence.tools.simulation.setup import SECOND_OPERATOR, Shape

HOLD_NS = 700_000_000
ASK_NS = 150_000_000
_KIND = ENUMS["ScopeKind"].by_name
_KILLED = ENUMS["ScopeState"].by_name["KILLED"]
_PENDING = ENUMS["ProposalState"].by_name["PENDING"]
_RELEASE = ENUMS["ControlKind"].by_name["RELEASE"]
_CANCEL: int = CONSTANTS["KILL_CANCEL"][0]
_DONE = frozenset(ENUMS["OrdStatus"].by_name[s] for s in DONE)
_RISK = (b"\x0135=D\x01", b"\x0135=G\x01")
_SENT_AGAIN = b"\x0143=Y\x01"  # at the venue's request: what had left before
_FIRM: Scope = (_KIND["FIRM"], 0, 0)


def scopes(shape: Shape) -> list[Scope]:
    """What may be killed in a run of this shape."""
    single = {"ACCOUNT": len(shape.accounts), "VENUE": len(shape.venues), "STRATEGY": shape.strategies, "INSTRUMENT": len(shape.instruments)}
    out = [_FIRM, *((_KIND[name], row, 0) for name, rows in single.items() for row in range(1, rows + 1))]
    instruments = range(1, single["INSTRUMENT"] + 1)
    for name, rows in (("ACCOUNT_INSTRUMENT", single["ACCOUNT"]), ("STRATEGY_INSTRUMENT", single["STRATEGY"])):
        out += [(_KIND[name], row, k) for row in range(1, rows + 1) for k in instruments]
    return out


class Switches:
    """The kills of one run."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.choice = scopes(host.shape)
        self.struck = False
        self.hold = False  # nobody releases anything
        self.due: dict[Scope, int] = {}  # when the next step towards a release is taken
        self.words: set[int] = set()  # rows of venues, 0 the firm's, that are set
        self.seen: set[int] = set()  # of those, what the engine has killed since

    # ---- striking

    def command(self, scope: Scope, options: int) -> None:
        """An operator kills by command."""
        self.struck = True
        self.due[scope] = self.host.now + HOLD_NS
        self._say("KILL", scope, options)

    def set_word(self, venue: int) -> None:
        """An operator sets the word of a venue, or with 0 the firm's."""
        self.struck = True
        self.words.add(venue)
        self.seen.discard(venue)
        self.due[_of_word(venue)] = self.host.now + HOLD_NS
        self.host.kill.section("words")[1 + venue]["word"] = kill_words.KILLED

    def lost_memory(self) -> None:
        """The host was started anew: no word is set."""
        self.words.clear()
        self.seen.clear()

    def _say(self, kind: str, scope: Scope, options: int = 0) -> None:
        body = np.zeros(1, dtype("KillOrder"))
        body[0]["kind"], body[0]["a"], body[0]["b"], body[0]["options"] = *scope, options
        self.host.publish(definitions.command(kind, "simulated", body=body[0]))

    # ---- releasing

    def step(self, now: int) -> None:
        """An operator's turn: propose what has been killed long enough, let the other one approve, clear words whose kill is released."""
        if self.host.engine is None:
            return
        killed = self.killed()
        for venue in sorted(self.words):
            if _of_word(venue) in killed:
                self.seen.add(venue)
            elif venue in self.seen:
                self.words.discard(venue)
                self.host.kill.section("words")[1 + venue]["word"] = kill_words.CLEAR
        if self.hold:
            return
        waiting = self._waiting()
        for scope in killed:
            if self.due.setdefault(scope, now + HOLD_NS) > now:
                continue
            self.due[scope] = now + ASK_NS
            if scope in waiting:
                self._approve(waiting[scope])
            else:
                self._say("RELEASE", scope)
        for scope in [s for s in self.due if s not in killed and self.due[s] < now - HOLD_NS]:
            del self.due[scope]

    def _approve(self, proposal: int) -> None:
        body = np.zeros(1, dtype("Decision"))
        body[0]["proposal"] = proposal
        self.host.publish(definitions.command("APPROVE", "simulated", body=body[0], operator_uid=SECOND_OPERATOR))

    def _waiting(self) -> dict[Scope, int]:
        """Releases that wait for the second operator, by scope."""
        engine = self.host.engine.state.table("engine")[1]  # type: ignore[union-attr]
        rows = self.host.engine.state.table("proposals")[1 : int(engine["proposal_count"]) + 1]  # type: ignore[union-attr]
        out = {}
        for p in rows:
            if int(p["state"]) == _PENDING and int(p["kind"]) == _RELEASE:
                raw = p.tobytes()[RECORDS["Proposal"].offsets["body"] :]
                body = np.frombuffer(raw, dtype("KillOrder"), 1)[0]
                out[int(body["kind"]), int(body["a"]), int(body["b"])] = int(p["id"])
        return out

    # ---- what must hold

    def killed(self) -> dict[Scope, int]:
        """Killed scopes of the engine, with their options."""
        state = self.host.engine.state  # type: ignore[union-attr]
        rows = state.table("scopes")[1 : int(state.table("engine")[1]["scope_count"]) + 1]
        rows = rows[rows["state"] == _KILLED]
        return {(int(r["kind"]), int(r["a"]), int(r["b"])): int(r["kill_options"]) for r in rows}

    def proof(self, *, lossy: bool = False) -> list[int]:
        """Orders of scopes that were killed with cancels of which something may still trade: what is not confirmed yet.

        A request whose answer was lost with the host's memory (``lossy``) stays until it is reported (S17): then the status under the requests counts.
        """
        state = self.host.engine.state  # type: ignore[union-attr]
        wanted = [scope for scope, options in self.killed().items() if options & _CANCEL]
        orders = state.table("orders")[1 : int(state.table("engine")[1]["order_count"]) + 1]
        orders = orders[(orders["leaves_qty"] != 0) | (orders["replace_revision"] != 0)]
        status = "base_status" if lossy else "ord_status"
        return [int(o["order_id"]) for o in orders if int(o[status]) not in _DONE and _within(wanted, o)]

    def obeyed(self, row: int) -> bool:
        """Whether the gateway of a venue has its word or the firm's set."""
        return bool(self.words & {0, row})

    def before_turn(self, row: int) -> None:
        """What was sent so far is no matter of the turn that begins."""
        if self.obeyed(row):
            self.host.markets[row - 1].wire.absorb()

    def after_turn(self, row: int) -> list[Violation]:
        """A gateway whose word is set has sent no new order and no replace in this turn."""
        sock = self.host.markets[row - 1].wire.sock
        if sock is None or not self.obeyed(row):
            return []
        try:
            data = sock.recv(1 << 20, socket.MSG_PEEK)
        except OSError:
            return []
        sent = [m for m in data.split(b"\x018=") if any(kind in m for kind in _RISK) and _SENT_AGAIN not in m]
        return [Violation("I19", f"the gateway of venue {row} sent {m!r} although its kill word is set") for m in sent]


def _of_word(venue: int) -> Scope:
    return (_KIND["VENUE"], venue, 0) if venue else _FIRM


def _within(wanted: list[Scope], o: Any) -> bool:
    return any(holds(scope, int(o["account"]), int(o["strategy"]), int(o["instrument"]), int(o["venue"])) for scope in wanted)
