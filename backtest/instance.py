"""One instance in private memory: the real engine over real rings, configured and journaled as a live one, driven turn by turn.

    commands, VenueEvents, Marks, Intents ──rings──▶ Engine.poll ──▶ OrderCommands ──▶ the venue
                                                          │      └─▶ StrategyEvents ─▶ the strategy's runtime
                                                          └─ journal ring ──▶ JournalTap

All regions are memfds of this process, and so is the metrics region once it has lost its name: nothing is left behind, however the process ends. The
clock is a manual one, shared by engine and strategy, which run on one thread; no calibration is published that a runtime could follow. The journal ring is
emptied at an eighth of its length, so that journal pressure, by which a live engine decides, never is. Rows of the tables are written by the engine alone.
What can fail: CoreError at the start (a configuration that the engine refuses), RuntimeError when a gateway's queue overran.
Rejected: EngineProcess (it recovers, waits for processes and owns names); what it does to configure is done here with the same functions.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ringfence.backtest.journal_tap import JournalTap
from ringfence.backtest.terms import anonymous
from ringfence.core.counters import COUNTERS, HISTOGRAMS
from ringfence.core.engine import Engine
from ringfence.core.errors import CoreError
from ringfence.core.state import Limits, State, state_sections
from ringfence.gateways.attach import Attachment
from ringfence.ipc.broadcast import Publisher, market_sections
from ringfence.ipc.clock import Clock
from ringfence.ipc.layout import dtype
from ringfence.ipc.link import Link, link_sections, published
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import definitions
from ringfence.tools.config import Config
from ringfence.tools.process import idle_kind
from ringfence.tools.trading_day import begins, next_roll, trading_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = 1
TICK_SLOTS = 4096
_DRAIN_SHARE = 8
_PID = 1  # of the strategy in STRATEGY_ATTACH: the same in every run
_ROLE = ENUMS["Role"].by_name
_RUNNING = ENUMS["ProcessState"].by_name["RUNNING"]
_DEPOSIT = ENUMS["LedgerEventKind"].by_name["DEPOSIT"]
_WHO = definitions.CONFIGURATION.encode()
_serial = itertools.count(1)


class Instance:
    """Engine, rings and regions.

    Parameters
    ----------
    config : Config
        Of one strategy or more; all rows are defined, one strategy attaches.
    strategy : str
        The one that attaches.
    start_ns : int
        Time at which it is configured [ns of UTC].
    capital : dict
        Whole units that each account has at the start, by (account row, currency row).
    journal : Path, optional
        Directory for segment files.
    """

    def __init__(self, config: Config, strategy: str, start_ns: int, capital: dict[tuple[int, int], int], journal: Path | None) -> None:
        self.config = config = anonymous(config)
        self.strategy_row = {s.name: s.id for s in config.strategies}[strategy]
        self.clock = Clock.manual(start_ns)
        rings = config.rings
        self._status = _memory("instance", [("status", "InstanceStatus", 2), ("components", "Component", 2), ("clock", "ClockCalibration", 2)])
        journal_link, tap_link = _pair("sidecar", "JournalSlot", rings.journal, None, 0)
        control, self.control = _pair("control", None, 0, "Control", rings.control)
        feed, self.feed = _pair("feed", None, 0, "Mark", rings.marks)
        self.tap = JournalTap(tap_link, journal, config.instance.name)
        limits = Limits(**{name: getattr(config.limits, name) for name in config.limits.__dataclass_fields__})
        self._state_region = _memory("state", state_sections(limits))
        self.state = State.in_segment(self._state_region)
        self._state_region.set_state(_RUNNING)
        self.metrics = _metrics()
        timer_ns = config.instance.timer_ms * 1_000_000
        idle = idle_kind(config.instance.idle)
        self.engine = Engine(self.state, self.clock, self.metrics, journal=journal_link, control=control, feed=feed, idle=idle, timer_ns=timer_ns)
        self._journal, self._drain_at = journal_link, rings.journal // _DRAIN_SHARE
        self._configure(start_ns, capital)
        self.gateways: dict[int, Link] = {}
        for venue in config.venues:
            engine_end, self.gateways[venue.id] = _pair(f"gw.{venue.id}", "OrderCommand", rings.commands, "VenueEvent", rings.venue_events)
            self.engine.set_gateway(venue.id, engine_end, 0)
        self._market = _memory("market", market_sections(TICK_SLOTS, limits.instruments + 1), _ROLE["FEED"])
        self._market.set_state(_RUNNING)
        self.market = Publisher(self._market)
        self._intents = _memory(f"strat.{self.strategy_row}", link_sections("Intent", rings.intents), _ROLE["STRATEGY"])
        self._events = _memory(f"to.strat.{self.strategy_row}", link_sections("StrategyEvent", rings.strategy_events))
        self._events_seen = 0
        self.next_roll_ns = next_roll(config.instance.roll, start_ns) if not config.instance.day else 1 << 63
        self._attach()

    # ---- the start

    def _configure(self, now_ns: int, capital: dict[tuple[int, int], int]) -> None:
        """START, capital and the configuration's rows, as a live engine journals them."""
        day = self.config.instance.day or trading_day(self.config.instance.roll, now_ns)
        rows = definitions.changes(self.config, self.state.table, self.state.table("engine")[1])
        deposits = [_deposit(account, currency, units) for (account, currency), units in capital.items()]
        for command in [definitions.start(self.config, EPOCH, day), *rows, *deposits]:
            self._command(command)
        refused = int(self.state.table("engine")[1]["controls_refused"])
        if refused:
            raise CoreError(f"the engine refused {refused} rows of the configuration; write the journal to a directory and see ringfence journal dump")

    def _attach(self) -> None:
        attach = definitions.command("STRATEGY_ATTACH", "backtest", strategy=self.strategy_row, epoch=EPOCH, pid=_PID)
        self._command(attach)
        self._strategy = Link(self._events, self._intents, trusted=False, fresh=True)
        self.engine.set_strategy(self.strategy_row, self._strategy)

    def attachment(self, name: str) -> Attachment:
        """Return what a strategy's runtime is made of; all of it is memory of this process."""
        instance, row = self.config.instance.name, self.strategy_row
        return Attachment(instance, name, row, EPOCH, self._intents, self._events, self._state_region, self._market, None, self._status, self.clock, Path())

    def _command(self, command: Any) -> None:
        """Give a command, in nobody's name."""
        command["operator_uid"], command["operator_name"] = 0, _WHO
        self.control.send(command)
        self.turn()

    # ---- one turn

    def turn(self) -> None:
        """Let the engine take all that its rings hold, at the clock's time.

        Raises
        ------
        RuntimeError
            If a gateway's queue overran: its bound is proven, so this is a bug.
        """
        engine = self.engine
        while engine.poll():
            if self._journal.depth >= self._drain_at:
                self.tap.drain()
        if engine.left == "fault":
            raise RuntimeError("a gateway's queue overran: commands were lost")
        if self._journal.depth >= self._drain_at:
            self.tap.drain()

    def commands(self, venue: int) -> Iterator[Any]:
        """Yield the OrderCommands that a venue's gateway would take."""
        link = self.gateways[venue]
        while (command := link.receive()) is not None:
            yield command

    def intents_wait(self) -> bool:
        """Whether the strategy has asked for something that the engine has not taken."""
        return self._strategy.waiting > 0

    def new_events(self) -> NDArray[Any] | None:
        """Return copies of the StrategyEvents since the last call, for the result; the strategy reads them by itself. None when there are none."""
        position = published(self._events)
        if position == self._events_seen:
            return None
        slots = self._events.section("slots")
        found = slots[np.arange(self._events_seen, position) % len(slots)]
        self._events_seen = position
        return found

    def alive(self, now_ns: int) -> None:
        """The strategy's heartbeat: it turns whenever time moves."""
        self._intents.heartbeat(now_ns)

    def roll(self) -> None:
        """Begin the trading day that is due, as the supervisor does."""
        roll = self.config.instance.roll
        day = trading_day(roll, self.next_roll_ns)
        self.next_roll_ns = next_roll(roll, self.next_roll_ns)
        self._command(definitions.roll_day(day, "scheduled roll", begins(roll, day)))

    # ---- the end

    def finish(self) -> int:
        """Write the last checkpoint, empty the journal ring and return the state's hash: what a replay of the journal ends with."""
        self.turn()
        self.tap.drain()
        self.engine.checkpoint()
        self.tap.drain()
        return int(self.state.state_hash())

    def close(self) -> None:
        """Write what the journal ring still holds, then give everything back."""
        self.tap.drain()
        self.tap.close()
        self.metrics.close()
        for segment in (self._status, self._market, self._intents, self._events, self._state_region):
            segment.close()


def _memory(name: str, sections: list[Any], role: int = _ROLE["ENGINE"]) -> Segment:
    return Segment.create_memfd(name, sections, role=role, epoch=EPOCH)


def _pair(peer: str, out: str | None, out_slots: int, back: str | None, back_slots: int) -> tuple[Link, Link]:
    """Both ends of a link: (the engine's, the peer's)."""
    to = _memory(f"to.{peer}", link_sections(out, out_slots))
    of = _memory(f"from.{peer}", link_sections(back, back_slots))
    return Link(to, of), Link(of, to)


def _metrics() -> Metrics:
    """The engine's counters, in a region that loses its name at once."""
    made = Metrics.create(f"backtest{os.getpid()}x{next(_serial)}", "engine", COUNTERS, HISTOGRAMS, role=_ROLE["ENGINE"], epoch=EPOCH)
    made.segment.unlink()
    return made


def _deposit(account: int, currency: int, units: int) -> Any:
    body = np.zeros(1, dtype("LedgerEntry"))
    body[0]["reference"], body[0]["kind"] = b"capital-%d-%d" % (account, currency), _DEPOSIT
    body[0]["account"], body[0]["other"], body[0]["amount"] = account, currency, units
    return definitions.command("BOOK_ENTRY", "capital", body=body[0])
