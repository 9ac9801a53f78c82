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


@dataclass(frozen=True)
class Rule:
    """One rule.

    ``group``: order, account, flow, or setting (which other rules use). ``scopes``: kinds of scope where it may be set; empty: it has no limit of its own.
    ``reasons``: DenyReasons that it answers with. ``unit``: of its limit: qty, amount, ns, ppm, count, per_s, choice or "". ``looser``: which way a
    change needs a second operator: higher (0 is the highest), lower (0 is the lowest), any.
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
    Rule("KILL_SWITCH", "order", (), ("KILLED", "TRADING_HALTED", "REDUCE_ONLY"), "", ""),
    Rule("PERMISSION", "order", (), ("NOT_PERMITTED",), "", ""),
    Rule("INSTRUMENT_ACTIVE", "order", (), ("UNKNOWN_INSTRUMENT", "UNKNOWN_ACCOUNT"), "", ""),
    Rule("SESSION_STATE", "order", (), ("SESSION_DOWN", "GATEWAY_STALLED"), "", ""),
    Rule("STALE_INTENT", "order", (), ("STALE",), "", ""),
    Rule("SUPPORTED", "order", (), ("NOT_SUPPORTED",), "", ""),
    Rule("CONSISTENCY", "order", (), ("INCONSISTENT",), "", ""),
    Rule("GTD_DATE", "order", (), ("EXPIRED_DATE",), "", ""),
    Rule("TICK", "order", (), ("BAD_PRICE",), "", ""),
    Rule("LOT", "order", (), ("BAD_QTY",), "", ""),
    Rule("QTY_RANGE", "order", (), ("BAD_QTY",), "", ""),
    Rule("RESTRICTED_LIST", "order", (), ("RESTRICTED",), "", ""),
    Rule("SHORT_SALE", "order", ("ACCOUNT_INSTRUMENT",), ("NO_LOCATE",), "qty", "higher"),
    Rule("MAX_QTY", "order", EVERYWHERE, ("MAX_QTY",), "qty", "higher"),
    Rule("MAX_NOTIONAL", "order", EVERYWHERE, ("MAX_NOTIONAL", "NO_RATE"), "amount", "higher"),
    Rule("REFERENCE_AGE", "order", EVERYWHERE, ("NO_REFERENCE",), "ns", "higher"),
    Rule("COLLAR", "order", EVERYWHERE, ("COLLAR", "NO_REFERENCE"), "ppm", "higher"),
    Rule("CREDIT", "account", ("FIRM", "BROKER", "ACCOUNT"), ("CREDIT", "NO_RATE"), "amount", "higher"),
    Rule("MARGIN", "account", ("FIRM", "BROKER", "ACCOUNT"), ("MARGIN", "NO_RATE"), "amount", "higher"),
    Rule("MAX_POSITION", "account", BY_INSTRUMENT, ("MAX_POSITION",), "qty", "higher"),
    Rule("NET_EXPOSURE", "account", BY_POSITION, ("NET_EXPOSURE", "NO_RATE"), "amount", "higher"),
    Rule("GROSS_EXPOSURE", "account", BY_POSITION, ("GROSS_EXPOSURE", "NO_RATE"), "amount", "higher"),
    Rule("OPEN_ORDERS", "account", EVERYWHERE, ("OPEN_ORDERS",), "count", "higher"),
    Rule("TURNOVER", "account", EVERYWHERE, ("TURNOVER", "NO_RATE"), "amount", "higher"),
    Rule("DAILY_LOSS", "account", BY_POSITION, ("LOSS", "NO_RATE"), "amount", "higher"),
    Rule("NEW_RATE", "flow", EVERYWHERE, ("NEW_RATE",), "per_s", "higher"),
    Rule("REPLACE_RATE", "flow", EVERYWHERE, ("REPLACE_RATE",), "per_s", "higher"),
    Rule("MESSAGE_RATE", "flow", EVERYWHERE, ("MESSAGE_RATE",), "per_s", "higher"),
    Rule("DUPLICATE_CONTENT", "flow", ("FIRM", "DESK", "STRATEGY"), ("DUPLICATE_CONTENT",), "ns", "lower"),
    Rule("REPEATED_EXECUTION", "flow", ("FIRM", "DESK", "STRATEGY"), ("REPEATED_EXECUTION",), "count", "higher"),
    Rule("SELF_MATCH", "flow", ("FIRM",), ("SELF_MATCH",), "choice", "any"),
    Rule("NEW_BURST", "setting", EVERYWHERE, (), "count", "higher"),
    Rule("REPLACE_BURST", "setting", EVERYWHERE, (), "count", "higher"),
    Rule("MESSAGE_BURST", "setting", EVERYWHERE, (), "count", "higher"),
    Rule("CANCEL_RESERVE", "setting", EVERYWHERE, (), "count", "lower"),
    Rule("COLLAR_REFERENCE", "setting", EVERYWHERE, (), "choice", "any"),
    Rule("MARGIN_RATE", "setting", ("FIRM", "BROKER", "ACCOUNT"), (), "ppm", "lower"),
    Rule("REJECT_LIMIT", "setting", EVERYWHERE, (), "count", "higher"),
)
RULES: dict[str, Rule] = {r.name: r for r in _RULES}
CHECKS = tuple(r for r in _RULES if r.number <= CONSTANTS["RISK_RULES"][0])

if list(RULES) != list(NUMBER):
    raise ImportError("core/rules.py and RiskRule of ipc/schema.py name different rules, or in another order")


def loosens(rule: Rule, before: int, after: int) -> bool:
    """Whether a change of a limit allows more than before, so that it needs a second operator.

    A limit that is set where there was none is always tighter, but for settings and choices (``any``).
    """
    if before == after or rule.looser == "":
        return False
    if rule.looser == "any":
        return before != 0
    if rule.looser == "lower":
        return after < before
    return after == 0 or (before != 0 and after > before)
