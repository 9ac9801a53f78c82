"""Counters and latency histograms of one component, in the region ``metrics.COMPONENT``.

    section      rows                                        written by                 read by
    counters     Counter, row 0 unused                       the component, relaxed     ringfence latency, status, exporters
    histograms   HistogramHeader, row 0 unused               "                          "
    buckets      Bucket, 1376 per histogram                  "                          "

A hot loop takes its pointers once and adds with inline C (metrics.h); Python components use ``add``, ``set`` and ``record``. Readers
attach read-only and never stop the writer. A restarted component takes up its old region when it has the same names, so that counts
go on; otherwise the dead region is replaced. Rejected: a registry of all counters in one region (it would have many writers).
"""

import time

import numpy as np

from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.records cimport Bucket, Counter, HistogramHeader
from ringfence.ipc.segment cimport Segment

from ringfence.ipc.errors import LayoutMismatch, RegionCorrupt, RegionExists
from ringfence.ipc.histogram import BUCKETS, Histogram
from ringfence.ipc.regions import unlink_dead

LABEL_BYTES_MAX = 47
LABEL_WAIT_S = 1.0

if BUCKETS != RF_HISTOGRAM_BUCKETS:
    raise ImportError(f"histogram.py has {BUCKETS} buckets, metrics.h {RF_HISTOGRAM_BUCKETS}")


def region_name(component: str) -> str:
    """Return the region's name of ``component``, for instance ``gw.lmax`` -> ``metrics.gw.lmax``."""
    return f"metrics.{component}"


cdef class Metrics:
    """Named counters and histograms; made by ``create`` (the component) or ``attach`` (readers)."""

    def __init__(self):
        raise TypeError("use Metrics.create or Metrics.attach")

    @staticmethod
    def create(str instance, str component, counters, histograms, *, int role, uint64_t epoch) -> Metrics:
        """Make the region, or take it up again from a dead process of the same component.

        Parameters
        ----------
        counters, histograms : iterables of str
            Names, ASCII, at most 47 characters; a dict's keys are taken.

        Raises
        ------
        RegionExists
            If a live process has the component's region.
        """
        counter_names, histogram_names = _names(counters), _names(histograms)
        sections = [
            ("counters", "Counter", len(counter_names) + 1),
            ("histograms", "HistogramHeader", len(histogram_names) + 1),
            ("buckets", "Bucket", max(1, len(histogram_names) * BUCKETS)),
        ]
        name = region_name(component)
        try:
            segment = Segment.create(instance, name, sections, role=role, epoch=epoch)
        except RegionExists:
            segment = _take_up(instance, name, sections, counter_names, histogram_names, role, epoch)
        _label(segment, counter_names, histogram_names)
        return _open(segment, component)

    @staticmethod
    def attach(str instance, str component) -> Metrics:
        """Map the metrics of a component read-only.

        Raises
        ------
        RegionMissing
            If it has none.
        """
        return _open(Segment.attach(instance, region_name(component)), component)

    def counters(self) -> dict[str, int]:
        """Return the counters' values by name."""
        rows = self.segment.section("counters")
        return {name: int(rows["value"][row]) for name, row in self._counter_rows.items()}

    def histograms(self) -> dict[str, Histogram]:
        """Return a detached copy of each histogram by name."""
        heads, buckets = self.segment.section("histograms"), self.segment.section("buckets")["count"]
        found = {}
        for name, row in self._histogram_rows.items():
            first = int(heads["first_bucket"][row])
            counts = buckets[first : first + BUCKETS].copy()
            head = heads[row]
            found[name] = Histogram.from_counts(counts, int(head["sum"]), int(head["max"]), int(head["min"]))
        return found

    def add(self, str name, uint64_t n=1) -> None:
        """Add ``n`` to a counter."""
        self._check_writable()
        rf_counter_add(self.counter_ptr(name), n)

    def set(self, str name, uint64_t value) -> None:
        """Store a gauge."""
        self._check_writable()
        rf_counter_set(self.counter_ptr(name), value)

    def record(self, str name, uint64_t value) -> None:
        """Count one value [ns] in a histogram."""
        cdef rf_histogram_t handle
        self._check_writable()
        self.histogram(name, &handle)
        rf_histogram_record(&handle, value)

    def close(self) -> None:
        """End the use of the region; its writer unlinks it with ``segment.unlink``."""
        self.segment.close()

    def _check_writable(self) -> None:
        if not self.segment.writable:
            raise PermissionError(f"metrics of {self.component!r} are attached read-only; only the component itself counts")

    cdef uint64_t *counter_ptr(self, str name) except NULL:
        cdef Counter *rows = <Counter *>self.segment.section_ptr("counters")
        return &rows[<uint32_t>_row(self._counter_rows, "counter", name)].value

    cdef int histogram(self, str name, rf_histogram_t *handle) except -1:
        cdef HistogramHeader *rows = <HistogramHeader *>self.segment.section_ptr("histograms")
        handle.header = &rows[<uint32_t>_row(self._histogram_rows, "histogram", name)]
        handle.buckets = &(<Bucket *>self.segment.section_ptr("buckets"))[handle.header.first_bucket].count
        return 0


def _row(rows: dict[str, int], kind: str, name: str) -> int:
    if name not in rows:
        raise KeyError(f"no {kind} {name!r}; there are {', '.join(rows) or 'none'}")
    return rows[name]


def _names(names) -> list[str]:
    found = list(names)
    for name in found:
        if not name or len(name) > LABEL_BYTES_MAX or not name.isascii():
            raise ValueError(f"metric name was {name!r}; allowed are 1 to {LABEL_BYTES_MAX} ASCII characters")
    if len(set(found)) != len(found):
        raise ValueError(f"metric names repeat: {found}")
    return found


def _labels(segment, section: str) -> list[str]:
    """Read the names; a reader that comes while the component still writes them waits for it, at most 1 s."""
    rows = segment.section(section)["label"][1:]
    deadline = time.monotonic() + LABEL_WAIT_S
    while not all(rows) and not segment.writable:
        if time.monotonic() > deadline:
            raise RegionCorrupt(f"region {segment.name!r}: {section} without a name; its component died while starting, start it again")
        time.sleep(0.0005)
    return [label.decode("ascii", "replace") for label in rows]


def _take_up(instance, name, sections, counter_names, histogram_names, role, epoch):
    """Adopt the dead component's region when it counts the same things; else replace it."""
    try:
        segment = Segment.adopt(instance, name, role=role, epoch=epoch, sections=sections)
        if _labels(segment, "counters") == counter_names and _labels(segment, "histograms") == histogram_names:
            return segment
        segment.unlink()
    except LayoutMismatch:
        unlink_dead(instance, name)
    return Segment.create(instance, name, sections, role=role, epoch=epoch)


def _label(segment, counter_names, histogram_names) -> None:
    counters, histograms = segment.section("counters"), segment.section("histograms")
    for row, label in enumerate(counter_names, 1):
        counters["label"][row] = label.encode()
        counters["id"][row] = row
    for row, label in enumerate(histogram_names, 1):
        histograms["label"][row] = label.encode()
        histograms["first_bucket"][row] = (row - 1) * BUCKETS
        histograms["bucket_count"][row] = BUCKETS


cdef Metrics _open(Segment segment, str component):
    cdef Metrics self = Metrics.__new__(Metrics)
    self.segment = segment
    self.component = component
    self._counter_rows = {label: row for row, label in enumerate(_labels(segment, "counters"), 1)}
    self._histogram_rows = {label: row for row, label in enumerate(_labels(segment, "histograms"), 1)}
    heads = segment.section("histograms")[1:]
    if (heads["first_bucket"].astype(np.int64) + BUCKETS > len(segment.section("buckets"))).any() and len(heads):
        raise LayoutMismatch(f"metrics of {component!r}: a histogram's buckets lie outside their section")
    return self
