"""Run the strategy of a file against a running instance: what ``ringfence run`` does, and what a supervisor's ``command`` starts.

    FILE.py ──load──▶ class ──compile (numba)──▶ attach ──▶ on_start, loop, on_stop ──▶ cancel what is open, wait for it (bounded), detach

Compiled before it attaches, so that no dead-man's switch runs meanwhile.
SIGTERM and SIGINT end the loop after the callback that runs; a second one changes nothing. A method that goes on for STOP_S after that is ended by an
exception where it is Python. However the loop ends, also by an error of ours, every open order is asked to be cancelled, but for one end: a compiled callback
that never returns has the rings, so the process ends and the instance cancels what the configuration says (``cancel_on_detach``).
Exit codes: 0 stopped in order; 2 file, class, parameter or mode is wrong; 3 instance not running or ended; 4 refused; 5 the strategy's own code failed.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ringfence.gateways.attach import Attachment, InstanceNotRunning, InstanceStopped, StrategyRefused, attach
from ringfence.gateways.strategy import RingFull, Strategy
from ringfence.gateways.tables import UnstableRow
from ringfence.ipc.errors import IpcError
from ringfence.ipc.host import Idle
from ringfence.strategies.errors import DeclarationError, Overdue, ParameterRefused, StrategyFailed, StrategyStuck
from ringfence.strategies.model import ATTRIBUTE, Declaration, declaration
from ringfence.strategies.running import STOP_S, Running, default_mode, open_strategy, tell

OK, USAGE, NOT_RUNNING, REFUSED, FAILED = 0, 2, 3, 4, 5
ATTACH_S, CANCEL_S = 5.0, 3.0
Say = Callable[[str], None]


def load(path: Path, name: str | None = None) -> type:
    """Return the strategy class of a file.

    Parameters
    ----------
    name : str, optional
        Needed when the file has several.

    Raises
    ------
    DeclarationError
        If the file cannot be loaded, has no such class, or several and none is named.
    """
    module_name = f"ringfence_strategy_{path.stem}"
    path = path.resolve()  # one file is one name, also in the digest of its machine code
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DeclarationError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except DeclarationError:
        raise
    except (Exception, SystemExit) as e:
        raise DeclarationError(f"{path} cannot be loaded: {type(e).__name__}: {e}{_line_in(path, e)}") from e
    finally:
        sys.path.remove(str(path.parent))
    found = {n: c for n, c in vars(module).items() if isinstance(c, type) and ATTRIBUTE in c.__dict__ and c.__module__ == module_name}
    if name is not None and name not in found:
        raise DeclarationError(f"{path} has no strategy {name!r}; there are {', '.join(found) or 'none'} (@ringfence.strategy)")
    if name is None and len(found) != 1:
        raise DeclarationError(f"{path} has {len(found)} strategies ({', '.join(found) or '@ringfence.strategy makes one'}); name one: FILE.py:CLASS")
    return found[name] if name is not None else next(iter(found.values()))


def _line_in(path: Path, error: BaseException) -> str:
    """Where in the file an error came up; "" when that is not known."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f" ({path.name}:{lines[-1]})" if lines else ""


def settings_of(declared: Declaration, texts: Mapping[str, str]) -> dict[str, int | float]:
    """Return first values of parameters from text; raises ParameterRefused."""
    return {name: declared.field(name).from_text(text) for name, text in texts.items()}


def compile_first(declared: Declaration, say: Say) -> None:
    """Get the machine code before anything else; raises as ``compiled.compile_strategy``, and ImportError without numba."""
    say(f"compiling {declared.name}: some seconds at the first start")
    from ringfence.strategies.compiled import compile_strategy

    begun = time.monotonic()
    _, kept = compile_strategy(declared)
    say(f"{'compiled code of' if kept else 'compiled'} {declared.name} in {time.monotonic() - begun:.1f} s{', kept from an earlier start' if kept else ''}")


def join(cls: type, name: str, instance: str | None, mode: str, settings: Mapping[str, int | float], idle: Idle | None) -> Running:
    """Attach and put the class on the rings; raises as ``attach`` and ``open_strategy``."""
    attachment = attach(name, instance, ATTACH_S)
    until = time.monotonic() + ATTACH_S
    while True:
        try:
            return open_strategy(cls, attachment, mode=mode, settings=settings, idle=idle)
        except UnstableRow as e:
            if time.monotonic() >= until:
                leave(attachment)
                raise InstanceNotRunning(f"strategy {name!r} was given its rings, then {e}") from e
            time.sleep(0.001)
        except BaseException:
            leave(attachment)
            raise


def leave(attachment: Attachment, cancel: bool = False) -> list[Any]:
    """Detach; with ``cancel``, cancel what is open first and wait for it. Returns the orders that are open still."""
    try:
        with Strategy.of(attachment) as client:
            return client.cancel_and_wait(CANCEL_S) if cancel else []
    except (InstanceStopped, InstanceNotRunning, UnstableRow, RingFull, IpcError):
        return []  # the instance went first: its supervisor detaches us


def run(
    file: Path,
    class_name: str | None,
    name: str,
    *,
    instance: str | None = None,
    mode: str | None = None,
    settings: Mapping[str, str] | None = None,
    idle: Idle | None = None,
    say: Say = tell,
) -> int:
    """Run one strategy until it is stopped; returns the exit code. Everything that goes wrong is told by ``say`` in one line."""
    try:
        cls = load(file, class_name)
        declared = declaration(cls)
        first = settings_of(declared, settings or {})
        mode = mode or default_mode(declared)
        if mode == "numba":
            compile_first(declared, say)
        running = join(cls, name, instance, mode, first, idle)
    except (DeclarationError, ParameterRefused, ImportError, KeyError) as e:
        say(f"{name}: {e.args[0] if isinstance(e, KeyError) else e}")
        return USAGE
    except StrategyFailed as e:
        say(f"{name}: {e}")
        return FAILED
    except StrategyRefused as e:
        say(f"{name}: {e}")
        return REFUSED
    except InstanceNotRunning as e:
        say(f"{name}: {e}")
        return NOT_RUNNING
    say(f"{name}: {declared.name} runs in {running.mode} on instance {running.runtime.attachment.instance}, process {os.getpid()}")
    return drive(running, name, say)


def drive(running: Running, name: str, say: Say) -> int:
    """From ``on_start`` to the detach; returns the exit code."""
    runtime, code, why = running.runtime, OK, ""

    def stop(*_: object) -> None:
        if not runtime.stopping:
            signal.setitimer(signal.ITIMER_REAL, STOP_S)
        runtime.request_stop()

    def overdue(*_: object) -> None:
        if running.in_python:
            raise Overdue

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)} | {signal.SIGALRM: signal.signal(signal.SIGALRM, overdue)}
    try:
        running.start()
        running.loop()
        signal.setitimer(signal.ITIMER_REAL, 0)  # on_stop may take its time
        running.finish()
    except StrategyStuck as e:  # its thread has rings and memory that an orderly end would take away from under it
        say(f"{name}: {e}")
        os._exit(FAILED)
    except StrategyFailed as e:
        code, why = FAILED, f"{name}: {e}; its orders are cancelled"
    except (InstanceStopped, IpcError) as e:
        code, why = NOT_RUNNING, f"{name}: {e}"
    except BaseException:
        runtime.settle()
        leave(runtime.attachment, cancel=True)
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    runtime.settle()
    still_open = leave(runtime.attachment, cancel=True)  # before anything is said: who listens may be gone
    if why:
        say(why)
    for order in still_open:
        say(f"{name}: still open after the cancel: {order}")
    counters = runtime.counters()
    say(f"{name}: {counters['ticks']} ticks, {counters['events']} events, {counters['sent']} intents, {counters['refused']} refused by a full ring")
    return code
