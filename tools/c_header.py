"""``ringfence.h``: everything that a strategy in C or C++ needs, in one file. ``python -m ringfence.tools.c_header > ringfence.h``

    ipc/records.h (generated from the schema), ipc/*.h, strategies/runtime.h, strategies/join.h ──▶ one header, in the order of their includes

Made when it is asked for, from the headers that this build itself was compiled with, so there is no second copy that could be stale; a program
built with another layout is refused when it joins. No library: all functions are inline. Link with nothing (glibc before 2.34: -lrt).
"""

from __future__ import annotations

import re
import sys
from importlib import resources

PACKAGES = ("ringfence.strategies", "ringfence.ipc")
_INCLUDE = re.compile(r'^#include "([\w.]+)"\n', re.MULTILINE)


def _text(name: str) -> str:
    for package in PACKAGES:
        file = resources.files(package).joinpath(name)
        if file.is_file():
            return file.read_text()
    raise FileNotFoundError(f"header {name} is in none of {', '.join(PACKAGES)}")


def header() -> str:
    """Return the text of ``ringfence.h``.

    Raises
    ------
    FileNotFoundError
        If the installation lacks a header.
    """
    done: list[str] = []

    def add(name: str) -> str:
        if name in done:
            return ""
        done.append(name)
        return _INCLUDE.sub(lambda m: add(m.group(1)), _text(name))

    return add("join.h")


def main() -> int:
    """Write the header to standard output."""
    sys.stdout.write(header())
    return 0


if __name__ == "__main__":
    sys.exit(main())
