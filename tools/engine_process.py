"""The engine process: recover, configure, join the peers, then hand the core's loop the links and serve its few requests.

    snapshot, journal files ──▶ region `state`       boot ring (private): START, DEFINE_*, STRATEGY_DETACH
    to.* regions: created, or taken up again          ▼
    from.* regions: awaited, bounded             Engine.run ──"attach"──▶ map the strategy's memfd, run on

Order matters. The journal link comes first: the sidecar must have written what an old journal ring still holds before the files are read. Each
gateway must have stored its mark before the replay, which keeps only outputs above it: nothing is sent twice, nothing is forgotten. Configuration goes through
a private control ring of this process, so that it is journaled like any other input. The supervisor's channel (a Unix socket pair) brings the
memfds of strategies, before their STRATEGY_ATTACH is published; strategies that outlived a former engine are handed over again at the start.

Fails with the exit code of the error: 7 corrupt journal, 2 configuration that contradicts it, 5 a peer did not start, 1 else. Everything that was
published to the journal ring before is kept; the next engine goes on from it.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.core.counters import COUNTERS, HISTOGRAMS, STAGES
from ringfence.core.engine import Engine
from ringfence.core.errors import CoreError
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits, State, state_sections
from ringfence.ipc import failpoint
from ringfence.ipc.clock import Clock
from ringfence.ipc.errors import LayoutMismatch, PeerRefused, RegionMissing
from ringfence.ipc.handover import receive
from ringfence.ipc.link import Link, link_sections
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.regions import owner_alive, unlink_dead
from ringfence.ipc.schema import ENUMS
from ringfence.ipc.segment import Segment
from ringfence.tools import config as configuration
from ringfence.tools import definitions, kill_words
from ringfence.tools.config import Config
from ringfence.tools.errors import ToolError
from ringfence.tools.process import attach_when_there, claim_core, idle_kind, read_spec, run, take_region, wait_for
from ringfence.tools.recovery import lost_outputs, recover, resume_position
from ringfence.tools.trading_day import trading_day

PEER_WAIT_S = 30.0
DRAIN_WAIT_S = 120.0
BOOT_WAIT_S = 30.0
CHANNEL_WAIT_S = 10.0
BOOT_SLOTS = 4096
BOOT_EPOCH = 0  # of the private ring; no region has it, so a replay tells its positions from the control ring's
_ROLE = ENUMS["Role"].by_name["ENGINE"]
_STATE = ENUMS["ProcessState"].by_name
_KIND = ENUMS["FrameKind"].by_name


class Peer:
    """One link of the engine: our region, and theirs once it is there."""

    def __init__(self, instance: str, name: str, record: str | None, slots: int, epoch: int, log: logging.Logger) -> None:
        self.instance, self.name = instance, name
        self.mine = _take_link_region(instance, f"to.{name}", record, slots, epoch, log)
        self.link: Link | None = None

    def join(self, timeout_s: float = PEER_WAIT_S, running: bool = False) -> Link:
        """Wait for the peer's side; with ``running`` until it is alive and says that it runs."""
        theirs = attach_when_there(self.instance, f"from.{self.name}", timeout_s)
        if running:
            wait_for(f"{self.name}", timeout_s, lambda: _running(theirs) or None, f"it is not running; see its log ({self.name}.log)")
        self.link = Link(self.mine, theirs)
        return self.link

    @property
    def condition(self) -> int:
        """Of a gateway: the last order_id that its store held when it started."""
        return int(self.link.theirs.section("mark")[0]["condition"]) if self.link is not None else 0

    def position(self, replayed: tuple[int, int]) -> int | None:
        """Where to go on in the peer's ring: what the journal says of this very ring when it is ahead of the released tail, else None (the tail).

        Our mark keeps the epoch that the ring had when an engine first read it: what the journal has of before is an older ring's, lost with the host.
        """
        if self.link is None:
            return None
        if not self.link.mark:
            self.link.set_mark(int(self.link.theirs.superblock["epoch"]))
            return None
        if replayed[0] == BOOT_EPOCH or replayed[0] < self.link.mark:
            return None
        return resume_position(self.link, replayed[1])


class EngineProcess:
    """One engine; ``spec`` has instance, epoch, config, core; ``channel`` is the supervisor's socket."""

    def __init__(self, spec: dict[str, Any], channel: socket.socket, log: logging.Logger) -> None:
        self.log, self.channel = log, channel
        self.instance, self.epoch = str(spec["instance"]), int(spec["epoch"])
        self.config: Config = configuration.load(spec["config"], Path(spec["config_source"]))
        self.idle = idle_kind(self.config.instance.idle)
        self.clock = Clock.attach(attach_when_there(self.instance, "instance", PEER_WAIT_S))
        rings = self.config.rings

        def peer(name: str, record: str | None, slots: int = 0) -> Peer:
            return Peer(self.instance, name, record, slots, self.epoch, log)

        self.sidecar = peer("sidecar", "JournalSlot", rings.journal)
        self.control = peer("control", None)
        self.feed = peer("feed", None) if self.config.feed else None
        self.gateways = {v.id: peer(f"gw.{v.name}", "OrderCommand", rings.commands) for v in self.config.venues}
        self.strategies = {s.id: peer(f"strat.{s.name}", "StrategyEvent", rings.strategy_events) for s in self.config.strategies}
        self.recovered = (0, 0)  # sequence and state hash, before anything new was journaled
        self.handed: dict[tuple[int, int], Segment] = {}  # strategy row, ring epoch: its memfd
        self.stages: dict[int, Metrics] = {}  # by strategy row, from its first attach on: at most one set for each row in use
        self.state_region = self._take_state()
        self.metrics = Metrics.create(self.instance, "engine", COUNTERS, HISTOGRAMS, role=_ROLE, epoch=self.epoch)
        self._say("RECOVERING")

    def run(self) -> int:
        """Recover, then run until stopped."""
        engine = self.prepare()
        while engine.run() == "attach":
            self.attach(engine)
        self._say("STOPPED")
        self.log.info("stopped at sequence %d, state hash %016x", engine.state.seq, engine.state.state_hash())
        return 0

    def prepare(self) -> Engine:
        """Recover, configure, join the peers; return the engine, ready to run."""
        begin = time.monotonic()
        journal = self._join_sidecar()
        emitted = {row: self._emitted(gateway) for row, gateway in self.gateways.items()}
        replayer = self._recover(emitted)
        failpoint.reached("E13")
        state = replayer.state
        self.recovered = replayer.seq, replayer.state_hash()
        self.log.info("recovered to sequence %d, state hash %016x, in %.3f s", *self.recovered, time.monotonic() - begin)
        self._receive_rings()
        self._configure(state, journal, replayer, emitted)
        failpoint.reached("E14")
        engine = self._make_engine(state, journal, replayer, emitted)
        engine.checkpoint()
        self._say("RUNNING")
        self.log.info("running: epoch %d, %d orders open", self.epoch, int(state.table("engine")[1]["open_orders"]))
        return engine

    # ---- recovery

    def _take_state(self) -> Segment:
        """The region ``state``, empty: those who have it mapped read-only see the new engine's tables come up in it."""
        limits = Limits(**{name: getattr(self.config.limits, name) for name in self.config.limits.__dataclass_fields__})
        sections = state_sections(limits)
        try:
            region, adopted = take_region(self.instance, "state", sections, role=_ROLE, epoch=self.epoch)
        except LayoutMismatch:
            unlink_dead(self.instance, "state")
            region, adopted = take_region(self.instance, "state", sections, role=_ROLE, epoch=self.epoch)
        if adopted:
            for spec in region.sections:
                region.section(spec.name).view(np.uint8)[:] = 0
        return region

    def _join_sidecar(self) -> Link:
        """The journal link, once the sidecar has written all that an old ring holds."""
        link = self.sidecar.join(running=True)
        held = link.depth
        if held:
            self.log.info("the journal ring holds %d frames of a former engine: waiting for the sidecar", held)
        hint = "the sidecar does not drain the journal ring; see sidecar.log"

        def drained() -> bool | None:
            self._beat()
            return link.depth == 0 or None

        wait_for("journal ring", DRAIN_WAIT_S, drained, hint)
        return link

    def _emitted(self, gateway: Peer) -> int:
        """The last ``output_seq`` that a gateway has: in its session store (its mark) or in the ring to it."""
        link = gateway.join(running=True)
        emitted = link.their_mark
        if link.outbound_position:
            slots = gateway.mine.section("slots")
            emitted = max(emitted, int(slots[(link.outbound_position - 1) % len(slots)]["output_seq"]))
        return emitted

    def _recover(self, emitted: dict[int, int]) -> Replayer:
        """Bring a snapshot and the journal after it into the region ``state``."""
        replayer, recorded = recover(
            self.config.journal_dir,
            State.in_segment(self.state_region),
            emitted,
            self._beat,
            snapshots=self.config.snapshot_dir,
            instance=self.instance,
        )
        if recorded:
            definitions.check_sizes(self.config, recorded, replayer.state.table)
        self.epoch = max(self.epoch, int(replayer.state.table("engine")[1]["epoch"]) + 1)
        return replayer

    # ---- configuration

    def _configure(self, state: State, journal: Link, replayer: Replayer, emitted: dict[int, int]) -> None:
        """Journal START and what differs from the configuration, through a private control ring."""
        for peer, kind in ((self.control, "CONTROL"), (self.feed, "MARK")):
            if peer is not None:
                peer.join()
                self._release(peer, peer.position(replayer.source_position(_KIND[kind], 0)))
        day = self.config.instance.day or trading_day(self.config.instance.roll, self.clock.now_ns())
        commands = [definitions.start(self.config, self.epoch, day), *definitions.changes(self.config, state.table, state.table("engine")[1])]
        for row, count in lost_outputs(state, emitted).items():
            self.log.critical(
                "%s has sent %d commands that the journal does not know: it lost its end; trading is halted (ringfence resume)", self.gateways[row].name, count
            )
            commands.append(definitions.skip_outputs(row, count, self.gateways[row].condition))
        for row in self._abandoned(state):
            commands.append(definitions.command("STRATEGY_DETACH", "its ring did not outlive the engine", strategy=row))
        refused = int(state.table("engine")[1]["controls_refused"])
        boot = _boot_link(self.epoch)
        engine = Engine(state, self.clock, self.metrics, journal=journal, control=boot[1], idle=self.idle, timer_ns=0)
        for record in commands:
            boot[0].send(record)

        def configured() -> bool | None:
            while engine.poll():
                pass
            return boot[0].depth == 0 or None

        wait_for("configuration", BOOT_WAIT_S, configured, "the journal ring does not move; see sidecar.log")
        if int(state.table("engine")[1]["controls_refused"]) > refused:
            raise CoreError("the engine refused a row of the configuration; see ringfence journal dump")
        self.log.info("configured by %d journaled commands", len(commands))

    def _abandoned(self, state: State) -> list[int]:
        """Strategies that the journal has as attached, without a ring that was handed over again."""
        rows = state.table("strategies")
        count = int(state.table("engine")[1]["strategy_count"])
        return [r for r in range(1, count + 1) if int(rows[r]["attached"]) and (r, int(rows[r]["epoch"])) not in self.handed]

    @staticmethod
    def _release(peer: Peer, position: int | None) -> None:
        """Move the tail of a ring to where the journal is, before anything else is journaled."""
        if position is not None and peer.link is not None:
            peer.mine.section("tail")[0]["position"] = position
            peer.link = Link(peer.mine, peer.link.theirs)

    def _make_engine(self, state: State, journal: Link, replayer: Replayer, emitted: dict[int, int]) -> Engine:
        engine = Engine(
            state,
            self.clock,
            self.metrics,
            journal=journal,
            control=self.control.link,
            feed=self.feed.link if self.feed else None,
            idle=self.idle,
            timer_ns=self.config.instance.timer_ms * 1_000_000,
            reduce_ns=self.config.journal.reduce_ms * 1_000_000,
            halt_ns=self.config.journal.halt_ms * 1_000_000,
            checkpoint_ns=self.config.instance.checkpoint_ms * 1_000_000,
            kill=kill_words.attach_or_killed(self.instance, self.log),
        )
        for row, gateway in self.gateways.items():
            engine.set_gateway(row, gateway.link, emitted[row], position=gateway.position(replayer.source_position(_KIND["VENUE_EVENT"], row)))
        for row, epoch in list(self.handed):
            self._take_ring_again(engine, row, epoch, replayer)
        return engine

    # ---- strategies

    def _receive_rings(self) -> None:
        """Take the rings of strategies that outlived a former engine; the supervisor ends the list with "ready"."""
        self.channel.settimeout(CHANNEL_WAIT_S)
        while self._receive_one():
            pass

    def _receive_one(self) -> bool:
        """Take one message of the supervisor; False at "ready"."""
        message, fds = receive(self.channel)
        try:
            if message["op"] == "ready":
                return False
            if len(fds) != 1:
                raise PeerRefused(f"the supervisor sent {len(fds)} descriptors with a strategy's ring, one is due")
            ring = Segment.attach_memfd(fds[0], link_sections("Intent", int(message["slots"])), writable=False)
            self.handed[int(message["strategy"]), int(message["epoch"])] = ring
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _take_ring_again(self, engine: Engine, row: int, epoch: int, replayer: Replayer) -> None:
        """Go on with a ring that outlived a former engine; its strategy may have ended meanwhile, which its STRATEGY_DETACH says after the last intent."""
        strategy = replayer.state.table("strategies")[row]
        if epoch != int(strategy["epoch"]) or not int(strategy["attached"]):
            return  # its STRATEGY_ATTACH is still in the control ring, or its STRATEGY_DETACH was applied
        peer = self.strategies[row]
        peer.link = Link(peer.mine, self.handed[row, epoch], trusted=False)
        taken = replayer.source_position(_KIND["INTENT"], row)
        position = resume_position(peer.link, taken[1]) if taken[0] == epoch else None
        engine.set_strategy(row, peer.link, position=position, stages=self._stages_of(row))
        self.log.info("strategy %s goes on with ring epoch %d", peer.name, epoch)

    def attach(self, engine: Engine) -> None:
        """A STRATEGY_ATTACH was applied: its memfd is in the channel already. Map it and let both rings begin at 0."""
        row = engine.attached_strategy
        epoch = int(engine.state.table("strategies")[row]["epoch"])
        self.channel.settimeout(CHANNEL_WAIT_S)
        while max((e for r, e in self.handed if r == row), default=0) < epoch:
            try:
                self._receive_one()
            except (OSError, PeerRefused) as e:
                self.log.error("no ring of strategy row %d, epoch %d, came with its attach: %s", row, epoch, e)
                return
        peer = self._strategy(engine, row)
        for old in [(r, e) for r, e in self.handed if r == row and e < epoch]:
            del self.handed[old]
        if (row, epoch) not in self.handed:
            return  # it has attached once more since; that command follows in the control ring
        peer.link = Link(peer.mine, self.handed[row, epoch], trusted=False, fresh=True)
        engine.set_strategy(row, peer.link, stages=self._stages_of(row))
        self.log.info("%s attached with ring epoch %d", peer.name, epoch)

    def _strategy(self, engine: Engine, row: int) -> Peer:
        """The peer of a strategy; one that came with a reload has its region from its first attach on."""
        if row not in self.strategies:
            name = bytes(engine.state.table("strategies")[row]["name"]).decode()
            peer = Peer(self.instance, f"strat.{name}", "StrategyEvent", self.config.rings.strategy_events, self.epoch, self.log)
            peer.mine.set_state(_STATE["RUNNING"])
            self.strategies[row] = peer
        return self.strategies[row]

    def _stages_of(self, row: int) -> Metrics:
        """The histograms of a strategy row's intents."""
        if row not in self.stages:
            self.stages[row] = Metrics.create(self.instance, f"intents.{row}", (), STAGES, role=_ROLE, epoch=self.epoch)
        return self.stages[row]

    # ---- regions

    def _regions(self) -> list[Segment]:
        peers = [self.sidecar, self.control, *self.gateways.values(), *self.strategies.values(), *([self.feed] if self.feed else [])]
        return [*(p.mine for p in peers), self.state_region, self.metrics.segment, *(m.segment for m in self.stages.values())]

    def _say(self, state: str) -> None:
        self._beat()
        for region in self._regions():
            region.set_state(_STATE[state])

    def _beat(self) -> None:
        self.state_region.heartbeat(self.clock.now_ns())


def _running(region: Segment) -> bool:
    return int(region.superblock["process_state"]) == _STATE["RUNNING"] and owner_alive(region.superblock)


def _take_link_region(instance: str, name: str, record: str | None, slots: int, epoch: int, log: logging.Logger) -> Segment:
    """Take up an old ``to.*`` region as it is, whatever the configured size, or make it."""
    try:
        region = Segment.adopt(instance, name, role=_ROLE, epoch=epoch)
    except RegionMissing:
        return Segment.create(instance, name, link_sections(record, slots), role=_ROLE, epoch=epoch)
    have = next((s.count for s in region.sections if s.name == "slots"), 0)
    if have != slots:
        log.warning("region %s keeps its %d slots, configured are %d: a ring is resized only after a clean stop (ringfence down)", name, have, slots)
    return region


def _boot_link(epoch: int) -> tuple[Link, Link]:
    """Both ends of a control ring inside this process: (ours, the engine's)."""
    sender = Segment.create_memfd("from.boot", link_sections("Control", BOOT_SLOTS), role=_ROLE, epoch=BOOT_EPOCH)
    reader = Segment.create_memfd("to.boot", link_sections(None), role=_ROLE, epoch=epoch)
    return Link(sender, reader), Link(reader, sender)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry of ``python -m ringfence.tools.engine_process --spec FILE --channel FD``."""
    parser = argparse.ArgumentParser(description="run the engine of an instance")
    parser.add_argument("--channel", type=int, required=True, metavar="FD", help="inherited socket of the supervisor")
    known, rest = parser.parse_known_args(argv)

    def body(log: logging.Logger) -> int:
        spec = read_spec(rest, "run the engine of an instance")
        claim_core(spec["core"], log)
        with socket.socket(fileno=known.channel) as channel:
            try:
                return EngineProcess(spec, channel, log).run()
            except CoreError as e:
                raise ToolError(str(e)) from e

    return run("engine", body)


if __name__ == "__main__":
    sys.exit(main())
