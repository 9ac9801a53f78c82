"""The report of ``ringfence jitter``: gaps of a core in figures and a picture, and what the kernel counted there meanwhile.

    /proc (before, after) ──counted──▶ interrupts, softirqs, context switches, page faults, steal of the core      Hiccups + both ──▶ report ──▶ text, JSON

A gap is not an interrupt: one interrupt may be too short to reach the threshold, and a gap may hold several, or none that the kernel sees (the hypervisor's,
the firmware's). So the counts stand beside the gaps, and what they leave is not explained. Reads only; a file that is not there counts nothing.
"""

from __future__ import annotations

import os
import resource
from typing import Any

from ringfence.ipc.histogram import Histogram, bucket_bounds
from ringfence.ipc.jitter import Hiccups
from ringfence.tools.render import duration
from ringfence.tools.tuning.host import Host

PERCENTILES = (50.0, 99.0, 99.9, 99.99, 99.999, 99.9999)
LONGEST = 10
WIDTH = 40
BANDS_NS = tuple(base * 10**power for power in range(1, 10) for base in (1, 2, 5))
Counts = dict[str, int]


def counted(core: int, host: Host | None = None) -> Counts:
    """What the kernel has counted so far of a core and this thread: since boot, since the thread began.

    Names are those of /proc/interrupts and /proc/softirqs, with what they are for; steal is in microseconds.
    """
    files = host or Host()
    out: Counts = {}
    for kind in ("interrupts", "softirqs"):
        out |= _column(files.text(f"/proc/{kind}") or "", core, kind)
    for line in (files.text("/proc/stat") or "").splitlines():
        words = line.split()
        if words and words[0] == f"cpu{core}" and len(words) > _STEAL:
            out["steal us"] = int(words[_STEAL]) * 1_000_000 // os.sysconf("SC_CLK_TCK")
    for line in (files.text("/proc/thread-self/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name in _SWITCHES:
            out[_SWITCHES[name]] = int(value)
    out["page faults"] = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    return out


_STEAL = 8  # word of a cpu line of /proc/stat
_SWITCHES = {"voluntary_ctxt_switches": "context switches, voluntary", "nonvoluntary_ctxt_switches": "context switches, forced"}


def _column(text: str, core: int, kind: str) -> Counts:
    """The core's column of a table whose first line names the CPUs."""
    lines = text.splitlines()
    heads = lines[0].split() if lines else []
    if f"CPU{core}" not in heads:
        return {}
    at, out = heads.index(f"CPU{core}"), {}
    for line in lines[1:]:
        name, _, rest = line.partition(":")
        words = rest.split()
        if len(words) > at and words[at].isdigit():
            what = " ".join(words[len(heads) :])
            out[f"{kind[:-1]} {name.strip()}" + (f" ({what})" if what else "")] = int(words[at])
    return out


def report(core: int, threshold_us: float, heard: Hiccups, before: Counts, after: Counts) -> dict[str, Any]:
    """Everything as JSON has it; times are nanoseconds as text where they may be large."""
    gaps = heard.gaps
    rose = {name: after[name] - before.get(name, 0) for name in after if after[name] > before.get(name, 0)}
    longest = sorted(heard.over, key=lambda gap: -gap[1])[:LONGEST]
    return {
        "core": core,
        "threshold_us": threshold_us,
        "ran_ns": str(heard.ran_ns),
        "stopped": heard.stopped,
        "turns": gaps.count,
        "percentiles_ns": {f"p{p:g}": gaps.percentile(p) for p in PERCENTILES},
        "max_ns": gaps.max,
        "over": heard.over_count,
        "lost_ns": str(heard.lost_ns),
        "lost_share": heard.lost_ns / heard.ran_ns if heard.ran_ns else 0.0,
        "longest": [{"at_ns": str(at), "gap_ns": gap} for at, gap in longest],
        "bands": [{"from_ns": low, "below_ns": high, "gaps": count} for low, high, count in bands(gaps)],
        "counted": rose,
    }


def bands(gaps: Histogram) -> list[tuple[int, int, int]]:
    """Gaps in bands of 1, 2, 5 times a power of ten [ns]: (from, below, how many), from the first band to the last that has any."""
    edges = (0, *BANDS_NS, 1 << 62)
    counts = [0] * (len(edges) - 1)
    for index, n in enumerate(gaps.counts.tolist()):
        if n:
            low = bucket_bounds(index)[0]
            counts[next(k for k in range(len(counts)) if low < edges[k + 1])] += n
    used = [k for k, n in enumerate(counts) if n]
    return [(edges[k], edges[k + 1], counts[k]) for k in range(used[0], used[-1] + 1)] if used else []


def text(r: dict[str, Any]) -> list[str]:
    """The report for a terminal."""
    ran = int(r["ran_ns"])
    lines = [f"core {r['core']}, {duration(ran)}{', stopped' if r['stopped'] else ''}: {r['turns']:,} readings of the clock"]
    lines.append("  ".join(f"{name} {duration(ns)}" for name, ns in r["percentiles_ns"].items()) + f"  max {duration(r['max_ns'])}")
    lost = f"{r['over']:,} gaps of {r['threshold_us']:g} us or more, {duration(int(r['lost_ns']))} in all ({r['lost_share']:.4%} of the time)"
    lines += [f"{'▲' if r['over'] else '●'} {lost}", ""]
    most = max((len(str(b["gaps"])) for b in r["bands"]), default=1)
    for b in r["bands"]:
        upper = duration(b["below_ns"]) if b["below_ns"] < 1 << 60 else "more"
        bar = "█" * max(1, round(WIDTH * len(f"{b['gaps']:b}") / max(len(f"{x['gaps']:b}") for x in r["bands"]))) if b["gaps"] else ""
        lines.append(f"{duration(b['from_ns']):>7} to {upper:<7} {b['gaps']:>{most},} {bar}".rstrip())
    if r["longest"]:
        lines += ["", "longest: " + ", ".join(f"{duration(g['gap_ns'])} at {int(g['at_ns']) / 1e9:.3f} s" for g in r["longest"])]
    lines += ["", "counted meanwhile:" if r["counted"] else "the kernel counted nothing meanwhile"]
    return lines + [f"  {n:>10,}  {name}  ({n * 1e9 / ran if ran else 0:,.0f}/s)" for name, n in sorted(r["counted"].items(), key=lambda c: -c[1])]
