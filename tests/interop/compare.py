"""A whole instance against an acceptor that keeps its own record, then a comparison of both sides' books, field by field.

    python tests/interop/compare.py --orders 10000 [--seed 7] [--kill engine --kill gw.qf --kill sidecar] [--keep DIR] [--json]
    python tests/interop/compare.py --orders 2000 --against venue --kill venue
    python tests/interop/compare.py --orders 10000 --begin-string FIX.4.4

The acceptor is quickfix_acceptor.py, on an engine that is not ours, or the simulated venue. With it run an instance
(``tools/supervisor.py``) and a strategy process (driver.py). When nothing is in flight, our tables are taken from shared memory and the
acceptor's record from its file, and compared: orders (quantities, price, status, sum of price times quantity, by ClOrdID), executions and
positions. At the end the instance is stopped and its journal replayed.
Each ``--kill`` ends a component (or the simulated venue) with SIGKILL on the way, spread over the run; it is started again and the books
must still be equal.
Exit codes: 0 equal, 7 differences (listed), 1 the run failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.core.clordid import encode_cl_ord_id
from ringfence.gateways.venue.record import read_record
from ringfence.ipc.errors import IpcError
from ringfence.ipc.regions import unlink_stale
from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.ipc.segment import Segment

HERE = Path(__file__).resolve().parent
READY_S, QUIET_S, REST_S, STOP_S = 100.0, 60.0, 20.0, 40.0  # a sidecar has been silent for 40 once, for a reason not found
DIFFERENCES_SHOWN = 20
STATUS = {"0": "NEW", "1": "PARTIALLY_FILLED", "2": "FILLED", "4": "CANCELED", "8": "REJECTED"}
BOOKED = CONSTANTS["EXECUTION_BOOKED"][0]
UP = ENUMS["SessionState"].by_name["UP"]

SUPERVISE = "import sys; from ringfence.tools import supervisor; sys.exit(supervisor.up(sys.argv[1]))"

CONFIG = """
[instance]
name = "{instance}"
data_dir = "data"
mode = "demo"
prefix = "QF"

[rings]
intents = 1024

[limits]
orders = {order_rows}
executions = {execution_rows}

[[instrument]]
symbol = "EUR/USD"
base = "EUR"
quote = "USD"
price_digits = 5
qty_digits = 0
tick = "0.00001"
lot = "1"
qty_min = "1"
qty_max = "10000000"

[[account]]
name = "main"
code = "ACC-1"
currency = "USD"

[[account]]
name = "hedge"
code = "ACC-2"
currency = "USD"

[[venue]]
name = "qf"

[venue.session]
begin_string = "{begin_string}"
sender_comp_id = "RINGFENCE"
target_comp_id = "QF"
host = "127.0.0.1"
port = {port}

[[strategy]]
name = "qf1"
cancel_on_detach = false

[[route]]
name = "all"
venue = "qf"
"""


class RunFailed(RuntimeError):
    """The run could not be made or did not come to rest; says where to look."""


# ---- our side


def our_books(state: Segment) -> dict[str, Any]:
    """Return orders, executions and positions from the engine's tables, in the words of the acceptor's record."""
    engine = state.section("engine")[1].copy()
    instrument = state.section("instruments")[1]
    px_digits, qty_digits = int(instrument["price_digits"]), int(instrument["qty_digits"])
    accounts = [row["code"].decode() for row in state.section("accounts")]
    prefix = engine["prefix"].decode()
    orders: dict[str, dict[str, Any]] = {}
    names: dict[int, str] = {0: "(suspense)"}
    for row in range(1, int(engine["order_count"]) + 1):
        o = state.section("orders")[row].copy()
        names[row] = encode_cl_ord_id(prefix, int(o["day_code"]), row, 0)
        orders[names[row]] = {
            "cl_ord_id": encode_cl_ord_id(prefix, int(o["day_code"]), row, int(o["live_revision"])),
            "order_id": o["venue_order_id"].decode(),
            "account": accounts[int(o["account"])],
            "side": str(int(o["side"])),
            "status": ENUMS["OrdStatus"].by_value[int(o["ord_status"])],
            "qty": Decimal(int(o["qty"])).scaleb(-qty_digits),
            "cum": Decimal(int(o["cum_qty"])).scaleb(-qty_digits),
            "leaves": Decimal(int(o["leaves_qty"])).scaleb(-qty_digits),
            "px": Decimal(int(o["px"])).scaleb(-px_digits) if o["px"] else None,
            "notional": Decimal((int(o["notional_hi"]) << 64) | int(o["notional_lo"])).scaleb(-px_digits - qty_digits),
        }
    executions = {}
    for row in range(1, int(engine["execution_count"]) + 1):
        x = state.section("executions")[row]
        if int(x["state"]) == BOOKED:
            executions[x["exec_id"].decode(), names[int(x["order_id"])]] = {
                "side": str(int(x["side"])),
                "account": accounts[int(x["account"])],
                "qty": Decimal(int(x["last_qty"])).scaleb(-qty_digits),
                "px": Decimal(int(x["last_px"])).scaleb(-px_digits),
            }
    positions: dict[str, dict[str, Decimal]] = {}
    for row in range(1, int(engine["position_count"]) + 1):
        p = state.section("positions")[row]
        total = positions.setdefault(accounts[int(p["account"])], dict.fromkeys(("net", "bought", "sold", "traded"), Decimal(0)))
        for name, column in (("net", "net_qty"), ("bought", "bought_qty"), ("sold", "sold_qty")):
            total[name] += Decimal(int(p[column])).scaleb(-qty_digits)
        total["traded"] += Decimal((int(p["traded_hi"]) << 64) | int(p["traded_lo"])).scaleb(-px_digits - qty_digits)
    return {"orders": orders, "executions": executions, "positions": positions}


# ---- their side


class QuickFix:
    """The acceptor on QuickFIX: writes its record when it is asked to."""

    def __init__(self, folder: Path, seed: int, begin_string: str, stack: contextlib.ExitStack) -> None:
        self.path = folder / "acceptor.json"
        command = [sys.executable, str(HERE / "quickfix_acceptor.py"), "--seed", str(seed), "--record", str(self.path), "--store", str(folder / "acceptor")]
        command += ["--begin-string", begin_string]
        self.process = stack.enter_context(process(command, folder / "acceptor.log", stdout=subprocess.PIPE))
        self.port = listening(self.process)
        self.counts: dict[str, int] = {}

    def books(self) -> dict[str, Any]:
        self.path.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        wait_for("the acceptor's record", READY_S, self.path.exists)
        record = json.loads(self.path.read_text())
        self.counts = record["counts"]
        return their_books(record)


class Simulated:
    """The simulated venue on real ticks, which end after some seconds so that the book comes to rest."""

    def __init__(self, folder: Path, seed: int, begin_string: str, stack: contextlib.ExitStack) -> None:
        self.folder, self.stack, self.port = folder, stack, 0
        self.counts: dict[str, int] = {}
        spec: dict[str, Any] = {"port": 0, "sender_comp_id": "QF", "target_comp_id": "RINGFENCE", "seed": seed, "reject_ppm": 30_000, "pending_acks": True}
        spec |= {"latency_ms": [0.2, 1], "symbols": [{"symbol": "EUR/USD", "price_digits": 5, "level_qty": [500, 3_000], "clip": 600}]}
        ticks = {"symbol": "EUR/USD", "file": "eurusd_ticks.csv", "format": "histdata"}
        self.spec = spec | {
            "begin_string": begin_string,
            "quotes": {"ticks": [ticks], "speed": 3_000, "loop": False},
            "store": "venue.store",
            "record": "venue.ndjson",
        }
        self.start()

    def start(self) -> None:
        file = self.folder / "venue.json"
        file.write_text(json.dumps(self.spec | {"port": self.port}))
        command = [sys.executable, "-m", "ringfence.gateways.venue", "--spec", str(file)]
        self.process = self.stack.enter_context(process(command, self.folder / "venue.log", stdout=subprocess.PIPE))
        self.port = listening(self.process)

    def kill(self) -> None:
        """Kill the venue and start it again on its port."""
        self.process.kill()
        self.process.wait()
        self.start()

    def books(self) -> dict[str, Any]:
        record = read_record(self.folder / "venue.ndjson")
        roots = {o.order_id: o.cl_ord_ids[0] for o in record.orders.values()}
        notional: dict[str, Decimal] = dict.fromkeys(roots.values(), Decimal(0))
        positions: dict[str, dict[str, Decimal]] = {}
        for x in record.fills:
            notional[roots[x.order_id]] += x.qty * x.px
            row = positions.setdefault(x.account, dict.fromkeys(("net", "bought", "sold", "traded"), Decimal(0)))
            row["bought" if x.side == "1" else "sold"] += x.qty
            row["net"] += x.qty if x.side == "1" else -x.qty
            row["traded"] += x.qty * x.px
        orders = {
            o.cl_ord_ids[0]: {"order_id": o.order_id, "account": o.account, "side": o.side, "status": STATUS[o.status], "px": o.px}
            | {"qty": o.qty, "cum": o.cum_qty, "leaves": o.leaves_qty, "notional": notional[o.cl_ord_ids[0]]}
            for o in record.orders.values()
        }
        executions = {(x.exec_id, roots[x.order_id]): {"side": x.side, "account": x.account, "qty": x.qty, "px": x.px} for x in record.fills}
        return {"orders": orders, "executions": executions, "positions": positions}


def listening(child: subprocess.Popen[str]) -> int:
    """Return the port of an acceptor that says ``listening HOST PORT``."""
    words = child.stdout.readline().split() if child.stdout is not None else []
    if len(words) != 3:
        raise RunFailed(f"the acceptor did not start: {child.args}")
    return int(words[2])


def their_books(record: dict[str, Any]) -> dict[str, Any]:
    """Return the acceptor's record keyed as ours; an order's key is the first ClOrdID of its chain."""
    orders, roots = {}, {}
    for o in record["orders"]:
        roots[o["order_id"]] = o["chain"][0]
        orders[o["chain"][0]] = {
            "cl_ord_id": o["version"],
            "order_id": o["order_id"],
            "account": o["account"],
            "side": o["side"],
            "status": STATUS[o["status"]],
            **{name: Decimal(o[name]) for name in ("qty", "cum", "leaves", "notional")},
            "px": None if o["px"] is None else Decimal(o["px"]),
        }
    executions = {
        (x["exec_id"], roots[x["order_id"]]): {"side": x["side"], "account": x["account"], "qty": Decimal(x["qty"]), "px": Decimal(x["px"])}
        for x in record["executions"]
    }
    positions = {p["account"]: {name: Decimal(p[name]) for name in ("net", "bought", "sold", "traded")} for p in record["positions"]}
    return {"orders": orders, "executions": executions, "positions": positions}


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    """Yield one line for each row that only one side has, and for each field that differs."""
    for table in ("orders", "executions", "positions"):
        a, b = ours[table], theirs[table]
        for key in sorted(a.keys() | b.keys(), key=str):
            if key not in b and a[key].get("status") == "DENIED":
                continue  # made, and then provably never sent: the acceptor must not have it
            if key not in b:
                yield f"{table} {key}: only ours: {a[key]}"
            elif key not in a:
                yield f"{table} {key}: only theirs: {b[key]}"
            else:
                for name in b[key]:
                    if a[key][name] != b[key][name]:
                        yield f"{table} {key}.{name}: ours {a[key][name]}, theirs {b[key][name]}"


# ---- the run


def wait_for(what: str, seconds: float, probe: Callable[[], Any]) -> Any:
    """Poll until ``probe`` returns something true."""
    end = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > end:
            raise RunFailed(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def process(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a process; at the end ask it to stop, and kill it when it does not."""
    with log.open("a") as out:
        child = subprocess.Popen(command, stderr=out, text=True, **options)
        try:
            yield child
        finally:
            if child.poll() is None:
                child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def session_up(instance: str) -> Segment | None:
    """Return the state region once the venue's session is logged on."""
    try:
        state = Segment.attach(instance, "state")
    except IpcError:
        return None
    if int(state.section("engine")[1]["venue_count"]) and int(state.section("venues")[1]["session_state"]) == UP:
        return state
    state.close()
    return None


def at_rest(state: Segment, books: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the acceptor's books once nothing is in flight: no request pending here, and as many executions there as here.

    Gives up waiting after ``REST_S``: the comparison then says what is missing.
    """
    engine = state.section("engine")[1]
    end = time.monotonic() + REST_S
    while True:
        used = state.section("orders")[1 : int(engine["order_count"]) + 1]
        pending = int((used["pending_count"] > 0).sum()) + int((used["ord_status"] == ENUMS["OrdStatus"].by_name["PENDING_NEW"]).sum())
        fills = int(engine["fills"])
        theirs = books() if not pending or time.monotonic() > end else None
        if theirs is not None and (len(theirs["executions"]) == fills == int(engine["fills"]) or time.monotonic() > end):
            return theirs
        time.sleep(0.05)


def pid_of(instance: str, component: str) -> int:
    """Return the process of a component that runs now, 0 when it does not."""
    with Segment.attach(instance, "instance") as status:
        table = next(status.section(spec.name) for spec in status.sections if spec.record == "Component")
        row = next((r for r in table if r["name"].decode() == component), None)
        alive = row is not None and int(row["state"]) == ENUMS["ProcessState"].by_name["RUNNING"]
        return int(row["pid"]) if alive else 0


def kill_on_the_way(instance: str, kills: list[str], orders: int, state: Segment, driver: subprocess.Popen[str], acceptor: QuickFix | Simulated) -> None:
    """Kill each component once, when the engine has taken its share of the orders."""
    for number, component in enumerate(kills, 1):
        share = orders * number // (len(kills) + 1)
        wait_for(f"{share} orders", QUIET_S, lambda share=share: int(state.section("engine")[1]["order_count"]) >= share or driver.poll() is not None)
        if driver.poll() is not None:
            raise RunFailed(f"the strategy process ended before {component} was killed; use more --orders")
        if component == "venue" and isinstance(acceptor, Simulated):
            acceptor.kill()
            continue
        os.kill(wait_for(f"a running {component}", READY_S, lambda component=component: pid_of(instance, component)), signal.SIGKILL)


def run(orders: int, seed: int, folder: Path, instance: str, kills: list[str], against: str, begin_string: str) -> dict[str, Any]:
    """Make the run and return its report.

    Raises
    ------
    RunFailed
        If a process fails or nothing comes to rest.
    """
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with contextlib.ExitStack() as stack:
        acceptor: QuickFix | Simulated = (QuickFix if against == "quickfix" else Simulated)(folder, seed, begin_string, stack)
        config = folder / "instance.toml"
        config.write_text(
            CONFIG.format(instance=instance, begin_string=begin_string, port=acceptor.port, order_rows=orders + 1_000, execution_rows=orders * 5 + 2_000)
        )

        log = folder / "supervisor.log"
        up = [sys.executable, "-c", SUPERVISE, str(config)]
        supervisor = stack.enter_context(process(up, log, stdout=subprocess.DEVNULL, env=env))

        def ready() -> Segment | None:
            if supervisor.poll() is not None:
                raise RunFailed(f"the supervisor ended with exit code {supervisor.returncode}; see {log}")
            return session_up(instance)

        state: Segment = wait_for("the venue's session", READY_S, ready)
        began = time.monotonic()
        driver = [sys.executable, str(HERE / "driver.py"), "--instance", instance, "--name", "qf1", "--orders", str(orders), "--seed", str(seed)]
        strategy = stack.enter_context(process(driver, folder / "driver.log", stdout=subprocess.PIPE))
        kill_on_the_way(instance, kills, orders, state, strategy, acceptor)
        counted = strategy.communicate()[0]
        took = time.monotonic() - began
        if strategy.returncode:
            raise RunFailed(f"the strategy process ended with exit code {strategy.returncode}: {counted}")
        theirs = at_rest(state, acceptor.books)
        ours = our_books(state)
        found = list(differences(ours, theirs))
        counts = {name: int(state.section("engine")[1][name]) for name in ("fills", "duplicate_fills", "break_count", "rejects", "denies")}
        state.close()
        supervisor.terminate()
        if supervisor.wait(STOP_S):
            raise RunFailed(f"the supervisor ended with exit code {supervisor.returncode}; see {log}")
    replay = subprocess.run(
        [sys.executable, "-m", "ringfence.tools.cli", "replay", str(folder / "data"), "--verify"], capture_output=True, text=True, check=False
    )
    return {
        "orders": len(ours["orders"]),
        "executions": len(ours["executions"]),
        "positions": {account: {name: str(v) for name, v in p.items()} for account, p in ours["positions"].items()},
        "seconds": round(took, 3),
        "engine": counts,
        "strategy": json.loads(counted),
        "killed": kills,
        "acceptor": acceptor.counts,
        "replay_exit_code": replay.returncode,
        "differences": found,
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare an instance's books with those of a QuickFIX acceptor")
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--begin-string", choices=("FIX.4.2", "FIX.4.4"), default="FIX.4.2", help="FIX version of the session")
    parser.add_argument("--instance", default=f"qf{os.getpid()}")
    parser.add_argument("--against", choices=("quickfix", "venue"), default="quickfix", help="the acceptor: on QuickFIX, or the simulated venue")
    parser.add_argument(
        "--kill", action="append", default=[], metavar="COMPONENT", help="SIGKILL it on the way: engine, gw.qf, sidecar, venue; may be repeated"
    )
    parser.add_argument("--keep", type=Path, help="leave configuration, journal, logs and the acceptor's record here")
    parser.add_argument("--json", action="store_true", help="print the whole report as one JSON object")
    args = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringfence-interop-")))
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            parser.error(f"--keep {folder}: has files already; a run needs an empty folder")
        try:
            report = run(args.orders, args.seed, folder, args.instance, args.kill, args.against, args.begin_string)
        except RunFailed as e:
            print(f"failed: {e}", file=sys.stderr)
            for log in sorted([*folder.glob("*.log"), *folder.glob("data/logs/*.log")]):
                print(f"--- {log.name}\n{log.read_text()[-2_000:]}", file=sys.stderr)
            return 1
        finally:
            unlink_stale(args.instance)
    if args.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:18} {len(value) if name == 'differences' else value}")
        print("\n".join(report["differences"][:DIFFERENCES_SHOWN]))
    return 7 if report["differences"] or report["replay_exit_code"] else 0


if __name__ == "__main__":
    sys.exit(main())
