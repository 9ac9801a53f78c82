"""``ringfence scenario``: run scenario files and say what does not hold.

    paths ──files──▶ read ──▶ setup ──▶ Machine ──step by step──▶ Checker ──▶ Result ──▶ text or JSON

A bad file does not keep the others from running; exit code 2 (a bad file) goes before 7 (a difference), since a suite that was not read has proved nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ringfence.core.errors import CoreError
from ringfence.tools.scenario_actions import do
from ringfence.tools.scenario_config import setup
from ringfence.tools.scenario_expect import Checker, Difference
from ringfence.tools.scenario_file import SUFFIX, read
from ringfence.tools.scenario_machine import Machine, Trace
from ringfence.tools.scenario_words import BadScenario, NoSuchName, Scenario, Wrong

SCHEMA = "rf.scenario/1"
OK, BAD_FILE, DIFFERENT = 0, 2, 7


@dataclass(frozen=True)
class Failure:
    """A difference and the line that expected it."""

    line: int
    difference: Difference

    def __str__(self) -> str:
        d = self.difference
        return f"{d.field}: expected {d.expected}, is {d.actual}"


@dataclass
class Result:
    """What came of one file; ``error`` when it could not be read."""

    path: str
    checks: int = 0
    failures: list[Failure] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    error: BadScenario | None = None
    state_hash: int = 0
    journal: list[bytes] = field(default_factory=list, repr=False)

    @property
    def ok(self) -> bool:
        return self.error is None and not self.failures

    def as_json(self) -> dict[str, Any]:
        """One object; figures and hashes are text."""
        failures = [{"line": f.line, "field": f.difference.field, "expected": f.difference.expected, "actual": f.difference.actual} for f in self.failures]
        out: dict[str, Any] = {"file": self.path, "ok": self.ok, "checks": self.checks, "failures": failures}
        if self.error is not None:
            return out | {"error": {"line": self.error.line, "problem": self.error.problem}}
        return out | {"sent": self.sent, "state_hash": f"{self.state_hash:016x}"}


def files(paths: Iterable[str]) -> Iterator[tuple[Path, BadScenario | None]]:
    """Yield the files that ``paths`` name, directories walked in order; what names none comes with its error."""
    for text in paths:
        path = Path(text)
        if not path.is_dir():
            yield path, None
            continue
        found = sorted(p for p in path.rglob(f"*{SUFFIX}") if p.is_file())
        if not found:
            yield path, BadScenario(text, 0, f"no *{SUFFIX} in this directory")
        yield from ((p, None) for p in found)


def run(scenario: Scenario, trace: Trace | None = None, *, first_only: bool = False) -> Result:
    """Run a scenario that was read; ``first_only`` ends it at its first difference."""
    result = Result(scenario.path)
    with tempfile.TemporaryDirectory(prefix="ringfence-scenario-") as directory:
        try:
            machine = Machine(setup(scenario), Path(directory), trace)
        except Wrong as e:
            result.error = BadScenario(scenario.path, scenario.config_line, str(e))
            return result
        try:
            _steps(scenario, machine, result, trace, first_only=first_only)
        finally:
            machine.close()
    result.sent = [str(s) for s in machine.sent]
    result.state_hash = machine.replayer.state_hash()
    result.journal = machine.journal
    return result


def _steps(scenario: Scenario, machine: Machine, result: Result, trace: Trace | None, *, first_only: bool) -> None:
    checker = Checker(machine)
    for step in scenario.steps:
        found = []
        try:
            if step.kind == "expect":
                result.checks += 1
                found = [Failure(step.line, d) for d in checker.compare(step.value)]
            else:
                do(machine, step)
        except NoSuchName as e:
            result.error = BadScenario(scenario.path, step.line, str(e))
            return
        except Wrong as e:
            found = [Failure(step.line, Difference(step.kind, "a line that can be done", str(e)))]
        except CoreError as e:
            result.failures.append(Failure(step.line, Difference(step.kind, "a frame that the engine takes", str(e))))
            return
        result.failures += found
        for failure in found:
            if trace is not None:
                trace(f"line {failure.line}: {failure}")
        if found and first_only:
            return


def run_file(path: Path, trace: Trace | None = None, *, first_only: bool = False) -> Result:
    """Read and run one file; a bad one is a result too."""
    try:
        scenario = read(path)
    except BadScenario as e:
        return Result(str(path), error=e)
    return run(scenario, trace, first_only=first_only)


def exit_code(results: Iterable[Result]) -> int:
    code = OK
    for result in results:
        if result.error is not None:
            return BAD_FILE
        if not result.ok:
            code = DIFFERENT
    return code


def report(result: Result) -> str:
    """What does not hold in one file, for a reader; empty when all does."""
    if result.error is not None:
        return str(result.error)
    if result.ok:
        return ""
    lines = [f"{result.path}:{f.line}: {f}" for f in result.failures]
    lines.append(f"  {len(result.sent)} messages were sent:" if result.sent else "  nothing was sent")
    lines += [f"    {i:3} {text}" for i, text in enumerate(result.sent, 1)]
    return "\n".join(lines)


def summary(results: list[Result]) -> dict[str, int]:
    return {
        "files": len(results),
        "checks": sum(r.checks for r in results),
        "ok": sum(r.ok for r in results),
        "different": sum(bool(r.failures) for r in results),
        "bad": sum(r.error is not None for r in results),
    }
