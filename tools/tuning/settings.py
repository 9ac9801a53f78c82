"""The one table of settings: what each should be, what it buys and costs, how it is read, set and undone. Plan, script, verify and doctor are made of it.

    Setting ──read(host, plan)──▶ [(file, text)] ──good(text, plan)──▶ Finding: ok, warn, idle (this host has no such thing)
                                                   └─not good─▶ lines of shell that set it, and lines that put back what is there now

Most rows are files with a value; a row that is not says so by its own ``apply`` and ``undo``. ``boot`` is the parameter of the kernel's command line, for
what only that can do or what it does earlier. A file that cannot be read is no finding: the kernel, the hypervisor or the firmware keeps it. Pure but for
reading through ``Host``. Sources of what is said here: docs/tuning.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringfence.tools.tuning.host import CPUS, Host, cpu_list, cpu_mask, list_text, mask_text
from ringfence.tools.tuning.plan import PARTITION, Plan, isolated_now

Texts = list[tuple[str, str]]
Read = Callable[[Host, Plan], Texts]
Shell = Callable[[Host, Plan], list[str]]
EXIT_LATENCY_US = 2
"""Idle states from which a core needs longer to wake are kept shut."""
LINES_SHOWN = 2
LIMITS_FILE = "/etc/security/limits.d/90-ringfence.conf"
BANNED = "/etc/systemd/system/irqbalance.service.d/ringfence.conf"
THP = "/sys/kernel/mm/transparent_hugepage"
WORKQUEUES = "/sys/devices/virtual/workqueue"


def _none(_plan: Plan) -> str:
    return ""


def _files(*paths: str) -> Read:
    """Those that are there."""
    return lambda host, _plan: [(p, text) for p in paths if (text := host.text(p)) is not None]


def _each(pattern: str) -> Read:
    """A file of each hot core, {} in its path."""

    def read(host: Host, plan: Plan) -> Texts:
        return [(p, text) for cpu in sorted(plan.hot) if (text := host.text(p := pattern.format(cpu))) is not None]

    return read


@dataclass(frozen=True)
class Setting:
    """See the module. ``value`` is written to every file that is not good, "" when only ``boot`` or ``apply`` can do it."""

    name: str
    want: str
    why: str
    cost: str
    read: Read
    good: Callable[[str, Plan], bool]
    value: Callable[[Plan], str] = _none
    boot: Callable[[Plan], str] = _none
    apply: Shell | None = None
    undo: Shell | None = None
    of_cores: bool = True
    """Without a hot core there is nothing to set."""
    planned: bool = True
    """False: doctor says it, no plan asks for it."""


@dataclass(frozen=True)
class Finding:
    """``state`` is ok, warn or idle; ``now`` is what holds, in words; ``apply``, ``undo`` are shell, ``boot`` the parameter that is missing."""

    setting: Setting
    state: str
    now: str
    apply: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    boot: str = ""

    @property
    def fix(self) -> str:
        """One line that mends it; the first of many, since the script has them all."""
        more = f"; {len(self.apply) - 1} more: ringfence tune plan --script" if len(self.apply) > LINES_SHOWN else ""
        return "; ".join(self.apply[: 1 if more else None]) + more or (f"boot with {self.boot}" if self.boot else "")


def look(setting: Setting, host: Host, plan: Plan) -> Finding:
    """Compare a host with a setting."""
    if setting.of_cores and not plan.hot:
        return Finding(setting, "idle", "no core is planned for a process")
    texts = setting.read(host, plan)
    if not texts:
        return Finding(setting, "idle", "this host does not show it")
    wrong = [(path, text) for path, text in texts if not setting.good(text, plan)]
    now = _said(wrong or texts)
    if not wrong:
        return Finding(setting, "ok", now)
    value = setting.value(plan)
    apply = setting.apply(host, plan) if setting.apply else [f"echo {value} > {path}" for path, _ in wrong] if value else []
    undo = setting.undo(host, plan) if setting.undo else [f"echo {_chosen(host.text(path) or '')} > {path}" for path, _ in wrong] if value else []
    return Finding(setting, "warn", now, tuple(apply), tuple(undo), setting.boot(plan))


def _said(texts: Texts) -> str:
    """What holds: once for all files that say the same."""
    different = list(dict.fromkeys(text.splitlines()[0] if text else "none" for _, text in texts))
    more = f" ({len(texts)} files)" if len(texts) > 1 else ""
    return ", ".join(different[:4]) + (" ..." if len(different) > 4 else "") + more


# ---- what is read otherwise than as a file -----------------------------------------------------------------------------------------------


def _isolation(host: Host, _plan: Plan) -> Texts:
    return [] if host.text(f"{CPUS}/isolated") is None else [(f"{CPUS}/isolated", list_text(isolated_now(host)) or "none")]


def _partition_lines(host: Host, plan: Plan) -> list[str]:
    """Without a reboot, where cgroup v2 has cpusets."""
    if "cpuset" not in (host.text("/sys/fs/cgroup/cgroup.controllers") or "").split():
        return []
    return [
        "echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control",
        f"mkdir -p {PARTITION}",
        f"echo {list_text(plan.isolated)} > {PARTITION}/cpuset.cpus",
        f"echo isolated > {PARTITION}/cpuset.cpus.partition",
    ]


def _callbacks(host: Host, _plan: Plan) -> Texts:
    """RCU callbacks are offloaded from the cores of rcu_nocbs, and from those of nohz_full."""
    if host.text("/proc/cmdline") is None:
        return []
    said = [value for name in ("rcu_nocbs", "nohz_full") for value in host.boot(name)]
    return [("/proc/cmdline", list_text(frozenset().union(*map(cpu_list, said))) or "none")]


def _interrupts(host: Host, _plan: Plan) -> Texts:
    """Where each interrupt goes: to what the controller was told, where the kernel says it."""
    out = []
    for path in host.paths("/proc/irq/[0-9]*/smp_affinity_list"):
        told = host.text(path.replace("smp_affinity_list", "effective_affinity_list"))
        if text := told or host.text(path):
            out.append((path, text))
    return out


def _balancer(host: Host, plan: Plan) -> Texts:
    """irqbalance leaves alone the cores that it is told, else those that the boot line has isolated or left without a tick."""
    for path in host.paths("/proc/[0-9]*/comm"):
        if host.text(path) != "irqbalance":
            continue
        told = dict(word.partition("=")[::2] for word in (host.text(path.replace("comm", "environ")) or "").split("\0"))
        if "IRQBALANCE_BANNED_CPULIST" in told:
            banned = cpu_list(told["IRQBALANCE_BANNED_CPULIST"])
        else:
            banned = (host.cpus(f"{CPUS}/isolated") or frozenset()) | (host.cpus(f"{CPUS}/nohz_full") or frozenset())
        kept = plan.hot & banned
        return [(path, f"runs, keeps off {list_text(kept) or 'none'} of {list_text(plan.hot)}")]
    return [("irqbalance", "does not run")]


def _idle_states(host: Host, plan: Plan) -> Texts:
    """Idle states of hot cores that take long to leave; none of it matters while somebody holds /dev/cpu_dma_latency low."""
    held = host.dma_latency_us()
    if held is not None and held <= EXIT_LATENCY_US:
        return [("/dev/cpu_dma_latency", f"held at {held} us")]
    out = []
    for cpu in sorted(plan.hot):
        for path in host.paths(f"{CPUS}/cpu{cpu}/cpuidle/state[0-9]*/disable"):
            latency = host.text(path.replace("/disable", "/latency"))
            if latency is not None and int(latency) > EXIT_LATENCY_US and (text := host.text(path)) is not None:
                out.append((path, text))
    return out or ([("cpuidle", "no deep state")] if host.paths(f"{CPUS}/cpu[0-9]*/cpuidle/state0") else [])


def _siblings(host: Host, plan: Plan) -> Texts:
    """Hardware threads beside hot ones that are online."""
    if host.text(f"{CPUS}/online") is None:
        return []
    return [(p, host.text(p) or "1") for cpu in sorted(plan.siblings) if (p := f"{CPUS}/cpu{cpu}/online")] or [("siblings", "no hot core has a second thread")]


def _memlock(host: Host, _plan: Plan) -> Texts:
    for line in (host.text("/proc/self/limits") or "").splitlines():
        if line.startswith("Max locked memory"):
            return [("/proc/self/limits", line.split()[3])]
    return []


def _swap(host: Host, _plan: Plan) -> Texts:
    text = host.text("/proc/swaps")
    return [] if text is None else [("/proc/swaps", ", ".join(line.split()[0] for line in text.splitlines()[1:]) or "none")]


def _chosen(text: str) -> str:
    """The word in brackets of "always [madvise] never"."""
    return text.partition("[")[2].partition("]")[0] or text


def _thp(name: str) -> Read:
    return lambda host, _plan: [(p, _chosen(text)) for p in (f"{THP}/{name}",) if (text := host.text(p)) is not None]


def _memory_nodes(_host: Host, plan: Plan) -> Texts:
    return [("nodes", list_text({plan.cores[cpu].node for cpu in plan.hot}))]


# ---- the table ---------------------------------------------------------------------------------------------------------------------------

SETTINGS = (
    Setting(
        "isolation",
        "hot cores are out of load balancing",
        "no other task is put on them, and no unbound kernel thread or work",
        "the rest of the host has fewer cores; a process that is not pinned never gets there",
        _isolation,
        lambda text, plan: plan.hot <= cpu_list(text),
        boot=lambda plan: f"isolcpus=managed_irq,domain,{list_text(plan.isolated)}",
        apply=_partition_lines,
        undo=lambda host, plan: [f"echo member > {PARTITION}/cpuset.cpus.partition", f"rmdir {PARTITION}"] if _partition_lines(host, plan) else [],
    ),
    Setting(
        "tick",
        "no scheduler tick on hot cores (nohz_full)",
        "100 to 1000 interrupts a second of a microsecond or more go away while one process runs there",
        "each system call and page fault there costs more; the tick comes back with a second task",
        _files(f"{CPUS}/nohz_full"),
        lambda text, plan: plan.hot <= cpu_list(text),
        boot=lambda plan: f"nohz_full={list_text(plan.isolated)}",
    ),
    Setting(
        "rcu",
        "RCU callbacks of hot cores run elsewhere (rcu_nocbs)",
        "no softirq that frees other people's memory",
        "kernel threads on housekeeping cores do it; nohz_full implies it",
        _callbacks,
        lambda text, plan: plan.hot <= cpu_list(text),
        boot=lambda plan: f"rcu_nocbs={list_text(plan.isolated)}",
    ),
    Setting(
        "irq default",
        "new interrupts go to housekeeping cores",
        "a device that is found later does not interrupt a hot core",
        "none",
        _files("/proc/irq/default_smp_affinity"),
        lambda text, plan: not cpu_mask(text) & plan.hot,
        lambda plan: mask_text(plan.housekeeping),
        lambda plan: f"irqaffinity={list_text(plan.housekeeping)}",
    ),
    Setting(
        "irq",
        "every interrupt goes to housekeeping cores",
        "a network card or disk costs a hot core microseconds for each of its interrupts",
        "the housekeeping cores take them all; queues that the kernel manages cannot be moved, isolcpus=managed_irq keeps them away",
        _interrupts,
        lambda text, plan: not cpu_list(text) & plan.hot,
        lambda plan: list_text(plan.housekeeping),
    ),
    Setting(
        "irqbalance",
        "irqbalance leaves hot cores alone",
        "it would move interrupts back",
        "none",
        _balancer,
        lambda text, plan: not text.startswith("runs") or plan.hot <= cpu_list(text.partition(" of ")[0]),
        apply=lambda _host, plan: [
            f"mkdir -p {BANNED.rpartition('/')[0]}",
            f"printf '[Service]\\nEnvironment=IRQBALANCE_BANNED_CPULIST={list_text(plan.isolated)}\\n' > {BANNED}",
            "systemctl daemon-reload",
            "systemctl restart irqbalance",
        ],
        undo=lambda _host, _plan: [f"rm -f {BANNED}", "systemctl daemon-reload", "systemctl restart irqbalance"],
    ),
    Setting(
        "workqueues",
        "unbound kernel work runs on housekeeping cores",
        "writeback and the like do not run between two orders",
        "none",
        _files(f"{WORKQUEUES}/cpumask", f"{WORKQUEUES}/writeback/cpumask"),
        lambda text, plan: not cpu_mask(text) & plan.hot,
        lambda plan: mask_text(plan.housekeeping),
    ),
    Setting(
        "watchdog",
        "no lockup watchdog on hot cores",
        "a timer and a thread a core that a spinning loop under SCHED_FIFO would set off",
        "a core that hangs in the kernel is not reported",
        _files("/proc/sys/kernel/watchdog_cpumask"),
        lambda text, plan: not cpu_list(text) & plan.hot,
        lambda plan: list_text(plan.housekeeping),
    ),
    Setting(
        "nmi watchdog",
        "0",
        "no NMI on every core, and a hardware counter is free for perf",
        "hard lockups are not reported",
        _files("/proc/sys/kernel/nmi_watchdog"),
        lambda text, _plan: text == "0",
        lambda _plan: "0",
        lambda _plan: "nmi_watchdog=0",
    ),
    Setting(
        "vm statistics",
        "10 s or more",
        "each core's memory counters are folded by a work item on that core, once a second",
        "figures of /proc/vmstat are older",
        _files("/proc/sys/vm/stat_interval"),
        lambda text, _plan: int(text) >= 10,
        lambda _plan: "10",
    ),
    Setting(
        "timer migration",
        "1",
        "timers of isolated cores move to housekeeping ones",
        "none",
        _files("/proc/sys/kernel/timer_migration"),
        lambda text, _plan: text == "1",
        lambda _plan: "1",
    ),
    Setting(
        "governor",
        "performance",
        "no change of frequency, which stops a core for tens of microseconds",
        "power",
        _each(CPUS + "/cpu{}/cpufreq/scaling_governor"),
        lambda text, _plan: text == "performance",
        lambda _plan: "performance",
    ),
    Setting(
        "c-states",
        f"no idle state of hot cores takes more than {EXIT_LATENCY_US} us to leave",
        "a loop that backs off (idle = backoff) sleeps, and leaving a deep state takes tens to hundreds of microseconds; a loop that spins never sleeps",
        "power and heat, and with them the turbo of other cores",
        _idle_states,
        lambda text, _plan: text != "0",
        lambda _plan: "1",
        lambda _plan: "processor.max_cstate=1 intel_idle.max_cstate=1",
    ),
    Setting(
        "smt",
        "the second thread of a hot core is off",
        "it shares caches and execution units: whatever runs there takes from the hot one",
        "a hardware thread for each hot core",
        _siblings,
        lambda text, _plan: text != "1",
        lambda _plan: "0",
    ),
    Setting(
        "numa",
        "hot cores are of one memory node",
        "a message between two of them stays in one socket",
        "none",
        _memory_nodes,
        lambda text, _plan: len(cpu_list(text)) == 1,
    ),
    Setting(
        "numa balancing",
        "0",
        "the kernel does not unmap pages to see who uses them",
        "memory of other programs is not moved to their node",
        _files("/proc/sys/kernel/numa_balancing"),
        lambda text, _plan: text == "0",
        lambda _plan: "0",
    ),
    Setting(
        "thp",
        "madvise or never",
        "no page fault that waits for 2 MiB of memory in one piece, and no merging behind the program's back",
        "programs that do not ask for huge pages get none",
        _thp("enabled"),
        lambda text, _plan: text in ("madvise", "never"),
        lambda _plan: "madvise",
        lambda _plan: "transparent_hugepage=madvise",
        of_cores=False,
    ),
    Setting(
        "shm huge pages",
        "advise, within_size or always",
        "tables of an instance ask for huge pages: fewer misses of the TLB on large ones",
        "up to 2 MiB more for each region",
        _thp("shmem_enabled"),
        lambda text, _plan: text in ("advise", "within_size", "always", "force"),
        lambda _plan: "advise",
        of_cores=False,
    ),
    Setting(
        "reserved huge pages",
        "0",
        "an instance uses none of this pool: what is reserved is memory that nobody gets",
        "other programs may need them",
        _files("/proc/sys/vm/nr_hugepages"),
        lambda text, _plan: text == "0",
        of_cores=False,
        planned=False,
    ),
    Setting(
        "samepage merging",
        "0 or 2",
        "the kernel does not compare and share pages, which makes a write to one a page fault",
        "memory of virtual machines",
        _files("/sys/kernel/mm/ksm/run"),
        lambda text, _plan: text != "1",
        lambda _plan: "2",
        of_cores=False,
    ),
    Setting(
        "swap",
        "none",
        "a page that comes back from a disk takes milliseconds",
        "without it a program that grows too far is killed sooner",
        _swap,
        lambda text, _plan: text == "none",
        apply=lambda _host, _plan: ["swapoff -a"],
        undo=lambda _host, _plan: ["swapon -a"],
        of_cores=False,
    ),
    Setting(
        "memlock",
        "unlimited",
        "processes may lock their memory, so that no page of theirs has to be found again",
        "a program can keep all memory",
        _memlock,
        lambda text, _plan: text == "unlimited",
        apply=lambda _host, _plan: [f"printf '* - memlock unlimited\\n* - rtprio 99\\n' > {LIMITS_FILE}"],
        undo=lambda _host, _plan: [f"rm -f {LIMITS_FILE}"],
        of_cores=False,
    ),
    Setting(
        "rt throttling",
        "-1",
        "a loop under SCHED_FIFO that never sleeps is not stopped for 50 ms in every second",
        "such a loop then starves whatever else has to run on its core: only with isolation",
        _files("/proc/sys/kernel/sched_rt_runtime_us"),
        lambda text, _plan: text == "-1",
        lambda _plan: "-1",
    ),
    Setting(
        "clock",
        "tsc (x86), arch_sys_counter (ARM)",
        "the time is read in user space in some 20 ns, not by a system call of a microsecond",
        "none, where the counter is invariant",
        _files("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        lambda text, _plan: text in ("tsc", "arch_sys_counter"),
        lambda _plan: "tsc",
        lambda _plan: "tsc=reliable",
        of_cores=False,
    ),
    Setting(
        "perf",
        "1 or less",
        "counters and profiles of a process can be taken (python -m ringfence.bench), which measures and does not speed up",
        "users see more of what the CPU does",
        _files("/proc/sys/kernel/perf_event_paranoid"),
        lambda text, _plan: int(text) <= 1,
        lambda _plan: "1",
        of_cores=False,
        planned=False,
    ),
)


def findings(host: Host, plan: Plan, *, planned: bool = False) -> list[Finding]:
    """Every setting against a host; with ``planned`` those that a plan asks for."""
    return [look(setting, host, plan) for setting in SETTINGS if setting.planned or not planned]


def sysctls(host: Host, plan: Plan) -> dict[str, str]:
    """Settings below /proc/sys by their names, for /etc/sysctl.d: all that the plan wants of what the host has, whatever holds now."""
    out = {}
    for setting in SETTINGS:
        if setting.planned and setting.value(plan) and (plan.hot or not setting.of_cores):
            for path, _ in setting.read(host, plan):
                if path.startswith("/proc/sys/"):
                    out[path.removeprefix("/proc/sys/").replace("/", ".")] = setting.value(plan)
    return out


def boot_line(host: Host, plan: Plan) -> str:
    """Boot parameters of the plan: those that are missing, and those that are there already and must stay."""
    out = []
    for f in findings(host, plan, planned=True):
        text = f.setting.boot(plan) if plan.hot or not f.setting.of_cores else ""
        if text and (f.state == "warn" or any(host.boot(word.partition("=")[0]) for word in text.split())):
            out.append(text)
    return " ".join(out)
