"""Market data as it is now: the latest of each instrument, and how far each reader of the ring is behind.

Data flow: regions ``market`` and ``market.readers`` of the feed, rows copied under their sequence locks -> rows. Prices have the instrument's scale, which the
engine's tables tell; without them (the engine is not up yet) they are unknown. An instance without a feed has no rows.
A feed that is not there any more cannot flag what it left: the rows say ``no feed`` then.
What can fail: a row that a dead feed left locked is shown as such, with nothing in it.
"""

from __future__ import annotations

from typing import Any

from ringfence.ipc.regions import owner_alive, process_start_ticks
from ringfence.ipc.schema import CONSTANTS
from ringfence.ipc.seqlock import read_consistent
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import Instance, age
from ringfence.tools.views.tables import Names, scaled

FLAGS = {CONSTANTS[f"TICK_{name}"][0]: name.lower() for name in ("STALE", "CROSSED")}
AMOUNTS = {"bid": "price", "ask": "price", "last": "price", "bid_qty": "qty", "ask_qty": "qty", "last_qty": "qty"}
MARKET = View(
    "market",
    (
        Column("glyph", "", "glyph"),
        Column("symbol", "SYMBOL"),
        Column("bid_qty", "BID_QTY", "qty"),
        Column("bid", "BID", "px"),
        Column("ask", "ASK", "px"),
        Column("ask_qty", "ASK_QTY", "qty"),
        Column("last", "LAST", "px"),
        Column("last_qty", "LAST_QTY", "qty"),
        Column("age", "AGE", "ns"),
        Column("quotes", "QUOTES", "count"),
        Column("rate", "QUOTE/s", "rate"),
        Column("gaps", "GAPS", "count"),
        Column("flags", "FLAGS"),
        Column("position", "POSITION", "id", wide=True),
        Column("source_ns", "SOURCE", "time", wide=True),
    ),
    ("symbol",),
)
READERS = View(
    "market_readers",
    (Column("strategy", "STRATEGY"), Column("pid", "PID", "id"), Column("alive", "ALIVE"), Column("position", "POSITION", "id"), Column("lag", "LAG", "count")),
    ("strategy",),
)


def market(instance: Instance) -> list[Row]:
    """Return one row per instrument that the feed has said anything about, without rates."""
    quotes = instance.rows("market", "Quote")
    if quotes is None:
        return []
    region, names = instance.region("market"), Names(instance)
    orphaned = region is not None and not owner_alive(region.superblock)
    found: list[Row] = []
    for k in (row for row in range(1, len(quotes)) if quotes[row]["version"]):
        instrument = names.instrument(k)
        symbol = bytes(instrument["symbol"]).decode("ascii", "replace") if instrument is not None else str(k)
        try:
            q = read_consistent(quotes[k : k + 1])
        except TimeoutError:
            found.append(dict.fromkeys(c.key for c in MARKET.columns) | {"glyph": "bad", "symbol": symbol, "flags": "locked"})
            continue
        flags = [name for bit, name in FLAGS.items() if int(q["flags"]) & bit] + ["no feed"] * orphaned
        amounts = {name: _amount(q[name], instrument, f"{kind}_digits") for name, kind in AMOUNTS.items()}
        found.append(
            {
                "glyph": "bad" if orphaned else "warn" if flags else "ok",
                "symbol": symbol,
                **amounts,
                "age": age(instance.now_ns, q["published_ns"]) if q["count"] else None,
                "quotes": int(q["count"]),
                "rate": None,
                "gaps": int(q["gaps"]),
                "flags": " ".join(flags) or None,
                "position": int(q["position"]),
                "source_ns": int(q["source_ns"]) or None,
            }
        )
    return found


def _amount(value: Any, instrument: Any, digits: str) -> Any:
    """A price or quantity; None when it was not told, or its scale is not known."""
    return scaled(value, int(instrument[digits])) if value and instrument is not None else None


def readers(instance: Instance) -> list[Row]:
    """Return one row per reader that shows how far it is; ``lag``: slots published and not yet taken."""
    cursors, region = instance.rows("market.readers", "RingCursor"), instance.region("market")
    if cursors is None or region is None:
        return []
    head, names = int(region.section("head")[0]["position"]), Names(instance)
    return [
        {
            "strategy": names.strategy(row) or str(row),
            "pid": int(cursors[row]["condition"]),
            "alive": "yes" if process_start_ticks(int(cursors[row]["condition"])) else "no",
            "position": int(cursors[row]["position"]),
            "lag": max(0, head - int(cursors[row]["position"])),
        }
        for row in cursors["condition"].nonzero()[0]
    ]
