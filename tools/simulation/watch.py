"""What is seen of a run from outside: every frame that was published, what is durable, and a second state that replays along.

    journal ring ──second reader──▶ frames ──▶ Oracle (its own model)
                                          └──▶ shadow Replayer: its hash is compared at every checkpoint frame and after every recovery

The second reader takes slots right after the engine's turn and gives nothing back. A host crash makes it forget what the files no longer have; that this is
nothing which was reported durable is one of the checks.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

from ringfence.core.errors import ReplayError
from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.ipc.schema import ENUMS
from ringfence.tools.errors import JournalError
from ringfence.tools.journal_ring import JournalRing
from ringfence.tools.replay import replay
from ringfence.tools.sidecar import Sidecar
from ringfence.tools.simulation.host import Host
from ringfence.tools.simulation.invariants import Violation
from ringfence.tools.simulation.judges import Judges
from ringfence.tools.simulation.strategies import Driver
from ringfence.tools.simulation.venue import Market

HEAD = struct.Struct("<IIQQQIHHII16x")
BUFFER = 1 << 20
WAITING_MAX = 16


class Watch:
    """The observer of one run."""

    def __init__(self, host: Host, oracle: Judges) -> None:
        self.host, self.oracle = host, oracle
        limits = host.config.limits
        self.limits = Limits(**{name: getattr(limits, name) for name in limits.__dataclass_fields__})
        self.shadow = self._shadow()
        self.ring: JournalRing | None = None
        self.buffer = bytearray(BUFFER)
        self.frames: list[bytes] = []  # frame k is sequence k + 1
        self.durable = 0
        self.crash = False
        self.trace = 0
        self.problems: list[Violation] = []
        self.recoveries = 0
        self.changed = False  # frames came since the last check

    # ---- frames

    def attach(self) -> None:
        """The journal ring's region is there."""
        if self.ring is None:
            self.ring = self.host.observe()

    def look(self, event: int, now: int) -> None:
        """Take what the engine published in its last turn."""
        if self.ring is None:
            return
        while True:
            size, count, _ = self.ring.take(self.buffer, 0, 0, 3)
            if not count:
                return
            self.changed = True
            data = bytes(self.buffer[:size])
            self.trace = zlib.crc32(data, self.trace)
            try:
                self.shadow.apply_buffer(data, 0, size)
            except ReplayError as e:
                self.problems.append(Violation("I11", f"replaying along differs from the engine: {e}"))
                return
            at = 0
            while at < size:
                head = HEAD.unpack_from(data, at)
                length = head[0] + 7 & ~7
                frame = data[at : at + length]
                self.frames.append(frame)
                self.oracle.frame(head, frame)
                at += length
            self._listen()

    def _shadow(self) -> Replayer:
        """A state that replays along, with what it tells strategies kept until it is looked at."""
        shadow = Replayer(self.limits)
        for row in range(1, self.host.shape.strategies + 1):
            shadow.state.open_queue(row, strategy=True)
        return shadow

    def _listen(self) -> None:
        """Refusals that strategies are told."""
        for row in range(1, self.host.shape.strategies + 1):
            told = self.shadow.state.take_queue(row, strategy=True)
            for event in told[(told["kind"] == _DENIED) & (told["order_id"] == 0)]:  # of an intent, not of an order that was not sent
                self.oracle.denied(int(event["journal_seq"]), int(event["reason"]))

    def drained(self, sidecar: Sidecar) -> bool:
        """The sidecar has written and synced all that the ring holds."""
        return not sidecar.ring.waiting and not sidecar.unsynced_since and sidecar.rest[0] >= sidecar.rest[1]

    def persisted(self, sidecar: Sidecar) -> None:
        """Remember what was reported durable, and that it is on the disk."""
        mark = sidecar.link.mark
        if mark > self.durable:
            self.durable = mark
            if mark > sidecar.writer.synced_seq:
                self.problems.append(Violation("DURABLE", f"sequence {mark} was reported durable, synced is {sidecar.writer.synced_seq}"))

    # ---- recovery

    def crashed(self) -> None:
        """Memory is gone: the next recovery has only files."""
        self.ring = None
        self.crash = True

    def recovered(self, found: tuple[int, int]) -> list[Violation]:
        """Compare what a recovery came to with what the engine had published."""
        seq, state_hash = found
        self.recoveries += 1
        if self.crash:
            self.crash = False
            if seq < self.durable:
                return [Violation("DURABLE", f"the journal ends at sequence {seq}, reported durable was {self.durable}")]
            if seq > len(self.frames):
                return [Violation("I10", f"the journal ends at sequence {seq}, published were {len(self.frames)}")]
            self.oracle.lost_frames(seq)
            del self.frames[seq:]
            self.shadow = self._shadow()
            data = b"".join(self.frames)
            self.shadow.apply_buffer(data, 0, len(data))
            for row in range(1, self.host.shape.strategies + 1):
                self.shadow.state.take_queue(row, strategy=True)  # told before
        if seq != self.shadow.seq:
            return [Violation("I10", f"recovery reached sequence {seq}, published were {self.shadow.seq}")]
        if state_hash != self.shadow.state_hash():
            return [Violation("I12", f"recovery to sequence {seq} gives state hash {state_hash:016x}, the engine had {self.shadow.state_hash():016x}")]
        return []

    # ---- the end

    def state(self) -> Any:
        """The state that is checked: the live engine's, else the shadow's."""
        engine = self.host.engine
        return engine.state if engine is not None else self.shadow.state

    def liveness(self, drivers: dict[int, Driver | None], markets: list[Market]) -> list[Violation]:
        """What is not at rest."""
        host = self.host
        if host.engine is None or host.sidecar is None:
            return [Violation("LIVENESS", "engine or sidecar did not come back")]
        if any(d is None for d in drivers.values()):
            return [Violation("LIVENESS", f"strategies did not come back: {[r for r, d in drivers.items() if d is None]}")]
        table = host.engine.state.table
        status = table("engine")[1]
        for market in markets:
            state = int(table("venues")[market.row]["session_state"])
            if host.gateways[market.row].session.state != "up" or state != _UP:
                return [Violation("LIVENESS", f"session of venue {market.row} is not up: {host.gateways[market.row].session.state}, engine says {state}")]
        orders = table("orders")[1 : int(status["order_count"]) + 1]
        orders = orders[orders["order_id"] != 0]
        # a request whose answer was lost with the host's memory stays pending until it is reported after its time limit (S17)
        waiting = orders[~_isin(orders["base_status" if self.oracle.lossy else "ord_status"], SETTLED)]
        if len(waiting):
            o = waiting[0]
            return [Violation("LIVENESS", f"{len(waiting)} orders are not settled; order {int(o['order_id'])} has status {int(o['ord_status'])}")]
        if int(status["restrictions"]):
            return [Violation("LIVENESS", f"new risk is still restricted: {int(status['restrictions']):#x}")]
        if host.sidecar.ring.waiting > WAITING_MAX:
            return [Violation("LIVENESS", f"the journal ring is not drained: {host.sidecar.ring.waiting} frames wait")]
        return []

    def cold_replay(self) -> list[Violation]:
        """The files alone give the live state."""
        engine, sidecar = self.host.engine, self.host.sidecar
        if engine is None or sidecar is None:
            return []
        try:
            result = replay(self.host.config.journal_dir)
        except JournalError as e:
            return [Violation("I10", f"the journal does not replay: {e}")]
        if (result.seq, result.state_hash) != (engine.state.seq, engine.state.state_hash()):
            return [
                Violation(
                    "I11", f"cold replay: sequence {result.seq}, hash {result.state_hash:016x}; live: {engine.state.seq}, {engine.state.state_hash():016x}"
                )
            ]
        return []


SETTLED = tuple(ENUMS["OrdStatus"].by_name[n] for n in ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED"))
_DENIED = ENUMS["EventKind"].by_name["DENIED"]
_UP = ENUMS["SessionState"].by_name["UP"]


def _isin(values: Any, allowed: tuple[int, ...]) -> Any:
    found = values == allowed[0]
    for value in allowed[1:]:
        found |= values == value
    return found
