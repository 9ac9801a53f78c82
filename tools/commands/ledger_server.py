"""Command ``ledger server DIR``: a private PostgreSQL server to try the ledger with.

DIR ──tools.ledger_cluster──▶ server on a Unix socket in DIR ──▶ its URL on stdout ──Ctrl-C or SIGTERM──▶ stopped, and removed

No daemon, no port, no root. It syncs its log, so what ``ledger write`` stores is as safe as DIR is. What can fail: UsageError for a directory that is not ours,
ToolError when the server's programs are not installed or it does not start.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ringfence.ipc import stop
from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_cluster import PrivateCluster

POLL_S = 0.5


def server(args: argparse.Namespace) -> int:
    """Start it, print its URL, wait; exit 1 when it ends by itself."""
    directory = Path(args.dir).resolve()
    if directory.exists() and any(directory.iterdir()) and not (directory / "data" / "PG_VERSION").is_file():
        raise UsageError(f"{directory}: has files and is no server of ours; name another directory")
    stop.install()
    cluster = PrivateCluster(directory).start()
    try:
        print(cluster.url, flush=True)
        if not args.options.quiet:
            print(f"○ give it to --store; Ctrl-C ends it{'' if args.keep else ' and removes ' + str(directory)}", file=sys.stderr)
        while not stop.wait(POLL_S):
            if not cluster.alive:
                print(f"✖ the server ended by itself; see {directory / 'log'}", file=sys.stderr)
                return 1
    finally:
        cluster.stop() if args.keep else cluster.remove()
    return 0
