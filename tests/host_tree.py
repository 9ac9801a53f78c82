"""Copies of /sys and /proc of hosts that there are none of, for tests of plans and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringfence.tools.tuning.host import CPUS, list_text, mask_text

IRQS = {24: "0-7", 25: "2", 26: "0-1"}
FIRST_CACHE = "index0"


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")


def topology(count: int, siblings: Callable[[int], set[int]], cache: Callable[[int], set[int]], node: Callable[[int], int]) -> dict[str, str]:
    """Files that say which CPUs there are and what they share."""
    files = {f"{CPUS}/online": list_text(range(count))}
    for cpu in range(count):
        files[f"{CPUS}/cpu{cpu}/topology/thread_siblings_list"] = list_text(siblings(cpu))
        files |= {f"{CPUS}/cpu{cpu}/cache/{FIRST_CACHE}/level": "1", f"{CPUS}/cpu{cpu}/cache/{FIRST_CACHE}/shared_cpu_list": list_text(siblings(cpu))}
        files |= {f"{CPUS}/cpu{cpu}/cache/index3/level": "3", f"{CPUS}/cpu{cpu}/cache/index3/shared_cpu_list": list_text(cache(cpu))}
    for n in {node(cpu) for cpu in range(count)}:
        files[f"/sys/devices/system/node/node{n}/cpulist"] = list_text(cpu for cpu in range(count) if node(cpu) == n)
    return files


def untuned(count: int) -> dict[str, str]:
    """What a distribution sets: everything that a plan would have otherwise."""
    everybody = range(count)
    files = {
        "/proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet",
        f"{CPUS}/isolated": "",
        f"{CPUS}/nohz_full": "(null)",
        "/proc/irq/default_smp_affinity": mask_text(everybody),
        "/proc/77/comm": "irqbalance",
        "/sys/devices/virtual/workqueue/cpumask": mask_text(everybody),
        "/sys/devices/virtual/workqueue/writeback/cpumask": mask_text(everybody),
        "/proc/sys/kernel/watchdog_cpumask": list_text(everybody),
        "/proc/sys/kernel/nmi_watchdog": "1",
        "/proc/sys/vm/stat_interval": "1",
        "/proc/sys/kernel/timer_migration": "0",
        "/proc/sys/kernel/numa_balancing": "1",
        "/sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
        "/sys/kernel/mm/transparent_hugepage/shmem_enabled": "always within_size advise [never] deny force",
        "/proc/sys/vm/nr_hugepages": "512",
        "/sys/kernel/mm/ksm/run": "1",
        "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/swapfile file 1 0 -2",
        "/proc/self/limits": "Limit Soft Limit Hard Limit Units\nMax locked memory         8388608              8388608              bytes",
        "/proc/sys/kernel/sched_rt_runtime_us": "950000",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet",
        "/proc/sys/kernel/perf_event_paranoid": "4",
        "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory",
        "/sys/fs/cgroup/cgroup.subtree_control": "cpu memory",
    }
    for irq, cpus in IRQS.items():
        files[f"/proc/irq/{irq}/smp_affinity_list"] = cpus
    files["/proc/irq/26/effective_affinity_list"] = "0"
    for cpu in everybody:
        files[f"{CPUS}/cpu{cpu}/cpufreq/scaling_governor"] = "powersave"
        for state, latency in enumerate((0, 2, 133)):
            files |= {f"{CPUS}/cpu{cpu}/cpuidle/state{state}/latency": str(latency), f"{CPUS}/cpu{cpu}/cpuidle/state{state}/disable": "0"}
    return files


def small(root: Path) -> None:
    """Four cores with two threads each (N and N + 4), one cache, one node."""
    write(root, topology(8, lambda c: {c % 4, c % 4 + 4}, lambda _c: set(range(8)), lambda _c: 0) | untuned(8))
    for cpu in range(1, 8):
        write(root, {f"{CPUS}/cpu{cpu}/online": "1"})


def large(root: Path) -> None:
    """Sixteen cores of one thread: two nodes, in each a cache of six and one of two."""

    def cache(cpu: int) -> set[int]:
        first = cpu // 8 * 8
        return set(range(first, first + 6)) if cpu % 8 < 6 else {first + 6, first + 7}

    write(root, topology(16, lambda c: {c}, cache, lambda c: c // 8) | untuned(16))
