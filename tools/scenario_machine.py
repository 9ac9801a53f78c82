"""Engine, session and codec of a scenario in one process: a line in, the next state and what was sent out.

    intent ──Intent frame──▶ Replayer ──OrderCommand──▶ order_body ──▶ Session.send_app ──▶ wire ──▶ Counterparty
    venue  ──▶ Counterparty ──bytes──▶ Session ──message──▶ venue_event ──VenueEvent frame──▶ Replayer

The engine, the session and the codec are those of an instance; only the rings, the sockets and the clock are left out. Commands are taken as the gateway
takes them: what finds the session down is answered NOT_SENT. Time stands still but for a microsecond a frame and ``clock_ms``.
Every frame is kept, so that the journal of a scenario can be replayed. Rejected: a shortcut past the session (sequence numbers, PossDup and gap fills are
half of what goes wrong in production).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.gateways.decimals import to_scaled
from ringfence.gateways.errors import FixError
from ringfence.gateways.fix import messages
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import CONSTANTS, ENUMS, RECORDS
from ringfence.tools.scenario_config import SECOND, InstrumentSpec, Setup, row_of
from ringfence.tools.scenario_file import REFERENCE, Step, Value, Wrong
from ringfence.tools.scenario_venue import ADMINISTRATIVE, Counterparty, Fields, encode, first, readable, split

LIMITS = Limits(orders=2048, executions=8192, positions=512, breaks=2048, instruments=64, accounts=64, venues=33, strategies=33, routes=1200)
TIMERS_MAX = 2000  # of one clock_ms: a long wait has coarser timers
STARTED_BEFORE_NS = 600 * SECOND  # the engine started ten minutes before the first line: an intent may be older than that line, or than the engine
US = "RINGFENCE"
KIND_APP, KIND_ORDER = 2, 3  # of the message store: resent when asked for again, or gap-filled and reported NOT_SENT
Trace = Callable[[str], None]
_KIND = {name: ENUMS[name].by_name for name in ("FrameKind", "ControlKind", "IntentKind", "VenueEventKind", "EventKind", "CommandKind", "OrdStatus")}
_EVENT_NAME = ENUMS["EventKind"].by_value
_REASON = ENUMS["DenyReason"].by_value


def record(name: str, /, **values: Any) -> Any:
    """One row of a record; text and other records (by their bytes) may be given."""
    out = np.zeros(1, dtype(name))
    for key, value in values.items():
        if isinstance(value, np.void):
            raw, at = value.tobytes(), RECORDS[name].offsets[key]
            out.view(np.uint8)[at : at + len(raw)] = np.frombuffer(raw, np.uint8)
        else:
            out[0][key] = value.encode("ascii") if isinstance(value, str) else value
    return out[0]


@dataclass(frozen=True)
class Sent:
    """One application message that went out."""

    at: str
    fields: Fields

    def __str__(self) -> str:
        return readable(self.fields)


@dataclass(frozen=True)
class Answer:
    """What the engine said to the last intent at once."""

    kind: str
    reason: str
    client_id: int


@dataclass
class Link:
    """One venue: its session on our side, its end of it, and whether the engine was told that it is up."""

    row: int
    name: str
    session: Session
    store: MessageStore
    venue: Counterparty
    up: bool = False
    commands: list[Any] = field(default_factory=list)


class Machine:
    """An instance without processes.

    Parameters
    ----------
    setup : Setup
    directory : Path
        Empty; holds the message stores.
    trace : callable, optional
        Takes one line for everything that goes in or out.
    """

    def __init__(self, setup: Setup, directory: Path, trace: Trace | None = None) -> None:
        self.setup = setup
        self.now = setup.start_ns - STARTED_BEFORE_NS
        self.journal: list[bytes] = []
        self.sent: list[Sent] = []
        self.answer: Answer | None = None
        self.refusals: dict[tuple[int, int], Answer] = {}
        self.chains: dict[tuple[int, int], list[str]] = {}
        self._orders: dict[int, tuple[int, int]] = {}
        self._own_ids: dict[tuple[int, int], str] = {}
        self._trace = trace or (lambda _: None)
        self.replayer = Replayer(LIMITS, emit_above={row: 0 for row in range(1, len(setup.venues) + 1)})
        for row in range(1, len(setup.strategies) + 1):
            self.replayer.state.open_queue(row, strategy=True)
        self.links = [self._link(row, v["name"], directory) for row, v in enumerate(setup.venues, 1)]
        self._configure()
        self.now = setup.start_ns
        for link in self.links:
            self.connect(link)

    def close(self) -> None:
        for link in self.links:
            link.store.close()

    def _link(self, row: int, name: str, directory: Path) -> Link:
        config = SessionConfig(US, name.upper(), begin_string=self.setup.begin_string, heartbeat_s=self.setup.heartbeat_s, check_latency=False)
        store = MessageStore(directory / f"{row}.store", config.identity)
        venue = Counterparty(self.setup.begin_string, config.target_comp_id, US, self.setup.heartbeat_s)
        return Link(row, name, Session(config, store), store, venue)

    def _configure(self) -> None:
        setup = self.setup
        self.control("START", day=setup.day, prefix=setup.prefix, epoch=1)
        for row, spec in enumerate(setup.instruments, 1):
            self.control("DEFINE_INSTRUMENT", body=_instrument(row, spec))
        for row, account in enumerate(setup.accounts, 1):
            body = record("Account", id=row, status=1, name=account["name"], code=account["code"], currency=account.get("currency", "")[:7])
            self.control("DEFINE_ACCOUNT", body=body)
        for row, venue in enumerate(setup.venues, 1):
            session = f"{setup.begin_string}:{US}->{venue['name'].upper()}"[:31]
            capabilities = {"instructions": CONSTANTS["INSTRUCTION_POST_ONLY"][0]}
            self.control("DEFINE_VENUE", body=record("Venue", id=row, name=venue["name"], session=session, status=1, durability=1, **capabilities))
        for row, strategy in enumerate(setup.strategies, 1):
            status = ENUMS["StrategyStatus"].by_name[strategy.get("status", "ENABLED")]
            values = {"max_age_ns": strategy["max_age_ms"] * 1_000_000, "cancel_on_detach": int(strategy.get("cancel_on_detach", False))}
            self.control("DEFINE_STRATEGY", body=record("Strategy", id=row, name=strategy["name"], status=status, **values))
            self.control("STRATEGY_ATTACH", strategy=row, epoch=1, pid=1)
        for row, route in enumerate(setup.routes, 1):
            names = {
                "instrument": row_of(setup.instruments, route["instrument"], "instrument", lambda i: i.symbol) if "instrument" in route else 0,
                "account": row_of(setup.accounts, route["account"], "account") if "account" in route else 0,
                "venue": row_of(setup.venues, route.get("venue", ""), "venue"),
            }
            self.control("DEFINE_ROUTE", body=record("Route", id=row, name=route["name"], status=1, **names))

    # ---- frames

    def frame(self, kind: str, payload: Any, source: int = 0) -> list[Any]:
        """Apply one input; return the strategies' events and queue its commands for their venues."""
        self.now += 1000
        body = payload.tobytes()
        head = record(
            "FileFrame",
            length=RECORDS["FileFrame"].size + len(body),
            seq=self.replayer.seq + 1,
            engine_ns=self.now,
            source_epoch=1,
            source=source,
            kind=_KIND["FrameKind"][kind],
            payload_bytes=len(body),
        )
        data = head.tobytes() + body
        self.journal.append(data)
        self.replayer.apply(data)
        for link in self.links:
            for command in self.replayer.state.take_queue(link.row):
                self._chain(command)
                link.commands.append(command)
        return [e for row in range(1, len(self.setup.strategies) + 1) for e in self.replayer.state.take_queue(row, strategy=True)]

    def control(self, kind: str, **fields: Any) -> None:
        self.frame("CONTROL", record("Control", kind=_KIND["ControlKind"][kind], **fields))

    def _chain(self, command: Any) -> None:
        """Remember a ClOrdID for ``@``; a status request names one that is there already, a mass cancel has one of no order."""
        if int(command["kind"]) not in (_KIND["CommandKind"]["NEW"], _KIND["CommandKind"]["CANCEL"], _KIND["CommandKind"]["REPLACE"]):
            return
        order = self.table("orders")[int(command["order_id"])]
        key = int(order["strategy"]), int(order["client_id"])
        self.chains.setdefault(key, []).append(command["cl_ord_id"].decode("latin-1"))

    # ---- lines

    def step(self, step: Step) -> None:
        """Do one line of the file.

        Raises
        ------
        Wrong
            It names something that there is not (a venue, a strategy, a ClOrdID that was never sent).
        """
        if step.kind == "intent":
            self._intent(step.value)
        elif step.kind == "venue":
            self._venue(step)
        elif step.kind == "session":
            link = self._at(step.at)
            if step.value == "up":
                self.connect(link)
            else:
                self.disconnect(link, step.lost)
        elif step.kind == "clock_ms":
            self.advance(step.value)
        elif step.kind == "operator":
            self._operator(step)
        else:
            self._observe(step)
        self.pump()

    def _at(self, name: str) -> Link:
        return self.links[row_of(self.links, name, "venue", lambda link: str(link.name)) - 1]

    def strategy(self, name: str) -> int:
        return row_of(self.setup.strategies, name, "strategy")

    def _intent(self, value: dict[str, Value]) -> None:
        strategy = self.strategy(value.get("strategy", ""))
        op, client = value["op"], value.get("target", value.get("client_id", 0))
        intent = {"epoch": 1, "kind": _KIND["IntentKind"][op], "client_id": client, "created_ns": max(self.now - value.get("age_ms", 0) * 1_000_000, 1)}
        if op in ("NEW", "REPLACE"):
            intent |= self._terms(value, strategy, client)
        elif "instrument" in value:
            intent["instrument"] = row_of(self.setup.instruments, value["instrument"], "instrument", lambda i: str(i.symbol))
        for name, rows in (("account", self.setup.accounts), ("route", self.setup.routes)):
            if name in value:
                intent[name] = row_of(rows, value[name], name)
        self._trace(f"intent  {op.lower()} client_id {client}")
        before = len(self.chains.get((strategy, client), []))
        events = self.frame("INTENT", record("Intent", **intent), source=strategy)
        self._remember(strategy, client, op, events)
        chain = self.chains.get((strategy, client), [])
        if "client_id" in value and client != value["client_id"] and len(chain) > before:
            self._own_ids[strategy, value["client_id"]] = chain[-1]

    def _terms(self, value: dict[str, Value], strategy: int, client: int) -> dict[str, Value]:
        """The terms of a new order, or of a replace: what that leaves out stays as the order has it."""
        order = self.order(strategy, client)
        replacing = value["op"] == "REPLACE"
        row = int(order["instrument"]) if order is not None and replacing else 0
        if not row:
            row = row_of(self.setup.instruments, value.get("instrument", ""), "instrument", lambda i: str(i.symbol))
        elif value.get("instrument", self.setup.instruments[row - 1].symbol) != self.setup.instruments[row - 1].symbol:
            row = row_of(self.setup.instruments, value["instrument"], "instrument", lambda i: str(i.symbol))
        spec = self.setup.instruments[row - 1]
        out = {"instrument": row}
        for key, name, digits in (
            ("qty", "qty", spec.qty_digits),
            ("display_qty", "display_qty", spec.qty_digits),
            ("price", "px", spec.price_digits),
            ("stop_price", "stop_px", spec.price_digits),
        ):
            if key in value:
                out[name] = _scaled(value[key], digits, key)
            elif key == "qty" and order is not None:
                out[name] = int(order["pending_qty"]) or int(order["qty"])
        if replacing:
            names = {"side": "Side", "type": "OrdType", "tif": "TimeInForce"}
            return out | {_FIELD.get(k, k): ENUMS[e].by_name[value[k]] for k, e in names.items() if k in value}
        stop = "stop_price" in value
        kind = value.get("type") or (("STOP_LIMIT" if stop else "LIMIT") if "price" in value else ("STOP" if stop else "MARKET"))
        out |= {"side": ENUMS["Side"].by_name[value["side"]], "ord_type": ENUMS["OrdType"].by_name[kind]}
        out |= {"time_in_force": ENUMS["TimeInForce"].by_name[value.get("tif", "DAY")], "expire_ns": value.get("expire", 0)}
        return out | {"instructions": CONSTANTS["INSTRUCTION_POST_ONLY"][0] if value.get("post_only") else 0}

    def _remember(self, strategy: int, client: int, op: str, events: list[Any]) -> None:
        key = strategy, client
        self.answer = Answer("NONE", "NONE", client)
        for event in events:
            kind, reason = _EVENT_NAME[int(event["kind"])], _REASON.get(int(event["reason"]), "NONE")
            if int(event["client_id"]) == client or op == "CANCEL_ALL":
                self.answer = Answer(kind, reason, client)
        if self.answer.kind == "DENIED":
            self.refusals[key] = self.answer
        else:
            self.refusals.pop(key, None)
        self._trace(f"answer  {self.answer.kind.lower()}{f' {self.answer.reason.lower()}' if self.answer.kind == 'DENIED' else ''}")

    def _venue(self, step: Step) -> None:
        link = self._at(step.at)
        fields = [(tag, self.resolve(content, link if tag == 45 else None)) for tag, content in step.value]
        if first(fields, 35) == "8" and not any(tag == 55 for tag, _ in fields) and len(self.setup.instruments) == 1:
            fields.append((55, self.setup.instruments[0].symbol))
        link.venue.send([f for f in fields if f[1]], self.now)

    def resolve(self, content: str, numbers_of: Link | None = None) -> str:
        """Return the ClOrdID that ``@1`` or ``@1.0`` stands for, other text as it is.

        Parameters
        ----------
        numbers_of : Link, optional
            The MsgSeqNum(34) of that message on this session instead: for RefSeqNum(45).

        Raises
        ------
        Wrong
            Nothing was sent for that client_id, or its chain is shorter.
        """
        match = REFERENCE.fullmatch(content)
        if match is None:
            return content
        client = int(match["client"])
        rows = [self.strategy(match["strategy"])] if match["strategy"] else range(1, len(self.setup.strategies) + 1)
        chain = next((self.chains[row, client] for row in rows if (row, client) in self.chains), [])
        own = next((self._own_ids[row, client] for row in rows if (row, client) in self._own_ids), "")
        at = int(match["link"]) if match["link"] else -1
        if not chain and own and at in (-1, 0):
            chain = [own]
        if not chain or at >= len(chain):
            raise Wrong(f"{content} stands for nothing: {f'{len(chain)} ClOrdIDs' if chain else 'no order'} of client_id {client} went out")
        if numbers_of is None:
            return chain[at]
        found = next((s for s in reversed(self.sent) if first(s.fields, 11) == chain[at] and s.at == numbers_of.name), None)
        return first(found.fields, 34) if found else "0"

    def _operator(self, step: Step) -> None:
        value = step.value
        action, body = value["action"], {}
        if action == "set_strategy":
            status = ENUMS["StrategyStatus"].by_name[value["status"]]
            self.control("SET_STRATEGY", strategy=self.strategy(value["strategy"]), status=status)
            return
        strategy = self.strategy(value.get("strategy", ""))
        if action == "mass_cancel":
            body["venue"] = self._at(step.at).row
            if "instrument" in value:
                body["instrument"] = row_of(self.setup.instruments, value["instrument"], "instrument", lambda i: str(i.symbol))
        elif action == "resolve":
            body |= {"order_id": self._order_id(strategy, value["resolve"]), "ord_status": _KIND["OrdStatus"][value["status"]]}
        elif action == "dont_know":
            body |= {"execution": self._execution(value["dont_know"]), "dk_reason": ord(value["reason"])}
        else:
            body["execution"] = self._execution(value["assign"])
            if "order" in value:
                body["order_id"] = self._order_id(strategy, value["order"])
            else:
                body["strategy"] = strategy
        kinds = {"mass_cancel": "MASS_CANCEL", "resolve": "RESOLVE_ORDER", "dont_know": "DONT_KNOW", "assign": "ASSIGN_EXECUTION"}
        self._trace(f"operator {action}")
        self.control(kinds[action], operator_name="scenario", reason="scenario", body=record("OrderAction", **body))

    def _order_id(self, strategy: int, client: int) -> int:
        order = self.order(strategy, client)
        if order is None:
            raise Wrong(f"no order of client_id {client}")
        return int(order["order_id"])

    def _execution(self, exec_id: str) -> int:
        rows = self.table("executions")[1 : int(self.status["execution_count"]) + 1]
        found = [int(x["id"]) for x in rows if x["exec_id"].decode("latin-1") == exec_id]
        if not found:
            raise Wrong(f"no execution {exec_id!r}")
        return found[-1]

    def _observe(self, step: Step) -> None:
        kind = step.value["kind"]
        peer = self._at(step.at).row if kind.startswith("GATEWAY") else 0
        if kind.startswith("STRATEGY"):
            peer = self.strategy(step.value.get("strategy", ""))
        self.frame("OBSERVATION", record("Observation", kind=ENUMS["ObservationKind"].by_name[kind], peer=peer))

    # ---- sessions and time

    def connect(self, link: Link) -> None:
        """Log on; the engine hears of it when the gap is filled."""
        if link.session.state == "down":
            link.venue.connected()
            link.session.connected(self.now)
            self.pump()

    def disconnect(self, link: Link, lost: int = 0) -> None:
        if link.session.state != "down":
            link.venue.lose(lost)
            link.venue.connected()
            link.session.disconnected(self.now)
            self.pump()

    def advance(self, ms: int) -> None:
        """Let time pass, with the engine's timers and the sessions' on the way."""
        end = self.now + ms * 1_000_000
        step = max(self.setup.timer_ms * 1_000_000, ms * 1_000_000 // TIMERS_MAX)
        while self.now < end:
            self.now = min(self.now + step, end) - 1000
            for link in self.links:
                link.venue.beat(self.now)
                self.pump()
                link.session.tick(self.now)
            self.frame("TIMER", record("Timer", now_ns=self.now + 1000))
            self.pump()
        self.now = max(self.now, end)

    def pump(self) -> None:
        """Carry bytes, events and commands until nothing moves."""
        moving = True
        while moving:
            moving = any([self._pump(link) for link in self.links])

    def _pump(self, link: Link) -> bool:
        moved = False
        while link.venue.outbox and link.session.state != "down":
            message = link.venue.outbox.pop(0)
            data = encode(self.setup.begin_string, message)
            self._trace(f"{link.name} > {readable(message)}")
            while data:
                data = data[link.session.received(data, self.now) :]
                self._events(link)
            moved = True
        if self._events(link):
            moved = True
        while link.commands:
            self._command(link, link.commands.pop(0))
            moved = True
        for message in split(link.session.take_output()):
            self._trace(f"{link.name} < {readable(message)}")
            if first(message, 35) not in ADMINISTRATIVE and first(message, 43) != "Y":
                self.sent.append(Sent(link.name, message))
            link.venue.take(message, self.now)
            moved = True
        for line in link.session.take_notes():
            self._trace(f"{link.name} note: {line}")
        return moved

    def _events(self, link: Link) -> bool:
        moved = False
        while (event := link.session.peek(self.now)) is not None:
            moved = True
            if event[0] == "app":
                self._app(link, event[1])
            elif event[0] == "not_sent":
                fields = split(event[1])[0]
                self._venue_event(link, "NOT_SENT", cl_ord_id=first(fields, 11), symbol=first(fields, 55), text="the venue asked for it again: never taken")
            elif event[0] == "up":
                link.up = True
                self._venue_event(link, "SESSION_UP", text="logged on, gap fill complete")
            elif event[0] == "down":
                link.up = False
                self._venue_event(link, "SESSION_DOWN", text="connection lost or logged out")
            else:
                link.session.take_output()
                link.venue.connected()
                link.session.disconnected(self.now)
                continue
            link.session.accepted()
        return moved

    def _app(self, link: Link, message: bytes) -> None:
        event = messages.venue_event(message, self.now, link.store)
        if event is not None:
            row = np.frombuffer(event, dtype("VenueEvent")).copy()
            row[0]["venue"] = link.row
            self.frame("VENUE_EVENT", row[0], source=link.row)
            return
        fields = split(message)[0]
        if first(fields, 35) != "3":  # as the gateway answers what it does not know
            body = f"45={first(fields, 34)}\x0158=Unsupported Message Type\x01372={first(fields, 35)}\x01380=3\x01"
            link.session.send_app(b"j", body.encode("latin-1"), self.now)

    def _venue_event(self, link: Link, kind: str, **values: Any) -> None:
        self._trace(f"{link.name} event: {kind.lower()}")
        event = record("VenueEvent", kind=_KIND["VenueEventKind"][kind], venue=link.row, received_ns=self.now, **values)
        self.frame("VENUE_EVENT", event, source=link.row)

    def _command(self, link: Link, command: Any) -> None:
        """Encode and send, or answer that it is not sent; a status request that cannot go is dropped, its ClOrdID is a live order's."""
        why = "" if link.up and link.session.state == "up" else "the session is down"
        if not why:
            try:
                kind, body = messages.order_body(command.tobytes(), self.now)
            except FixError as e:
                why = str(e)[:63]
            else:
                store_kind = KIND_ORDER if kind == b"D" else KIND_APP
                link.session.send_app(kind, body, self.now, int(command["output_seq"]), store_kind)
                return
        if int(command["kind"]) == _KIND["CommandKind"]["STATUS"]:
            return
        response = {_KIND["CommandKind"]["CANCEL"]: 1, _KIND["CommandKind"]["REPLACE"]: 2}.get(int(command["kind"]), 0)
        values = {name: command[name].decode("latin-1") for name in ("cl_ord_id", "orig_cl_ord_id", "symbol")}
        self._venue_event(link, "NOT_SENT", side=int(command["side"]), cxl_rej_response_to=response, text=why, **values)

    # ---- what there is

    def table(self, name: str) -> Any:
        return self.replayer.state.table(name)

    @property
    def status(self) -> Any:
        return self.table("engine")[1]

    def order(self, strategy: int, client: int) -> Any | None:
        """Return the row of a client_id, or None."""
        rows = self.table("orders")[1 : int(self.status["order_count"]) + 1]
        return next((o for o in rows if int(o["client_id"]) == client and int(o["strategy"]) == strategy), None)

    def breaks(self) -> list[str]:
        """Names of the breaks raised so far, lower case, in order."""
        n = min(int(self.status["break_count"]), LIMITS.breaks - 1)
        return [ENUMS["BreakKind"].by_value[int(b["kind"])].lower() for b in self.table("breaks")[1 : n + 1]]

    def replayed_hash(self) -> int:
        """State hash after a replay of the journal in a fresh engine."""
        other = Replayer(LIMITS)
        data = b"".join(self.journal)
        other.apply_buffer(data, 0, len(data))
        return other.state_hash()


_FIELD = {"type": "ord_type", "tif": "time_in_force"}


def _scaled(value: Value, digits: int, what: str) -> int:
    try:
        return to_scaled(value if not isinstance(value, int) else str(value), digits)
    except ValueError as e:
        raise Wrong(f"{what}: {e}") from None


def _instrument(row: int, spec: InstrumentSpec) -> Any:
    values = spec.values
    figures = {
        "tick": _scaled(values["tick"], spec.price_digits, "tick") if "tick" in values else 1,
        "lot": _scaled(values["lot"], spec.qty_digits, "lot") if "lot" in values else 1,
        "qty_min": _scaled(values.get("qty_min", "0"), spec.qty_digits, "qty_min"),
        "qty_max": _scaled(values.get("qty_max", "0"), spec.qty_digits, "qty_max"),
    }
    names = {"symbol": spec.symbol, "base": values.get("base", "")[:7], "quote": values.get("quote", "")[:7]}
    digits = {"price_digits": spec.price_digits, "qty_digits": spec.qty_digits}
    return record("Instrument", id=row, status=1, multiplier=values.get("multiplier", 1), **names, **digits, **figures)


__all__ = ["SECOND", "Answer", "Link", "Machine", "Sent", "record"]
