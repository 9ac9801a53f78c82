"""Which core gets which process: hot ones a core of their own, near to each other, and the rest of the host's work on the cores that are left.

    Config (or what an instance usually has) ──hot──▶ processes in order      Host ──topology──▶ cores ──place──▶ Plan

Rules, in this order: the core of CPU 0 is never taken (the kernel's boot CPU keeps its timekeeping), so there is always a housekeeping core; cores that are
isolated already are used before others, so that a plan that is in force is found again; a process gets the first thread of a core and its siblings stay
empty; processes go to one last-level cache while it has cores, then to the same memory node, since a cache line crosses a cache in tens of nanoseconds and a
node in more than a hundred (docs/tuning.md). When there are too few, the engine comes first, then gateways, the feed, strategies; who comes last shares the
housekeeping cores.
Pure; nothing fails: a host with one core has a plan that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.tools.config import Config
from ringfence.tools.tuning.host import CPUS, Core, Host, cpu_list, list_text, topology

PARTITION = "/sys/fs/cgroup/ringfence"
"""The cpuset that isolates cores without a reboot."""


@dataclass(frozen=True)
class Place:
    """A process and its core; ``key`` is where the configuration says it, with the present value, None when it says none."""

    process: str
    cpu: int
    key: str
    configured: int | None


@dataclass(frozen=True)
class Plan:
    """``hot``: CPUs of processes; ``isolated``: these and their siblings; ``housekeeping``: all others that are online."""

    places: tuple[Place, ...]
    shared: tuple[str, ...]
    hot: frozenset[int]
    isolated: frozenset[int]
    housekeeping: frozenset[int]
    cores: dict[int, Core]
    notes: tuple[str, ...]

    @property
    def siblings(self) -> frozenset[int]:
        """Hardware threads beside a hot one."""
        return self.isolated - self.hot


def hot(config: Config | None) -> list[tuple[str, str, int | None]]:
    """Processes that poll, the most important one first: name, key of its core, present value."""
    if config is None:
        return [("engine", "cores.engine", None), ("gw.VENUE", "venue.core", None), ("strat.A", "strategy.core", None), ("strat.B", "strategy.core", None)]

    def said(core: int) -> int | None:
        return core if core >= 0 else None

    out = [("engine", "cores.engine", said(config.cores.engine))]
    out += [(f"gw.{v.name}", f"venue[{v.id}].core", said(v.core)) for v in config.venues]
    out += [("feed", "cores.feed", said(config.cores.feed))] if config.feed else []
    return out + [(f"strat.{s.name}", f"strategy[{s.id}].core", said(s.core)) for s in config.strategies]


def isolated_now(host: Host) -> frozenset[int]:
    """CPUs without load balancing: by the boot line, and by cpuset partitions."""
    boot = host.cpus(f"{CPUS}/isolated") or frozenset()
    return boot | (host.cpus("/sys/fs/cgroup/cpuset.cpus.isolated") or frozenset()) | _partition(host)


def _partition(host: Host) -> frozenset[int]:
    """Of our own cpuset, on kernels whose root does not list them."""
    in_force = host.text(f"{PARTITION}/cpuset.cpus.partition") == "isolated"
    return cpu_list(host.text(f"{PARTITION}/cpuset.cpus") or "") if in_force else frozenset()


def make(host: Host, config: Config | None = None) -> Plan:
    """Return the plan for a host."""
    cores, notes = topology(host), []
    first = min(cores, default=0)
    heads = [c for c in cores.values() if c.cpu == c.siblings[0] and first not in c.siblings]
    ready = [c for c in heads if c.cpu in isolated_now(host)]
    wanted = hot(config)
    chosen = _near(ready, len(wanted))
    chosen += _near([c for c in heads if c not in ready], len(wanted) - len(chosen), beside=chosen[:1])
    places = tuple(Place(name, core.cpu, key, now) for (name, key, now), core in zip(wanted, chosen, strict=False))
    taken = frozenset(p.cpu for p in places)
    isolated = frozenset(cpu for p in places for cpu in cores[p.cpu].siblings)
    shared = tuple(name for name, _, _ in wanted[len(places) :])
    if not places:
        notes.append("no core can be given away: this host has one")
    elif shared:
        share = f"{', '.join(shared)} {'shares' if len(shared) == 1 else 'share'} the housekeeping cores"
        notes.append(f"{share}: {len(places)} of {len(wanted)} processes fit; [instance] idle = backoff")
    if len({cores[cpu].node for cpu in taken}) > 1:
        notes.append("hot processes are on more than one memory node: a message between them crosses the interconnect")
    elif len({cores[cpu].cache for cpu in taken}) > 1:
        notes.append("hot processes are in more than one last-level cache: a message between them leaves it")
    notes += [f"{p.process}: {p.key} is {p.configured}, planned {p.cpu}" for p in places if p.configured is not None and p.configured != p.cpu]
    return Plan(places, shared, taken, isolated, frozenset(cores) - isolated, cores, tuple(notes))


def _near(cores: list[Core], count: int, beside: list[Core] | None = None) -> list[Core]:
    """So many cores, in as few caches and nodes as will do; those of ``beside``'s cache and node first."""
    there = beside[0] if beside else None
    in_cache = {c.cache: sum(o.cache == c.cache for o in cores) for c in cores}
    in_node = {c.node: sum(o.node == c.node for o in cores) for c in cores}

    def order(c: Core) -> tuple[bool, bool, bool, int, int, bool, int, int, int]:
        away = (there is not None and c.node != there.node, there is not None and c.cache != there.cache)
        return (*away, in_node[c.node] < count, -in_node[c.node], c.node, in_cache[c.cache] < count, -in_cache[c.cache], c.cache, c.cpu)

    return sorted(cores, key=order)[: max(count, 0)]


def words(plan: Plan) -> str:
    """Which cores are what, in one line."""
    return f"hot {list_text(plan.hot) or 'none'}, isolated {list_text(plan.isolated) or 'none'}, housekeeping {list_text(plan.housekeeping) or 'none'}"
