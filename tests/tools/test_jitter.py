"""The report of a listener: bands, percentiles, what the kernel counted; and the command, to its end and to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import host_tree
import numpy as np
import pytest

from ringfence.ipc.histogram import BUCKETS, Histogram, bucket_index
from ringfence.ipc.jitter import Hiccups
from ringfence.tools import cli, jitter
from ringfence.tools.tuning.host import Host

INTERRUPTS = """           CPU0       CPU2       CPU5
  1:          9         10          0   IO-APIC    1-edge      i8042
 24:          0          7          3   PCI-MSI 512000-edge      eth0-rx-0
NMI:          0          1          0   Non-maskable interrupts
LOC:     100000     250000          5   Local timer interrupts
ERR:          0"""
SOFTIRQS = """                    CPU0       CPU2       CPU5
          HI:          1          0          0
       TIMER:         10         20         30"""
STAT = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu2 1 2 3 4 5 6 7 30 0 0\nintr 5"


def gaps(*values: tuple[int, int]) -> Histogram:
    counts = np.zeros(BUCKETS, np.uint64)
    for value, n in values:
        counts[bucket_index(value)] += np.uint64(n)
    return Histogram.from_counts(counts)


def test_counts_are_the_cores_own_column(tmp_path: Path) -> None:
    host_tree.write(tmp_path, {"/proc/interrupts": INTERRUPTS, "/proc/softirqs": SOFTIRQS, "/proc/stat": STAT})
    host_tree.write(tmp_path, {"/proc/thread-self/status": "Name: x\nvoluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t4"})
    found = jitter.counted(2, Host(tmp_path))
    assert found.pop("page faults") >= 0
    assert found == {
        "interrupt 1 (IO-APIC 1-edge i8042)": 10,
        "interrupt 24 (PCI-MSI 512000-edge eth0-rx-0)": 7,
        "interrupt NMI (Non-maskable interrupts)": 1,
        "interrupt LOC (Local timer interrupts)": 250_000,
        "softirq HI": 0,
        "softirq TIMER": 20,
        "steal us": 30 * 1_000_000 // os.sysconf("SC_CLK_TCK"),
        "context switches, voluntary": 3,
        "context switches, forced": 4,
    }
    assert jitter.counted(7, Host(tmp_path)).keys() <= {"page faults", "context switches, voluntary", "context switches, forced"}


def test_bands_hold_every_gap_once_and_have_no_hole() -> None:
    found = jitter.bands(gaps((0, 1), (9, 2), (15, 3), (25, 4), (1_000, 5), (49_000, 6), (10**12, 7)))
    assert sum(n for _, _, n in found) == 28
    assert found[0] == (0, 10, 3) and found[1] == (10, 20, 3) and found[2] == (20, 50, 4)
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert jitter.bands(gaps()) == []


def test_report_has_what_rose_and_the_longest_first() -> None:
    heard = Hiccups(gaps((20, 1000), (15_000, 2), (90_000, 1)), [(5, 15_000), (40_000, 90_000), (900_000, 15_500)], 3, 120_500, 2_000_000, True)
    report = jitter.report(3, 10.0, heard, {"interrupt LOC": 5, "softirq RCU": 1}, {"interrupt LOC": 9, "softirq RCU": 1, "interrupt 24": 2})
    assert report["counted"] == {"interrupt LOC": 4, "interrupt 24": 2}
    assert [g["gap_ns"] for g in report["longest"]] == [90_000, 15_500, 15_000]
    assert (report["over"], report["lost_ns"], report["lost_share"], report["stopped"]) == (3, "120500", 0.06025, True)
    text = "\n".join(jitter.text(report))
    assert "core 3, 2.0ms, stopped: 1,003 readings" in text
    assert "▲ 3 gaps of 10 us or more, 120us in all (6.0250% of the time)" in text
    assert "  4  interrupt LOC  (2,000/s)" in text


def test_report_of_a_quiet_core_says_so() -> None:
    report = jitter.report(1, 10.0, Hiccups(gaps((20, 10)), [], 0, 0, 200, False), {}, {})
    text = jitter.text(report)
    assert text[2].startswith("● 0 gaps") and text[-1] == "the kernel counted nothing meanwhile"


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "ringfence.tools.cli", "jitter", "--core", str(min(os.sched_getaffinity(0))), *argv]


def test_command_when_the_time_is_over_reports_and_leaves() -> None:
    done = subprocess.run(command("--seconds", "0.05", "--threshold", "5", "--json"), capture_output=True, text=True, timeout=60, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, told["schema"], told["stopped"], told["threshold_us"]) == (0, "rf.jitter/1", False, 5.0)
    assert sum(band["gaps"] for band in told["bands"]) == told["turns"] > 0


def test_command_when_interrupted_reports_what_it_has() -> None:
    with subprocess.Popen(command("--seconds", "3600"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        caught = 0
        while child.poll() is None and not caught >> (signal.SIGTERM - 1) & 1:  # our handler is in place: only then is Ctrl-C the listener's
            caught = int(next(line.split()[1] for line in Path(f"/proc/{child.pid}/status").read_text().splitlines() if line.startswith("SigCgt")), 16)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "")
    assert "stopped" in out and "readings of the clock" in out


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [("--core 99999", 4, "pin to core 99999"), ("--core 0 --seconds 0", 2, "more than 0"), ("--core 0 --threshold -1", 2, "more than 0")],
)
def test_command_when_it_cannot_be_says_why(argv: str, status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        found = cli.main(["jitter", *argv.split()])
    except SystemExit as e:  # argparse
        found = int(e.code or 0)
    assert (found, said in capsys.readouterr().err) == (status, True)
