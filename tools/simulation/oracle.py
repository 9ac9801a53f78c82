"""An independent oracle: what an instance must be, worked out from the rules in plain integers, and held against what it is.

    journal frames ──frame()──▶ Model (orders, executions, positions; oracle_*.py)
    engine's tables ───────────▶ check_step(), check_all() ─▶ [Violation]
    the venue's end of the wire ─wire()─▶ once, asked for, in time
    the venue's own executions ──executed(), busted(), corrected()─▶ at quiescence: booked, each once

Written from docs/order-states.md, docs/scenarios.md and the rules behind them, never from the engine; it shares the record layouts with it and nothing else.
The simulator calls it after every step, ``ringfence journal audit`` over a recorded journal. It owns its Model and keeps every frame, since a host crash may
take the last ones back. Nothing here fails by raising: what is wrong is a Violation. Rejected: following the engine's decisions (an oracle that adopts what
it judges finds nothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringfence.ipc.schema import ENUMS
from ringfence.tools.ledger_state import disagreements
from ringfence.tools.simulation import (
    oracle_authority,
    oracle_book,
    oracle_compare,
    oracle_controls,
    oracle_entries,
    oracle_governed,
    oracle_intents,
    oracle_kills,
    oracle_limits,
    oracle_records,
    oracle_reports,
    oracle_wire,
)
from ringfence.tools.simulation.invariants import INVARIANTS, Invariant, Violation
from ringfence.tools.simulation.oracle_entries import other_methods
from ringfence.tools.simulation.oracle_model import Model, Order
from ringfence.tools.simulation.oracle_records import EVENT, HEAD, INTENT, Tables, tables_of
from ringfence.tools.simulation.oracle_rules import EVENT_NAME, STATUS, reference
from ringfence.tools.simulation.oracle_wire import Sent, VenueTrade, Wire, fields_of

__all__ = ["INVARIANTS", "Invariant", "Oracle", "VenueTrade", "Violation"]

_KIND = ENUMS["FrameKind"].by_name
_INTENT, _EVENT, _CONTROL, _OBSERVATION, _MARK, _TIMER = (_KIND[k] for k in ("INTENT", "VENUE_EVENT", "CONTROL", "OBSERVATION", "MARK", "TIMER"))
_FROM_RINGS = {_INTENT, _EVENT, _CONTROL}
DENY_REASON = ENUMS["DenyReason"].by_value
VIOLATIONS_MAX = 20
_SEQ = oracle_records.picker("EngineStatus", "seq")
_STATUS_AT = oracle_records.SIZE["EngineStatus"]  # row 1


def apply(m: Model, head: tuple[int, ...], payload: bytes) -> None:
    """One frame into the model."""
    m.seq, m.now = head[0], head[1]
    source, kind = head[4], head[5]
    if kind == _INTENT:
        oracle_intents.take(m, source, INTENT.unpack_from(payload))
    elif kind == _EVENT:
        oracle_reports.take(m, source or 0, report_of(source, payload))
        oracle_entries.settle(m)
    elif kind == _CONTROL:
        oracle_controls.control(m, payload)
        oracle_entries.settle(m)
    elif kind == _OBSERVATION:
        oracle_controls.observation(m, payload)
    elif kind == _MARK:
        m.marked = True
    elif kind == _TIMER:
        m.timers.append(m.now)
        oracle_authority.expire(m)
        oracle_kills.timer(m)


def report_of(venue: int, payload: bytes) -> oracle_book.Report:
    e = EVENT.unpack_from(payload)
    texts = [text.partition(b"\0")[0] if text[0] else b"" for text in e[18:]]
    return oracle_book.Report(venue, *e[:9], EVENT_NAME.get(e[9], ""), STATUS.get(e[10], ""), *e[11:18], *texts)  # type: ignore[call-arg]


class Oracle:
    """See the module.

    Parameters
    ----------
    definitions : object, optional
        Not needed: configuration is journaled. Taken so that a caller may pass what it has.
    """

    def __init__(self, definitions: Any = None) -> None:
        self.definitions = definitions
        self.model = Model()
        self._wire = Wire()
        self._denied: list[tuple[int, int]] = []
        self._frames: list[tuple[tuple[int, ...], bytes]] = []
        self._applied = 0
        self._found: list[Violation] = []
        self._places: dict[tuple[int, int], tuple[int, int]] = {}
        self._state: Any = None
        self._tables: Tables | None = None

    # ---- what happens

    def frame(self, head: bytes, payload: bytes) -> None:
        """One journal frame that the engine published; in order, each once."""
        fields = HEAD.unpack_from(head)
        last = self._frames[-1][0] if self._frames else (0, 0, 0, 0, 0, 0, 0, 0)
        seq = fields[0]
        if seq != last[0] + 1:
            self._report("I10", f"sequence {seq} after {last[0]}", seq)
        if fields[1] < last[1]:
            self._report("I10", f"engine time fell from {last[1]} to {fields[1]}", seq)
        if fields[7] < last[7]:
            self._report("I10", f"instance epoch fell from {last[7]} to {fields[7]}", seq)
        if fields[5] in _FROM_RINGS and fields[2] and fields[3]:  # epoch 0 is no ring: what an engine tells itself when it starts
            self._follow(fields)
        self._frames.append((fields, bytes(payload)))

    def _follow(self, fields: tuple[int, ...]) -> None:
        """Positions of a source ring go up by one: an input that is taken twice, or passed over, shows here."""
        seq, _, position, epoch, source, kind = fields[:6]
        before = self._places.get((kind, source))
        self._places[kind, source] = epoch, position
        if before is not None and before[0] == epoch and position != before[1] + 1:
            name = ENUMS["FrameKind"].by_value[kind]
            self._report("I10", f"{name} {position} of source {source} after {before[1]}: an input was taken twice or passed over", seq)

    def lost_frames(self, after_seq: int, *, forgive: bool = True) -> None:
        """A host crash dropped the frames behind ``after_seq``: they never happened, and the source rings are new.

        With durability ``async`` what only they asked for may be on the wire (``forgive``); with ``local`` never.
        """
        kept = [f for f in self._frames if f[0][0] <= after_seq]
        self._settle()
        lost = self.model
        if forgive:
            self._wire.forgotten |= {text for _, text in self._wire.seen}
        else:
            self._found += oracle_wire.check_survival(lost, self._wire, after_seq)
        self.model, self._frames, self._applied = Model(capacity=lost.capacity), kept, 0
        self._places.clear()

    def forget_positions(self) -> None:
        """The source rings were made anew: their positions start again."""
        self._places.clear()

    def wire(self, venue_row: int, message: bytes | Mapping[int, str]) -> None:
        """One message that the venue's end received: its bytes, or its values by tag."""
        self._wire.waiting.append(Sent(venue_row, fields_of(message), self._frames[-1][0][0] if self._frames else 0))

    def executed(self, venue_row: int, trade: VenueTrade) -> None:
        oracle_wire.executed(self.model, self._wire, venue_row, trade)

    def busted(self, venue_row: int, cl_ord_id: str, exec_id: str) -> None:
        """The venue took an execution back; ``exec_id`` is its version that lives."""
        oracle_wire.busted(self.model, self._wire, venue_row, cl_ord_id, exec_id)

    def corrected(self, venue_row: int, old_exec_id: str, trade: VenueTrade) -> None:
        """``trade`` stands in the place of ``old_exec_id`` now."""
        oracle_wire.corrected(self.model, self._wire, venue_row, old_exec_id, trade)

    def order_of(self, cl_ord_id: str) -> Order | None:
        """The order that a ClOrdID names, by the frames so far; None when it is none of ours."""
        self._settle()
        r = reference(cl_ord_id.encode("latin-1"), self.model.prefix)
        return self.model.orders[r.order - 1] if r is not None and 0 < r.order <= len(self.model.orders) else None

    def denied(self, seq: int, reason: int) -> None:
        """The strategy is told that its intent of this sequence is refused."""
        self._denied.append((seq, reason))

    def uncovered(self) -> list[str]:
        """Controls that were in force and are not followed here: what they refuse or cancel shows as a violation."""
        m = self.model
        amounts = sorted(rule for rule in oracle_limits.AMOUNTS if m.marked and any(name == rule and value for (_, name), value in m.limits.items()))
        return sorted(m.uncovered) + [f"{rule} at market prices" for rule in amounts]

    # ---- what must be

    def check_step(self, state: Any) -> list[Violation]:
        """Hold what changed since the last call against the tables of a ``core.state.State``."""
        tables = self._bind(state)
        self._settle()
        m = self.model
        ahead = _SEQ.unpack_from(tables.engine, _STATUS_AT)[0] - m.seq
        if ahead > 0:
            self._report("I10", f"the engine has applied {m.seq + ahead}, the journal has {m.seq}", m.seq)
        elif ahead == 0:
            for o in m.touched.values():
                self._found += oracle_compare.order(m, tables, o)
            for key, p in m.moved.items():
                self._found += oracle_compare.position(m, tables, key, p)
            self._found += oracle_compare.scalars(m, tables)
            m.touched.clear()
            m.moved.clear()
        return self._take()

    def check_all(self, state: Any, quiescent: bool = False) -> list[Violation]:
        """Everything; with ``quiescent`` the venue's truth too, and that no order is in doubt without a break."""
        self.check_step_keeping(state)
        tables = self._bind(state)
        m = self.model
        seq = _SEQ.unpack_from(tables.engine, _STATUS_AT)[0]
        if seq != m.seq:
            self._report("I10", f"the engine has applied {seq}, the journal has {m.seq}", m.seq)
        else:
            known = set(self._found)
            self._found += [v for v in oracle_compare.everything(m, tables) + oracle_governed.compare(m, state) if v not in known]
            self._found += [Violation("I22", line, seq) for line in (*disagreements(state.table), *other_methods(m, state.table))]
        if quiescent:
            self._found += oracle_wire.compare_truth(m, self._wire)
        return self._take()

    def check_step_keeping(self, state: Any) -> None:
        """``check_step`` whose findings wait for the next answer."""
        self._found += self.check_step(state)

    # ---- within

    def _bind(self, state: Any) -> Tables:
        if self._tables is None or state is not self._state:
            self._state, self._tables = state, tables_of(state)
            self.model.capacity = {name: len(state.table(name)) for name in _TABLES}
        return self._tables

    def _settle(self) -> None:
        m, frames = self.model, self._frames
        while self._applied < len(frames):
            head, payload = frames[self._applied]
            self._applied += 1
            apply(m, head, payload)
        for sent in self._wire.waiting:
            self._found += oracle_wire.check_message(m, self._wire, sent)
        self._wire.waiting.clear()
        for seq, reason in self._denied:
            told, ours = DENY_REASON.get(reason, str(reason)), m.reasons.get(seq, "nothing")
            if told != ours:
                self._report("I20", f"the intent is refused as {told}, by the rules as {ours}", seq)
        self._denied.clear()

    def _report(self, invariant: str, text: str, seq: int) -> None:
        self._found.append(Violation(invariant, text, seq))

    def _take(self) -> list[Violation]:
        found, self._found = self._found[:VIOLATIONS_MAX], []
        return found


_TABLES = ("orders", "executions", "positions", "instruments", "accounts", "venues", "strategies", "routes", "operators", "proposals", "cash", "parameters")
