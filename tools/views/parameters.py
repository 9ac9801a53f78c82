"""Live parameters of strategies on the screen.

Data flow: table ``parameters`` (read-only view) -> settled copies -> rows. A row that the engine was writing is marked stale.
"""

from __future__ import annotations

from ringfence.gateways.decimals import to_text
from ringfence.tools.parameters import text_of
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import label, settled
from ringfence.tools.views.tables import Names, Source

PARAMETERS = View(
    "parameters",
    (
        Column("strategy", "STRAT"),
        Column("name", "NAME"),
        Column("value", "VALUE"),
        Column("configured", "CONFIGURED"),
        Column("changes", "CHANGES", "count"),
    ),
    ("strategy", "name"),
)


def parameters(source: Source) -> list[Row]:
    """A row for each that was ever set; ``configured`` is what the configuration last said, None when it says nothing."""
    table, engine = source.table("parameters"), source.engine
    if table is None or engine is None:
        return []
    names = Names(source)
    rows, moving = settled(table[1 : min(int(engine["parameter_count"]) + 1, len(table))])
    out: list[Row] = []
    for r, moved in zip(rows, moving, strict=True):
        digits = int(r["configured_digits"])
        line: Row = {
            "strategy": names.strategy(r["strategy"]) or f"#{int(r['strategy'])}",
            "name": label(r["name"]),
            "value": text_of(r),
            "configured": to_text(int(r["configured"]), digits - 1) if digits else None,
            "changes": int(r["changes"]),
        }
        out.append(line | ({"stale": True} if moved else {}))
    return out
