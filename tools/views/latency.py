"""Latency stages and counters of a running instance, from the ``metrics.COMPONENT`` regions.

Data flow: histograms (log buckets, relative error at most 1/32) and counters, read without stopping their writer -> rows. A stage is a histogram; the names of
the known ones are written as the path of an intent, the rest as ``component:name``. In a watch each frame shows its own window (the difference of two
readings), else everything since start. The stamps are taken where the work happens, so a stage does not count the time an intent waited because its sender
was itself held up.
"""

from __future__ import annotations

from ringfence.ipc.metrics import Histogram
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import Instance

STAGES = {
    "intent_accept": "intent→accept",
    "accept_wire": "accept→wire",
    "intent_wire": "intent→wire",
    "wire_ack": "wire→ack",
    "fill_position": "fill→position",
}
NOT_TIMES = ("_frames", "_bytes", "_count")  # histograms of other units say so in their name
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9, "p99_99": 99.99}
LATENCY = View(
    "latency",
    (
        Column("stage", "STAGE"),
        Column("n", "N", "count"),
        *(Column(key, key.replace("_", "."), "ns") for key in PERCENTILES),
        Column("max", "MAX", "ns"),
        Column("min", "MIN", "ns", wide=True),
        Column("mean", "MEAN", "ns", wide=True),
    ),
    ("stage",),
)
COUNTERS = View(
    "counters",
    (
        Column("id", "ID", "id"),
        Column("value", "VALUE", "count"),
        Column("rate", "RATE", "rate"),
        Column("label", "LABEL"),
        Column("component", "COMPONENT", wide=True),
    ),
    ("label",),
)
NOTE = "stages are measured where the work is done; time that a sender was itself held up is not in them (coordinated omission)"


def stage_name(component: str, histogram: str) -> str:
    """Return how a histogram is called on screen: ``wire_ack`` of ``gw.sim`` is ``wire→ack(sim)``."""
    name = STAGES.get(histogram)
    if name is None:
        return f"{component}:{histogram}"
    return f"{name}({component.removeprefix('gw.')})" if component.startswith("gw.") else name


def histograms(instance: Instance) -> dict[str, Histogram]:
    """Return every histogram of times by stage name: the path of an intent first, then the rest."""
    found: list[tuple[int, str, Histogram]] = []
    order = {name: i for i, name in enumerate(STAGES)}
    for component in instance.metric_components():
        metrics = instance.metrics(component)
        for name, histogram in (metrics.histograms() if metrics is not None else {}).items():
            if name.endswith(NOT_TIMES):
                continue
            found.append((order.get(name, len(order)), stage_name(component, name), histogram))
    return {name: h for _, name, h in sorted(found, key=lambda f: f[:2])}


def latency(now: dict[str, Histogram], before: dict[str, Histogram] | None = None, stages: tuple[str, ...] = ()) -> list[Row]:
    """Return one row per stage (those whose name contains one of ``stages``), of the window since ``before`` when given."""
    out: list[Row] = []
    for name, whole in now.items():
        if stages and not any(s in name for s in stages):
            continue
        h = _window(whole, before[name]) if before and name in before else whole
        row: Row = {"stage": name, "n": int(h.count)} | dict.fromkeys((*PERCENTILES, "max", "min", "mean"))
        if h.count:
            row |= {key: int(h.percentile(p)) for key, p in PERCENTILES.items()}
            row |= {"max": int(h.max), "min": int(h.min), "mean": int(h.mean)}
        out.append(row)
    return out


def _window(now: Histogram, before: Histogram) -> Histogram:
    """Return what was recorded between two readings; everything, when the component was restarted with fresh counts in between."""
    try:
        return now - before
    except ValueError:
        return now


def counters(instance: Instance) -> list[Row]:
    """Return every counter of the instance, ``COMPONENT.NAME``, without rates."""
    out: list[Row] = []
    for component in instance.metric_components():
        metrics = instance.metrics(component)
        for name, value in (metrics.counters() if metrics is not None else {}).items():
            out.append({"id": len(out) + 1, "value": int(value), "rate": None, "label": f"{component}.{name}", "component": component})
    return out
