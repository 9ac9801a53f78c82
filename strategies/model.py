"""What a strategy class declares, read once from the class: parameters, state, symbols and callbacks.

    class ──declare()──▶ Declaration ──▶ running.py (plain Python), compiled.py (numba), the backtest

    qty: ringfence.parameter = 100_000                   live parameter; int or float by its default
    edge: ringfence.parameter(digits=2) = 1.25           float whose row in table `parameters` has two digits
    bid: int = 0      mid: float = 0.0      on: bool     state: i8, f8, b1
    last = ringfence.array("i8", 64)                     state: fixed numpy array, zero at the start
    LIMIT = 5                                            constant: no annotation, int, float or bool

A class without nopython may keep anything else too; a compiled one keeps what is declared. Nothing here needs numba or an instance.
Source of the rules: docs/strategies.md.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, overload

import numpy as np

from ringfence.strategies.errors import DeclarationError, ParameterRefused
from ringfence.strategies.runtime import CALLBACKS, PARAMETERS_MAX

DIGITS_MAX = 12
ATTRIBUTE = "__ringfence_declaration__"
STARTS = ("on_start", "on_stop")
ARGUMENTS = dict.fromkeys(STARTS, 1) | dict.fromkeys(CALLBACKS, 2) | {"on_lost": 3}
"""Of each callback, self included."""
ACTIONS = ("buy", "sell", "market", "cancel", "replace", "cancel_all", "position", "tick", "quote", "open_orders", "now", "timer", "stop")
"""What every strategy has from the runtime, in all modes."""
PYTHON_ONLY = ("instrument", "tables")
RESERVED = {*ACTIONS, *PYTHON_ONLY, "symbols"}
_SCALARS = {int: "i8", float: "f8", bool: "b1"}
_HOLDS = {"i8": (int, np.integer), "f8": (int, float, np.integer, np.floating), "b1": (bool, np.bool_)}
_WORDS = {"i8": "int", "f8": "float", "b1": "bool"}
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,30}")
C = typing.TypeVar("C", bound=type)


class Parameter:
    """Annotation of a live parameter. ``parameter`` itself takes the digits from the table; ``parameter(digits=n)`` says them."""

    def __init__(self, digits: int | None = None) -> None:
        self.digits = digits

    def __call__(self, *, digits: int) -> Parameter:
        """Return the annotation of a float parameter with ``digits`` decimals.

        Raises
        ------
        DeclarationError
            If there are more digits than the table has room for.
        """
        if not 0 <= digits <= DIGITS_MAX:
            raise DeclarationError(f"parameter(digits={digits}): 0 to {DIGITS_MAX} are allowed")
        return Parameter(digits)


parameter = Parameter()


@dataclass(frozen=True)
class Array:
    """Fixed array of state: ``code`` is i8, f8 or b1."""

    code: str
    count: int


def array(code: str, count: int) -> Any:
    """Declare a fixed array as state.

    Parameters
    ----------
    code : str
        ``i8``, ``f8`` or ``b1``.
    count : int
        Elements, 1 to 2^20.

    Raises
    ------
    DeclarationError
        For anything else.
    """
    if code not in _SCALARS.values() or not 1 <= count <= 1 << 20:
        raise DeclarationError(f"array({code!r}, {count}): i8, f8 or b1 and 1 to {1 << 20} elements are allowed")
    return Array(code, count)


@dataclass(frozen=True)
class StateField:
    """One declared attribute. ``code``: i8, f8 or b1; ``count`` above 0: an array; ``digits``: None for what is no parameter or an int."""

    name: str
    code: str
    default: int | float | bool = 0
    count: int = 0
    is_parameter: bool = False
    digits: int | None = None

    def checked(self, value: Any) -> Any:
        """Return a value of this attribute that Python code has made, if it is one that compiled code can hold as it is.

        Raises
        ------
        TypeError
            If it is of another kind, or an array of another shape.
        OverflowError
            If an int does not fit in 64 bits.
        """
        if self.count:
            if getattr(value, "shape", None) != (self.count,) or value.dtype != np.dtype(self.code):
                raise TypeError(f"{self.name} is an array of {self.count} {self.code}; set its elements, {value!r} was given")
            return value
        if not isinstance(value, _HOLDS[self.code]) or (isinstance(value, (bool, np.bool_)) and self.code != "b1"):
            raise TypeError(f"{self.name} is declared {_WORDS[self.code]} and is {value!r}")
        if self.code == "i8" and not -(1 << 63) <= value < 1 << 63:
            raise OverflowError(f"{self.name} does not fit in 64 bits: {value}")
        return value

    def first(self, value: Any) -> int | float:
        """Return a first value of this parameter that a caller gives.

        Raises
        ------
        ParameterRefused
            If it is no finite number, or no int for an int, or does not fit in 64 bits.
        """
        try:
            number = self.checked(value)
        except (TypeError, OverflowError) as e:
            raise ParameterRefused(f"parameter {e}") from None
        if not -(2.0**63) <= number < 2.0**63:
            raise ParameterRefused(f"parameter {self.name}: {value!r} is out of range")
        return float(number) if self.code == "f8" else int(number)

    def from_table(self, value: int, digits: int) -> int | float:
        """Return what a row of table ``parameters`` means for this parameter.

        Raises
        ------
        ParameterRefused
            If an int parameter is to be a fraction.
        """
        if self.code == "f8":
            return float(value) / float(10**digits)  # as compiled code divides
        if value % 10**digits:
            raise ParameterRefused(f"parameter {self.name} is an int; {Decimal(value).scaleb(-digits)} was set")
        return int(value // 10**digits)

    def from_text(self, text: str) -> int | float:
        """Return the value that ``--set NAME=TEXT`` means.

        Raises
        ------
        ParameterRefused
            If it is no number, or a fraction for an int.
        """
        try:
            number = Decimal(text)
        except InvalidOperation:
            raise ParameterRefused(f"parameter {self.name}: {text!r} is no number") from None
        if not number.is_finite() or abs(number) >= 1 << 63:
            raise ParameterRefused(f"parameter {self.name}: {text!r} is out of range")
        if self.code == "f8":
            return float(number)
        if number % 1:
            raise ParameterRefused(f"parameter {self.name} is an int; {text!r} was given")
        return int(number)


@dataclass(frozen=True)
class Declaration:
    """A strategy class and what was read from it."""

    cls: type
    name: str
    nopython: bool
    symbols: tuple[str, ...]
    fields: tuple[StateField, ...]
    constants: dict[str, int | float | bool]
    callbacks: dict[str, Callable[..., Any]]
    methods: dict[str, Callable[..., Any]]
    """Every other function of the class."""

    @property
    def parameters(self) -> tuple[StateField, ...]:
        return tuple(f for f in self.fields if f.is_parameter)

    def field(self, name: str) -> StateField:
        """Return a parameter by name.

        Raises
        ------
        ParameterRefused
            If there is none.
        """
        for f in self.parameters:
            if f.name == name:
                return f
        raise ParameterRefused(f"{self.name} has no parameter {name!r}; there are {', '.join(f.name for f in self.parameters) or 'none'}")


def _fail(cls: type, what: str) -> DeclarationError:
    return DeclarationError(f"strategy {cls.__name__}: {what}")


def _annotated(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except (NameError, TypeError, AttributeError) as e:
        raise _fail(cls, f"an annotation cannot be read: {e}") from e


def _field(cls: type, name: str, kind: Any, default: Any) -> StateField:
    if not _NAME.fullmatch(name):
        raise _fail(cls, f"{name} is no name for state; lower-case letters, digits and _ are allowed, at most 31")
    if isinstance(default, Array):
        return StateField(name, default.code, count=default.count)
    if isinstance(kind, Parameter):
        if isinstance(default, bool) or not isinstance(default, (int, float)):
            raise _fail(cls, f"parameter {name} has the default {default!r}; an int or a float is needed")
        if kind.digits and isinstance(default, int):
            raise _fail(cls, f"parameter {name} has {kind.digits} digits, so its default must be a float")
        return StateField(name, _SCALARS[type(default)], default, is_parameter=True, digits=kind.digits)
    if kind not in _SCALARS:
        raise _fail(cls, f"{name} is a {getattr(kind, '__name__', kind)}; state is int, float, bool or ringfence.array(...)")
    value = kind(0) if default is None else default
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise _fail(cls, f"{name} is declared {kind.__name__} and begins as {value!r}")
    return StateField(name, _SCALARS[kind], kind(value))


def _fields(cls: type, nopython: bool) -> tuple[StateField, ...]:
    found: dict[str, StateField] = {}
    for name, kind in _annotated(cls).items():
        if name == "symbols" or typing.get_origin(kind) is typing.ClassVar:
            continue
        plain = kind in _SCALARS or isinstance(kind, Parameter) or isinstance(getattr(cls, name, None), Array)
        if not nopython and not plain:
            continue  # a plain Python strategy keeps what it likes
        found[name] = _field(cls, name, kind, getattr(cls, name, None))
    for name, value in inspect.getmembers(cls, lambda v: isinstance(v, Array)):
        found.setdefault(name, _field(cls, name, None, value))
    return tuple(found.values())


def _check_callback(cls: type, name: str, count: int, function: Callable[..., Any] | None) -> None:
    """A callback that cannot be called as it will be would be found out at its first event, with orders open."""
    if function is None:
        if hasattr(cls, name):
            raise _fail(cls, f"{name} is a {type(getattr(cls, name)).__name__}, which is no plain function")
        return
    if isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod)):
        raise _fail(cls, f"{name} is static; it takes self")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _fail(cls, f"{name} is a coroutine or a generator: nobody would run its body")
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError as e:
        raise _fail(cls, f"{name} is called with {count - 1} argument{'s' * (count != 2)} behind self: {e}") from e


def read_declaration(cls: type, nopython: bool) -> Declaration:
    """Read a class.

    Raises
    ------
    DeclarationError
        If it cannot be a strategy.
    """
    symbols = getattr(cls, "symbols", ())
    if isinstance(symbols, str) or not all(isinstance(s, str) for s in symbols):
        raise _fail(cls, f"symbols was {symbols!r}; it is a tuple of names such as ('EUR/USD',)")
    fields = _fields(cls, nopython)
    functions = dict(inspect.getmembers(cls, inspect.isfunction))
    taken = sorted(RESERVED & ({f.name for f in fields} | functions.keys()))
    if taken:
        raise _fail(cls, f"{', '.join(taken)}: the name belongs to the runtime")
    if "__init__" in functions:
        raise _fail(cls, "__init__ is not called; set state in on_start")
    for name, count in ARGUMENTS.items():
        _check_callback(cls, name, count, functions.get(name))
    static = sorted(n for n in functions if isinstance(inspect.getattr_static(cls, n), staticmethod))
    if nopython and static:
        raise _fail(cls, f"{', '.join(static)}: a compiled strategy has no static methods; make it a function of the module under @numba.njit")
    unknown = sorted(n for n in functions if n.startswith("on_") and n not in CALLBACKS and n not in STARTS)
    if unknown:
        raise _fail(cls, f"{', '.join(unknown)}: no such callback; there are {', '.join((*STARTS, *CALLBACKS))}")
    if sum(f.is_parameter for f in fields) > PARAMETERS_MAX:
        raise _fail(cls, f"more than {PARAMETERS_MAX} parameters")
    names = {f.name for f in fields}
    constants = {n: v for n, v in inspect.getmembers(cls) if not n.startswith("__") and n not in names and type(v) in _SCALARS}
    return Declaration(
        cls,
        cls.__name__,
        nopython,
        tuple(symbols),
        fields,
        constants,
        {n: f for n, f in functions.items() if n in CALLBACKS or n in STARTS},
        {n: f for n, f in functions.items() if n not in CALLBACKS and n not in STARTS and not n.startswith("__")},
    )


@overload
def strategy(cls: C, /) -> C: ...
@overload
def strategy(cls: None = None, /, *, nopython: bool = False) -> Callable[[C], C]: ...
def strategy(cls: Any = None, /, *, nopython: bool = False) -> Any:
    """Make a class a strategy; ``nopython=True``: it can be compiled by numba, and is by default where numba is installed.

    Raises
    ------
    DeclarationError
        If the class cannot be one.
    """
    if cls is None:
        return lambda c: strategy_of(c, nopython)
    return strategy_of(cls, nopython)


def strategy_of(cls: C, nopython: bool) -> C:
    """Attach the declaration to a class; see ``strategy``."""
    setattr(cls, ATTRIBUTE, read_declaration(cls, nopython))
    return cls


def declaration(cls: type) -> Declaration:
    """Return the declaration of a decorated class.

    Raises
    ------
    DeclarationError
        If it is not decorated.
    """
    found = cls.__dict__.get(ATTRIBUTE)
    if not isinstance(found, Declaration):
        raise _fail(cls, "it has no @ringfence.strategy")
    return found


def state_dtype(fields: tuple[StateField, ...]) -> np.dtype[Any]:
    """Return the record that compiled code keeps the state in: every scalar in 8 bytes, arrays behind each other, aligned to 8."""
    names, formats, offsets, at = ["runtime_address"], ["<u8"], [0], 8
    for f in fields:
        names.append(f.name)
        formats.append((f.code, (f.count,)) if f.count else f.code)  # type: ignore[arg-type]
        offsets.append(at)
        size = np.dtype(f.code).itemsize * max(1, f.count)
        at += (size + 7) // 8 * 8
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": at})
