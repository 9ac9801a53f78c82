"""Real deaths: a turn runs in a child of this process, and a failpoint of the code under test kills the child there.

    fork ──▶ child: turn() over the same shared memory, store and socket ──SIGKILL at the nth time it passes the point──▶ what it stored stays, nothing else

Only in the test build, which has failpoints; in a normal build ``tear`` makes the same prefixes from the end of a turn, by the order in which the code is
said to store. This module knows nothing of that order, so it finds code that keeps another one. What a turn changes in private memory dies with the
child, so the world must treat the process as killed, whether or not the point was passed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

from ringfence.ipc import failpoint

ENGINE = ("E1", "E2", "E3", "E3", "E3", "E4", "E5", "E6", "E7")  # around the commit more often: there an input begins to exist
GATEWAY = ("G1", "G2", "G3", "G4", "G5", "G6", "G7")
HITS = (1, 1, 2, 3)


def possible() -> bool:
    """Whether this build has failpoints."""
    return failpoint.COMPILED


def die_in(turn: Callable[[], object], points: tuple[str, ...], draw: Random, directory: Path) -> str:
    """Run a turn in a child that dies at a drawn point; return the point, or "" when the turn went past without it."""
    point, hit = draw.choice(points), draw.choice(HITS)
    child = os.fork()
    if child == 0:
        try:
            os.environ |= {"RF_FAILPOINT": f"{point}:{hit}:kill", "RF_FAILPOINT_DIR": str(directory)}
            turn()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    (directory / point).unlink(missing_ok=True)  # the failpoint's own mark that it happened
    return point if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else ""
