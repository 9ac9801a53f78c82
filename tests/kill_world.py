"""Two strategies of two instruments, one of them of a desk, and words for killing, flattening and what came of it."""

from __future__ import annotations

from typing import Any

from ringfence.ipc.schema import CONSTANTS, ENUMS

CANCEL, FLATTEN = CONSTANTS["KILL_CANCEL"][0], CONSTANTS["KILL_FLATTEN"][0]
SCOPES = {
    "FIRM": (0, 0), "BROKER": (1, 0), "ACCOUNT": (1, 0), "VENUE": (1, 0), "DESK": (1, 0), "STRATEGY": (1, 0), "INSTRUMENT": (1, 0),
    "ACCOUNT_INSTRUMENT": (1, 1), "STRATEGY_INSTRUMENT": (1, 1),
}  # fmt: skip


def furnish(machine: Any) -> Any:
    """Strategy 1 is of a desk, the account of a broker."""
    machine.control("DEFINE_BROKER", body=machine.record("Broker", id=1, name="pb", status=1))
    machine.control("DEFINE_DESK", body=machine.record("Desk", id=1, name="fx", status=1))
    machine.control("DEFINE_ACCOUNT", body=machine.record("Account", id=1, name="main", code="ACC1", broker=1, status=1))
    machine.control("DEFINE_STRATEGY", body=machine.record("Strategy", id=1, name="s1", desk_row=1, status=1))
    machine.instrument(2, "USDJPY")
    return machine


def kill(m: Any, kind: str = "FIRM", a: int = 0, b: int = 0, options: int = CANCEL, uid: int = 0) -> None:
    m.kill(kind, a, b, options, operator_uid=uid)


def release(m: Any, kind: str = "FIRM", a: int = 0, b: int = 0, uid: int = 0) -> None:
    m.kill(kind, a, b, 0, "RELEASE", operator_uid=uid)


def cancelled(m: Any) -> list[int]:
    return [int(c["order_id"]) for c in m.commands if int(c["kind"]) == ENUMS["CommandKind"].by_name["CANCEL"]]


def state_of(m: Any, kind: str, a: int, b: int) -> str:
    return ENUMS["ScopeState"].by_value[int(m.scope(kind, a, b)["state"])]


def assert_same_after_replay(m: Any) -> None:
    assert m.replayed().tables() == m.tables()
    assert m.replayed().replayer.state_hash() == m.replayer.state_hash()


def long_position(m: Any, qty: int = 4000) -> None:
    m.new(1, qty=10000)
    m.event("ACK", 1)
    m.fill(qty, cum_qty=qty)


def sold(m: Any) -> list[int]:
    return [int(c["qty"]) for c in m.commands if int(c["kind"]) == ENUMS["CommandKind"].by_name["NEW"]]


def orders(m: Any) -> None:
    """1 and 2 of strategy 1 in instrument 1, 3 of strategy 2 in instrument 2; all acked."""
    m.new(1)
    m.new(2)
    m.new(3, strategy=2, instrument=2)
    for row in (1, 2, 3):
        m.event("ACK", row)
