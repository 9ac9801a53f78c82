"""What the demo proves after its instance has stopped, and how it says so.

Data flow: journal files and the venue's record (two processes that share nothing but FIX) -> ``Outcome`` -> one JSON object or a page of text. The state comes
from replaying the journal, so a figure printed here was rebuilt from disk, not copied from the running engine.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.venue.record import VenueRecord, read_record
from ringfence.ipc.histogram import Histogram
from ringfence.tools.errors import ToolError
from ringfence.tools.journal import JournalReader
from ringfence.tools.ledger_state import disagreements
from ringfence.tools.ledger_store import open_store
from ringfence.tools.ledger_verify import verify
from ringfence.tools.render import GLYPHS, Options, Row, duration, paint
from ringfence.tools.replay import replay
from ringfence.tools.views import journal as pictures
from ringfence.tools.views import tables
from ringfence.tools.views.instance import label
from ringfence.tools.views.latency import STAGES

_SIDE = {"BUY": "1", "SELL": "2", "SELL_SHORT": "5"}


@dataclass
class Outcome:
    """What was found; ``differences`` says in words what does not hold."""

    engine: dict[str, int] = field(default_factory=dict)
    frames: int = 0
    state_hash: int = 0
    checkpoint_seq: int = 0
    replay_equal: bool = False
    positions_equal: bool = False
    ledger_equal: bool | None = None  # the database and the journal; None: not asked
    venue_orders: int = 0
    venue_fills: int = 0
    pnl: list[Row] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.replay_equal and self.positions_equal and self.ledger_equal is not False and not self.differences


def check(directory: Path, record: Path, left: list[str], store: Path | None = None) -> Outcome:
    """Replay the journal under ``directory`` and compare it with the venue's ``record`` and the ledger's ``store``; ``left`` is what the stop left behind."""
    outcome = Outcome(differences=[f"left behind: {x}" for x in left])
    try:
        found = replay(directory / "journal")
        checkpoint = pictures.last_checkpoint(JournalReader(directory / "journal"))
    except ToolError as e:
        outcome.differences.append(f"replay: {e}")
        return outcome
    outcome.frames, outcome.state_hash = found.seq, found.state_hash
    if found.torn is not None:
        outcome.differences.append(f"journal: {found.torn.error()}")
    _compare_checkpoint(outcome, checkpoint, found.checkpoints_verified)
    source = tables.Replayed(found.replayer.state)
    outcome.differences += [f"ledger: {line}" for line in disagreements(source.table)]
    names = ("intents", "denies", "order_count", "fills", "rejects", "duplicates", "break_count", "open_orders")
    outcome.engine = {n: int(source.engine[n]) for n in names}
    outcome.pnl = pnl(source)
    if store is not None:
        outcome.ledger_equal = _compare_ledger(outcome, directory, store)
    try:
        _compare_venue(outcome, source, read_record(record))
    except GatewayError as e:
        outcome.differences.append(f"venue record: {e}")
    return outcome


def _compare_checkpoint(outcome: Outcome, checkpoint: tuple[int, int] | None, verified: int) -> None:
    """The engine's checkpoint must be the journal's last frame; that its hash is the replay's was checked when it was replayed (another one raises)."""
    if checkpoint is None:
        outcome.differences.append("the journal has no checkpoint: the engine did not stop cleanly")
        return
    outcome.checkpoint_seq = checkpoint[0]
    outcome.replay_equal = verified > 0 and outcome.checkpoint_seq == outcome.frames
    if not outcome.replay_equal:
        outcome.differences.append(f"frames {outcome.checkpoint_seq + 1:,} to {outcome.frames:,} follow the last checkpoint: the engine did not stop cleanly")


def _compare_ledger(outcome: Outcome, directory: Path, path: Path) -> bool:
    """Whether the database has all of the journal, to the last unit."""
    try:
        with closing(open_store(str(path))) as store:
            found = verify(directory / "journal", store)
    except ToolError as e:
        outcome.differences.append(f"ledger in the database: {e}")
        return False
    wrong = list(found.differences)
    if found.last_seq != found.journal_seq:
        wrong.append(f"ends at sequence {found.last_seq:,}, the journal at {found.journal_seq:,}")
    outcome.differences += [f"ledger in the database: {line}" for line in wrong]
    return not wrong


def _compare_venue(outcome: Outcome, source: tables.Replayed, record: VenueRecord) -> None:
    """Positions, every single fill and every order's quantities, ours against the venue's."""
    outcome.venue_orders, outcome.venue_fills = len(record.orders), len(record.fills)
    accounts = source.table("accounts")
    codes = {label(r["name"]): label(r["code"]) for r in accounts[1:] if label(r["name"])}
    ours: dict[tuple[str, str], Decimal] = {}
    for row in tables.positions(source):
        key = (codes.get(row["account"], ""), row["symbol"])
        ours[key] = ours.get(key, Decimal(0)) + row["net"]
    theirs = record.positions()
    wrong = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k, Decimal(0)) != theirs.get(k, Decimal(0)))
    outcome.differences += [f"position {k[0]} {k[1]}: ours {ours.get(k, Decimal(0)):f}, the venue's fills sum to {theirs.get(k, Decimal(0)):f}" for k in wrong]
    outcome.positions_equal = not wrong
    booked = Counter((r["exec_id"], r["id"], _SIDE[r["side"]], r["qty"], r["px"]) for r in tables.fills(source) if r["state"] == "BOOKED")
    traded = Counter((f.exec_id, tables.order_of(f.cl_ord_id), f.side, f.qty, f.px) for f in record.fills)
    for name, extra in (("missing here", traded - booked), ("unknown to the venue", booked - traded)):
        outcome.differences += [f"fill {name}: {n} x exec {k[0]} order {k[1]} qty {k[3]:f} px {k[4]:f}" for k, n in sorted(extra.items())[:5]]
    _compare_orders(outcome, source, record)


def _compare_orders(outcome: Outcome, source: tables.Replayed, record: VenueRecord) -> None:
    by_id = {r["id"]: r for r in tables.orders(source, every=True)}
    for seen, theirs in enumerate(record.orders.values(), 1):
        ours = by_id.get(tables.order_of(theirs.cl_ord_ids[0]) or 0)
        if ours is None:
            outcome.differences.append(f"order {theirs.order_id} ({theirs.cl_ord_ids[0]}) is not in our table")
        elif (ours["cum"], ours["leaves"]) != (theirs.cum_qty, theirs.leaves_qty):
            words = f"cum {ours['cum']:f} leaves {ours['leaves']:f}, the venue has {theirs.cum_qty:f} and {theirs.leaves_qty:f}"
            outcome.differences.append(f"order {ours['id']} ({theirs.order_id}): {words}")
        if len(outcome.differences) > 20:
            outcome.differences.append(f"and more: stopped after {seen} of {len(record.orders)} orders")
            return


def pnl(source: tables.Source) -> list[Row]:
    """Return PnL by strategy and currency."""
    sums: dict[tuple[str, str], list[Decimal | None]] = {}
    for row in tables.positions(source):
        entry = sums.setdefault((row["strategy"], row["ccy"] or "-"), [Decimal(0), Decimal(0)])
        entry[0] = entry[0] + row["rpnl"] if entry[0] is not None else None
        entry[1] = entry[1] + row["upnl"] if entry[1] is not None and row["upnl"] is not None else None
    return [{"strategy": s, "ccy": c, "realized": v[0], "unrealized": v[1]} for (s, c), v in sorted(sums.items())]


def summary(outcome: Outcome, stages: dict[str, Histogram], first_fill_s: float | None, seconds: float, keep: str | None) -> dict[str, Any]:
    """Return the one JSON object of ``--json``."""
    kept = str(Path(keep).resolve()) if keep else None
    return {
        "intents": outcome.engine.get("intents", 0),
        "orders": outcome.engine.get("order_count", 0),
        "fills": outcome.engine.get("fills", 0),
        "rejects": outcome.engine.get("rejects", 0),
        "journal_frames": outcome.frames,
        "replay_equal": outcome.replay_equal,
        "positions_equal": outcome.positions_equal,
        "ledger_equal": outcome.ledger_equal,
        "latency_ns": {
            name: {"n": h.count, "p50": h.percentile(50), "p99": h.percentile(99), "p99.9": h.percentile(99.9), "max": h.max}
            for name, h in stages.items()
            if h.count
        },
        "denies": outcome.engine.get("denies", 0),
        "breaks": outcome.engine.get("break_count", 0),
        "open_orders": outcome.engine.get("open_orders", 0),
        "venue_orders": outcome.venue_orders,
        "venue_fills": outcome.venue_fills,
        "pnl": [{k: f"{v:f}" if isinstance(v, Decimal) else v for k, v in row.items()} for row in outcome.pnl],
        "state_hash": f"{outcome.state_hash:016x}",
        "first_fill_s": round(first_fill_s, 3) if first_fill_s is not None else None,
        "seconds": seconds,
        "differences": outcome.differences,
        "kept": kept,
    }


def text(found: dict[str, Any], options: Options) -> list[str]:
    """Return the summary as lines."""

    def verdict(holds: bool, yes: str, no: str) -> str:
        health = "ok" if holds else "bad"
        return f"{paint(GLYPHS[health], health, options)} {yes if holds else no}"

    first = f"{found['first_fill_s']:.2f} s after the start" if found["first_fill_s"] is not None else "never"
    lines = [
        "",
        f"orders {found['orders']:,}   fills {found['fills']:,}   rejects {found['rejects']:,}   denies {found['denies']:,}   "
        f"intents {found['intents']:,}   journal frames {found['journal_frames']:,}   first fill {first}",
        "",
        f"{'PNL':<12}{'CCY':<6}{'REALIZED':>16}{'UNREALIZED':>16}",
    ]
    for row in found["pnl"]:
        amounts = [f"{Decimal(row[k]):,.2f}" if row[k] is not None else "-" for k in ("realized", "unrealized")]
        lines.append(f"{row['strategy']:<12}{row['ccy']:<6}{amounts[0]:>16}{amounts[1]:>16}")
    shown = {n: h for n, h in found["latency_ns"].items() if n.split("(")[0] in STAGES.values()}
    lines += ["", f"{'STAGE':<20}{'N':>10}{'p50':>10}{'p99':>10}{'p99.9':>10}{'max':>10}"]
    lines += [f"{n:<20}{h['n']:>10,}" + "".join(f"{duration(h[k]):>10}" for k in ("p50", "p99", "p99.9", "max")) for n, h in shown.items()]
    lines += [
        "",
        verdict(
            found["replay_equal"],
            f"replay of {found['journal_frames']:,} frames gives the live state hash {found['state_hash']}",
            "replay does not give the live state hash",
        ),
        verdict(found["positions_equal"], f"positions equal the sum of the venue's {found['venue_fills']:,} fills", "positions differ from the venue's fills"),
        *(
            [verdict(found["ledger_equal"], "the ledger in the database is what the journal gives, to the last unit", "the ledger in the database differs")]
            if found["ledger_equal"] is not None
            else []
        ),
        verdict(not found["differences"], "every fill and order quantity agrees; no process, no shared memory left", "differences:"),
        *(f"  {d}" for d in found["differences"]),
    ]
    kept = found["kept"]
    commands = (
        (f"ringfence replay {kept} --verify", f"ringfence journal dump {kept} --to 20", f"ringfence config show {kept}/demo.toml")
        if kept
        else ("ringfence demo --keep demo-run", "ringfence doctor", "python -m ringfence.bench ring")
    )
    return [*lines, "", "next:", *(f"  {c}" for c in commands)]
