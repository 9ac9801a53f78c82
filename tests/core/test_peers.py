"""What the loop sees of the sidecar: how far the disk is behind, and what it says itself."""

from __future__ import annotations

import time
from typing import Any

import pytest
from engine_rig import Rig

from ringfence.ipc.schema import CONSTANTS, ENUMS


def poll_until(rig: Rig, restrictions: int, *, synced: bool) -> None:
    """Turn the loop until the state has these restrictions; a sidecar that keeps pace covers every frame, one that hangs none."""
    end = time.monotonic() + 10
    while int(rig.state.table("engine")[1]["restrictions"]) != restrictions:
        assert time.monotonic() < end
        rig.pump()
        if synced:
            rig.sidecar.set_mark(rig.state.seq)


def test_engine_when_the_journal_is_not_synced_in_time_closes_new_risk_in_two_steps_and_opens_it_by_itself(make_rig: Any) -> None:
    rig = make_rig(reduce_ns=2_000_000, halt_ns=40_000_000)
    rig.sidecar.set_mark(rig.state.seq)
    rig.intent("NEW", 1)
    poll_until(rig, CONSTANTS["RESTRICT_JOURNAL_SLOW"][0], synced=False)
    rig.intent("NEW", 2)
    rig.pump()
    assert rig.denied() == ["JOURNAL_LATE"]
    poll_until(rig, CONSTANTS["RESTRICT_JOURNAL_LATE"][0], synced=False)
    rig.intent("NEW", 3)
    rig.intent("CANCEL", 1)
    rig.pump()
    assert rig.denied() == ["TRADING_HALTED"]
    assert [ENUMS["CommandKind"].by_value[int(c["kind"])] for c in rig.commands()] == ["NEW", "CANCEL"]
    poll_until(rig, 0, synced=True)
    rig.intent("NEW", 4)
    rig.pump()
    assert rig.told() == ["ACCEPTED"]
    assert rig.observations() == ["JOURNAL_HEALTH"] * 3
    rig.check_replay()


@pytest.mark.parametrize("name", ["RESTRICT_JOURNAL_FULL", "RESTRICT_JOURNAL_SUSPECT"])
def test_engine_when_the_sidecar_says_that_it_cannot_write_takes_only_cancels(make_rig: Any, name: str) -> None:
    rig = make_rig()
    rig.intent("NEW", 1)
    rig.pump()
    rig.sidecar.mine.section("mark")[0]["condition"] = CONSTANTS[name][0]
    rig.pump()
    rig.intent("NEW", 2)
    rig.intent("CANCEL", 1)
    rig.pump()
    assert rig.denied() == ["TRADING_HALTED"]
    assert [ENUMS["CommandKind"].by_value[int(c["kind"])] for c in rig.commands()] == ["NEW", "CANCEL"]
    rig.sidecar.mine.section("mark")[0]["condition"] = 0
    rig.pump()
    rig.intent("NEW", 3)
    rig.pump()
    assert rig.told()[-1] == "ACCEPTED"
    rig.check_replay()
