"""What of an instance's controls is not as it should be: the checks of ``ringfence doctor`` that read the engine's tables and the key files.

    tables of ``state``, configuration of ``run/`` ──Picture──▶ CHECKS, one after the other ──▶ findings, each with the command or key that mends it

Each check is one row of ``CHECKS``: a name, what it looks for, a pure function of a Picture that returns what it found, nothing when all is well. Findings are
warnings: an instance may be wanted like that, on a laptop say; nobody should run one like that without knowing. Reads only; owns nothing. What cannot be
read (no state region, a configuration that is gone) is an empty part of the Picture and is found by nobody.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS
from ringfence.tools.config import Config
from ringfence.tools.config_model import EVERYTHING
from ringfence.tools.views.tables import Source

WANTED = ("MAX_QTY", "MAX_NOTIONAL", "COLLAR")
"""Limits that no strategy should be without: a wrong quantity, a wrong amount, a wrong price."""
OTHERS = 0o077
_ROLE, _SCOPE = ENUMS["OperatorRole"].by_name, ENUMS["ScopeKind"].by_name
_ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
_DISABLED = ENUMS["StrategyStatus"].by_name["DISABLED"]
_ANY_BIT = 1  # of a grant's set


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, and what mends it."""

    detail: str
    fix: str


@dataclass(frozen=True)
class Picture:
    """What the checks look at: rows in use of the engine's tables by name (none when there is no state), breaks raised and rows for them, and files that hold
    secrets, with what names them.
    """

    tables: dict[str, Any]
    owner: int = 0
    breaks: tuple[int, int] = (0, 1)
    secrets: tuple[tuple[str, Path], ...] = ()

    def rows(self, table: str) -> list[Any]:
        return list(self.tables.get(table, ()))

    def operators(self, least: str = "VIEWER") -> list[Any]:
        """The active ones of at least this role."""
        return [o for o in self.rows("operators") if int(o["status"]) == _ACTIVE and int(o["role"]) >= _ROLE[least]]


@dataclass(frozen=True)
class Check:
    """``find`` returns nothing when all is well, ``well`` says so."""

    name: str
    well: str
    find: Callable[[Picture], Iterable[Finding]]


def _name(row: Any) -> str:
    return bytes(row["name"]).decode("ascii", "replace")


# ---- who -------------------------------------------------------------------------------------------------------------------------


def _operators(p: Picture) -> Iterator[Finding]:
    if not [o for o in p.operators() if int(o["uid"]) != p.owner]:
        yield Finding(
            "no operator but who runs the instance: nobody can approve, and every command is by one name", "add [[operator]] tables, ringfence reload"
        )


def _second_person(p: Picture) -> Iterator[Finding]:
    deciders = p.operators("RISK")
    for o in p.operators("TRADER"):
        if not [d for d in deciders if int(d["uid"]) != int(o["uid"])]:
            yield Finding(
                f"operator {_name(o)}: nobody else may approve, so what loosens stays a proposal until it expires",
                'one more [[operator]] with role "risk"',
            )


def _one_person(p: Picture) -> Iterator[Finding]:
    active = p.operators()
    for what, key in (("uid", lambda o: int(o["uid"])), ("public key", lambda o: bytes(o["public_key"])), ("name", _name)):
        seen: dict[Any, str] = {}
        for o in active:
            value = key(o)
            if value in seen and value:
                yield Finding(f"operators {seen[value]} and {_name(o)} have one {what}: one person would be two", f"give each person a {what} of their own")
            seen.setdefault(value, _name(o))
    for strategy in p.rows("strategies"):
        for o in (o for o in active if int(o["uid"]) == int(strategy["uid"]) != p.owner):
            yield Finding(
                f"strategy {_name(strategy)} runs as uid {int(o['uid'])}, which is operator {_name(o)}: the program may command what that person may",
                f"a uid of its own in [[strategy]] {_name(strategy)}",
            )


# ---- what is allowed ---------------------------------------------------------------------------------------------------------------


def _grants(p: Picture) -> Iterator[Finding]:
    sets = ("accounts", "venues", "instruments", "ord_types", "time_in_forces")
    live = [g for g in p.rows("permissions") if all(np.any(g[name]) for name in sets)]
    if not live and p.rows("strategies"):
        yield Finding("no grant: every new order is denied (NOT_PERMITTED)", "add [[permission]] tables, ringfence reload")
    for g in live:
        if not int(g["strategy"]) and all(int(np.ravel(g[name])[0]) & _ANY_BIT for name in sets):
            why = ", because the configuration has no [[permission]]" if _name(g) == EVERYTHING else ""
            yield Finding(f"grant {_name(g)}: every strategy may trade everything everywhere{why}", "[[permission]] tables that name what each strategy needs")


def _limits(p: Picture) -> Iterator[Finding]:
    scopes = p.rows("scopes")
    for strategy in p.rows("strategies"):
        if int(strategy["status"]) == _DISABLED:
            continue
        missing = [rule for rule in WANTED if not _bounded(p, scopes, strategy, rule)]
        if missing:
            yield Finding(
                f"strategy {_name(strategy)} has no {', '.join(missing)}, neither its own nor above it nor at every instrument or account",
                f"ringfence limits set {missing[0]} strategy:{_name(strategy)} VALUE --reason TEXT, or a [[limit]]",
            )


def _bounded(p: Picture, scopes: list[Any], strategy: Any, rule: str) -> bool:
    """Whether every order of a strategy meets this limit somewhere."""
    number, row = RULES[rule].number, int(strategy["id"])
    limited = {(int(s["kind"]), int(s["a"]), int(s["b"])) for s in scopes if int(s["limited"]) >> number & 1}

    def at(kind: str, a: int = 0, b: int = 0) -> bool:
        return (_SCOPE[kind], a, b) in limited

    def all_of(table: str, covered: Callable[[Any], bool]) -> bool:
        active = [r for r in p.rows(table) if int(r["status"]) == _ACTIVE]
        return bool(active) and all(covered(r) for r in active)

    return (
        at("FIRM")
        or at("STRATEGY", row)
        or (int(strategy["desk_row"]) and at("DESK", int(strategy["desk_row"])))
        or all_of("instruments", lambda i: at("INSTRUMENT", int(i["id"])) or at("STRATEGY_INSTRUMENT", row, int(i["id"])))
        or all_of("accounts", lambda a: at("ACCOUNT", int(a["id"])) or at("BROKER", int(a["broker"])))
        or all_of("venues", lambda v: at("VENUE", int(v["id"])))
    )


def _margin(p: Picture) -> Iterator[Finding]:
    """Accounts that FREE_MARGIN bounds and that have nothing to be held against, or nothing to hold."""
    number, scopes = RULES["FREE_MARGIN"].number, p.rows("scopes")
    limited = {(int(s["kind"]), int(s["a"])) for s in scopes if int(s["limited"]) >> number & 1}
    funded = {int(c["account"]) for c in p.rows("cash") if any(c["entered"])}
    rated = {(int(s["kind"]), int(s["a"])) for s in scopes if int(s["limits"][RULES["MARGIN_RATE"].number])}
    rows = [r for r in p.rows("margin_rates") if int(r["status"]) == _ACTIVE]
    own = any(int(i["margin_ppm"]) for i in p.rows("instruments"))
    for a in (a for a in p.rows("accounts") if int(a["status"]) == _ACTIVE):
        row, broker = int(a["id"]), int(a["broker"])
        places = {(_SCOPE["FIRM"], 0), (_SCOPE["BROKER"], broker), (_SCOPE["ACCOUNT"], row)}
        if not places & limited:
            continue
        if row not in funded:
            yield Finding(
                f"account {_name(a)} is bounded by FREE_MARGIN and has no cash: what it has is what its positions earned",
                f"ringfence ledger entry deposit --account {_name(a)} ..., as its statement says",
            )
        if not own and not places & rated and not [r for r in rows if int(r["account"]) in (0, row) and int(r["broker"]) in (0, broker)]:
            yield Finding(
                f"account {_name(a)} is bounded by FREE_MARGIN and nothing it trades has a margin rate: the rule refuses nothing",
                "[[margin]] tables, margin of its instruments, or MARGIN_RATE; ringfence reload",
            )


# ---- what is left ------------------------------------------------------------------------------------------------------------------


def _breaks(p: Picture) -> Iterator[Finding]:
    raised, rows = p.breaks
    if raised >= rows:
        yield Finding(
            f"{raised} breaks were raised and the table has {rows} rows: only the first and the newest are kept", "ringfence breaks; end what raises them"
        )
    elif raised > rows - rows // 8:
        yield Finding(
            f"{raised} breaks were raised and the table has {rows} rows", "ringfence breaks; end what raises them: a table that is this full stays as it is"
        )
    elif raised > rows // 2:
        yield Finding(f"{raised} breaks were raised and the table has {rows} rows", "ringfence breaks; raise limits.breaks, ringfence down, ringfence up")


# ---- secrets -------------------------------------------------------------------------------------------------------------------------


def _keys(p: Picture) -> Iterator[Finding]:
    for what, path in p.secrets:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError as e:
            yield Finding(f"{what} {path}: {e.strerror}", "name a file that is there and that you may look at")
            continue
        if mode & OTHERS:
            yield Finding(
                f"{what} {path} has mode {mode:04o}: others may read it or change it", f"chmod 600 {path}, and a new one if others could have read it"
            )


CHECKS = (
    Check("operators", "others than who runs it may command it", _operators),
    Check("second person", "whatever an operator proposes, another may approve", _second_person),
    Check("one person", "no uid, name or key belongs to two operators, or to an operator and a strategy", _one_person),
    Check("grants", "no grant allows everything", _grants),
    Check("limits", f"every strategy is bounded by {', '.join(WANTED)}", _limits),
    Check("margin", "every account that FREE_MARGIN bounds has cash and margin rates", _margin),
    Check("breaks", "the table of breaks has room", _breaks),
    Check("keys", "no file with a secret may be read by others", _keys),
)


_COUNTS = {
    "operators": "operator",
    "permissions": "permission",
    "strategies": "strategy",
    "scopes": "scope",
    "instruments": "instrument",
    "accounts": "account",
    "venues": "venue",
    "cash": "cash",
    "margin_rates": "margin_rate",
}


def tables_of(source: Source) -> dict[str, Any]:
    """The rows in use, copied; nothing while there is no state."""
    engine = source.engine
    if engine is None:
        return {}
    return {table: source.table(table)[1 : int(engine[f"{key}_count"]) + 1].copy() for table, key in _COUNTS.items()}


def breaks_of(source: Source) -> tuple[int, int]:
    """Breaks raised so far, and rows for them; an empty table while there is no state."""
    table, engine = source.table("breaks"), source.engine
    return (0, 1) if table is None or engine is None else (int(engine["break_count"]), len(table) - 1)


def secrets_of(config: Config) -> tuple[tuple[str, Path], ...]:
    """Files of a configuration that hold secrets: private keys of TLS and passwords of sessions."""
    out: list[tuple[str, Path]] = []
    for v in config.venues:
        if v.session.tls is not None and v.session.tls.key:
            out.append((f"TLS key of venue {v.name}", Path(v.session.tls.key)))
        if v.session.password_file:
            out.append((f"password of venue {v.name}", Path(v.session.password_file)))
    for s in config.feed.sessions if config.feed else ():
        if s.tls is not None and s.tls.key:
            out.append((f"TLS key of market data session {s.name}", Path(s.tls.key)))
        if s.password_file:
            out.append((f"password of market data session {s.name}", Path(s.password_file)))
    return tuple(out)
