"""``ringfence ledger server DIR``: one command starts a server that a ledger can be written to; it ends with its directory, or without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_journal import random_journal
from ledger_stores import write

from ringfence.tools import cli
from ringfence.tools.ledger_store import open_store
from ringfence.tools.ledger_verify import verify


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory that the server's user may pass, with a name that a socket's fits behind."""
    with tempfile.TemporaryDirectory(prefix="rfs") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def started(directory: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    """The command, and the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence.tools.cli", "ledger", "server", str(directory), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    process.communicate()
    return process.returncode


def test_server_when_started_takes_a_ledger_and_is_removed_with_it(short: Path, tmp_path: Path) -> None:
    made = random_journal(tmp_path, 31, 20)
    process, url = started(short / "pg")
    store = open_store(url)
    write(made.write(), store)
    assert verify(made.directory, store).differences == []
    store.close()
    assert ended(process) == 0
    assert not (short / "pg").exists()


def test_server_when_kept_goes_on_with_what_it_has(short: Path, tmp_path: Path) -> None:
    made = random_journal(tmp_path, 32, 20)
    process, url = started(short / "pg", "--keep")
    store = open_store(url)
    write(made.write(), store)
    store.close()
    assert ended(process) == 0
    process, url = started(short / "pg")
    store = open_store(url)
    assert store.heads()[-1].last_seq == made.seq
    store.close()
    assert ended(process) == 0
    assert (short / "pg" / "data" / "PG_VERSION").is_file(), "what was kept once is not removed by a start without --keep"


def test_server_when_the_directory_has_other_files_leaves_them_alone(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (short / "mine").write_text("kept")
    assert cli.main(["ledger", "server", str(short)]) == 2
    assert "is no server of ours" in capsys.readouterr().err
    assert (short / "mine").read_text() == "kept"


def test_server_when_the_directory_has_a_server_of_others_leaves_it_alone(short: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (short / "data").mkdir()
    (short / "data" / "PG_VERSION").write_text("15\n")
    assert cli.main(["ledger", "server", str(short)]) == 2
    assert "is no server of ours" in capsys.readouterr().err
    assert (short / "data" / "PG_VERSION").is_file()


def test_server_when_it_ends_by_itself_leaves_its_directory_and_its_log(short: Path) -> None:
    process, _ = started(short / "pg")
    os.kill(int((short / "pg" / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGQUIT)
    process.communicate()
    assert process.returncode == 1
    assert (short / "pg" / "log").is_file()
