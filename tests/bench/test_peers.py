"""Orders and commits beside their peers: what is ours always works, a peer that is missing is named with what installs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ringfence.bench import commit, orders, peers
from ringfence.bench.host import PeerMissing
from ringfence.bench.journal import make_batches


def test_orders_when_measured_fills_every_one() -> None:
    assert orders.ours(200)["orders/s"] > 0


def test_orders_when_tested_by_a_backtest_fills_every_one() -> None:
    assert orders.tested(50, mode="python")["orders/s"] > 0


def test_orders_when_the_peer_did_other_work_refuses_its_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "run", lambda *_: '{"sent": 5, "filled": 4, "seconds": 1.0, "quotes_alone_s": 0.1}\n')
    with pytest.raises(RuntimeError, match="sent 5 and filled 4 of 5"):
        orders.theirs(5)


def test_peers_when_there_is_no_environment_name_the_command_that_makes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RINGFENCE_PEER_PYTHON", raising=False)
    monkeypatch.setattr(peers, "cache_dir", lambda: tmp_path)
    with pytest.raises(PeerMissing, match="setup-peers"):
        peers.python()
    monkeypatch.setenv("RINGFENCE_PEER_PYTHON", "/elsewhere/python")
    assert peers.python() == "/elsewhere/python"


@pytest.mark.parametrize("synced", [False, True])
def test_commit_when_ours_is_measured_every_frame_is_read_back(tmp_path: Path, synced: bool) -> None:
    assert commit.ours(tmp_path, make_batches(1, 20), synced=synced)["commits/s"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("nats-server") is None, reason="no nats-server: apt-get install nats-server, or python -m ringfence.bench setup-peers")
def test_commit_when_theirs_is_measured_every_message_is_in_the_stream(tmp_path: Path) -> None:
    assert commit.theirs(tmp_path, make_batches(1, 20), synced=False)["commits/s"] > 0


def test_commit_when_there_is_no_server_names_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(peers, "cache_dir", lambda: tmp_path)
    with pytest.raises(PeerMissing, match=r"no nats-server; .*setup-peers"), commit.server(tmp_path, synced=False):
        pass
