"""Counters and histograms: what the component counts is what readers see."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ringfence.ipc.errors import RegionExists
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.schema import ENUMS

ENGINE = ENUMS["Role"].by_name["ENGINE"]


def make(instance: str) -> Metrics:
    return Metrics.create(instance, "engine", {"intents": "taken", "denies": "refused"}, ["apply", "intent_accept"], role=ENGINE, epoch=1)


def test_metrics_when_counted_are_read_by_another_mapping(instance: str) -> None:
    metrics = make(instance)
    metrics.add("intents")
    metrics.add("intents", 4)
    metrics.set("denies", 9)
    metrics.record("apply", 10)
    metrics.record("apply", 20)
    reader = Metrics.attach(instance, "engine")
    assert reader.counters() == {"intents": 5, "denies": 9}
    histograms = reader.histograms()
    assert (histograms["apply"].count, histograms["apply"].total, histograms["apply"].min, histograms["apply"].max) == (2, 30, 10, 20)
    assert histograms["intent_accept"].count == 0


def test_metrics_when_attached_refuse_to_count(instance: str) -> None:
    make(instance)
    reader = Metrics.attach(instance, "engine")
    for call in (lambda: reader.add("intents"), lambda: reader.set("intents", 1), lambda: reader.record("apply", 1)):
        with pytest.raises(PermissionError, match="read-only"):
            call()


def test_metrics_when_name_is_unknown_lists_the_known(instance: str) -> None:
    with pytest.raises(KeyError, match="intents, denies"):
        make(instance).add("intent")


def test_metrics_when_owner_is_alive_are_not_taken(instance: str) -> None:
    make(instance)
    with pytest.raises(RegionExists, match="alive"):
        make(instance)


DYING = """
import os, signal, sys
from ringfence.ipc.metrics import Metrics
metrics = Metrics.create(sys.argv[1], "engine", ["intents", "denies"], ["apply", "intent_accept"], role=2, epoch=1)
metrics.add("intents", 41)
os.kill(os.getpid(), signal.SIGKILL)
"""


def die_counting(instance: str) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", DYING, instance], env=environment, check=False, timeout=60).returncode == -9


def test_metrics_when_component_restarts_with_the_same_names_count_on(instance: str) -> None:
    die_counting(instance)
    metrics = make(instance)
    metrics.add("intents")
    assert metrics.counters()["intents"] == 42


@pytest.mark.parametrize("counters", [["other", "denies"], ["intents"]])
def test_metrics_when_component_restarts_with_other_names_begin_anew(instance: str, counters: list[str]) -> None:
    die_counting(instance)
    metrics = Metrics.create(instance, "engine", counters, ["apply", "intent_accept"], role=ENGINE, epoch=2)
    assert metrics.counters() == dict.fromkeys(counters, 0)


@pytest.mark.parametrize("names", [["a", "a"], [""], ["x" * 48], ["é"]])
def test_metrics_when_names_are_not_allowed_are_refused(instance: str, names: list[str]) -> None:
    with pytest.raises(ValueError, match="metric name"):
        Metrics.create(instance, "engine", names, [], role=ENGINE, epoch=1)
