"""What the C loops of the FIX benchmark execute, by callgrind: instructions, in all and by function.

``python -m ringfence.bench.fix --loop parse|check|receive|encode N`` runs under valgrind; only the loop is collected, not Python's start. The counts are
the same on every run of one build, so a test may hold on to them: allocators execute next to nothing. (The calls that callgrind counts
include those before the loop, its instructions do not.)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ringfence.bench.host import PeerMissing

NAMED = re.compile(r"\((\d+)\)(?: (.+))?")
COST = re.compile(r"(?:[+-]?\d+|\*) (\d+)$")


@dataclass(frozen=True)
class Counts:
    """Instructions that one loop executed: in all, and each function's own by name."""

    instructions: int
    own: Counter[str]


def count(function: str, times: int) -> Counts:
    """Run one loop ``times`` over under callgrind.

    Raises
    ------
    PeerMissing
        There is no valgrind, or it cannot run Python here.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise PeerMissing("instructions per message: no valgrind; apt-get install valgrind")
    with tempfile.TemporaryDirectory(prefix="rf-bench-fix-") as folder:
        out = Path(folder) / "out"
        options = ["--tool=callgrind", "--collect-atstart=no", f"--toggle-collect=*Loops*{function}*", f"--callgrind-out-file={out}"]
        command = [valgrind, *options, sys.executable, "-m", "ringfence.bench.fix", "--loop", function, str(times)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        found = re.search(r"Collected\s*:\s*(\d+)", run.stderr)
        if run.returncode or not found:
            raise PeerMissing(f"instructions per message: valgrind failed with {run.returncode}: {run.stderr.strip()[-200:]}")
        return Counts(int(found.group(1)), own_costs(out.read_text(encoding="utf-8", errors="replace")))


def own_costs(profile: str) -> Counter[str]:
    """Return the own instructions by function of callgrind's file; a name is written once, then only its number."""
    names: dict[str, str] = {}
    own: Counter[str] = Counter()
    function, skip = "", False
    for line in profile.splitlines():
        key, _, value = line.partition("=")
        if key in {"fn", "cfn"} and (named := NAMED.match(value)):
            if named[2]:
                names[named[1]] = named[2]
            if key == "fn":
                function = named[1]
        elif key == "calls":
            skip = True  # the next line is what the callee cost
        elif function and (cost := COST.match(line)):
            if not skip:
                own[function] += int(cost[1])
            skip = False
    return Counter({names[number]: n for number, n in own.items() if n})
