"""The page docs/controls.md: every pre-trade check with number, scopes, unit, reject codes and sources, and what each source demands.

    core/rules.py + ipc/schema.py ──page──▶ docs/controls.md          made by ``tools/gen_records.py`` with the other generated files

Page and engine cannot differ: the numbers are ``RiskRule``'s, which order the limits of a scope. The demands are told in a few words of our own; they are a
guide to the sources and not their text. What is not met is said. Nothing here runs in an instance.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.core.rules import CHECKS, RULES, Rule
from ringfence.ipc.schema import ENUMS
from ringfence.tools.rule_values import CHOICES

UNITS = {
    "qty": "quantity",
    "amount": "amount of the firm's currency",
    "ns": "duration",
    "ppm": "share",
    "count": "count",
    "per_s": "a second",
    "choice": "choice",
    "": "",
}
LOOSER = {"higher": "a higher value, or none", "lower": "a lower value, or none", "any": "any change", "": ""}

INTRODUCTION = """
Every new order and replace passes these checks in the engine, on one journal frame and the tables. Those without a limit come first: they look at the
intent, its route and its grants. Then come limits, scope by scope, and within a scope in the order of this table. The first that refuses answers with its
reject code and counts in `hits` of the scope whose limit it was (a check without a limit: in the firm's). Nothing is sent before all have passed; cancels
pass always. `ringfence risk` shows limits, use and hits; `ringfence orders ID` the checks that an order passed; `ringfence route explain` all that would
refuse an intent.

A limit is set at a *scope*: the firm, a broker, account, venue, desk, strategy or instrument, or an account or strategy with an instrument. An order
belongs to up to nine scopes, and every one of them must hold. A limit that is not set is no limit. Limits are set by `[[limit]]` of the
[configuration](configuration.md) and `ringfence limits set`; setting one where there was none, and tightening, is immediate; what the last column of the
second table calls looser takes effect when a second operator has approved it.
"""


@dataclass(frozen=True)
class Demand:
    """One demand of a source: its place, what it asks in our words, and what answers it; ``missing`` is what does not."""

    place: str
    asks: str
    answer: str
    missing: str = ""


SEC = "SEC 15c3-5"
RTS = "RTS 6"
FIA = "FIA"
SOURCES = {
    SEC: "SEC Rule 15c3-5 (17 CFR 240.15c3-5), risk management controls of brokers and dealers with market access; release 34-63241, 2010. "
    "(c)(1) and (c)(2) were compared with published summaries of the rule, not with its text; the paragraph numbers of (b), (d) and (e) were not.",
    RTS: "MiFID II RTS 6, Commission Delegated Regulation (EU) 2017/589, articles 12 to 18. Article 15(1) to (3) was compared with the published text; "
    "the other articles were not and need that before anybody relies on this table.",
    FIA: "FIA, Best Practices for Automated Trading Risk Controls and System Safeguards, July 2024. Items are named by subject, not by section: the paper "
    "itself was not at hand, only what was published about it and its predecessor (Guide to the Development and Operation of Automated Trading Systems, 2015).",
}
DEMANDS: dict[str, tuple[Demand, ...]] = {
    SEC: (
        Demand(
            "(b)",
            "a documented system of controls, kept with the books and records",
            "this page, the journal and `ringfence audit`",
            "written supervisory procedures",
        ),
        Demand("(c)(1)(i)", "no order beyond pre-set credit or capital thresholds, in aggregate and by finer divisions", "", "sectors as a division"),
        Demand("(c)(1)(ii)", "no erroneous order: price and size parameters, one by one and over a short time; no duplicates", ""),
        Demand(
            "(c)(2)(i)",
            "no order that fails what rules demand before entry",
            "",
            "marking rules of single markets (Regulation SHO order marking is taken as the strategy gives it)",
        ),
        Demand("(c)(2)(ii)", "no order in what the firm or a customer may not trade", ""),
        Demand(
            "(c)(2)(iii)", "access only for persons and accounts that were approved", "operators and roles; the kernel's word for who connects; sealed rings"
        ),
        Demand("(c)(2)(iv)", "surveillance gets execution reports at once", "read-only tables and the journal tail", "a feed made for a surveillance system"),
        Demand(
            "(d)",
            "controls under the firm's direct and exclusive control",
            "limits change by journaled commands of the firm's operators alone; loosening takes two",
        ),
        Demand(
            "(e)", "regular review and a yearly certification", "`ringfence audit` exports what was in force and who set it", "the review itself: people's work"
        ),
    ),
    RTS: (
        Demand(
            "12",
            "cancel any or all unexecuted orders at once, and know whose each order is",
            "kill switch at every scope, by command and out of band; proof list of orders not yet confirmed",
        ),
        Demand("13", "surveillance for market manipulation", "self-match prevention and the replayable journal", "pattern detection and its yearly review"),
        Demand(
            "14",
            "business continuity, tested yearly",
            "recovery by replay, kill out of band (docs/recovery.md)",
            "a second site: the standby does not exist yet",
        ),
        Demand("15(1)(a)", "price collars by instrument, one by one and over time", "", "a collar over a period of time"),
        Demand("15(1)(b)", "maximum order values", ""),
        Demand("15(1)(c)", "maximum order volumes", ""),
        Demand("15(1)(d)", "maximum messages: submission, modification, cancellation", ""),
        Demand("15(2)", "every order sent counts in the limits at once", "reserved when the order is accepted, released by facts only"),
        Demand("15(3)", "after so many repeated executions disabled until a person enables it again", ""),
        Demand("15(4)", "market and credit risk limits by capital, strategy and experience", ""),
        Demand(
            "15(5)",
            "block orders of who has no permission for an instrument, and what risks the firm's thresholds, by client, instrument, trader, desk and firm",
            "",
        ),
        Demand(
            "15(6)",
            "a blocked order may pass only by exception: temporary, verified by risk management, authorised",
            "overrides that end by themselves, by a second operator, journaled",
        ),
        Demand(
            "16",
            "real-time monitoring by independent staff; alerts within five seconds",
            "`ringfence risk -w`, automatic kills and reduce-only",
            "alerts to people outside of the command line; cross-market signs of disorder",
        ),
        Demand(
            "17",
            "continuous post-trade controls; records reconciled with venues and brokers",
            "the rules of executions, breaks, status requests (docs/architecture.md)",
            "drop copy and clearing records",
        ),
        Demand(
            "18",
            "security and limits to access, known users, yearly penetration test",
            "SO_PEERCRED, sealed memory, one writer a region, signed commands",
            "the penetration test: people's work",
        ),
    ),
    FIA: (
        Demand("order size", "maximum size of one order, quantity and value", ""),
        Demand("position", "maximum intraday position, working orders included", ""),
        Demand("price tolerance", "no order further from a reference than a tolerance", ""),
        Demand("market data reasonability", "references that are old or missing are not used", "", "comparison of several feeds"),
        Demand("credit", "limits on credit and margin by account", ""),
        Demand("message throttle", "rates of messages are bounded, cancels keep room", ""),
        Demand("repeated execution", "an automated strategy that repeats itself is stopped", ""),
        Demand("self-match prevention", "own orders do not trade with one another", ""),
        Demand("kill switch", "block new orders and cancel working ones at a fine grain", ""),
        Demand("cancel on disconnect", "working orders go when a session or a strategy does", "`cancel_on_disconnect`, `cancel_on_detach`, `deadman_ms`"),
        Demand("access and change", "limits are set by who may, and every change is recorded", "operators, four eyes, `ringfence audit`"),
        Demand("drop copy and post-trade", "an independent record of executions is compared", "identity of executions over sessions", "a drop-copy session"),
        Demand(
            "testing",
            "controls are tested before use",
            "scenarios of every check in tests/scenarios/controls, `ringfence simulate`",
            "conformance with a venue's own test system",
        ),
    ),
}


def places(source: str, place: str) -> list[Rule]:
    """The rules that name a place of a source."""
    return [r for r in RULES.values() if f"{source} {place}" in r.sources]


def _scopes(rule: Rule) -> str:
    return ", ".join(s.lower().replace("_", " and ") for s in rule.scopes) or "no limit of its own"


def _unit(rule: Rule) -> str:
    words = ", ".join(f"`{w}`" for w in CHOICES.get(rule.name, {}))
    return words or UNITS[rule.unit]


def _reasons(rule: Rule) -> str:
    number = ENUMS["DenyReason"].by_name
    return ", ".join(f"`{r}` ({number[r]})" for r in rule.reasons)


def page() -> str:
    """The page's text.

    Raises
    ------
    ValueError
        If a rule names a place of a source that is not told here.
    """
    known = {f"{source} {d.place}" for source, demands in DEMANDS.items() for d in demands}
    for rule in RULES.values():
        if unknown := [s for s in rule.sources if s not in known]:
            raise ValueError(f"{rule.name} of core/rules.py names {unknown[0]!r}, which tools/controls_page.py does not have")
    lines = ["# Controls", "", "Generated by `tools/gen_records.py` from `core/rules.py`; edit that.", INTRODUCTION]
    lines += ["## Checks", "", "| no. | check | group | what holds | reject codes | sources |", "|---|---|---|---|---|---|"]
    lines += [f"| {r.number} | `{r.name}` | {r.group} | {r.doc} | {_reasons(r)} | {', '.join(r.sources) or '-'} |" for r in CHECKS]
    lines += ["", "## Limits and settings", "", "| no. | rule | scopes | unit | looser is |", "|---|---|---|---|---|"]
    lines += [f"| {r.number} | `{r.name}` | {_scopes(r)} | {_unit(r)} | {LOOSER[r.looser]} |" for r in RULES.values() if r.scopes]
    lines += ["", "## Settings in words", ""]
    lines += [f"* `{r.name}`: {r.doc.removeprefix('setting: ')}" for r in RULES.values() if r.group == "setting"]
    for source, title in SOURCES.items():
        lines += ["", f"## {source}", "", title, "", "| place | asks for | checks | else | not met |", "|---|---|---|---|---|"]
        for d in DEMANDS[source]:
            checks = ", ".join(f"`{r.name}`" for r in places(source, d.place))
            lines.append(f"| {d.place} | {d.asks} | {checks or '-'} | {d.answer or '-'} | {d.missing or '-'} |")
    gaps = [(s, d) for s, demands in DEMANDS.items() for d in demands if d.missing]
    lines += ["", "## What is not met", "", *(f"* {s} {d.place}: {d.missing}" for s, d in gaps)]
    return "\n".join(lines) + "\n"
