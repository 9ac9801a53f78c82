"""The command ``ringfence`` (alias ``rf``): the parser, the global flags, and what every failure exits with.

Data flow: arguments -> a function of ``tools.commands`` (named here, imported only when its command runs, so that ``rf --help`` stays
fast) -> an exit code. Reading commands attach regions read-only and never wait for a writer; commands that change something go through the supervisor.

Exit codes: 0 ok, 1 failed, 2 usage, 3 not running or layout mismatch, 4 refused, 5 timed out, 6 outcome unknown, 7 differences found, 41 to 47 a signed command
that is not believed (tools/errors.py), 130 interrupted. Errors are one line on stderr that says what, where and what to do; a traceback is a bug (``-v`` shows
one for any error).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ringfence.tools.cli_backtest import BACKTEST
from ringfence.tools.cli_host import HOST
from ringfence.tools.cli_words import Command, arg, count, day
from ringfence.tools.errors import ToolError
from ringfence.tools.render import OUTPUTS, Options

INTERRUPTED = 130


FIX_CHECKS = ("required", "unknown", "empty", "repeated", "order", "types", "values", "groups", "user-tags", "msg-type")
FIX_ACCEPTOR = (
    arg("--echo", action="store_true", help="answer with the echo application: orders, security definitions and emails come back"),
    arg("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"),
    arg("--port", type=int, default=0, metavar="N", help="port to listen on; 0 takes a free one (default)"),
    arg("--sender-comp-id", metavar="A", help="our SenderCompID(49)"),
    arg("--target-comp-id", action="append", default=[], metavar="B", help="the counterparty's SenderCompID(49); once for each session"),
    arg("--begin-string", action="append", default=[], metavar="V", help="FIX.4.2 or FIX.4.4, once for all sessions or once for each (default FIX.4.2)"),
    arg("--session", dest="sessions", action="append", default=[], metavar="V:A->B[,no-check-C...]", help="a session, e.g. FIX.4.4:ISLD->TW44; repeatable"),
    arg("--reset-on-logon", action="store_true", help="both sequence numbers start at 1 on every Logon"),
    arg("--store", metavar="DIR", help="keep the message stores in DIR (default: a temporary directory)"),
    arg("--heartbeat", type=int, default=30, metavar="S", help="HeartBtInt(108) [s] when the counterparty does not say it (default 30)"),
    arg("--profile", choices=("compatible", "strict"), default="compatible", help="where others deviate from the specification (default: compatible)"),
    *(arg(f"--no-check-{name}", action="store_true", help=f"do not check: {name}") for name in FIX_CHECKS),
    arg("--time-zone", metavar="ZONE", help="of the schedule, such as America/New_York (default UTC)"),
    arg("--start-time", metavar="HH:MM:SS", help="schedule: when the sessions open (default: they are always open)"),
    arg("--end-time", metavar="HH:MM:SS", help="schedule: when they log out; numbers start anew at the next opening"),
    arg("--start-day", metavar="DAY", help="schedule: one window a week, from this day"),
    arg("--end-day", metavar="DAY", help="schedule: to this day"),
    arg("--tls-cert", metavar="PEM", help="TLS: our certificate"),
    arg("--tls-key", metavar="PEM", help="TLS: its key"),
    arg("--tls-ca", metavar="PEM", help="TLS: refuse clients without a certificate of this CA"),
)
SCOPE_ALLOWED = "firm, broker:NAME, account:NAME, venue:NAME, desk:NAME, strategy:NAME, instrument:SYMBOL, account:NAME/SYMBOL or strategy:NAME/SYMBOL"
REASON = arg("--reason", required=True, help="journaled")
EXECUTION = arg("execution", metavar="EXECUTION", help="id (ringfence fills -o wide), or ExecID; =5 is the ExecID 5")
DIRECTORY = arg("dir", nargs="?", metavar="DIR", help="journal directory (default: the running instance's)")
LEDGER_METHODS = ("wac", "fifo", "lifo", "hifo", "hifo_mingain", "spec", "account")
ROLLUP_KEYS = ("account", "strategy", "instrument", "broker", "venue", "desk", "currency")
ENTRY_KINDS = (
    *("funding", "interest", "dividend", "return_of_capital", "settle", "expire", "reward", "split", "spin_off", "transfer", "cross"),
    *("name_lot", "deposit", "withdrawal", "conversion", "bust"),
)
LEDGER_FILE = (
    arg("file", metavar="FILE.json", help="one case, or many"),
    arg("--case", default="", metavar="ID", help="of a file with many cases, this one (default: all; one report per case)"),
)
LEDGER = (
    arg("--data", metavar="DIR", help="journal, or the data directory above it (default: the running instance's)"),
    arg("--store", metavar="WHERE", help="postgresql://...#SCHEMA, or a file (default: ledger.db in the data directory)"),
)
AS_OF = (
    *LEDGER,
    arg("--as-of", metavar="SEQ|TIME", help="as it was booked up to a journal sequence, or an engine time (ISO, UTC when it names no zone)"),
    arg("--value-date", type=day, metavar="YYYY-MM-DD", help="only what is settled by this day"),
    arg("--csv", dest="output", action="store_const", const="csv", help="same as -o csv"),
)
BY = arg("--by", choices=ROLLUP_KEYS, metavar="KEY", help=f"sums by {', '.join(ROLLUP_KEYS)}; one row for each currency")
BASE = arg("--base", action="store_true", help="in the firm's currency: price and fx parts, fees, income, fx on cash; unknown without a rate")
COMMANDS = (
    Command(
        "up",
        "start an instance and watch over its processes",
        "commands.control:up",
        (
            arg("config", metavar="CONFIG.toml"),
            arg("--detach", action="store_true", help="return when it is ready; logs are in DATA/logs"),
            arg("--new-history", action="store_true", help="begin an empty journal although the instance has traded before"),
            arg("--new-session", action="append", default=[], metavar="VENUE", help="begin an empty session store; the counterparty must reset too"),
        ),
    ),
    Command(
        "down",
        "stop an instance cleanly: strategies, gateways, feed, engine, sidecar",
        "commands.control:down",
        (arg("--reason", default="ringfence down", help="journaled"),),
    ),
    Command(
        "strategy",
        "allow or restrict a strategy: journaled with operator and reason",
        "commands.control:strategy",
        (
            arg("name", metavar="NAME"),
            arg("status", choices=("enabled", "reduce_only", "cancel_only", "disabled")),
            arg("--reason", required=True, help="journaled"),
        ),
    ),
    Command(
        "parameters",
        "numbers that strategies read while they run: what is set; with set STRATEGY NAME VALUE, change one at once: journaled with operator and reason",
        "commands.authority:parameters",
        (
            arg("what", nargs="?", choices=("set",), help="change one (default: show all)"),
            arg("of", nargs="?", metavar="STRATEGY", help="whose it is"),
            arg("name", nargs="?", metavar="NAME", help="as the strategy declares it"),
            arg("value", nargs="?", metavar="VALUE", help="a decimal, such as 100000 or 0.25"),
            arg("--reason", help="journaled; needed with set"),
        ),
    ),
    Command("halt", "take no new risk in the whole instance: cancels pass, all else is denied", "commands.control:halt", (REASON,)),
    Command(
        "resume",
        "lift a halt by an operator or the shadow; with SCOPE, propose to release its kill (a second operator approves)",
        "commands.authority:resume",
        (arg("scope", nargs="?", metavar="SCOPE", help=f"{SCOPE_ALLOWED}; without one: the halt of the whole instance"), REASON),
    ),
    Command(
        "kill",
        "kill switch: block new orders of a scope, cancel its open ones, and show what is not confirmed yet",
        "commands.kill:kill",
        (
            arg("scope", metavar="SCOPE", help=SCOPE_ALLOWED),
            arg("--flatten", action="store_true", help="close its positions too, by market orders"),
            REASON,
        ),
    ),
    Command(
        "limits",
        "set a limit or setting of a scope: tighter at once, looser when a second operator approves",
        "commands.authority:limits",
        (
            arg("what", choices=("set",)),
            arg("rule", metavar="RULE", help="MAX_QTY, COLLAR, NEW_RATE ...; docs/controls.md has all"),
            arg("scope", metavar="SCOPE", help=SCOPE_ALLOWED),
            arg("value", metavar="VALUE", help="in the rule's unit, such as 1000000, 5s, 2.5%%, 100/s; none: no limit"),
            arg("--for", dest="duration", metavar="DURATION", help="then the value before holds again, such as 30m"),
            REASON,
        ),
    ),
    Command(
        "audit",
        "who commanded what, with what it replaced, from the journal; each entry chained to the one before",
        "commands.authority:audit",
        (
            DIRECTORY,
            arg("--all", action="store_true", help="what the instance told itself too (START, DEFINE_* ...)"),
            arg("--operator", metavar="NAME"),
            arg("--kind", metavar="KIND", help="such as SET_LIMIT or KILL"),
            arg("--scope", metavar="TEXT", help="part of what it was about"),
            arg("--csv", metavar="FILE", help="write every entry there"),
            arg("--against", metavar="FILE.json", help="compare with an exported trail (--json); exit 7 at the first difference"),
            arg("--verify", action="store_true", help="only say whether everything holds"),
        ),
    ),
    Command("proposals", "changes that wait for a second operator, or end by themselves", "commands.authority:proposals", ()),
    Command(
        "approve",
        "agree to another operator's proposal",
        "commands.authority:approve",
        (arg("proposal", type=int, metavar="ID", help="ringfence proposals"), REASON),
    ),
    Command(
        "withdraw",
        "take back or refuse a proposal",
        "commands.authority:withdraw",
        (arg("proposal", type=int, metavar="ID", help="ringfence proposals"), REASON),
    ),
    Command(
        "keygen",
        "make an operator's key for signed commands; prints the public half for [[operator]]",
        "commands.signed:keygen",
        (arg("file", metavar="FILE", help="of the private key, which stays on the operator's machine"),),
    ),
    Command(
        "sign",
        "sign a command on another machine: kill, resume, limits, approve, withdraw, strategy, parameters, halt, cancel, resolve, assign, dk",
        "commands.signed:sign",
        (
            arg("--key", required=True, metavar="FILE", help="private key (ringfence keygen)"),
            arg("--as", dest="operator", required=True, metavar="OPERATOR", help="its name in [[operator]]"),
            arg("--valid", default="5m", metavar="DURATION", help="how long it may be under way (default 5m)"),
            arg("--number", type=count, metavar="N", help="request number, above all before it (default: the clock in nanoseconds)"),
            arg("--out", metavar="FILE", help="default: standard output"),
            arg("words", nargs=argparse.REMAINDER, metavar="COMMAND...", help="as on the host, with its --reason; flags of sign go before it"),
        ),
    ),
    Command(
        "submit",
        "bring a signed command to its instance; exit 41 to 47 says why it was not believed (docs/operations.md)",
        "commands.signed:submit",
        (arg("file", metavar="FILE", help="of ringfence sign; -: standard input"),),
    ),
    Command(
        "cancel",
        "cancel every open order at a venue (of one instrument with --symbol); one message where the venue takes it",
        "commands.control:cancel",
        (arg("venue", metavar="VENUE"), REASON),
    ),
    Command(
        "resolve",
        "say how an order in doubt (Unknown or unverified) ended",
        "commands.control:resolve",
        (
            arg("order", metavar="ORDER", help="order id or ClOrdID"),
            arg("status", choices=("canceled", "rejected", "expired", "done_for_day", "filled", "new")),
            REASON,
        ),
    ),
    Command(
        "assign",
        "move an execution out of suspense, to an order or to a strategy",
        "commands.control:assign",
        (
            EXECUTION,
            arg("--order", metavar="ORDER", help="order id or ClOrdID"),
            arg("--to", metavar="STRATEGY", help="the strategy that gets it when no order of ours did"),
            REASON,
        ),
    ),
    Command(
        "dk",
        "refuse an execution: DontKnowTrade to its venue; what is booked stays booked",
        "commands.control:dk",
        (EXECUTION, arg("code", choices=tuple("ABCDEFZ"), help="A symbol, B side, C quantity, D no such order, E price, F calculation, Z other"), REASON),
    ),
    Command("checkpoint", "journal the state hash now", "commands.control:checkpoint", (arg("--reason", default="asked for", help="journaled"),)),
    Command(
        "roll",
        "begin a trading day now; it also rolls by itself at instance.roll",
        "commands.control:roll",
        (arg("--day", type=day, metavar="YYYY-MM-DD", help="default: the one that the clock says"), REASON),
    ),
    Command(
        "wait",
        "return when the instance is ready (for scripts)",
        "commands.control:wait",
        (arg("condition", choices=("ready",), help="ready: every process runs and every session is logged on"),),
    ),
    Command("status", "is everything alive", "commands.show:status"),
    Command(
        "orders",
        "open orders; all with --all; with ID the life of one order, from the journal",
        "commands.show:orders",
        (arg("id", nargs="?", metavar="ID", help="order id or ClOrdID"), arg("--all", action="store_true", help="finished orders too")),
    ),
    Command("positions", "positions and PnL by account, strategy and instrument", "commands.show:positions", aliases=("pos",)),
    Command("pnl", "profit and loss by position, or summed by a key; in the firm's currency with --base", "commands.show:pnl", (BY, BASE)),
    Command("cash", "balances by account and currency: entered, from positions, fees; worth, and the result by price and by rates", "commands.show:cash"),
    Command("lots", "open lots of positions, with their cost by the account's method", "commands.show:lots"),
    Command(
        "exposure",
        "what was traded by asset and value date, in units and in the firm's currency at the rate of now",
        "commands.exposure:exposure",
        (arg("--by", choices=("asset", "account", "strategy", "instrument", "broker"), default="asset", help="one more key of the sums"),),
    ),
    Command(
        "calendar",
        "when trades settle: value dates of every instrument, or of a symbol; holidays of a currency",
        "commands.exposure:calendar",
        (
            arg("about", nargs="?", metavar="CCY|SYMBOL", help="default: every symbol"),
            arg("--day", type=day, metavar="YYYY-MM-DD", help="trading day, holidays from it on (default: the instance's)"),
        ),
    ),
    Command(
        "fills", "booked executions", "commands.show:fills", (arg("--last", type=int, metavar="N", help="only the last N (default: 50 in a table, all else)"),)
    ),
    Command(
        "risk",
        "limits: what is used of each, how often it refused, scopes that are killed",
        "commands.risk:risk",
        (arg("scope", nargs="?", metavar="SCOPE", help="firm, account:NAME, strategy:NAME/SYMBOL ...; or a part of it"),),
    ),
    Command(
        "margin",
        "equity of accounts, the margin that positions and orders take, and what is free",
        "commands.risk:margin",
        (arg("--positions", action="store_true", help="each position instead: its amount, row of the schedule, rates and margin"),),
    ),
    Command("permissions", "which strategy may trade what, where and how", "commands.risk:permissions"),
    Command(
        "route",
        "how orders find their venue",
        parts=(
            Command(
                "explain",
                "dry run on a copy of the tables: which routes fit, which takes it, which checks would refuse; exit 4: it would be refused",
                "commands.risk:route_explain",
                (
                    arg(
                        "intent",
                        metavar="INTENT",
                        help="'BUY 100000 EUR/USD @ 1.1215 tif=DAY strategy=mm1 [type= stop= account= route= post_only reduce_only]'",
                    ),
                ),
            ),
        ),
    ),
    Command(
        "reload",
        "bring a changed configuration file into force: checked whole first, an error changes nothing; what allows more waits for a second operator",
        "commands.risk:reload",
        (arg("config", metavar="CONFIG.toml"),),
    ),
    Command("rings", "depth and flow of every ring", "commands.show:rings"),
    Command(
        "latency",
        "percentiles of each stage, of one strategy (--strategy) or session; in a watch, of each frame's window",
        "commands.show:latency",
        (
            arg("stage", nargs="*", metavar="STAGE", help="only stages whose name contains this"),
            arg("--window", type=float, metavar="S", help="what was recorded in the next S seconds, not since start"),
            arg("--export", nargs=2, metavar=("FORMAT", "FILE"), help="also write the stages to FILE: json, or hdr (HdrHistogram log V2)"),
        ),
        aliases=("lat",),
    ),
    Command(
        "market",
        "market data: top of book, last trade, age and flags by instrument; its readers and their lag",
        "commands.show:market",
        (arg("--readers", action="store_true", help="the readers of the ring instead: how far each is behind"),),
    ),
    Command("sessions", "FIX sessions", "commands.show:sessions"),
    Command("counters", "every counter in shared memory", "commands.show:counters"),
    Command("breaks", "facts from venues that contradict our state", "commands.show:breaks"),
    Command(
        "journal",
        "journal segments, frames and integrity",
        parts=(
            Command("stat", "one row per segment", "commands.journal:stat", (DIRECTORY,)),
            Command(
                "dump",
                "one row per frame",
                "commands.journal:dump",
                (
                    DIRECTORY,
                    arg("--from", dest="first", type=int, default=1, metavar="SEQ", help="first sequence"),
                    arg("--to", dest="last", type=int, metavar="SEQ", help="last sequence"),
                ),
            ),
            Command(
                "tail",
                "the last frames; -f: and those that follow",
                "commands.journal:tail",
                (
                    DIRECTORY,
                    arg("-f", "--follow", action="store_true", help="go on with what is written, until Ctrl-C"),
                    arg("--lines", type=int, default=10, metavar="N", help="begin with the last N frames (default 10)"),
                ),
            ),
            Command("verify", "checksums and sequences of every frame (replay --verify checks the state too)", "commands.journal:verify", (DIRECTORY,)),
            Command(
                "audit", "replay every frame against an independent model of the rules; exit 7 if one does not hold", "commands.journal:audit", (DIRECTORY,)
            ),
        ),
    ),
    Command(
        "replay",
        "rebuild the state from a journal",
        "commands.journal:replay",
        (
            arg("dir", metavar="DIR", help="journal directory, or the data directory above it"),
            arg("--verify", action="store_true", help="check the chain of the segments too; checkpoints are compared in any case (exit 7 at a difference)"),
            arg("--until", type=int, metavar="SEQ", help="last sequence to apply"),
            arg("--at", metavar="TIME", help="latest engine time to apply, ISO, UTC when it names no zone"),
            arg("--from-snapshot", action="store_true", help="begin with the newest snapshot beside the journal"),
            arg("--order", metavar="ID", help="the life of one order: each frame that touched it and what it changed"),
            arg("--diff", metavar="OTHER", help="another journal, or a file of --record-hashes: where the two part (exit 7)"),
            arg("--record-hashes", metavar="FILE", help="write the state hash of every N-th sequence, for --diff in another build"),
            arg("--every", type=count, default=10_000, metavar="N", help="of --record-hashes (default 10000)"),
            arg("--from", dest="first", type=count, default=1, metavar="SEQ", help="of --record-hashes: first sequence"),
        ),
    ),
    Command(
        "run",
        "run a strategy of your own: Python, or compiled by numba",
        "commands.strategy:run",
        (
            arg("file", metavar="FILE.py[:CLASS]", help="a class with @ringfence.strategy"),
            arg("--name", metavar="NAME", help="strategy of the configuration (default: RINGFENCE_STRATEGY)"),
            arg("--instance", metavar="INSTANCE", help="default: RINGFENCE_INSTANCE, or the only one on this host"),
            arg("--mode", choices=("python", "numba"), help="default: numba for nopython=True where it is installed, else python"),
            arg("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="first value of a parameter; repeatable"),
            arg("--idle", choices=("spin", "yield", "backoff"), help="what the loop does when there is nothing (default: by the number of cores)"),
        ),
    ),
    Command(
        "demo",
        "run a whole instance on real ticks against a simulated venue, then check it",
        "demo:run",
        (
            arg("--for", dest="seconds", type=float, default=20.0, metavar="SECONDS", help="how long to trade (default 20)"),
            arg("--check", action="store_true", help="no live view: only the checks' outcome and the summary"),
            arg("--keep", metavar="DIR", help="leave journal and configuration in DIR"),
        ),
    ),
    BACKTEST,
    Command(
        "scenario",
        "run scenario files through engine, session and codec and check what they expect (docs/scenarios.md); exit 7: a difference, 2: a bad file",
        "commands.scenario:run",
        (
            arg("paths", nargs="+", metavar="FILE|DIR", help="*.ndjson; of a directory all below it, in order"),
            arg("--first", action="store_true", help="stop at the first difference or bad file (default: run everything)"),
        ),
    ),
    Command(
        "simulate",
        "whole instances on a virtual clock with faults drawn from seeds; exit 7: an invariant broke (docs/simulation.md)",
        "commands.simulate:run",
        (
            arg("--seed", required=True, metavar="N|A..B", help="one run a seed"),
            arg("--events", type=int, default=2000, metavar="M", help="turns of a process before faults stop and everything must come to rest (default 2000)"),
            arg("--jobs", type=int, default=1, metavar="J", help="runs at a time (default 1)"),
            arg("--faults", default="all", metavar="none|all|LIST", help="classes of faults, separated by commas (default all)"),
            arg("--schedule", metavar="LIST", help="these very faults, as a failure report gives them, instead of what the seed draws"),
            arg("--shrink", action="store_true", help="make the schedule of a failure as small as it gets while the same invariant breaks"),
            arg("--first", action="store_true", help="stop at the first failure"),
            arg("--record", type=Path, metavar="FILE", help="append each run to FILE; seeds that it has are not run again"),
        ),
    ),
    Command(
        "ledger",
        "positions, lots, PnL, exposure and statements: of the journal in a database, and of event files (docs/ledger.md)",
        parts=(
            Command(
                "book",
                "book the events of a file by a cost method: positions, lots, fees, cash, realized, unrealized, timeline; exit 4: an event is refused",
                "commands.ledger:book",
                (arg("--method", required=True, metavar="M", help="WAC, FIFO, LIFO, HIFO, HIFO_MINGAIN or SPEC"), *LEDGER_FILE),
            ),
            Command(
                "exposure",
                "what is held by asset and value date; of FILE.json: sum the asset legs of its fills",
                "commands.ledger:exposure",
                (arg("file", nargs="?", metavar="FILE.json", help="one case, or many (default: the store)"), LEDGER_FILE[1], *AS_OF, BY),
            ),
            Command(
                "write",
                "book the journal into the ledger's store: double entry, each execution exactly once",
                "commands.ledger_store:write",
                (*LEDGER, arg("-f", "--follow", action="store_true", help="go on with what is journaled, until Ctrl-C")),
            ),
            Command("positions", "quantity, cost, realized and cash per position", "commands.ledger_store:positions", (*AS_OF, BY)),
            Command("lots", "open lots, by a replay of the journal", "commands.ledger_store:lots", AS_OF),
            Command("pnl", "realized and unrealized per position, at the last mark", "commands.ledger_store:pnl", (*AS_OF, BY, BASE)),
            Command("identity", "what came of each position against its money and worth: the two agree (exit 7: not)", "commands.ledger_store:identity", AS_OF),
            Command(
                "fills",
                "each trade with what is in force of it",
                "commands.ledger_store:fills",
                (*AS_OF, arg("--history", action="store_true", help="every report, correction and bust")),
            ),
            Command("cash", "balances by account and currency: entered, from positions, fees; worth and fx result", "commands.ledger_store:cash", AS_OF),
            Command("trial-balance", "the ledger's accounts per asset; exit 7 if one does not add up to zero", "commands.ledger_store:trial_balance", AS_OF),
            Command(
                "statement",
                "one account, one trading day: positions, money, trades; give --account NAME",
                "commands.ledger_store:statement",
                (
                    *LEDGER,
                    arg("--day", type=day, required=True, metavar="YYYY-MM-DD", help="trading day"),
                    arg("--csv", dest="output", action="store_const", const="csv", help="same as -o csv"),
                    arg("--html", metavar="FILE", help="write a page with a plot there"),
                ),
            ),
            Command(
                "explain",
                "every entry behind a position",
                "commands.ledger_store:explain",
                (arg("position", metavar="POSITION", help="its number, or ACCOUNT/STRATEGY/SYMBOL"), *AS_OF),
            ),
            Command(
                "verify",
                "compare the store with a cold rebuild from the journal, to the last unit; exit 7: they differ",
                "commands.ledger_store:verify",
                LEDGER,
            ),
            Command(
                "server",
                "a private PostgreSQL server on a Unix socket in DIR, to try the ledger with; prints its URL, runs until Ctrl-C, then removes it",
                "commands.ledger_server:server",
                (
                    arg("dir", metavar="DIR", help="made for it; a short name, since it holds the socket"),
                    arg("--keep", action="store_true", help="leave the directory: the next start goes on with it"),
                ),
            ),
            Command("rebuild", "empty the store and book the journal again; needs --yes", "commands.ledger_store:rebuild", LEDGER),
            Command("unnamed", "closes under SPEC that wait for the names of their lots", "commands.show:unnamed"),
            Command(
                "method",
                "set the cost method of one position, while it is flat; a second operator approves. Exit 4: it is open",
                "commands.authority:method",
                (
                    arg("method", choices=LEDGER_METHODS, metavar="METHOD", help=", ".join(LEDGER_METHODS[:-1]) + "; account: that of its account again"),
                    arg("--account", metavar="A", required=True, help="whose position it is"),
                    arg("--strategy", metavar="S", required=True, help="whose position it is"),
                    arg("--symbol", metavar="SYMBOL", required=True, help="of what"),
                    REASON,
                ),
            ),
            Command(
                "entry",
                "book what no venue reports into the running engine; a second operator approves. Exit 4: the ledger refuses it, and says why",
                "commands.authority:entry",
                (
                    arg("kind", choices=ENTRY_KINDS, metavar="KIND", help=", ".join(ENTRY_KINDS)),
                    arg("--reference", required=True, metavar="ID", help="of the statement or notice; bust: of the entry that never happened"),
                    arg("--account", metavar="A", help="whose position it is"),
                    arg("--strategy", metavar="S", help="whose position it is"),
                    arg("--symbol", metavar="SYMBOL", help="of what"),
                    arg(
                        "--amount",
                        metavar="X",
                        help="received, in the settlement currency; paid is negative; spin_off: part of the cost, 0 to 1; transfer: network fee in units; "
                        "deposit, withdrawal, conversion: of --currency, above 0",
                    ),
                    arg("--currency", metavar="CCY", help="deposit, withdrawal; conversion: what is sold"),
                    arg("--to-currency", metavar="CCY", help="conversion: what is bought"),
                    arg("--to-amount", metavar="X", help="conversion: how much of it"),
                    arg("--qty", metavar="N", help="units; split: the least that is kept when --px is given"),
                    arg("--px", metavar="P", help="per unit, by kind"),
                    arg("--ratio", metavar="NEW:OLD", help="split, spin_off: 2:1 is two new units for one"),
                    arg("--to-account", metavar="A", help="transfer (default: the same account)"),
                    arg("--to-strategy", metavar="S", help="transfer; cross: who buys"),
                    arg("--new-symbol", metavar="SYMBOL", help="spin_off"),
                    arg("--execution", metavar="ROW", help="name_lot: the close, by its row of ringfence fills -o wide"),
                    arg("--lot", metavar="ROW", help="name_lot: the fill that opened the lot"),
                    REASON,
                ),
            ),
        ),
    ),
    Command(
        "fix",
        "FIX without an instance: an acceptor for tests, readable logs",
        parts=(
            Command("acceptor", "accept FIX sessions and echo orders, for interoperability tests; Ctrl-C ends it", "commands.fix:acceptor", FIX_ACCEPTOR),
            Command(
                "decode",
                "print FIX logs readably: names of tags and values, one colour a kind, defects marked",
                "commands.fix:decode",
                (
                    arg("file", nargs="?", metavar="FILE", default="-", help="log; - or nothing: standard input, also a pipe that goes on"),
                    arg("--oneline", action="store_true", help="one line a message"),
                ),
            ),
        ),
    ),
    *HOST,
)

GLOBAL = (
    arg("--instance", metavar="NAME", help="instance (default: $RINGFENCE_INSTANCE, else the only one running)"),
    arg("-o", dest="output", choices=OUTPUTS, help="output format (default: table)"),
    arg("--json", dest="output", action="store_const", const="json", help="same as -o json"),
    arg("-w", "--watch", nargs="?", type=float, const=1.0, metavar="SEC", help="repeat every SEC seconds (default 1); JSON becomes NDJSON"),
    arg("-n", dest="frames", type=int, metavar="COUNT", help="frames, then exit"),
    arg("-H", dest="no_header", action="store_true", help="no header lines"),
    arg("--sort", metavar="COL", help="sort by a column; -COL for descending"),
    arg("--filter", metavar="EXPR", help="COL=VALUE; operators = != < <= > >= ~ (regular expression); several joined by ';'"),
    arg("--account", metavar="NAME"),
    arg("--strategy", metavar="NAME"),
    arg("--symbol", metavar="NAME"),
    arg("--session", metavar="NAME"),
    arg("--units", choices=("auto", "ns", "us"), help="of durations in tables (default: auto)"),
    arg("--utc", dest="local", action="store_false", help="times in UTC (default)"),
    arg("--local", dest="local", action="store_true", help="times in the local zone"),
    arg("--no-color", dest="no_colour", action="store_true", help="no colour (also: NO_COLOR, TERM=dumb, not a terminal)"),
    arg("-q", dest="quiet", action="store_true", help="only results"),
    arg("-v", dest="verbose", action="store_true", help="show the traceback of an error"),
    arg("--yes", action="store_true", help="do not ask for confirmation"),
    arg("--timeout", type=float, metavar="SEC", help="give up after SEC seconds (exit 5)"),
)
DEFAULTS = {"output": "table", "units": "auto", "local": False}


def _add_global(parser: argparse.ArgumentParser, *, top: bool, own: frozenset[str] = frozenset()) -> None:
    """Add the global flags; below the top without defaults, so that ``rf --json orders`` and ``rf orders --json`` both hold.

    ``own`` are the flags of the command itself, which go before a global one of the same name.
    """
    group = parser.add_argument_group("global flags")
    for a in GLOBAL:
        if own & set(a.flags):
            continue
        default = None if a.settings.get("action") != "store_true" else False
        group.add_argument(*a.flags, **a.settings, default=default if top else argparse.SUPPRESS)  # type: ignore[arg-type]
    if top:
        parser.set_defaults(**DEFAULTS)


def _add_commands(parser: argparse.ArgumentParser, commands: Sequence[Command], level: str, words: frozenset[str] | None) -> None:
    parts = parser.add_subparsers(dest=level, metavar="COMMAND", required=True, parser_class=argparse.ArgumentParser)
    for command in commands:
        sub = parts.add_parser(command.name, aliases=command.aliases, help=command.help, description=command.help.capitalize() + ".", allow_abbrev=False)
        if words is not None and words.isdisjoint((command.name, *command.aliases)):
            continue  # nobody asks what it takes, and all of them together take longer than most commands
        for a in command.arguments:
            sub.add_argument(*a.flags, **a.settings)  # type: ignore[arg-type]
        if command.parts:
            _add_commands(sub, command.parts, "part", words)
        else:
            _add_global(sub, top=False, own=frozenset(flag for a in command.arguments for flag in a.flags))
            sub.set_defaults(run=command.run)


def parser(name: str = "ringfence", words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of every command; with ``words``, those of the command line to parse, commands that are not among them have a name and no arguments."""
    top = argparse.ArgumentParser(
        prog=name,
        description="Run, watch and check a Ringfence instance.",
        epilog="Exit codes: 0 ok, 1 failed, 2 usage, 3 not running, 4 refused, 5 timed out, 6 outcome unknown, 7 differences found, 130 interrupted.",
        allow_abbrev=False,
    )
    _add_global(top, top=True)
    _add_commands(top, COMMANDS, "command", None if words is None else frozenset(words))
    return top


def options(args: argparse.Namespace) -> Options:
    """Return how to render, from the global flags, the terminal and the environment."""
    select = tuple((k, v) for k in ("account", "strategy", "symbol", "session") if (v := getattr(args, k, None)) is not None)
    colour = not args.no_colour and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb" and sys.stdout.isatty()
    return Options(
        output=args.output,
        header=not args.no_header,
        sort=args.sort or "",
        filter=args.filter or "",
        select=select,
        units=args.units,
        local=args.local,
        colour=colour,
        quiet=args.quiet,
    )


def _leave_isolated_cores(path: str = "/sys/devices/system/cpu/isolated") -> None:
    """Move this process off isolated cores, and say so: a reader there would disturb the engine."""
    try:
        with open(path) as f:
            ranges = [r.split("-") for r in f.read().strip().split(",") if r]
    except OSError:
        return
    isolated = {core for r in ranges for core in range(int(r[0]), int(r[-1]) + 1)}
    mine = os.sched_getaffinity(0)
    others = mine - isolated or set(range(os.cpu_count() or 1)) - isolated
    if mine & isolated and others:
        os.sched_setaffinity(0, others)
        print(f"ringfence: moved from isolated cores {sorted(mine & isolated)} to {sorted(others)}", file=sys.stderr)


def _joined_sort(words: list[str]) -> list[str]:
    """Return ``--sort -COL`` as ``--sort=-COL``: argparse would take ``-COL`` for a flag."""
    at = next((i for i, w in enumerate(words[:-1]) if w == "--sort" and words[i + 1].startswith("-")), None)
    return words if at is None else [*words[:at], f"--sort={words[at + 1]}", *words[at + 2 :]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (usage errors exit 2 by argparse itself)."""
    name = os.path.basename(sys.argv[0])
    words = _joined_sort(list(sys.argv[1:] if argv is None else argv))
    args = parser(name if name in {"ringfence", "rf"} else "ringfence", words).parse_args(words)
    args.options = options(args)
    verbose: bool = args.verbose
    try:
        if args.command not in {"up", "demo", "run"}:
            _leave_isolated_cores()
        module, _, function = str(args.run).partition(":")
        run: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(f"ringfence.tools.{module}"), function)
        status = run(args)
        sys.stdout.flush()
    except ToolError as e:
        if verbose:
            raise
        print(f"ringfence: {e}", file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader (head, less) has seen enough; what Python flushes at exit must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as e:  # a file or directory that the caller named
        if verbose:
            raise
        print(f"ringfence: {e.filename or 'system'}: {e.strerror or e}; -v shows where", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
