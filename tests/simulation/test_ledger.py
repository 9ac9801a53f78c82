"""The ledger's store over simulated instances: whatever the faults were, it holds what the journal gives and what the engine's positions say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringfence.tools import ledger_verify
from ringfence.tools.ledger_store import open_store
from ringfence.tools.ledger_writer import LedgerWriter
from ringfence.tools.simulation.runs import Plan
from ringfence.tools.simulation.setup import draw_shape
from ringfence.tools.simulation.world import World

EVENTS = 800
FAULTS = "bust,correct,late_report,cut,kill_engine,kill_gateway,roll_day"


def booked(seed: int, events: int, where: Path, faults: str = FAULTS) -> ledger_verify.Verification:
    """What verify finds after a run was booked, while it went on and at its end, in small batches."""
    plan = Plan(seed, events, faults)
    world = World(draw_shape(seed, f"sim{os.getpid()}"), plan.faults())
    store = open_store(str(where))
    try:
        world.run(events)
        for _ in range(2):  # the second is a restart
            writer = LedgerWriter(world.host.config.journal_dir, store, rows=80)
            writer.begin()
            writer.catch_up()
            writer.close()
        return ledger_verify.verify(world.host.config.journal_dir, store)
    finally:
        store.close()
        world.host.close()


@pytest.mark.parametrize("seed", [1])
def test_ledger_when_a_run_has_busts_corrections_and_deaths_equals_journal_and_engine(seed: int, tmp_path: Path) -> None:
    found = booked(seed, EVENTS, tmp_path / "ledger.db")
    assert found.differences == []
    assert found.executions > 0
    assert found.last_seq == found.journal_seq
