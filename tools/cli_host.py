"""Commands about this host and this build, for the table of ``cli``: doctor, tune, jitter, config, version, completion.

Words only; what they run is in ``tools.commands.host`` and ``tools.commands.tune``, imported when it runs.
"""

from __future__ import annotations

from ringfence.tools.cli_words import Command, arg, positive

TUNE = (
    arg("config", nargs="?", metavar="CONFIG.toml", help="whose processes (default: an engine, a gateway and two strategies)"),
    arg("--root", default="/", metavar="DIR", help="copy of a host's /sys and /proc to look at (default /)"),
)
HOST = (
    Command(
        "doctor",
        "what of this host, and of the controls of its instances, is not as it should be, and the command that mends it",
        "commands.host:doctor",
        (arg("keys", nargs="*", metavar="KEY", help="files of private keys to look at too"),),
    ),
    Command(
        "tune",
        "make a host quiet: which core gets which process, and what to set; changes nothing by itself (docs/tuning.md)",
        parts=(
            Command(
                "plan",
                "cores of processes, boot line, sysctl.d, systemd units, settings; with --script a shell script to read and to run as root",
                "commands.tune:plan",
                (*TUNE, arg("--script", action="store_true", help="print the script: apply sets what is not as planned and needs no boot, undo puts it back")),
            ),
            Command("verify", "is the plan in force; exit 1: a setting is not", "commands.tune:verify", TUNE),
        ),
    ),
    Command(
        "jitter",
        "listen on a core for what interrupts it: a loop that reads the clock, the gaps it sees, and what the kernel counted meanwhile",
        "commands.tune:jitter",
        (
            arg("--core", type=int, required=True, metavar="N", help="core to listen on; nothing else should run there"),
            arg("--seconds", type=positive, default=10.0, metavar="S", help="how long (default 10); Ctrl-C ends it sooner"),
            arg("--threshold", type=positive, default=10.0, metavar="US", help="gaps from this length on are counted one by one [us] (default 10)"),
        ),
    ),
    Command(
        "config",
        "look at a configuration without starting it",
        parts=(
            Command(
                "check", "is it right; names the key, the value and what is allowed", "commands.host:config_check", (arg("config", metavar="CONFIG.toml"),)
            ),
            Command("show", "with every default filled in", "commands.host:config_show", (arg("config", metavar="CONFIG.toml"),)),
        ),
    ),
    Command("version", "version, layout and build", "commands.host:version"),
    Command("completion", "a completion script for the shell", "commands.host:completion", (arg("shell", choices=("bash", "zsh")),)),
)
