"""Engine, sessions and codec of a scenario in one process: what the venues send goes in, what we send comes out.

    Engine ──OrderCommand──▶ order_body ──▶ Session.send_app ──▶ wire ──▶ Counterparty
    Counterparty ──bytes──▶ Session ──message──▶ venue_event ──VenueEvent frame──▶ Engine

The session and the codec are those of an instance; only the rings, the sockets and the clock are left out. Commands are taken as the gateway takes them: what
finds the session down is answered NOT_SENT. Rejected: a shortcut past the session (sequence numbers, PossDup and gap fills are half of what goes wrong in
production).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.gateways.errors import FixError
from ringfence.gateways.fix import messages
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.dialect import Dialect
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools.scenario_config import Setup, row_of
from ringfence.tools.scenario_engine import COMMAND, US, Engine, record
from ringfence.tools.scenario_venue import ADMINISTRATIVE, Counterparty, Fields, encode, first, readable, split
from ringfence.tools.scenario_words import REFERENCE, Value, Wrong

TIMERS_MAX = 2000  # of one clock_ms: a long wait has coarser timers
KIND_APP, KIND_ORDER = 2, 3  # of the message store: resent when asked for again, or gap-filled and reported NOT_SENT
Trace = Callable[[str], None]


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


@dataclass(frozen=True)
class Refusal:
    """The last intent of a client_id, when it was refused."""

    reason: str
    intent: dict[str, Value]


@dataclass
class Link:
    """One venue: its session on our side, its end of it, and whether the engine was told that it is up."""

    row: int
    name: str
    session: Session
    store: MessageStore
    venue: Counterparty
    dialect: Dialect
    up: bool = False


class Machine(Engine):
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
        super().__init__(setup)
        self.trace = trace or (lambda _: None)
        self.sent: list[Sent] = []
        self.answer: Answer | None = None
        self.refusals: dict[tuple[int, int], Refusal] = {}
        self.own_ids: dict[tuple[int, int], str] = {}
        self.links = [self._link(row, v["name"], directory) for row, v in enumerate(setup.venues, 1)]
        for link in self.links:
            self.connect(link)

    def close(self) -> None:
        for link in self.links:
            link.store.close()

    def _link(self, row: int, name: str, directory: Path) -> Link:
        # No checks: a scenario's bodies are short, and a pasted SendingTime is of another day.
        habits = SessionConfig(US, name.upper(), begin_string=self.setup.begin_string, checks=0, check_latency=False)
        config = replace(habits, heartbeat_s=self.setup.heartbeat_s)
        store = MessageStore(directory / f"{row}.store", config.identity)
        venue = Counterparty(self.setup.begin_string, config.target_comp_id, US, self.setup.heartbeat_s)
        profile = self.setup.venues[row - 1]["profile"]
        dialect = Dialect(profile, profile.symbols(i.symbol for i in self.setup.instruments))
        return Link(row, name, Session(config, store), store, venue, dialect)

    def at(self, name: str) -> Link:
        """The venue of a name; the first when the name is empty."""
        return self.links[row_of(self.links, name, "venue", lambda link: str(link.name)) - 1]

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
        own = next((self.own_ids[row, client] for row in rows if (row, client) in self.own_ids), "")
        at = int(match["link"]) if match["link"] else -1
        if not chain and own and at in (-1, 0):
            chain = [own]
        if not chain or at >= len(chain):
            raise Wrong(f"{content} stands for nothing: {f'{len(chain)} ClOrdIDs' if chain else 'no order'} of client_id {client} went out")
        if numbers_of is None:
            return chain[at]
        found = next((s for s in reversed(self.sent) if first(s.fields, 11) == chain[at] and s.at == numbers_of.name), None)
        return first(found.fields, 34) if found else "0"

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
            self.trace(f"{link.name} > {readable(message)}")
            while data:
                data = data[link.session.received(data, self.now) :]
                self._events(link)
            moved = True
        if self._events(link):
            moved = True
        while self.commands[link.row]:
            self._command(link, self.commands[link.row].pop(0))
            moved = True
        moved = self._written(link) or moved
        for line in link.session.take_notes():
            self.trace(f"{link.name} note: {line}")
        return moved

    def _written(self, link: Link) -> bool:
        """Carry what our session wrote to the venue."""
        found = split(link.session.take_output())
        for message in found:
            self.trace(f"{link.name} < {readable(message)}")
            if first(message, 35) not in ADMINISTRATIVE and first(message, 43) != "Y":
                self.sent.append(Sent(link.name, message))
            link.venue.take(message, self.now)
        return bool(found)

    def _events(self, link: Link) -> bool:
        moved = False
        while (event := link.session.peek(self.now)) is not None:
            moved = True
            if len(event) > 1:
                self._message(link, event[0], bytes(event[1]))
            elif event[0] == "disconnect":  # a Logout or Reject of ours may still be in the output
                self._written(link)
                link.venue.connected()
                link.session.disconnected(self.now)
                continue
            else:
                link.up = event[0] == "up"
                text = "logged on, gap fill complete" if link.up else "connection lost or logged out"
                self._venue_event(link, "SESSION_UP" if link.up else "SESSION_DOWN", text=text)
            link.session.accepted()
        return moved

    def _message(self, link: Link, kind: str, message: bytes) -> None:
        """An application message of the venue, or one of ours that it provably never had."""
        if kind == "not_sent":
            fields = split(message)[0]
            text = "the venue asked for it again: never taken"
            self._venue_event(link, "NOT_SENT", cl_ord_id=first(fields, 11), symbol=first(fields, 55), text=text)
            return
        event = messages.venue_event(message, self.now, link.store, dialect=link.dialect)
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
        self.trace(f"{link.name} event: {kind.lower()}")
        event = record("VenueEvent", kind=ENUMS["VenueEventKind"].by_name[kind], venue=link.row, received_ns=self.now, **values)
        self.frame("VENUE_EVENT", event, source=link.row)

    def _command(self, link: Link, command: Any) -> None:
        """Encode and send, or answer that it is not sent; a status request that cannot go is dropped, its ClOrdID is a live order's."""
        why = "" if link.up and link.session.state == "up" else "the session is down"
        if not why:
            try:
                kind, body = messages.order_body(command.tobytes(), self.now, dialect=link.dialect)
            except FixError as e:
                why = str(e)[:63]
            else:
                store_kind = KIND_ORDER if kind == b"D" else KIND_APP
                link.session.send_app(kind, body, self.now, int(command["output_seq"]), store_kind)
                return
        if int(command["kind"]) == COMMAND["STATUS"]:
            return
        response = {COMMAND["CANCEL"]: 1, COMMAND["REPLACE"]: 2}.get(int(command["kind"]), 0)
        values = {name: command[name].decode("latin-1") for name in ("cl_ord_id", "orig_cl_ord_id", "symbol", "exec_id")}
        self._venue_event(link, "NOT_SENT", side=int(command["side"]), cxl_rej_response_to=response, text=why, **values)
