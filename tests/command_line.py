"""Commands as a user types them, run in this process: what tests of an instance ask for is the answer, and a process for each question is half a second."""

from __future__ import annotations

import contextlib
import io
from subprocess import CompletedProcess

from ringfence.tools import cli


def run(instance: str, *words: str) -> CompletedProcess[str]:
    """Run one command on an instance; its exit code and what it printed. That commands work as processes is for ``tools/test_cli.py`` to show."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main([*words, "--instance", instance])
        except SystemExit as e:  # the words were wrong
            code = int(e.code or 0)
    return CompletedProcess(words, code, out.getvalue(), err.getvalue())
