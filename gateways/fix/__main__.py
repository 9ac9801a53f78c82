"""Process entry: ``python -m ringfence.gateways.fix --spec FILE.json``.

Logs to stderr (the supervisor redirects it). SIGTERM and SIGINT: Logout, at most 2 s, exit 0. Exit 1: the store or a region cannot be used, 2: bad spec.
"""

from __future__ import annotations

import argparse
import logging
import sys

from ringfence.gateways.errors import GatewayError, SessionError
from ringfence.gateways.fix.gateway import Gateway
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.ipc import host, stop
from ringfence.ipc.errors import IpcError

log = logging.getLogger("ringfence.gateway")


def main(argv: list[str] | None = None) -> int:
    """Run one gateway; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m ringfence.gateways.fix", description="FIX gateway of one venue")
    parser.add_argument("--spec", required=True, help="JSON file, keys as in ringfence.gateways.fix.spec.GatewaySpec")
    arguments = parser.parse_args(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop.install()
    try:
        spec = GatewaySpec.load(arguments.spec)
    except SessionError as error:
        log.error("%s", error)
        return 2
    if not (pinned := host.pin(spec.core)):
        log.warning("%s", pinned)
    try:
        gateway = Gateway(spec)
    except (GatewayError, IpcError, OSError) as error:
        log.error("%s", error)
        return 1
    try:
        return gateway.run()
    except IpcError as error:
        log.error("%s", error)
        return 1
    finally:
        gateway.close()


if __name__ == "__main__":
    sys.exit(main())
