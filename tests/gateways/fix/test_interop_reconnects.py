"""A short run of reconnects.py in each role and version: a line to QuickFIX that breaks at random bytes loses nothing and doubles nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.gateways.fix import reconnects

pytest.importorskip("quickfix")


@pytest.mark.parametrize("begin", ["FIX.4.2", "FIX.4.4"])
@pytest.mark.parametrize("role", ["initiator", "acceptor"])
def test_session_when_the_line_to_quickfix_breaks_at_random_bytes_all_is_applied_once(role: str, begin: str, tmp_path: Path) -> None:
    seed = 7
    run = reconnects.as_initiator if role == "initiator" else reconnects.as_acceptor
    wrong, orders = run(begin, 30, seed, tmp_path)
    assert not wrong, f"seed {seed}: {wrong}"
    assert orders > 30
