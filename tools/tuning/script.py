"""A plan as texts that a person reads and runs: shell script, boot line, sysctl.d, systemd units, keys of a configuration, cpuset without a reboot.

    Plan, [Finding] ──▶ script (apply, undo)      Plan ──▶ units, keys, moves        Pure; nothing is run or written here, and nothing fails.

The script has a line for each file that is not as it should be, so on a host that is as planned it has none; ``undo`` puts back what was there when it was
made. A line that the kernel refuses is said and the next one tried: interrupts that it manages and states of a virtual machine cannot be set by anybody.
"""

from __future__ import annotations

from ringfence.tools.tuning.host import Host, list_text
from ringfence.tools.tuning.plan import PARTITION, Plan
from ringfence.tools.tuning.settings import Finding, sysctls

SCRIPT_PATH = "/usr/local/sbin/ringfence-tuning"
SYSCTL_PATH = "/etc/sysctl.d/90-ringfence.conf"

_HEAD = """#!/bin/sh
# Host tuning for Ringfence, made by: ringfence tune plan --script
# Read it, then run it as root:  sh SCRIPT apply   (sh SCRIPT undo puts back what was there when it was made)
# {words}
set -u
run() {{ # run COMMAND LINE: say what is refused, go on
    sh -c "$1" 2> /dev/null || echo "refused: $1" >&2
}}
case "${{1:-}}" in
"""


def shell(plan: Plan, found: list[Finding], words: str) -> str:
    """The script."""
    lines = [_HEAD.format(words=words).rstrip("\n"), "apply)"]
    for f in found:
        if f.apply:
            lines += [f"    # {f.setting.name}: {f.setting.want}. Now: {f.now}. Buys: {f.setting.why}. Costs: {f.setting.cost}."]
            lines += [f"    run {_quoted(line)}" for line in f.apply]
    lines += ["    ;;", "undo)"]
    lines += [f"    run {_quoted(line)}" for f in reversed(found) for line in f.undo]
    lines += ["    ;;", "*)", '    echo "usage: $0 apply|undo" >&2', "    exit 2", "    ;;", "esac"]
    missing = [f.boot for f in found if f.boot]
    if missing:
        lines += ["# Only at a boot: the kernel's command line (GRUB_CMDLINE_LINUX and update-grub; or grubby --update-kernel=ALL --args=...) gets"]
        lines += [f"#   {' '.join(missing)}"]
    return "\n".join(lines) + "\n"


def _quoted(line: str) -> str:
    return "'" + line.replace("'", "'\\''") + "'"


def sysctl_file(host: Host, plan: Plan) -> str:
    """Content of ``SYSCTL_PATH``."""
    return "".join(f"{name} = {value}\n" for name, value in sorted(sysctls(host, plan).items()))


def units(plan: Plan, command: str, config: str) -> dict[str, str]:
    """Units of systemd by file name: the script at each boot, and an instance whose supervisor stays on the housekeeping cores; hot processes pin themselves.

    ``command`` is the program ``ringfence``, ``config`` the configuration, both as absolute paths.
    """
    affinity = list_text(plan.housekeeping).replace(",", " ")
    tuning = f"""[Unit]
Description=Host tuning for Ringfence
Before=ringfence.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={SCRIPT_PATH} apply
ExecStop={SCRIPT_PATH} undo

[Install]
WantedBy=multi-user.target
"""
    instance = f"""[Unit]
Description=Ringfence
After=network-online.target ringfence-tuning.service
Wants=network-online.target ringfence-tuning.service

[Service]
ExecStart={command} up {config}
KillMode=mixed
TimeoutStopSec=60
CPUAffinity={affinity}
LimitMEMLOCK=infinity
LimitRTPRIO=99
OOMScoreAdjust=-900

[Install]
WantedBy=multi-user.target
"""
    return {"ringfence-tuning.service": tuning, "ringfence.service": instance}


def keys(plan: Plan) -> list[str]:
    """Where the configuration says cores."""
    return [f"{p.key} = {p.cpu}" for p in plan.places]


def moves(plan: Plan) -> list[str]:
    """After ``ringfence up`` on a host whose cores are a cpuset partition: into it, and each to its core, as there is no load balancing within."""
    pid = "$(ringfence status -o csv --filter component={} | awk -F, 'NR == 1 {{ for (i = 1; i <= NF; i++) if ($i == \"pid\") c = i }} NR == 2 {{ print $c }}')"
    out = []
    for p in plan.places:
        out += [f"pid={pid.format(p.process)}", f"echo $pid > {PARTITION}/cgroup.procs && taskset -cp {p.cpu} $pid"]
    return out
