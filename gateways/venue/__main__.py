"""``python -m ringfence.gateways.venue``: a simulated venue as a process.

Prints ``listening HOST PORT`` when it is ready, notes to stderr; ends on SIGTERM or SIGINT with a Logout and exit code 0, and with 1 and one line
when the specification is wrong or the port is in use. Settings come from ``--spec FILE.json`` (venue/spec.py says which keys), from flags, or
both; a flag wins. With neither, it is the counterparty of tools/examples/demo.toml, on the ticks that ship with the package:
``python -m ringfence.gateways.venue --port 9880``.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.keys import SpecError, load_json
from ringfence.gateways.ticks import TickError
from ringfence.gateways.venue.acceptor import Acceptor, listen
from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.market_desk import MarketDesk
from ringfence.gateways.venue.quotes import open_quotes
from ringfence.gateways.venue.record import RecordWriter, read_record
from ringfence.gateways.venue.spec import VenueSpec, venue_spec
from ringfence.ipc.errors import IpcError


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(prog="python -m ringfence.gateways.venue", description="A simulated FIX venue with price-time matching.")
    p.add_argument("--spec", type=Path, metavar="FILE", help="JSON specification; flags below win over it")
    p.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    p.add_argument("--port", type=int, help="port to listen on; 0 takes a free one")
    p.add_argument("--begin-string", choices=("FIX.4.2", "FIX.4.4"), help="FIX version of the session (default FIX.4.2)")
    p.add_argument("--sender-comp-id", help="our SenderCompID(49)")
    p.add_argument("--target-comp-id", help="the client's SenderCompID")
    p.add_argument("--symbol", action="append", metavar="SYMBOL:PRICE_DIGITS[:QTY_DIGITS]", help="a traded symbol; may be repeated")
    p.add_argument("--ticks", action="append", metavar="SYMBOL=FILE:FORMAT", help="quotes from a tick file (histdata or truefx); may be repeated")
    p.add_argument("--quotes", metavar="INSTANCE", help="quotes from the feed of a running instance")
    p.add_argument("--market-data-port", type=int, metavar="PORT", help="serve market data too, as SENDERMD, FIX 4.4, on this port; 0 takes a free one")
    p.add_argument("--speed", help="tape seconds per second (default 1)")
    p.add_argument("--seed", type=int, help="of rejects, displayed sizes and latency")
    p.add_argument("--latency-ms", metavar="MS[,MS]", help="between message and answer; two numbers: drawn between them")
    p.add_argument("--reject-ppm", type=int, help="rejected new orders, per million")
    p.add_argument("--level-qty", metavar="QTY[,QTY]", help="size shown at each new quote, scaled; two numbers: drawn between them")
    p.add_argument("--clip", type=int, help="largest quantity of one fill, scaled; 0: no limit")
    p.add_argument("--pending-acks", action="store_true", help="send PendingNew, PendingCancel and PendingReplace first")
    p.add_argument("--store", type=Path, help="message store of the session (default: a temporary one)")
    p.add_argument("--record", type=Path, help="record of every order and fill, appended; a restarted venue goes on from it")
    return p


def defaults() -> dict[str, Any]:
    """The venue of the example configuration; the port is the caller's to say."""
    files = {"EUR/USD": ("eurusd_ticks.csv", "histdata", 6), "USD/JPY": ("usdjpy_ticks.csv", "truefx", 3)}
    return {
        "sender_comp_id": "SIM",
        "target_comp_id": "RINGFENCE",
        "symbols": [{"symbol": symbol, "price_digits": digits} for symbol, (_, _, digits) in files.items()],
        "quotes": {"ticks": [{"symbol": symbol, "file": file, "format": format_} for symbol, (file, format_, _) in files.items()]},
    }


def _pair(text: str) -> Any:
    numbers = text.split(",")
    return numbers if len(numbers) == 2 else text


def _split(text: str, flag: str, separator: str, parts: range) -> list[str]:
    found = text.split(separator)
    if len(found) not in parts:
        raise SpecError(f"{flag} {text!r} is not of the form that --help shows")
    return found


def _symbol(text: str, common: dict[str, Any]) -> dict[str, Any]:
    name, *digits = _split(text, "--symbol", ":", range(2, 4))
    if not all(d.isdigit() for d in digits):
        raise SpecError(f"--symbol {text!r}: digits must be whole numbers")
    return {"symbol": name, "price_digits": int(digits[0]), "qty_digits": int(digits[1]) if digits[1:] else 0, **common}


def _ticks(text: str) -> dict[str, str]:
    symbol, rest = _split(text, "--ticks", "=", range(2, 3))
    file, format_ = _split(rest, "--ticks", ":", range(2, 3))
    return {"symbol": symbol, "file": file, "format": format_}


def specification(args: argparse.Namespace) -> VenueSpec:
    """Return the venue that the command line describes.

    Raises
    ------
    SpecError
        Naming the key or flag that is wrong.
    """
    raw: dict[str, Any] = load_json(args.spec) if args.spec else defaults()
    folder = args.spec.resolve().parent if args.spec else Path.cwd()
    for key in ("host", "port", "begin_string", "sender_comp_id", "target_comp_id", "seed", "reject_ppm"):
        if getattr(args, key) is not None:
            raw[key] = getattr(args, key)
    if args.latency_ms:
        raw["latency_ms"] = _pair(args.latency_ms)
    if args.pending_acks:
        raw["pending_acks"] = True
    if args.market_data_port is not None:
        ids = {"sender_comp_id": f"{raw['sender_comp_id']}MD", "target_comp_id": raw["target_comp_id"]}
        raw["market_data"] = {**ids, **raw.get("market_data", {}), "port": args.market_data_port}
    common = {"level_qty": _pair(args.level_qty)} if args.level_qty else {}
    common |= {"clip": args.clip} if args.clip is not None else {}
    if args.symbol:
        raw["symbols"] = [_symbol(text, common) for text in args.symbol]
        if not args.spec:  # of the shipped ticks, those that are asked for
            named = {symbol["symbol"] for symbol in raw["symbols"]}
            raw["quotes"] = {"ticks": [t for t in raw["quotes"]["ticks"] if t["symbol"] in named]}
    elif common and isinstance(raw.get("symbols"), list):
        raw["symbols"] = [{**symbol, **common} for symbol in raw["symbols"]]
    if args.quotes:
        raw["quotes"] = {"instance": args.quotes}
    elif args.ticks:
        raw["quotes"] = {"ticks": [_ticks(text) for text in args.ticks]}
    if args.speed:
        raw.setdefault("quotes", {})["speed"] = args.speed
    for key in ("store", "record"):
        if getattr(args, key):
            raw[key] = str(getattr(args, key).resolve())
    return venue_spec(raw, folder)


def run(spec: VenueSpec) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

    def log(line: str) -> None:
        sys.stderr.write(f"venue {spec.sender_comp_id}: {line}\n")
        sys.stderr.flush()

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        listener = stack.enter_context(listen(spec.host, spec.port))
        store = spec.store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringfence-venue-"))) / "venue.store"
        restored = read_record(spec.record) if spec.record is not None and spec.record.exists() else None
        record = stack.enter_context(RecordWriter(spec.record))
        quotes = open_quotes(spec, time.time_ns())
        exchange = Exchange(spec, record, restored, time.time_ns())
        desk = None
        if spec.market_data is not None:
            doors = stack.enter_context(listen(spec.host, spec.market_data.port))
            desk = MarketDesk(spec.market_data, exchange, doors, store.with_suffix(".market_data"), log)
        acceptor = Acceptor(spec, exchange, quotes, store, listener, clock=time.time_ns, log=log, desk=desk)
        if restored is not None:
            reports, requests = acceptor.catch_up(restored)
            log(f"going on from {spec.record}: {len(exchange.orders)} orders, {reports} reports to send, {requests} requests to answer")
        sys.stdout.write("listening {} {}\n".format(*listener.getsockname()[:2]))
        if desk is not None:
            sys.stdout.write("market data {} {}\n".format(*desk.listener.getsockname()[:2]))
        sys.stdout.flush()
        while not stopped:
            acceptor.turn()
        acceptor.close()


def main(argv: list[str] | None = None) -> int:
    """Return the exit code: 0 after a stop by signal, 1 after an error, 2 after a wrong flag."""
    try:
        run(specification(arguments().parse_args(argv)))
    except (GatewayError, TickError, IpcError) as e:
        sys.stderr.write(f"venue: {e}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
