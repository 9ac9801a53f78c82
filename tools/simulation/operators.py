"""The people of a simulated run who set limits, strategies' states and parameters, and book entries: one changes, another approves, refuses, or lets it wait.

    fault ──SET_LIMIT, SET_STRATEGY, SET_PARAMETER, BOOK_ENTRY──▶ control ring
    operator's turn ──APPROVE by the other, WITHDRAW──▶ proposals; strategies are enabled again

Owned by one ``World``; reads the engine's tables as an operator's tools do. What a change does is judged by the oracle. Nothing here fails by raising.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from ringfence.core.rules import RULES
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import definitions
from ringfence.tools.simulation import kills
from ringfence.tools.simulation.host import Host
from ringfence.tools.simulation.oracle_scopes import Scope
from ringfence.tools.simulation.setup import LIMITED, SECOND_OPERATOR, Shape

HOLD_NS = 400_000_000
RESUMED_NS = 20_000_000
LASTS_NS = (20_000_000, 2_000_000_000)
_KIND = ENUMS["ScopeKind"]
_PENDING = ENUMS["ProposalState"].by_name["PENDING"]
_RELEASE, _RESUME, _ROLL_DAY, _BOOK_ENTRY = (ENUMS["ControlKind"].by_name[name] for name in ("RELEASE", "RESUME", "ROLL_DAY", "BOOK_ENTRY"))
_STATUS = ENUMS["StrategyStatus"].by_name
_CHOSEN = ("ENABLED", "REDUCE_ONLY", "CANCEL_ONLY", "DISABLED")


_CASH = frozenset({"DEPOSIT", "WITHDRAWAL", "CONVERSION"})


def _money(draw: Random) -> dict[str, int]:
    """An amount of one of the three currencies, now and then of one that there is not."""
    return {"amount": draw.randint(1, 99_999), "amount_digits": draw.randint(0, 4), "other": draw.choice((1, 1, 2, 2, 3, 3, 4))}


_ENTRIES: dict[str, Callable[[Random, int, Shape], dict[str, int]]] = {
    "BUST": lambda _draw, _held, _shape: {},
    "CONVERSION": lambda draw, _held, _shape: _money(draw) | {"qty": draw.randint(1, 999), "other_strategy": draw.randint(1, 3)},
    "CROSS": lambda draw, held, shape: {"qty": draw.randint(1, held + 100), "px": draw.randint(1, 99), "other_strategy": draw.randint(1, shape.strategies)},
    "DEPOSIT": lambda draw, _held, _shape: _money(draw),
    "DIVIDEND": lambda draw, _held, _shape: {"px": draw.randint(1, 9)},
    "EXPIRE": lambda draw, _held, _shape: {"px": draw.randint(0, 99)},
    "FUNDING": lambda draw, _held, _shape: {"amount": draw.randint(-999, 999), "amount_digits": draw.randint(0, 4)},
    "RETURN_OF_CAPITAL": lambda draw, _held, _shape: {"px": draw.randint(1, 9)},
    "REWARD": lambda draw, _held, _shape: {"qty": draw.randint(1, 500), "px": draw.randint(0, 99)},
    "SETTLE": lambda draw, _held, _shape: {"px": draw.randint(1, 999)},
    "SPLIT": lambda draw, _held, _shape: {"ratio_num": draw.randint(1, 3), "ratio_den": draw.randint(1, 3)},
    "TRANSFER": lambda draw, held, shape: {
        "qty": draw.randint(1, held + held // 4 + 1),  # now and then more than there is
        "other": draw.randint(1, len(shape.accounts)),
        "other_strategy": draw.randint(1, shape.strategies),
        **draw.choice(({}, {"amount": draw.randint(1, 9), "px": draw.randint(1, 99)})),
    },
    "WITHDRAWAL": lambda draw, _held, _shape: _money(draw),
}
"""Figures of an entry of each kind for a position that holds so much."""


class Operators:
    """Those who govern one run."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.scopes = kills.scopes(host.shape)
        self.seen: dict[int, int] = {}  # proposals, and when each is decided
        self.references: list[str] = []  # of the last entries that were proposed
        self.due: dict[int, int] = {}  # strategies, and when each is enabled again

    def set_limit(self, draw: Random) -> None:
        """Somebody sets a limit, every third time for a while only."""
        known = self._known()
        if known and draw.random() < 0.6:
            scope, rule = draw.choice(known)
        else:
            rule = draw.choice(sorted(LIMITED))
            scope = draw.choice([s for s in self.scopes if _KIND.by_value[s[0]] in RULES[rule].scopes])
        record = definitions.limit_change(rule, scope, draw.choice((0, draw.randint(*LIMITED[rule]))))
        record["operator_name"] = b"simulated"
        if draw.random() < 0.3:
            record["body"] = self._ending(record, self.host.now + draw.randint(*LASTS_NS))
        self.host.publish(record)

    def _known(self) -> list[tuple[Scope, str]]:
        """Limits that are set."""
        if self.host.engine is None:
            return []
        table = self.host.engine.state.table
        rows = table("scopes")[1 : int(table("engine")[1]["scope_count"]) + 1]
        return [((int(r["kind"]), int(r["a"]), int(r["b"])), rule) for r in rows for rule in sorted(LIMITED) if int(r["limits"][RULES[rule].number])]

    def _ending(self, record: np.void, expires_ns: int) -> bytes:
        body = np.frombuffer(record["body"].ljust(64, b"\0")[:64], dtype("LimitChange"), 1).copy()
        body[0]["expires_ns"] = expires_ns
        return bytes(body.tobytes())

    def set_strategy(self, row: int, draw: Random) -> None:
        """Somebody lets a strategy do less, or more."""
        self._set(row, draw.choice(_CHOSEN))
        self.due[row] = self.host.now + HOLD_NS

    def _set(self, row: int, status: str) -> None:
        self.host.publish(definitions.command("SET_STRATEGY", "simulated", strategy=row, status=_STATUS[status]))

    def set_parameter(self, row: int, draw: Random) -> None:
        """Somebody changes a number that a strategy reads; now and then of nobody's, by a name that cannot be, or with too many decimals."""
        body = np.zeros(1, dtype("ParameterChange"))[0]
        body["value"], body["digits"] = draw.randint(-(1 << 40), 1 << 40), draw.choice((0, 0, 2, 12, 13))
        body["name"], body["strategy"] = draw.choice((b"qty", b"edge", b"skew_1", b"1st")), draw.choice((row, row, row, 99))
        body["is_configured"] = draw.choice((0, 0, 1))
        self.host.publish(definitions.command("SET_PARAMETER", "simulated", body=body))

    def book_entry(self, draw: Random) -> None:
        """Somebody proposes an entry of a position that there is, now and then under a reference that is used, or its bust."""
        table = self.host.engine.state.table if self.host.engine is not None else None
        held = table("positions")[1 : int(table("engine")[1]["position_count"]) + 1] if table is not None else ()
        rows = [p for p in held if int(p["strategy"])]
        if not rows:
            return
        if draw.randrange(8) == 0:
            return self._set_method(draw, draw.choice([p for p in rows if not int(p["net_qty"])] or rows))
        p, kind = draw.choice(rows), draw.choice((*sorted(_ENTRIES), *("BUST",) * min(len(self.references), 4)))
        reference = draw.choice(self.references) if kind == "BUST" and self.references else f"N{draw.randrange(100)}"
        self.references = [*self.references[-7:], reference]
        body = np.zeros(1, dtype("LedgerEntry"))[0]
        body["kind"], body["reference"] = ENUMS["LedgerEventKind"].by_name[kind], reference.encode()
        if kind != "BUST":
            for name in ("account",) if kind in _CASH else ("account", "strategy", "instrument"):
                body[name] = p[name]
        for name, value in _ENTRIES[kind](draw, abs(int(p["net_qty"])), self.host.shape).items():
            body[name] = value
        self.host.publish(definitions.command("BOOK_ENTRY", "simulated", body=body))

    def _set_method(self, draw: Random, position: Any) -> None:
        """Somebody proposes a cost method for one position; one that is open is refused."""
        body = np.zeros(1, dtype("MethodChange"))[0]
        for name in ("account", "strategy", "instrument"):
            body[name] = position[name]
        body["method"] = draw.randrange(len(ENUMS["LedgerMethod"].by_name))  # 0: its account's again; the last one names lots
        self.host.publish(definitions.command("SET_METHOD", "simulated", body=body))

    def step(self, now: int) -> None:
        """An operator's turn: of three proposals one is approved (of entries two), one withdrawn, one left to wait; both resume a halt and begin a day."""
        if self.host.engine is None:
            return
        for row in [r for r, at in self.due.items() if at <= now]:
            del self.due[row]
            self._set(row, "ENABLED")
        table = self.host.engine.state.table
        for p in table("proposals")[1 : int(table("engine")[1]["proposal_count"]) + 1]:
            number, kind = int(p["id"]), int(p["kind"])
            hold = RESUMED_NS if kind == _RESUME else HOLD_NS
            if int(p["state"]) == _PENDING and kind != _RELEASE and self.seen.setdefault(number, now + hold) <= now:
                self.seen[number] = now + hold
                self._decide(number, sure=kind in (_RESUME, _ROLL_DAY) or (kind == _BOOK_ENTRY and number % 3 == 2))

    def waits_to_resume(self) -> bool:
        """Whether somebody has proposed to resume already."""
        table = self.host.engine.state.table if self.host.engine is not None else None
        return table is not None and any(int(p["kind"]) == _RESUME and int(p["state"]) == _PENDING for p in table("proposals"))

    def _decide(self, number: int, *, sure: bool) -> None:
        body = np.zeros(1, dtype("Decision"))
        body[0]["proposal"] = number
        if sure or number % 3 == 0:
            self.host.publish(definitions.command("APPROVE", "simulated", body=body[0], operator_uid=SECOND_OPERATOR))
        elif number % 3 == 1:
            self.host.publish(definitions.command("WITHDRAW", "simulated", body=body[0]))
