"""A private PostgreSQL server on a Unix socket in a directory: for trying out, tests and benches. No daemon, no port, no root.

    PrivateCluster(directory).start() ──initdb, once──▶ directory/data ──postgres──▶ socket in directory ──▶ url

PostgreSQL refuses to run as root, so root runs it as the user ``postgres`` (Debian's package makes it) or ``nobody``. It ends with ``stop``, and with the
thread that started it, should this process be killed; what is left of it is the directory. What can fail: ToolError when the server's programs are not
installed, and when it does not start, with the end of its log.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ringfence.tools.errors import TimedOut, ToolError

USER = "ringfence"
_PR_SET_PDEATHSIG = 1
READY_S = 30.0
POLL_S = 0.02
PATH_MAX = 90  # of a socket's directory: the kernel takes 107 bytes for the whole name


def server_programs() -> Path | None:
    """Return the directory of the newest PostgreSQL server's programs; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]) if p.parts[-3].isdigit() else 0)
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


class PrivateCluster:
    """One server; ``synced`` False trades safety against a loss of the host for speed, which tests want.

    Parameters
    ----------
    directory : Path
        Made when it is not there; its name is short, since it holds the socket.
    """

    def __init__(self, directory: Path, *, synced: bool = True, settings: dict[str, str] | None = None) -> None:
        programs = server_programs()
        if programs is None:
            raise ToolError("PostgreSQL's server is not installed; on Debian: apt-get install postgresql")
        if len(str(directory)) > PATH_MAX:
            raise ToolError(f"{directory}: is too long for the name of a socket; give a directory with at most {PATH_MAX} characters")
        self.directory, self.programs = directory, programs
        self.settings = {"listen_addresses": "", "unix_socket_directories": str(directory), **({} if synced else {"fsync": "off"}), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {u.pw_name: u for u in pwd.getpwall()}
            user = names.get("postgres") or names["nobody"]
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    @property
    def url(self) -> str:
        """Return the URL of its database, as its owner."""
        return f"postgresql://{USER}@/postgres?host={quote(str(self.directory), safe='')}"

    @property
    def pid(self) -> int:
        """Return the server's process, 0 when it does not run."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        """Return whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> PrivateCluster:
        """Make it, if it is new, start it and wait until it answers.

        Raises
        ------
        ToolError
            If it does not start.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._as:
            os.chown(self.directory, self._as["user"], self._as["group"])
        data = self.directory / "data"
        if not (data / "PG_VERSION").exists():
            made = subprocess.run(
                [self.programs / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
                **self._as,
                cwd=self.directory,
                env=_environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                raise ToolError(f"{data}: initdb failed: {' '.join(made.stderr.split())[-300:]}")
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        prctl = ctypes.CDLL(None).prctl  # looked up here: other threads may hold the loader's lock while we fork
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", data, *options],
                **self._as,
                cwd=self.directory,
                env=_environment(),
                stdout=log,
                stderr=log,
                preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT),  # noqa: PLW1509, the child only makes a system call
            )
        until = time.monotonic() + READY_S
        while not self._ready():
            if self._process.poll() is not None:
                raise ToolError(f"PostgreSQL ended with code {self._process.returncode}: {self._log_end()}")
            if time.monotonic() > until:
                self.stop()
                raise TimedOut(f"PostgreSQL did not answer within {READY_S:g} s: {self._log_end()}")
            time.sleep(POLL_S)
        return self

    def _ready(self) -> bool:
        asked: list[str | Path] = [self.programs / "pg_isready", "-q", "-h", self.directory, "-U", USER]
        return subprocess.run(asked, env=_environment(), check=False).returncode == 0

    def _log_end(self) -> str:
        return " ".join((self.directory / "log").read_text(errors="replace").split())[-300:]

    def stop(self, how: int = signal.SIGINT) -> None:
        """End it: SIGINT disconnects everybody, SIGQUIT is a crash (it recovers from its log at the next start)."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End it and delete its directory."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Ours without what libpq and the server read from it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
