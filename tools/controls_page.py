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
LOOSER = {
    "higher": "a higher value, or none",
    "lower": "a lower value, or none",
    "any": "any change, unless it was none",
    "more": "a higher value",
    "locate": "a higher value, the first one too; where no locate is required, none",
    "change": "any change",
    "": "",
}

INTRODUCTION = """
Every new order and replace passes these checks in the engine, on one journal frame and the tables. Those without a limit come first: they look at the
intent, its route and its grants. Then come limits, scope by scope, and within a scope in the order of this table. The first that refuses answers with its
reject code and counts in `hits` of the scope whose limit it was (a check without a limit: in the firm's). Nothing is sent before all have passed; cancels
pass always. `ringfence risk` shows limits, use and hits; `ringfence orders ID` the checks that an order passed; `ringfence route explain` all that would
refuse an intent.

A limit is set at a *scope*: the firm, a broker, account, venue, desk, strategy or instrument, or an account or strategy with an instrument; exposure at a
currency too. An order belongs to up to nine scopes and the two currencies of its instrument, and every one of them must hold. A limit that is not set is
no limit. Limits are set by `[[limit]]` of the [configuration](configuration.md) and `ringfence limits set`; setting one where there was none, and
tightening, is immediate (a first locate is neither); what the last column of the second table calls looser takes effect when a second operator has
approved it.

What cannot be told never counts as nothing. A position or open order without an amount (its currency has no rate, nothing says its price, or the figure
does not fit) makes `CREDIT`, `MARGIN`, `FREE_MARGIN`, exposure and `DAILY_LOSS` of its scopes refuse what does not reduce (`NO_RATE`), until it has one; a
trade without an amount makes `TURNOVER` of its scopes refuse until the next day. A mark that cannot be (negative, crossed, or so high that the least quantity
has no amount) is journaled, counted and not taken; the mark before it stays and grows old. The last trade has an age of its own: a quote does not renew it.
A quote with one side, or with an ask of more than twice its bid, is a stub: collars and values take the last trade then.
`ringfence status` says what has no amount, and how many marks were refused.

`COLLAR` holds stop prices like limit prices: a buy above the reference, a sale below it. `SELF_MATCH` looks at open orders of every type; a stop order is left
out while the market was seen short of its stop price within the last 10 s and what is asked would trade first. `CREDIT` counts a long position at what it
cost or what it is worth, whichever is more: money that was spent does not come back because prices fell, and gains that nobody realized buy nothing.
`MARGIN` holds the margin of an account against an amount, `FREE_MARGIN` against a share of its equity: its cash and its positions at the reference price, as
the [ledger](ledger.md#margin) has them. With a margin rate and a share of 100 % it is the check of a cash account: what is bought cannot cost more than there
is. An account without equity only reduces; both refuse with `MARGIN`, and `hits` says which did. Margin is by a schedule (`[[margin]]` of the configuration). A currency's
rate moves equity both ways: once there was a `FREE_MARGIN` limit every change of a rate but to none takes two people. Marks are trusted as they come.
`TURNOVER` counts a correction upwards; one downwards, and a bust, give nothing back.
"""


TEXT, QUOTED, HEADING, BOTH, SUMMARY = "text", "quotations", "heading", "heading, quotations of 2015", "summaries"


@dataclass(frozen=True)
class Demand:
    """One demand of a source: its place, what it asks in our words, and what answers it.

    ``missing`` is what does not; ``compared``: what of the source our words were compared with.
    """

    place: str
    asks: str
    answer: str
    missing: str = ""
    compared: str = TEXT


SEC = "SEC 15c3-5"
RTS = "RTS 6"
FIA = "FIA"
SOURCES = {
    SEC: "SEC Rule 15c3-5 (17 CFR 240.15c3-5), risk management controls of brokers and dealers with market access; release 34-63241, 2010. Compared in "
    "November 2026 with verbatim quotations of paragraphs (b) to (e) in public documents, not with the official edition. It binds the broker or dealer, "
    "not its customer.",
    RTS: "MiFID II RTS 6, Commission Delegated Regulation (EU) 2017/589, articles 12 to 18. Articles 12, 14, 15(1) to (5), 17 and 18 were compared in "
    "November 2026 with their English text (a public copy, not the Official Journal), 15(6) and 16 with verbatim quotations, 13 with summaries. It names no "
    "figure for any limit.",
    FIA: "FIA, Best Practices for Automated Trading Risk Controls and System Safeguards, July 2024, by section number. Compared in November 2026 with its "
    "table of contents, and with quotations of the fuller chapter 1 of its predecessor (Guide to the Development and Operation of Automated "
    "Trading Systems, 2015); the paper itself was not at hand. Who may change limits (PTG) is from the recommendations of FIA's Principal Traders Group, 2010.",
}
DEMANDS: dict[str, tuple[Demand, ...]] = {
    SEC: (
        Demand(
            "(b)",
            "a documented system of controls and supervisory procedures, kept with the books and records",
            "this page, the journal and `ringfence audit`",
            "written supervisory procedures",
            QUOTED,
        ),
        Demand(
            "(c)(1)(i)",
            "no order beyond pre-set credit or capital thresholds, in aggregate for each customer and the firm, where fit by sector or security",
            "",
            "sectors as a division",
            QUOTED,
        ),
        Demand("(c)(1)(ii)", "no erroneous order: price and size parameters, one by one or over a short time; no duplicates", "", "", QUOTED),
        Demand(
            "(c)(2)(i)",
            "no order that fails what rules demand before entry, those of exchanges on order types and lots too",
            "",
            "marking rules of single markets (Regulation SHO order marking is taken as the strategy gives it)",
            QUOTED,
        ),
        Demand("(c)(2)(ii)", "no order in what the firm or a customer may not trade", "", "", QUOTED),
        Demand(
            "(c)(2)(iii)",
            "access only for persons and accounts that were approved",
            "operators and roles; the kernel's word for who connects, or a signature; sealed rings",
            "",
            QUOTED,
        ),
        Demand(
            "(c)(2)(iv)",
            "surveillance gets execution reports at once",
            "read-only tables and the journal tail",
            "a feed made for a surveillance system",
            QUOTED,
        ),
        Demand(
            "(d)",
            "controls under the firm's direct and exclusive control",
            "limits change by journaled commands of the firm's operators alone; loosening takes two",
            "",
            QUOTED,
        ),
        Demand(
            "(e)",
            "a documented review at least once a year, and a yearly certification by the chief executive",
            "`ringfence audit` exports what was in force and who set it; `ringfence doctor` what is missing",
            "review and certification: people's work",
            QUOTED,
        ),
    ),
    RTS: (
        Demand(
            "12",
            "cancel any or all unexecuted orders at any or all venues at once; know the algorithm, trader, desk or client of each",
            "kill switch at every scope, by command and out of band; proof list of orders not yet confirmed; strategy, desk and account of every order",
        ),
        Demand(
            "13",
            "automated surveillance for market manipulation, reviewed yearly, with replay and alerts",
            "the replayable journal; self-match prevention",
            "pattern detection, its alerts and its yearly review",
            SUMMARY,
        ),
        Demand(
            "14",
            "business continuity: documented, reviewed and tested yearly, with shut-down and other ways to manage open orders and positions",
            "recovery by replay, kill out of band (docs/recovery.md)",
            "a second site: the standby does not exist yet",
        ),
        Demand("15(1)(a)", "price collars by instrument, one by one and over time", "", "a collar over a period of time"),
        Demand("15(1)(b)", "maximum order values", ""),
        Demand("15(1)(c)", "maximum order volumes", ""),
        Demand("15(1)(d)", "maximum messages: submission, modification, cancellation", ""),
        Demand("15(2)", "every order sent counts in the limits at once", "reserved when the order is accepted, released by facts only"),
        Demand("15(3)", "after so many repeated executions disabled until a designated person enables it again", ""),
        Demand(
            "15(4)",
            "market and credit risk limits by capital, clearing, strategy and experience, adjusted to prices and liquidity",
            "",
            "the adjustment: people's work",
        ),
        Demand(
            "15(5)",
            "block or cancel orders of who has no permission for an instrument, and what risks the firm's thresholds; by client, instrument, trader, desk",
            "",
        ),
        Demand(
            "15(6)",
            "a blocked order may pass only by exception: one trade, for a time, verified by risk management, authorised by a designated person",
            "overrides that end by themselves, by a second operator, journaled",
            "an exception for one order alone: an override holds for all orders of its scope until it ends",
            QUOTED,
        ),
        Demand(
            "16",
            "real-time monitoring by the trader in charge and by an independent risk function; alerts within five seconds",
            "`ringfence risk -w`, automatic kills and reduce-only",
            "alerts to people outside of the command line; cross-market signs of disorder; circuit breakers of venues",
            QUOTED,
        ),
        Demand(
            "17",
            "continuous post-trade controls and exposure in real time; records reconciled with venues, brokers and clearing",
            "scopes and positions with every fill, the rules of executions, breaks, status requests (docs/architecture.md)",
            "drop copy and clearing records",
        ),
        Demand("17(4)", "for derivatives, the greatest long, short and strategy positions, in fitting units", ""),
        Demand(
            "18",
            "security and limits to access, critical users known, few and traced, yearly penetration tests and vulnerability scans, breaches reported",
            "SO_PEERCRED, sealed memory, one writer a region, signed commands, operators in the table and their commands in the journal",
            "tests, scans and reports: people's work",
        ),
    ),
    FIA: (
        Demand(
            "1.1",
            "maximum order size, for modifications too, by instrument",
            "",
            "refusing an instrument for which no size limit is set: it passes, `ringfence doctor` warns",
            BOTH,
        ),
        Demand("1.2", "maximum intraday position, working orders included", "", "", BOTH),
        Demand("1.3", "price tolerance: no order further from a reference than so much", "", "", BOTH),
        Demand(
            "1.4",
            "cancel on disconnect: working orders go when their session does",
            "`cancel_on_disconnect`, `cancel_on_detach`, `deadman_ms`",
            "",
            BOTH,
        ),
        Demand("1.5", "kill switch: block new orders and cancel working ones; what reduces risk may pass", "", "", BOTH),
        Demand("3.1", "market data: references that are old or deviate are not used, orders blocked meanwhile", "", "comparison of several feeds", BOTH),
        Demand("3.2", "repeated automated execution: disabled until an authorised person enables it again", "", "", BOTH),
        Demand("3.4", "message throttles", "", "", BOTH),
        Demand("3.5", "self-match prevention", "", "", BOTH),
        Demand("4.1", "drop copy is reconciled", "identity of executions over sessions", "a drop-copy session", HEADING),
        Demand("4.2", "credit controls after the trade", "cost and margin are looked at before the order, and move with every fill", "", HEADING),
        Demand(
            "5.1",
            "conformance tests with exchanges",
            "scenarios of every check in tests/scenarios/controls, `ringfence simulate`",
            "conformance with a venue's own test system",
            HEADING,
        ),
        Demand("PTG", "who may set, change and see limits is settled, and changes are tracked", "operators, four eyes, `ringfence audit`", "", QUOTED),
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
        lines += ["", f"## {source}", "", title, "", "| place | asks for | checks | else | not met | compared with |", "|---|---|---|---|---|---|"]
        for d in DEMANDS[source]:
            checks = ", ".join(f"`{r.name}`" for r in places(source, d.place))
            lines.append(f"| {d.place} | {d.asks} | {checks or '-'} | {d.answer or '-'} | {d.missing or '-'} | {d.compared} |")
    gaps = [(s, d) for s, demands in DEMANDS.items() for d in demands if d.missing]
    lines += ["", "## What is not met", "", *(f"* {s} {d.place}: {d.missing}" for s, d in gaps)]
    return "\n".join(lines) + "\n"
