"""Child processes: start, know of their end from the kernel, start again within bounds, stop.

    ChildPlan ──start──▶ process in its own group, output in DATA/logs/NAME.log ──pidfd──▶ the supervisor's loop ──▶ again, or not

Liveness is the pidfd, never a heartbeat. A child is in a process group of its own, so that Ctrl-C on the terminal reaches the supervisor only,
which stops the children in order; it outlives a supervisor that is killed, and the next one stops it first. Restart policy (``[supervisor]`` of the
configuration): at most ``restarts_max`` times in ``restart_window_s``, after a wait that doubles; a child that ends because what it was told is
wrong (exit codes of ``FATAL``) is not started again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ringfence.ipc.regions import process_start_ticks
from ringfence.tools.config import SupervisorConfig
from ringfence.tools.specs import ChildPlan

FATAL = frozenset({2, 3, 4, 7})
DOUBLINGS_MAX = 30
LOG_TAIL_BYTES = 4096


class Child:
    """One child process and its history."""

    def __init__(self, plan: ChildPlan, policy: SupervisorConfig, log_dir: Path, cwd: Path | None) -> None:
        self.plan, self.policy = plan, policy
        self.log_path = log_dir / f"{plan.name}.log"
        self.cwd = cwd
        self.process: subprocess.Popen[bytes] | None = None
        self.pidfd = -1
        self.start_ticks = 0
        self.started_ns = 0
        self.restarts = 0
        self.exit_code = 0
        self.due = 0.0  # monotonic time of the next start; 0: none is planned
        self.given_up = False
        self.too_often = False  # given up because it died more often than the policy allows
        self.log_start = 0
        self.note = ""
        self._starts: list[float] = []
        self._refused: list[str] = []

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    @property
    def running(self) -> bool:
        return self.process is not None

    def start(self, arguments: Sequence[str] = (), fds: Sequence[int] = ()) -> None:
        """Start the process.

        Raises
        ------
        OSError
            If the command cannot be run.
        """
        self.due = 0.0
        self._starts.append(time.monotonic())
        self.restarts = len(self._starts) - 1
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.plan.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.cwd,
                env={**os.environ, **self.plan.environment},
                pass_fds=tuple(fds),
                process_group=0,
            )
        self.pidfd = os.pidfd_open(self.process.pid)
        self.start_ticks = process_start_ticks(self.process.pid) or 0
        self.started_ns = time.time_ns()
        if self.plan.core >= 0 and self.plan.role == "STRATEGY":  # our own processes pin themselves
            self._pin()

    def ended(self) -> int:
        """Collect the exit of a process whose pidfd is readable; its exit code, negative for a signal."""
        if self.process is None:
            return self.exit_code
        self.exit_code = self.process.wait()
        os.close(self.pidfd)
        self.process, self.pidfd = None, -1
        return self.exit_code

    def plan_restart(self) -> bool:
        """Decide after an end whether and when to start again; False: no more."""
        now, policy = time.monotonic(), self.policy
        recent = sum(now - s < policy.restart_window_s for s in self._starts)
        self.too_often = recent > policy.restarts_max
        self.given_up = not self.plan.restart or self.exit_code == 0 or self.exit_code in FATAL or self.too_often
        if not self.given_up:
            doublings = min(max(recent - 1, 0), DOUBLINGS_MAX)
            self.due = now + min(policy.restart_wait_max_ms, policy.restart_wait_ms * 2**doublings) / 1000
        return not self.given_up

    def signal(self, number: signal.Signals) -> None:
        """Signal the process, by pidfd: never another one that got its pid."""
        if self.pidfd >= 0:
            try:
                signal.pidfd_send_signal(self.pidfd, number)
            except ProcessLookupError:
                return  # it has ended; its pidfd says so

    def log_lines(self) -> list[str]:
        """The last lines that it has written since its last start."""
        if not self.log_path.exists():
            return []
        with self.log_path.open("rb") as log:
            log.seek(max(self.log_start, self.log_path.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace").splitlines()

    def reason(self) -> str:
        """Why it ended, in its own last words."""
        lines = [line for line in self.log_lines() if " ERROR " in line or " CRITICAL " in line or "Error" in line] or self.log_lines()
        said = f": {lines[-1]}" if lines else ""
        how = f"killed by {signal.Signals(-self.exit_code).name}" if self.exit_code < 0 else f"exit code {self.exit_code}"
        return f"{self.plan.name} ended ({how}){said}"

    def refusals(self) -> list[str]:
        """What the host did not grant, each with the command that would."""
        said = [line.split(" WARNING ", 1)[-1] for line in self.log_lines() if "grant: " in line]
        return [f"{self.plan.name}: {text}" for text in [*self._refused, *said]]

    def _pin(self) -> None:
        try:
            os.sched_setaffinity(self.pid, {self.plan.core})
        except OSError as e:
            self._refused = [f"pin to core {self.plan.core}: {e.strerror}; grant: choose another core for this strategy"]
