"""Command ``ledger server DIR``: a private PostgreSQL server to try the ledger with.

DIR ──tools.ledger_cluster──▶ server on a Unix socket in DIR ──▶ its URL on stdout ──Ctrl-C or SIGTERM──▶ stopped; removed, if this command made DIR

No daemon, no port, no root. It syncs its log, so what ``ledger write`` stores is as safe as DIR is. A directory that this command made has its mark in it; one
without it is never touched, and one that was kept before stays kept. A server that ends by itself leaves everything, with its log. What can fail: UsageError
for a directory that is not ours, ToolError when the server's programs are not installed or it does not start.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ringfence.ipc import stop
from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_cluster import PrivateCluster

POLL_S = 0.5
MARK = ".ringfence-ledger"


def server(args: argparse.Namespace) -> int:
    """Start it, print its URL, wait; exit 1 when it ends by itself."""
    directory = Path(args.dir).resolve()
    again = (directory / MARK).is_file()
    if not again and directory.exists() and any(directory.iterdir()):
        raise UsageError(f"{directory}: has files and is no server of ours; name another directory")
    stop.install()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARK).write_text("made by: ringfence ledger server\n")
    kept = args.keep or again
    cluster = PrivateCluster(directory)
    try:
        print(cluster.start().url, flush=True)
        if not args.options.quiet:
            print(f"○ give it to --store; Ctrl-C ends it{', ' + str(directory) + ' stays' if kept else ' and removes ' + str(directory)}", file=sys.stderr)
        while not stop.wait(POLL_S):
            if not cluster.alive:
                kept = True
                print(f"✖ the server ended by itself; see {directory / 'log'}", file=sys.stderr)
                return 1
    except BaseException:
        kept = True  # what it left says why
        raise
    finally:
        cluster.stop() if kept else cluster.remove()
    return 0
