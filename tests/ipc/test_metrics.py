"""Counters and histograms: what the component counts is what readers see."""

from __future__ import annotations

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
