"""``python -m ringfence.bench BENCH [--json] [--quick] [--rounds N]``: run one benchmark; without a name it lists them."""

from __future__ import annotations

import importlib
import sys

from ringfence.bench import peers, report

BENCHES = {
    "ring": "two processes over a ring: throughput and round trip, against Boost.Lockfree, multiprocessing.Queue and a bare cache line",
    "ipc": "Python to Python: our ring against multiprocessing, posix_ipc, pyzmq and iceoryx2",
    "broadcast": "the broadcast ring: one producer, three readers, what each takes and loses",
    "tick_to_order": "a tick in shared memory to FIX bytes at send: every stage, open loop at three rates, against two cross-core hops",
    "engine": "the engine: time and instructions per intent, ack and fill",
    "orders": "orders per second through risk and execution, against nautilus_trader with its simulated venue",
    "checks": "what pre-trade checks cost: instructions of a new intent without limits, with each alone and with all",
    "fix": "the FIX codec: encode and parse, against simplefix and quickfix",
    "counts": "the gate: instructions of the hot paths against the checked-in baseline (--update rewrites it)",
    "recovery": "time until the state is back, from the whole journal and from snapshots of several ages",
    "memory": "every process of an instance over millions of events: resident memory, mappings, open files, and what grows",
    "journal": "the journal writer: throughput and commit latency, against a raw preallocated writer of the same sizes",
    "commit": "durable commits one after another: our journal writer against NATS JetStream",
    "sidecar": "the engine's time per input with the sidecar at work and with it stopped",
    "ledger": "the ledger: fills booked per second and instructions per fill by cost method, against nautilus_trader and beancount",
    "ledger_store": "the ledger's store: fills from journal to committed rows, against plain COPY of the same rows",
    "kill": "the kill switch with many open orders: blocked, cancelled, confirmed; engine and gateway alive, throttled, stopped",
    "hot_path": "the engine under steady traffic: system calls, page faults and context switches per message",
}


def main(argv: list[str]) -> int:
    """Run the benchmark named first, or all of them; 2 when there is none of that name."""
    if argv and argv[0] == "all":
        return report.main(argv[1:], tuple(BENCHES))
    if argv and argv[0] == "setup-peers":
        return peers.main(argv[1:])
    if not argv or argv[0] not in BENCHES:
        lines = [f"  {name:14}{doc}" for name, doc in BENCHES.items()]
        print(
            "usage: python -m ringfence.bench BENCH [--json] [--quick] [--rounds N]\n       python -m ringfence.bench all [--report FILE.md] [--only BENCH]\n"
            + "\n".join(lines),
            file=sys.stderr,
        )
        return 2
    module = importlib.import_module(f"ringfence.bench.{argv[0]}")
    return int(module.main(argv[1:]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
