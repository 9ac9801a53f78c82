"""Latency stages and counters of a running instance, from the ``metrics.COMPONENT`` regions.

Data flow: histograms (log buckets, relative error at most 1/32) and counters, read without stopping their writer -> rows. A stage is a histogram; the names of
the known ones are written as the path of an intent, the rest as ``component:name``. The engine counts an intent's stages by strategy (``metrics.intents.ROW``),
gateways theirs by session. docs/latency.md says what each contains. In a watch each frame shows its own window (the difference of two readings), else
everything since start. The stamps are taken where the work happens, so a stage does not count the time an intent waited because its sender
was itself held up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ringfence.ipc.metrics import Histogram
from ringfence.tools.render import Column, Row, View
from ringfence.tools.views.instance import Instance, label

STAGES = {
    "tick_intent": "tick→intent",
    "intent_accept": "intent→accept",
    "accept_out": "accept→out",
    "out_take": "out→take",
    "take_encoded": "take→encoded",
    "encoded_wire": "encoded→wire",
    "accept_wire": "accept→wire",
    "intent_wire": "intent→wire",
    "tick_wire": "tick→wire",
    "wire_ack": "wire→ack",
    "fill_position": "fill→position",
}
INTENTS = "intents."  # components with the stages of one strategy row
SESSION = "gw."
NOT_TIMES = ("_frames", "_bytes", "_count")  # histograms of other units say so in their name
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9, "p99_99": 99.99}
LATENCY = View(
    "latency",
    (
        Column("stage", "STAGE"),
        Column("strategy", "STRATEGY", wide=True),
        Column("session", "SESSION", wide=True),
        Column("n", "N", "count"),
        *(Column(key, key.replace("_", "."), "ns") for key in PERCENTILES),
        Column("max", "MAX", "ns"),
        Column("min", "MIN", "ns", wide=True),
        Column("mean", "MEAN", "ns", wide=True),
    ),
    ("stage", "strategy"),
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


@dataclass(frozen=True)
class Stage:
    """Whose stage it is: ``strategy`` and ``session`` are names, empty when it is of all; ``name`` is what the screen says."""

    name: str
    strategy: str = ""
    session: str = ""


def stage_of(component: str, histogram: str, strategies: dict[int, str]) -> Stage:
    """Return the stage of a component's histogram: ``wire_ack`` of ``gw.sim`` is ``wire→ack(sim)``; of ``intents.2`` it is of the strategy in row 2."""
    name = STAGES.get(histogram)
    if component.startswith(INTENTS):
        row = int(component.removeprefix(INTENTS))
        return Stage(name or histogram, strategies.get(row, f"row {row}"))
    if component.startswith(SESSION):
        session = component.removeprefix(SESSION)
        return Stage(f"{name}({session})" if name else f"{component}:{histogram}", "", session)
    return Stage(name or f"{component}:{histogram}")


def by_stage(instance: Instance) -> dict[Stage, Histogram]:
    """Return every histogram of times: the path of an intent first, then the rest. What strategies have each comes summed up first, then of each."""
    order = {name: i for i, name in enumerate(STAGES)}
    strategies = _strategy_names(instance)
    found: list[tuple[tuple[int, str, str], Stage, Histogram]] = []
    for component in instance.metric_components():
        metrics = instance.metrics(component)
        for name, histogram in (metrics.histograms() if metrics is not None else {}).items():
            if not name.endswith(NOT_TIMES):
                stage = stage_of(component, name, strategies)
                found.append(((order.get(name, len(order)), stage.name, stage.strategy), stage, histogram))
    out: dict[Stage, Histogram] = {}
    for _, stage, histogram in sorted(found, key=lambda f: f[0]):
        whole = replace(stage, strategy="")
        out[whole] = out[whole] + histogram if whole in out else histogram
        if stage != whole:
            out[stage] = histogram
    return out


def histograms(instance: Instance) -> dict[str, Histogram]:
    """Return the histograms of times by stage name, those of strategies summed up."""
    return {stage.name: histogram for stage, histogram in by_stage(instance).items() if not stage.strategy}


def _strategy_names(instance: Instance) -> dict[int, str]:
    table = instance.table("strategies")
    return {row: label(r["name"]) for row, r in enumerate(table) if label(r["name"])} if table is not None else {}


def chosen(found: dict[Stage, Histogram], stages: tuple[str, ...], strategy: str | None) -> dict[Stage, Histogram]:
    """Return the stages whose name contains one of ``stages`` (empty: all); of each strategy only when ``strategy`` names one."""
    named = {s: h for s, h in found.items() if not stages or any(part in s.name for part in stages)}
    return {s: h for s, h in named.items() if s.strategy == (strategy or "")}


def window(now: dict[Stage, Histogram], before: dict[Stage, Histogram]) -> dict[Stage, Histogram]:
    """Return what was recorded between two readings; all of a component that began anew in between."""
    return {stage: _window(h, before[stage]) if stage in before else h for stage, h in now.items()}


def latency(found: dict[Stage, Histogram]) -> list[Row]:
    """Return one row for each stage; what was never recorded is unknown, not 0."""
    out: list[Row] = []
    for stage, h in found.items():
        row: Row = {"stage": stage.name, "strategy": stage.strategy or None, "session": stage.session or None, "n": int(h.count)}
        row |= dict.fromkeys((*PERCENTILES, "max", "min", "mean"))
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
