"""A strategy that runs: its object, its runtime, and one turn after the other. Plain Python; ``compiled.py`` does the same with numba.

    open_strategy(cls, attachment) ──▶ Running ── start() ─▶ turn() ... turn() ─▶ finish()
                                                  on_start                          on_stop

The live loop and the backtest call the same ``turn``. ``on_start`` and ``on_stop`` are ordinary Python in every mode.
An error of the class's own code is StrategyFailed with the method, the error, file and line; the caller ends the strategy then (``runner.py``:
cancel everything).
InstanceStopped and RingGarbage pass as they are.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ringfence.gateways.attach import Attachment
from ringfence.ipc.host import Idle, default_idle
from ringfence.strategies.errors import Overdue, ParameterRefused, StrategyFailed
from ringfence.strategies.model import ACTIONS, Declaration, StateField, declaration
from ringfence.strategies.runtime import CALLBACKS, CHECK_S, Runtime

MODES = ("python", "numba")
STOP_S = 5.0
"""How long a method may go on after the stop."""


def open_strategy(
    cls: type, attachment: Attachment, *, mode: str | None = None, settings: Mapping[str, int | float] | None = None, idle: Idle | None = None
) -> Running:
    """Put a decorated class on an attachment.

    Parameters
    ----------
    mode : str, optional
        ``python`` or ``numba``; default: numba for ``nopython=True`` where numba is installed, else python.
    settings : mapping, optional
        First values of parameters; what the table says is above them.
    idle : Idle, optional
        What the loop does when there is nothing; default: by the number of cores.

    Raises
    ------
    DeclarationError, ParameterRefused
        If the class or a setting cannot be.
    StrategyFailed
        If a method cannot be compiled.
    ImportError
        If numba is asked for and not installed.
    KeyError
        If a symbol is none of the instance's.
    ValueError
        If there is no such mode.
    UnstableRow
        If the engine is being started again; try again.
    """
    declared = declaration(cls)
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode was {mode!r}; there are {', '.join(MODES)}")
    runtime = Runtime(attachment, declared.symbols, idle=int(idle or default_idle()))
    if (mode or default_mode(declared)) == "python":
        return Running(declared, runtime, settings or {})
    from ringfence.strategies.compiled import Compiled

    return Compiled(declared, runtime, settings or {})


def default_mode(declared: Declaration) -> str:
    """Return the mode that a class runs in when none is asked for."""
    from importlib.util import find_spec

    return "numba" if declared.nopython and find_spec("numba") is not None else "python"


def tell(text: str) -> None:
    """Write a line to standard error. Who reads it may be gone: that ends no strategy, least of all one that has orders to cancel."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


class StateArray(np.ndarray[Any, Any]):
    """A declared array in plain Python: its elements are numbers of Python, so that what is divided by 0 raises, as in compiled code."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return found.item() if isinstance(found, np.generic) else found

    def __iter__(self) -> Any:
        return iter(self.tolist())


def place_of(error: BaseException, method: Any) -> str:
    """Return ``file:line`` of the innermost frame in the method's file; of the method itself where compiled code did not say (an index out of bounds)."""
    code = getattr(method, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if code is not None and f.filename == code.co_filename]
    if own:
        return f"{own[-1].filename}:{own[-1].lineno}"
    return f"the method begins at {code.co_filename}:{code.co_firstlineno}" if code is not None else "no place known"


class Running:
    """One strategy in plain Python.

    Attributes
    ----------
    runtime : Runtime
        Its rings, clock and counters.
    object : Any
        The instance of the class; state is its attributes.
    """

    mode = "python"
    _method = ""  # of the class, that runs outside a turn

    def __init__(self, declared: Declaration, runtime: Runtime, settings: Mapping[str, int | float]) -> None:
        self.declared, self.runtime = declared, runtime
        self.object = self._bind()
        for name, value in settings.items():
            setattr(self.object, name, declared.field(name).first(value))
        runtime.watch([f.name for f in declared.parameters], [self._applier(f) for f in declared.parameters])
        runtime.apply_parameters()
        self.callbacks: list[Callable[..., Any] | None] = [None] * (max(CALLBACKS.values()) + 1)
        for name, taken in CALLBACKS.items():
            self.callbacks[taken] = getattr(self.object, name, None)

    def _bind(self) -> Any:
        """Make the object: declared state with its first values, and what a strategy may do."""
        made: Any = object.__new__(self.declared.cls)
        for f in self.declared.fields:
            setattr(made, f.name, np.zeros(f.count, f.code).view(StateArray) if f.count else f.default)
        for name in ACTIONS:
            setattr(made, name, getattr(self.runtime, "request_stop" if name == "stop" else name))
        made.instrument = self._instrument
        made.tables = self.runtime.tables
        return made

    def _instrument(self, symbol: str) -> int:
        """Row of an instrument; KeyError, which lists those that there are."""
        return self.runtime.tables.instrument(symbol).id

    def _applier(self, field: StateField) -> Callable[[int, int], bool]:
        def apply(value: int, digits: int) -> bool:
            try:
                setattr(self.object, field.name, field.from_table(value, digits))
            except ParameterRefused as e:
                tell(f"{self.runtime.attachment.name}: {e}; it stays {getattr(self.object, field.name)}")
                return False
            return True

        return apply

    def _guarded(self, method: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call; an error that a method of the class has raised becomes StrategyFailed, and so does its end of the process."""
        self._method = method
        try:
            return call(*arguments)
        except (Exception, SystemExit, Overdue) as e:
            where = method or self.runtime.callback
            if not where:
                raise
            raise StrategyFailed(self._describe(where, e)) from e
        finally:
            self._method = ""

    @property
    def in_python(self) -> bool:
        """Whether a method of the class runs as Python in the main thread: it can be ended by an exception."""
        return bool(self._method or (self.mode == "python" and self.runtime.callback))

    def _describe(self, method: str, error: BaseException) -> str:
        place = place_of(error, self.declared.callbacks.get(method))
        if isinstance(error, Overdue):
            return f"{self.declared.name}.{method} does not return ({place})"
        return f"{self.declared.name}.{method}: {type(error).__name__}: {error} ({place})"

    def start(self) -> None:
        """Run ``on_start``, before the first turn.

        Raises
        ------
        StrategyFailed
            If it raised.
        """
        if "on_start" in self.declared.callbacks:
            self._guarded("on_start", self.object.on_start)

    def turn(self) -> int:
        """Do one turn; returns the work done, 0 when there was nothing.

        Raises
        ------
        StrategyFailed
            If a callback raised.
        RingGarbage
            If a ring cannot be read.
        """
        work: int = self._guarded("", self.runtime.turn, self.callbacks)
        return work

    def loop(self) -> None:
        """Turn after turn until ``stop``; raises as ``turn``, and InstanceStopped."""
        runtime, next_check = self.runtime, 0.0  # not by the instance's clock, which stands when it was set back
        while not runtime.stopping:
            work = self.turn()
            if not work:
                runtime.idle(0)
            else:
                runtime.idle(work)
            if (now := time.monotonic()) >= next_check:
                next_check = now + CHECK_S
                runtime.check()

    def finish(self) -> None:
        """Run ``on_stop`` and leave the rings to whoever goes on with them; raises as ``start``."""
        try:
            if "on_stop" in self.declared.callbacks:
                self._guarded("on_stop", self.object.on_stop)
        finally:
            self.runtime.settle()

    def state(self) -> dict[str, Any]:
        """Return every declared attribute by name; arrays as copies."""
        values = {f.name: getattr(self.object, f.name) for f in self.declared.fields}
        return {name: np.array(value) if isinstance(value, np.ndarray) else value for name, value in values.items()}


def turn(running: Running) -> int:
    """One step of a strategy, whatever its mode: what the live loop and the backtest call. Returns the work done; raises as ``Running.turn``."""
    return running.turn()
