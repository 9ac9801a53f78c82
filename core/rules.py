"""The rule table: every pre-trade check and setting, what it is for, where it can be set, and how a change is judged.

``ipc/schema.py`` numbers the rules (``RiskRule``: the row in ``limits`` and ``hits`` of a Scope); ``core/checks.pyx`` evaluates them in that order; this table
says the rest, and everything that shows rules reads it: ``ringfence risk``, ``limits``, ``docs/controls.md``. Nothing here runs on the hot path.

A limit of 0 is no limit. Amounts are in 10^-4 of the firm's currency, quantities in the instrument's scale.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.ipc.schema import CONSTANTS, ENUMS

NUMBER = ENUMS["RiskRule"].by_name
OBJECTS = ("FIRM", "BROKER", "ACCOUNT", "VENUE", "DESK", "STRATEGY")
BY_INSTRUMENT = ("INSTRUMENT", "ACCOUNT_INSTRUMENT", "STRATEGY_INSTRUMENT")
EVERYWHERE = (*OBJECTS, *BY_INSTRUMENT)
BY_POSITION = tuple(kind for kind in EVERYWHERE if kind != "VENUE")  # a position is of no venue
BY_MONEY = (*BY_POSITION, "CURRENCY")


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``group``: order, account, flow, or setting (which other rules use). ``scopes``: kinds of scope where it may be set; empty: it has no limit of its own.
    ``reasons``: DenyReasons that it answers with. ``unit``: of its limit: qty, amount, ns, ppm, count, per_s, choice or "". ``looser``: which way a
    change needs a second operator: higher (0 is the highest), lower (0 is the lowest), more (0 is the lowest of values), any (from a value), change,
    locate (higher, the first one too). ``sources``: what demands it.
    """

    name: str
    group: str
    scopes: tuple[str, ...]
    reasons: tuple[str, ...]
    unit: str
    looser: str
    sources: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        return NUMBER[self.name]

    @property
    def doc(self) -> str:
        """What it checks, as the schema says it."""
        return next(text for name, _, text in ENUMS["RiskRule"].values if name == self.name)


_RULES = (
    Rule("KILL_SWITCH", "order", (), ("KILLED", "TRADING_HALTED", "REDUCE_ONLY"), "", "", ("RTS 6 12", "RTS 6 15(5)", "FIA 1.5")),
    Rule("PERMISSION", "order", (), ("NOT_PERMITTED",), "", "", ("SEC 15c3-5 (c)(2)(ii)", "SEC 15c3-5 (c)(2)(iii)", "RTS 6 15(5)")),
    Rule("INSTRUMENT_ACTIVE", "order", (), ("UNKNOWN_INSTRUMENT", "UNKNOWN_ACCOUNT"), "", "", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("SESSION_STATE", "order", (), ("SESSION_DOWN", "GATEWAY_STALLED"), "", ""),
    Rule("STALE_INTENT", "order", (), ("STALE",), "", "", ("FIA 3.1",)),
    Rule("SUPPORTED", "order", (), ("NOT_SUPPORTED",), "", "", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("CONSISTENCY", "order", (), ("INCONSISTENT",), "", "", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("GTD_DATE", "order", (), ("EXPIRED_DATE",), "", "", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("TICK", "order", (), ("BAD_PRICE",), "", "", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("LOT", "order", (), ("BAD_QTY",), "", "", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("QTY_RANGE", "order", (), ("BAD_QTY",), "", "", ("SEC 15c3-5 (c)(1)(ii)", "FIA 1.1")),
    Rule("RESTRICTED_LIST", "order", (), ("RESTRICTED",), "", "", ("SEC 15c3-5 (c)(2)(ii)",)),
    Rule("SHORT_SALE", "order", ("ACCOUNT_INSTRUMENT",), ("NO_LOCATE",), "qty", "locate", ("SEC 15c3-5 (c)(2)(i)",)),
    Rule("MAX_QTY", "order", EVERYWHERE, ("MAX_QTY",), "qty", "higher", ("SEC 15c3-5 (c)(1)(ii)", "RTS 6 15(1)(c)", "FIA 1.1")),
    Rule("MAX_NOTIONAL", "order", EVERYWHERE, ("MAX_NOTIONAL", "NO_RATE"), "amount", "higher", ("SEC 15c3-5 (c)(1)(ii)", "RTS 6 15(1)(b)", "FIA 1.1")),
    Rule("REFERENCE_AGE", "order", EVERYWHERE, ("NO_REFERENCE",), "ns", "higher", ("SEC 15c3-5 (c)(1)(ii)", "FIA 3.1")),
    Rule("COLLAR", "order", EVERYWHERE, ("COLLAR", "NO_REFERENCE"), "ppm", "higher", ("SEC 15c3-5 (c)(1)(ii)", "RTS 6 15(1)(a)", "FIA 1.3")),
    Rule("CREDIT", "account", ("FIRM", "BROKER", "ACCOUNT"), ("CREDIT", "NO_RATE"), "amount", "higher", ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "FIA 4.2")),
    Rule("MARGIN", "account", ("FIRM", "BROKER", "ACCOUNT"), ("MARGIN", "NO_RATE"), "amount", "higher", ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "FIA 4.2")),
    Rule("FREE_MARGIN", "account", ("FIRM", "BROKER", "ACCOUNT"), ("MARGIN", "NO_RATE"), "ppm", "higher", ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "FIA 4.2")),
    Rule("MAX_POSITION", "account", BY_INSTRUMENT, ("MAX_POSITION",), "qty", "higher", ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "RTS 6 17(4)", "FIA 1.2")),
    Rule(
        "NET_EXPOSURE",
        "account",
        BY_MONEY,
        ("NET_EXPOSURE", "NO_RATE"),
        "amount",
        "higher",
        ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "RTS 6 15(5)", "FIA 1.2"),
    ),
    Rule(
        "GROSS_EXPOSURE",
        "account",
        BY_MONEY,
        ("GROSS_EXPOSURE", "NO_RATE"),
        "amount",
        "higher",
        ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "RTS 6 15(5)", "FIA 4.2"),
    ),
    Rule("OPEN_ORDERS", "account", EVERYWHERE, ("OPEN_ORDERS",), "count", "higher", ("RTS 6 15(5)",)),
    Rule("TURNOVER", "account", EVERYWHERE, ("TURNOVER", "NO_RATE"), "amount", "higher", ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)")),
    Rule("DAILY_LOSS", "account", BY_POSITION, ("LOSS", "NO_RATE"), "amount", "higher", ("SEC 15c3-5 (c)(1)(i)", "RTS 6 15(4)", "RTS 6 15(5)")),
    Rule("NEW_RATE", "flow", EVERYWHERE, ("NEW_RATE",), "per_s", "higher", ("SEC 15c3-5 (c)(1)(ii)", "RTS 6 15(1)(d)", "FIA 3.4")),
    Rule("REPLACE_RATE", "flow", EVERYWHERE, ("REPLACE_RATE",), "per_s", "higher", ("RTS 6 15(1)(d)", "FIA 3.4")),
    Rule("MESSAGE_RATE", "flow", EVERYWHERE, ("MESSAGE_RATE",), "per_s", "higher", ("RTS 6 15(1)(d)", "FIA 3.4")),
    Rule("DUPLICATE_CONTENT", "flow", ("FIRM", "DESK", "STRATEGY"), ("DUPLICATE_CONTENT",), "ns", "lower", ("SEC 15c3-5 (c)(1)(ii)",)),
    Rule("REPEATED_EXECUTION", "flow", ("FIRM", "DESK", "STRATEGY"), ("REPEATED_EXECUTION",), "count", "higher", ("RTS 6 15(3)", "FIA 3.2")),
    Rule("SELF_MATCH", "flow", ("FIRM",), ("SELF_MATCH",), "choice", "any", ("FIA 3.5",)),
    Rule("NEW_BURST", "setting", EVERYWHERE, (), "count", "more"),
    Rule("REPLACE_BURST", "setting", EVERYWHERE, (), "count", "more"),
    Rule("MESSAGE_BURST", "setting", EVERYWHERE, (), "count", "more"),
    Rule("CANCEL_RESERVE", "setting", EVERYWHERE, (), "count", "lower"),
    Rule("COLLAR_REFERENCE", "setting", EVERYWHERE, (), "choice", "change"),
    Rule("MARGIN_RATE", "setting", ("FIRM", "BROKER", "ACCOUNT"), (), "ppm", "lower"),
    Rule("REJECT_LIMIT", "setting", EVERYWHERE, (), "count", "higher", ("FIA 1.5",)),
)
RULES: dict[str, Rule] = {r.name: r for r in _RULES}
CHECKS = tuple(r for r in _RULES if r.number <= CONSTANTS["RISK_RULES"][0])

if list(RULES) != list(NUMBER):
    raise ImportError("core/rules.py and RiskRule of ipc/schema.py name different rules, or in another order")


def loosens(rule: Rule, before: int, after: int, located: bool = False) -> bool:
    """Whether a change of a limit allows more than before, so that it needs a second operator.

    A limit that is set where there was none is always tighter, but for settings whose 0 is a value (the least burst, ``more``; the mid, ``change``) and for a
    locate, which says that shares were found. ``located``: the instrument requires one, so that taking it back is tighter.
    """
    if before == after or rule.looser == "":
        return False
    if rule.looser in ("more", "change"):
        return rule.looser == "change" or after > before
    if rule.looser == "any":
        return before != 0
    if rule.looser == "locate":
        return after > before or (after == 0 and not located)
    if rule.looser == "lower":
        return after < before
    return after == 0 or (before != 0 and after > before)
