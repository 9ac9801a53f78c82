"""Histograms of stages to a file: JSON with their buckets, or a log that HdrHistogram's tools read.

    stages (views/latency.py) ─▶ json: one object, each stage with its figures and its used buckets (lowest value, highest value, count)
                              └▶ hdr:  HdrHistogram log format V2, a line for each stage, its name as Tag

The log is the one that HdrHistogram's Java, C and Python libraries write and read: histograms of two significant digits, the counts as ZigZag LEB128 with
runs of zeros as negative numbers, under zlib and Base64 (HdrHistogram's ``AbstractHistogram.encodeIntoCompressedByteBuffer``). Our buckets are four of theirs
wide; each count goes where its bucket ends, so percentiles read back are those that ``ringfence latency`` shows, to 1/128. The file is written whole beside its
place and then moved there: a reader never sees half of one. What can fail: an unknown format, a file that cannot be written (``UsageError``).
"""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from ringfence.ipc.histogram import VALUE_BITS, Histogram, bucket_bounds
from ringfence.tools.errors import UsageError
from ringfence.tools.views.latency import PERCENTILES, Stage

FORMATS = ("json", "hdr")
_DIGITS = 2
_HALF_BITS = 7  # half of the 256 sub-buckets that two significant digits need
_COOKIE, _COMPRESSED_COOKIE = 0x1C849313, 0x1C849314


def write(form: str, file: str, stages: Mapping[Stage, Histogram], begin_ns: int, end_ns: int, instance: str) -> None:
    """Write ``stages``, recorded from ``begin_ns`` to ``end_ns``, to ``file``.

    Raises
    ------
    UsageError
        If ``form`` is none of ``FORMATS``, or the file cannot be written.
    """
    check_format(form)
    text = _json(stages, begin_ns, end_ns, instance) if form == "json" else _log(stages, begin_ns, end_ns, instance)
    path = Path(file)
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as e:
        raise UsageError(f"--export {form} {file!r}: {e.strerror}") from e


def check_format(form: str) -> None:
    """Refuse a format that is not known."""
    if form not in FORMATS:
        raise UsageError(f"--export format was {form!r}; allowed: {', '.join(FORMATS)}")


def _json(stages: Mapping[Stage, Histogram], begin_ns: int, end_ns: int, instance: str) -> str:
    found = []
    for stage, h in stages.items():
        counts = h.counts
        figures = {key: h.percentile(p) for key, p in PERCENTILES.items()} | {"max": h.max, "min": h.min, "total": h.total} if h.count else {}
        buckets = [[*bucket_bounds(int(i)), int(counts[i])] for i in counts.nonzero()[0]]
        found.append({"stage": stage.name, "strategy": stage.strategy, "session": stage.session, "n": h.count, "ns": figures, "buckets": buckets})
    return json.dumps({"schema": "rf.latency_export/1", "instance": instance, "begin_ns": str(begin_ns), "end_ns": str(end_ns), "stages": found}, indent=1)


def _log(stages: Mapping[Stage, Histogram], begin_ns: int, end_ns: int, instance: str) -> str:
    lines = [
        f"#[Ringfence stages of instance {instance}, values in nanoseconds]",
        "#[Histogram log format version 1.3]",
        f"#[StartTime: {begin_ns / 1e9:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]
    for stage, h in stages.items():
        if h.count:
            tag = f"{stage.name}[{stage.strategy}]" if stage.strategy else stage.name
            lines.append(f"Tag={tag},0.000,{(end_ns - begin_ns) / 1e9:.3f},{h.max / 1e6:.6f},{encode(h)}")
    return "\n".join(lines) + "\n"


def encode(h: Histogram) -> str:
    """Return a histogram [ns] as HdrHistogram's compressed V2 encoding in Base64."""
    places: dict[int, int] = {}
    for index in h.counts.nonzero()[0]:
        place = _place(min(bucket_bounds(int(index))[1], max(h.max, bucket_bounds(int(index))[0])))
        places[place] = places.get(place, 0) + int(h.counts[index])
    body = b"".join(_leb128(n << 1 if n >= 0 else (-n << 1) - 1) for n in _runs(places))
    head = struct.pack(">iiiiqqd", _COOKIE, len(body), 0, _DIGITS, 1, (1 << VALUE_BITS) - 1, 1.0)
    packed = zlib.compress(head + body)
    return base64.b64encode(struct.pack(">ii", _COMPRESSED_COOKIE, len(packed)) + packed).decode("ascii")


def _place(value: int) -> int:
    """The index of HdrHistogram's counts array where ``value`` counts, with two significant digits from 1 on."""
    bucket = max(value.bit_length() - (_HALF_BITS + 1), 0)
    return ((bucket + 1) << _HALF_BITS) + (value >> bucket) - (1 << _HALF_BITS)


def _runs(places: Mapping[int, int]) -> Iterable[int]:
    """The counts up to the last one, zeros between them as minus their number; a single zero is 0."""
    at = 0
    for place in sorted(places):
        gap = place - at
        if gap:
            yield 0 if gap == 1 else -gap
        yield places[place]
        at = place + 1


def _leb128(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)
