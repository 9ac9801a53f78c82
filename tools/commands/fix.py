"""``fix acceptor``, a FIX acceptor for interoperability tests, and ``fix decode``, FIX logs made readable. Neither needs an instance.

``fix acceptor`` prints ``listening on HOST:PORT`` on standard output when it is ready, and what happens to its sessions on standard error; with ``--json``
both go to standard output, one object a line. It ends on SIGINT or SIGTERM with a Logout of every session: exit 0. Exit 1: a port, store or certificate cannot
be used; exit 2: a session is not described rightly.
``fix decode`` exits 0, or 1 when nothing in the input was FIX.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from ringfence.gateways.errors import GatewayError, SessionError
from ringfence.gateways.fix import dictionary
from ringfence.gateways.fix.acceptor import Acceptor, listen
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.echo import Echo, Groups
from ringfence.gateways.fix.schedule import Schedule
from ringfence.tools.errors import ToolError, UsageError

_SESSION = re.compile(r"(FIX[^:]*):(.+?)->(.+)")


def _described(args: argparse.Namespace) -> list[tuple[str, str, str, frozenset[str]]]:
    """Return BeginString, SenderCompID, TargetCompID and switched-off checks of every session that the command line names."""
    found: list[tuple[str, str, str, frozenset[str]]] = []
    for text in args.sessions:
        head, *switches = text.split(",")
        match = _SESSION.fullmatch(head)
        if match is None:
            raise UsageError(f"--session {text!r} is not of the form FIX.4.4:SENDER->TARGET, with ,no-check-NAME behind it where wanted")
        found.append((match[1], match[2], match[3], frozenset(s.removeprefix("no-check-") for s in switches)))
    if args.target_comp_id:
        if not args.sender_comp_id:
            raise UsageError("--target-comp-id needs --sender-comp-id, the name of this side")
        begins = args.begin_string or ["FIX.4.2"]
        if len(begins) == 1:
            begins *= len(args.target_comp_id)
        if len(begins) != len(args.target_comp_id):
            raise UsageError(f"{len(begins)} --begin-string for {len(args.target_comp_id)} --target-comp-id; give one for all, or one for each")
        found += [(begin, args.sender_comp_id, target, frozenset()) for begin, target in zip(begins, args.target_comp_id, strict=True)]
    if not found:
        raise UsageError("no session: give --sender-comp-id and --target-comp-id, or --session FIX.4.4:SENDER->TARGET")
    return found


def _sessions(args: argparse.Namespace) -> list[SessionConfig]:
    names = {name.replace("_", "-"): bit for name, bit in dictionary.CHECKS.items()}
    off_for_all = {name for name in names if getattr(args, "no_check_" + name.replace("-", "_"))}
    configs = []
    for begin, sender, target, off in _described(args):
        if unknown := sorted(off - names.keys()):
            raise UsageError(f"--session: no check is called {unknown[0]!r}; there are {', '.join(names)}")
        checks = dictionary.CHECK_ALL & ~sum(names[name] for name in off | off_for_all)
        try:
            configs.append(SessionConfig(sender, target, "acceptor", begin, args.heartbeat, args.profile, checks, reset_on_logon=args.reset_on_logon))
        except SessionError as e:
            raise UsageError(str(e)) from e
    return configs


def _schedule(args: argparse.Namespace) -> Schedule | None:
    """Return the windows that the flags describe; None when they describe none."""
    named = {"time_zone": args.time_zone, "start": args.start_time, "end": args.end_time, "start_day": args.start_day, "end_day": args.end_day}
    given = {key: value for key, value in named.items() if value is not None}
    if not given:
        return None
    if "start" not in given or "end" not in given:
        raise UsageError("a schedule needs --start-time and --end-time")
    try:
        return Schedule(**given)
    except SessionError as e:
        raise UsageError(f"schedule: {e}") from e


def _groups(begin_string: str) -> Callable[[bytes], Groups]:
    """Return what gives the groups of a MsgType(35)."""
    messages = dictionary.load(begin_string).messages

    def groups(msg_type: bytes) -> Groups:
        found = messages.get(msg_type)
        return found.groups if found is not None else {}

    return groups


def _logger(as_json: bool, quiet: bool) -> Callable[[str, str, str], None]:
    """Return what tells of an event: its name, the session or peer, a text."""

    def tell_json(event: str, who: str, text: str) -> None:
        _say({"event": event, "session" if "->" in who else "peer": who, "text": text})

    def tell(event: str, who: str, text: str) -> None:
        if not quiet:
            sys.stderr.write(f"{who}: {text}\n" if event == "note" else f"{who}: {event}: {text}\n")
            sys.stderr.flush()

    return tell_json if as_json else tell


def _say(fields: dict[str, Any]) -> None:
    print(json.dumps({"schema": "rf.fix_acceptor/1", "ts_ns": str(time.time_ns()), **fields}), flush=True)


def _secure(args: argparse.Namespace) -> Callable[[socket.socket, Callable[[str], None]], socket.socket] | None:
    """Return what makes an accepted socket plain, when the command line asks for TLS."""
    if not args.tls_cert:
        if args.tls_key or args.tls_ca:
            raise UsageError("--tls-key and --tls-ca need --tls-cert, our certificate")
        return None
    from ringfence.gateways.fix import tls

    config = tls.TlsConfig(args.tls_ca or "", args.tls_cert, args.tls_key or "")
    tls.context(config, server=True)
    return lambda sock, log: tls.server(sock, config, log)


def acceptor(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    if not args.echo:
        raise UsageError("fix acceptor needs an application: say --echo")
    if not 0 <= args.port <= 65535:
        raise UsageError(f"--port was {args.port}; use 0 to 65535")
    configs, schedule = _sessions(args), _schedule(args)
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

    as_json = args.options.output in {"json", "ndjson"}
    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, stop))
        try:
            listener = stack.enter_context(listen(args.host, args.port))
            folder = Path(args.store or stack.enter_context(tempfile.TemporaryDirectory(prefix="ringfence-fix-")))
            folder.mkdir(parents=True, exist_ok=True)
            running = Acceptor(
                [(c, Echo(_groups(c.begin_string))) for c in configs],
                folder,
                listener,
                dictionary=dictionary.load,
                schedule=schedule,
                clock=time.time_ns,
                log=_logger(as_json, args.options.quiet),
                secure=_secure(args),
            )
        except GatewayError as e:
            raise ToolError(str(e)) from e
        host, port = listener.getsockname()[:2]
        if as_json:
            _say({"event": "listening", "host": host, "port": port, "sessions": [c.identity for c in configs]})
        else:
            print(f"listening on {host}:{port}", flush=True)
        while not stopped:
            running.turn()
        running.close()
    return 0


def _chunks(path: str) -> Iterator[bytes]:
    """Read what is there as it comes: a pipe that goes on is printed line by line."""
    with ExitStack() as stack:
        fd = sys.stdin.fileno() if path == "-" else stack.enter_context(Path(path).open("rb")).fileno()
        while data := os.read(fd, 65536):
            yield data


def decode(args: argparse.Namespace) -> int:
    """Print every message; exit 1 when there was none."""
    from ringfence.tools import fix_log

    options = args.options
    as_json = options.output in {"json", "ndjson"}
    count = 0
    for line in fix_log.lines(_chunks(args.file)):
        for message in fix_log.messages(line):
            count += 1
            if as_json:
                print(json.dumps(fix_log.as_json(message), ensure_ascii=False), flush=True)
            else:
                print((fix_log.oneline if args.oneline else fix_log.block)(message, options.colour), flush=True)
    if not count:
        print(f"ringfence: no FIX message in {'standard input' if args.file == '-' else args.file}: a message begins with 8=FIX", file=sys.stderr)
    return 0 if count else 1
