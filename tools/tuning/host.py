"""A host as its /sys and /proc tell it: cores, their siblings, caches and memory nodes, and the text of any file.

    root/sys/devices/system/cpu ──topology──▶ {cpu: Core}      root/PATH ──text──▶ str or None

``root`` is "/" or a directory that holds a copy, so that a host can be looked at elsewhere, and in tests. A file that is not there or may not be read is None,
never an error: kernels and virtual machines differ in what they show. Writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CPUS = "/sys/devices/system/cpu"
DMA_LATENCY_BYTES = 4


@dataclass(frozen=True)
class Core:
    """One CPU that is online; ``siblings`` are the hardware threads of its core, itself too; ``cache`` is the lowest CPU of its last-level cache."""

    cpu: int
    siblings: tuple[int, ...]
    cache: int
    node: int


@dataclass(frozen=True)
class Host:
    """Files below a root."""

    root: Path = Path("/")

    def text(self, path: str) -> str | None:
        """The file without blanks at its ends; None when it cannot be read."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace").strip()
        except OSError:
            return None

    def cpus(self, path: str) -> frozenset[int] | None:
        """A file that lists CPUs, such as "0-2,5"; "(null)" is none."""
        text = self.text(path)
        return None if text is None else cpu_list(text)

    def paths(self, pattern: str) -> list[str]:
        """Files that a pattern fits, from the root on, in the order of the numbers in them."""
        found = ("/" + str(p.relative_to(self.root)) for p in self.root.glob(pattern.lstrip("/")))
        return sorted(found, key=lambda p: [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", p)])

    def dma_latency_us(self) -> int | None:
        """What /dev/cpu_dma_latency holds C-states to [us]; None when it cannot be read."""
        try:
            with (self.root / "dev/cpu_dma_latency").open("rb", buffering=0) as f:
                raw = f.read(DMA_LATENCY_BYTES)
        except OSError:
            return None
        return int.from_bytes(raw, "little", signed=True) if raw is not None and len(raw) == DMA_LATENCY_BYTES else None

    def boot(self, name: str) -> list[str]:
        """Values of a boot parameter, in order."""
        return [word.partition("=")[2] for word in (self.text("/proc/cmdline") or "").split() if word.partition("=")[0] == name]


def cpu_list(text: str) -> frozenset[int]:
    """CPUs of a list such as "0-2,5"; what is no number ("(null)", flags of isolcpus) is left out."""
    out: set[int] = set()
    for first, last in re.findall(r"(?<![\w.-])(\d+)(?:-(\d+))?(?![\w.-])", text):
        out.update(range(int(first), int(last or first) + 1))
    return frozenset(out)


def cpu_mask(text: str) -> frozenset[int]:
    """CPUs of a mask such as "00000000,000000ff"."""
    bits = int(text.replace(",", "") or "0", 16)
    return frozenset(k for k in range(bits.bit_length()) if bits >> k & 1)


def list_text(cpus: Iterable[int]) -> str:
    """CPUs as the kernel writes them: "0-2,5"."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def mask_text(cpus: Iterable[int]) -> str:
    """CPUs as a mask, in groups of 32 bits."""
    text = f"{sum(1 << cpu for cpu in set(cpus)):x}"
    groups = [text[max(0, end - 8) : end] for end in range(len(text), 0, -8)]
    return ",".join(reversed(groups))


def topology(host: Host) -> dict[int, Core]:
    """Every CPU that is online."""
    online = host.cpus(f"{CPUS}/online")
    if online is None:
        online = frozenset(int(p.rpartition("cpu")[2]) for p in host.paths(f"{CPUS}/cpu[0-9]*"))
    lists = host.paths("/sys/devices/system/node/node[0-9]*/cpulist")
    nodes = {cpu: int(p.rsplit("node", 1)[1].partition("/")[0]) for p in lists for cpu in host.cpus(p) or ()}
    out = {}
    for cpu in sorted(online):
        siblings = host.cpus(f"{CPUS}/cpu{cpu}/topology/thread_siblings_list") or {cpu}
        caches = [(int(host.text(f"{p}/level") or 0), host.cpus(f"{p}/shared_cpu_list") or {cpu}) for p in host.paths(f"{CPUS}/cpu{cpu}/cache/index[0-9]*")]
        last = max(caches, key=lambda c: c[0], default=(0, {cpu}))[1]
        out[cpu] = Core(cpu, tuple(sorted(siblings & online | {cpu})), min(last), nodes.get(cpu, 0))
    return out
