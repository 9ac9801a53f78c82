"""A strategy class compiled by numba into one loop: no interpreter, no allocation, no GIL between a tick and the intent.

    methods ──njit──▶ on_quote(self, quote) ...  ┐
    compiled_runtime.py (rings, clock ...) ──────┼─▶ run(address, turns): one piece of machine code, entered once per run
    SelfType: attributes of self are fields of one record, self.buy() ... are functions on the runtime's struct

``self`` is the address of a record: declared state, and the address of the runtime's struct. ``on_start`` and ``on_stop`` run in Python on an
ordinary object, whose declared state is copied into the record and back. The loop runs in a thread of its own without the GIL;
the main thread only waits, looks every 50 ms whether the instance is there, and takes signals. An error in a method leaves the
loop as an exception with its message; its place comes from numba.
Machine code is kept on disk (``code_cache.py``), so a second start compiles nothing.

What can fail: a method that numba cannot compile, or that would allocate (StrategyFailed, at the start, with numba's words); a method that does not return
(StrategyStuck after ``STOP_S``; the process must end then: its rings are still in the hands of that thread).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate
from numba.extending import infer_getattr, lower_builtin, overload_attribute, overload_method, register_model

from ringfence.gateways.attach import InstanceStopped
from ringfence.ipc.errors import RingGarbage
from ringfence.ipc.njit import OPTIONS, Pointer, PointerModel, address_of, call_with, clock_at, clock_now, load_acquire, pause, pointer_to, whole
from ringfence.ipc.schema import ENUMS
from ringfence.strategies import compiled_runtime as crt
from ringfence.strategies.checked_compiler import MethodCompiler
from ringfence.strategies.code_cache import digest_of, keep
from ringfence.strategies.errors import StrategyFailed, StrategyStuck
from ringfence.strategies.model import STARTS, Declaration, StateField, state_dtype
from ringfence.strategies.running import STOP_S, Running, tell
from ringfence.strategies.runtime import CHECK_S, Runtime

FIRST_ARGUMENT = {
    "on_quote": crt.QUOTE_RECORD,
    "on_reset": crt.QUOTE_RECORD,
    "on_trade": crt.TRADE_RECORD,
    "on_book": crt.BOOK_RECORD,
    "on_fill": crt.EVENT_RECORD,
    "on_reject": crt.EVENT_RECORD,
    "on_event": crt.EVENT_RECORD,
}
_SIDE, _TIF = ENUMS["Side"].by_name, ENUMS["TimeInForce"].by_name
BUY, SELL, DAY, IOC = _SIDE["BUY"], _SIDE["SELL"], _TIF["DAY"], _TIF["IOC"]
_SPIN = 1


# ---- self ----------------------------------------------------------------------------------------------------------------


class SelfType(Pointer):
    """Type of ``self``: the state record of one class, its constants and its methods."""

    def __init__(self, label: str, fields: tuple[tuple[str, int, Any, int], ...], constants: Mapping[str, Any]) -> None:
        self.constants = dict(constants)  # type: ignore[misc]
        self.methods: dict[str, Any] = {}
        super().__init__(label, fields)


register_model(SelfType)(PointerModel)


@infer_getattr
class _SelfMethods(AttributeTemplate):  # type: ignore[misc]
    key = SelfType

    def generic_resolve(self, typ: SelfType, attr: str) -> Any:
        if attr not in typ.methods:
            return None
        kind = types.Dispatcher(typ.methods[attr])

        class Method(AbstractTemplate):  # type: ignore[misc]
            key = (SelfType, attr)

            def generic(self, args: Any, kws: Any) -> Any:
                return kind.get_call_type(self.context, (typ, *args), kws).as_method()

        return types.BoundFunction(Method, typ)


def _lower_method(name: str) -> None:
    """Teach numba to call a method of the class; once per name, for all classes."""

    @lower_builtin((SelfType, name), SelfType, types.VarArg(types.Any))  # type: ignore[untyped-decorator]
    def call(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = types.Dispatcher(sig.args[0].methods[name])
        function = context.get_function(kind, sig)
        result = function(builder, args)
        for library in getattr(function, "libs", ()):
            context.add_linking_libs([library])
        return impl_ret_borrowed(context, builder, sig.return_type, result)


_lowered: set[str] = set()


def _integers(what: str, *kinds: Any) -> None:
    for kind in kinds:
        if isinstance(kind.value if isinstance(kind, types.Omitted) else kind, int):
            continue  # left out: numba gives the default itself
        if not isinstance(kind, (types.Integer, types.IntegerLiteral, types.IntEnumMember, types.Boolean)):
            raise numba.TypingError(f"{what} takes integers in the instrument's scale; {kind} was given: use int(...), // or round")


@overload_method(SelfType, "buy")  # type: ignore[untyped-decorator]
def _buy(self: Any, instrument: Any, qty: Any, px: Any, tif: Any = DAY, account: Any = 0, instructions: Any = 0, expire_ns: Any = 0) -> Any:
    _integers("buy", instrument, qty, px, tif, account, instructions, expire_ns)

    def code(self: Any, instrument: Any, qty: Any, px: Any, tif: Any = DAY, account: Any = 0, instructions: Any = 0, expire_ns: Any = 0) -> Any:
        return crt.send(
            crt.runtime_at(self.runtime_address),
            BUY,
            whole(instrument),
            whole(qty),
            whole(px),
            crt.LIMIT,
            whole(tif),
            whole(account),
            whole(instructions),
            whole(expire_ns),
        )

    return code


@overload_method(SelfType, "sell")  # type: ignore[untyped-decorator]
def _sell(self: Any, instrument: Any, qty: Any, px: Any, tif: Any = DAY, account: Any = 0, instructions: Any = 0, expire_ns: Any = 0) -> Any:
    _integers("sell", instrument, qty, px, tif, account, instructions, expire_ns)

    def code(self: Any, instrument: Any, qty: Any, px: Any, tif: Any = DAY, account: Any = 0, instructions: Any = 0, expire_ns: Any = 0) -> Any:
        return crt.send(
            crt.runtime_at(self.runtime_address),
            SELL,
            whole(instrument),
            whole(qty),
            whole(px),
            crt.LIMIT,
            whole(tif),
            whole(account),
            whole(instructions),
            whole(expire_ns),
        )

    return code


@overload_method(SelfType, "market")  # type: ignore[untyped-decorator]
def _market(self: Any, side: Any, instrument: Any, qty: Any, tif: Any = IOC, account: Any = 0) -> Any:
    _integers("market", side, instrument, qty, tif, account)

    def code(self: Any, side: Any, instrument: Any, qty: Any, tif: Any = IOC, account: Any = 0) -> Any:
        return crt.send(crt.runtime_at(self.runtime_address), whole(side), whole(instrument), whole(qty), 0, crt.MARKET, whole(tif), whole(account), 0, 0)

    return code


@overload_method(SelfType, "cancel")  # type: ignore[untyped-decorator]
def _cancel(self: Any, client_id: Any) -> Any:
    _integers("cancel", client_id)

    def code(self: Any, client_id: Any) -> Any:
        return crt.change(crt.runtime_at(self.runtime_address), crt.CANCEL, whole(client_id), 0, 0, 0)

    return code


@overload_method(SelfType, "replace")  # type: ignore[untyped-decorator]
def _replace(self: Any, client_id: Any, qty: Any, px: Any) -> Any:
    _integers("replace", client_id, qty, px)

    def code(self: Any, client_id: Any, qty: Any, px: Any) -> Any:
        return crt.change(crt.runtime_at(self.runtime_address), crt.REPLACE, whole(client_id), 0, whole(qty), whole(px))

    return code


@overload_method(SelfType, "cancel_all")  # type: ignore[untyped-decorator]
def _cancel_all(self: Any, instrument: Any = 0) -> Any:
    _integers("cancel_all", instrument)

    def code(self: Any, instrument: Any = 0) -> Any:
        return crt.change(crt.runtime_at(self.runtime_address), crt.CANCEL_ALL, 0, whole(instrument), 0, 0)

    return code


@overload_method(SelfType, "position")  # type: ignore[untyped-decorator]
def _position(self: Any, instrument: Any) -> Any:
    _integers("position", instrument)

    def code(self: Any, instrument: Any) -> Any:
        r = crt.runtime_at(self.runtime_address)
        return crt.word_of(r.net_qty, r.instruments, whole(instrument))

    return code


@overload_method(SelfType, "tick")  # type: ignore[untyped-decorator]
def _tick(self: Any, instrument: Any) -> Any:
    _integers("tick", instrument)

    def code(self: Any, instrument: Any) -> Any:
        r = crt.runtime_at(self.runtime_address)
        return crt.word_of(r.tick_sizes, r.instruments, whole(instrument))

    return code


@overload_method(SelfType, "quote")  # type: ignore[untyped-decorator]
def _quote(self: Any, instrument: Any) -> Any:
    _integers("quote", instrument)

    def code(self: Any, instrument: Any) -> Any:
        return crt.quote(crt.runtime_at(self.runtime_address), whole(instrument))

    return code


@overload_method(SelfType, "open_orders")  # type: ignore[untyped-decorator]
def _open_orders(self: Any) -> Any:
    def code(self: Any) -> Any:
        return load_acquire(crt.runtime_at(self.runtime_address).own + crt.OPEN_ORDERS_AT)

    return code


@overload_method(SelfType, "now")  # type: ignore[untyped-decorator]
def _now(self: Any) -> Any:
    def code(self: Any) -> Any:
        return clock_now(clock_at(crt.runtime_at(self.runtime_address).clock))

    return code


@overload_method(SelfType, "timer")  # type: ignore[untyped-decorator]
def _timer(self: Any, interval_ns: Any) -> Any:
    _integers("timer", interval_ns)

    def code(self: Any, interval_ns: Any) -> Any:
        return crt.set_timer(crt.runtime_at(self.runtime_address), whole(interval_ns))

    return code


@overload_method(SelfType, "stop")  # type: ignore[untyped-decorator]
def _stop(self: Any) -> Any:
    def code(self: Any) -> Any:
        crt.runtime_at(self.runtime_address).stop = 1

    return code


@overload_attribute(crt.EventPointer, "done")  # type: ignore[untyped-decorator]
def _done(event: Any) -> Any:
    def code(event: Any) -> Any:
        return event.ord_status < 64 and (crt.OVER >> event.ord_status) & 1 == 1 and (event.kind != crt.EVENT_DENIED or event.side != 0)

    return code


# ---- the loop ------------------------------------------------------------------------------------------------------------


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def _nothing(self: Any, argument: Any) -> None:
    """In the place of a callback that the class does not have."""


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def _nothing_lost(self: Any, kind: Any, count: Any) -> None:
    """As ``_nothing``."""


_kinds: dict[str, SelfType] = {}  # numba refers to functions weakly, also from its own caches: they live as long as the process


def self_type(declared: Declaration, digest: str) -> SelfType:
    """Return the type of ``self`` with every method compiled lazily."""
    if digest in _kinds:
        return _kinds[digest]
    layout = state_dtype(declared.fields)
    fields = [("runtime_address", 0, "u8", 0)]
    fields += [(f.name, int(layout.fields[f.name][1]), f.code, f.count) for f in declared.fields]  # type: ignore[index]
    kind = SelfType(f"{declared.name}:{digest[:16]}", tuple(fields), declared.constants)
    dispatchers: dict[Any, Any] = {}  # one function may have several names
    for name, function in {**declared.methods, **declared.callbacks}.items():
        if name in STARTS:
            continue
        if function not in dispatchers:
            dispatchers[function] = numba.njit(boundscheck=True, pipeline_class=MethodCompiler, **OPTIONS)(function)
        kind.methods[name] = dispatchers[function]
        if name not in _lowered:
            _lowered.add(name)
            _lower_method(name)
    _kinds[digest] = kind
    return kind


def make_run(kind: SelfType) -> Any:
    """Return the function ``run(address of the state record, turns) -> work of the last turn``; a negative number of turns: until ``stop``."""
    me_at = pointer_to(kind)
    on_quote, on_trade, on_book, on_reset, on_fill, on_reject, on_event, on_timer = (
        kind.methods.get(f"on_{n}", _nothing) for n in ("quote", "trade", "book", "reset", "fill", "reject", "event", "timer")
    )
    on_lost = kind.methods.get("on_lost", _nothing_lost)

    @numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
    def ticks(me: Any, r: Any) -> int:
        at = address_of(r) + crt.TICK_AT
        work = 0
        for _ in range(crt.BATCH):
            taken = crt.take_tick(r)
            if taken == crt.NOTHING or taken == crt.BROKEN:  # noqa: PLR1714
                break
            work += 1
            r.callback = taken
            if taken == crt.QUOTE:
                on_quote(me, crt.quote_at(at))
            elif taken == crt.TRADE:
                on_trade(me, crt.trade_at(at))
            elif taken == crt.BOOK:
                on_book(me, crt.book_at(at))
            elif taken == crt.RESET:
                on_reset(me, crt.quote_at(at))
            elif taken == crt.LOST_TICKS:
                on_lost(me, crt.LOST_TICKS, r.lost)
            if r.stop != 0:
                break
        r.origin_ns = 0
        return work

    @numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
    def events(me: Any, r: Any) -> int:
        at = address_of(r) + crt.EVENT_AT
        work = 0
        for _ in range(crt.BATCH):
            if r.stop != 0:
                break
            taken = crt.take_event(r)
            if taken == crt.NOTHING or taken == crt.BROKEN:  # noqa: PLR1714
                break
            work += 1
            r.callback = taken
            if taken == crt.FILL:
                on_fill(me, crt.event_at(at))
            elif taken == crt.REJECT:
                on_reject(me, crt.event_at(at))
            elif taken == crt.EVENT:
                on_event(me, crt.event_at(at))
            elif taken == crt.LOST_EVENTS:
                on_lost(me, crt.LOST_EVENTS, r.lost)
        return work

    @numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
    def turn(me: Any, r: Any) -> int:
        work = ticks(me, r)
        work += events(me, r)
        due, now = crt.attend(r, work, address_of(me))
        if due != crt.NOTHING:
            work += 1
            r.callback = due
            if due == crt.TIMER:
                on_timer(me, now)
            else:
                on_lost(me, crt.LOST_EVENTS, r.lost)
        r.callback = 0
        return work

    @numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
    def run(address: int, turns: int) -> int:
        me = me_at(address)
        r = crt.runtime_at(me.runtime_address)
        work = 0
        while turns != 0 and load_acquire(address_of(r) + crt.STOP_AT) == 0 and r.garbage == 0:
            work = turn(me, r)
            if turns > 0:
                turns -= 1
            elif work != 0:
                r.idle_turns = 0
                r.idle_sleep_ns = 0
            else:
                pause()
                call_with(r.idle, address_of(r), 0)
        return work

    return run


class Compiled(Running):
    """One strategy as machine code; what Running says holds.

    Attributes
    ----------
    compiled_s : float
        Seconds that it took to get the code.
    from_cache : bool
        It came from disk.
    """

    mode = "numba"
    _started = False  # from then on, what holds is the record

    def __init__(self, declared: Declaration, runtime: Runtime, settings: Mapping[str, int | float]) -> None:
        super().__init__(declared, runtime, settings)
        self.record = np.zeros(1, state_dtype(declared.fields))
        self.record["runtime_address"] = runtime.address
        offsets = self.record.dtype.fields
        for at, f in enumerate(declared.parameters):
            runtime.place(at, int(offsets[f.name][1]), f.code == "f8")  # type: ignore[index]
        begun = time.monotonic()
        self._run, self.from_cache = compile_strategy(declared)
        self.compiled_s = time.monotonic() - begun

    def _applier(self, field: StateField) -> Callable[[int, int], bool]:
        into_object = super()._applier(field)

        def apply(value: int, digits: int) -> bool:
            taken = into_object(value, digits)
            if self._started:
                self.record[field.name] = getattr(self.object, field.name)
            return taken

        return apply

    def start(self) -> None:
        super().start()
        extra = sorted(set(vars(self.object)) - set(vars(self._bind())))
        if extra:
            raise StrategyFailed(
                f"{self.declared.name}.on_start: {', '.join(extra)} is not declared; a compiled strategy keeps only what is, such as {extra[0]}: int = 0"
            )
        for f in self.declared.fields:
            self._guarded("on_start", self._store, f)
        self._started = True

    def _store(self, field: StateField) -> None:
        self.record[field.name] = field.checked(getattr(self.object, field.name))

    def _enter(self, turns: int) -> int:
        work = int(self._run(self.record.ctypes.data, turns))
        if self.runtime.garbage:
            raise RingGarbage(f"strategy {self.runtime.attachment.name!r}: a ring holds garbage; {self.runtime.counters()}")
        return work

    def turn(self) -> int:
        return int(self._guarded("", self._enter, 1))

    def loop(self) -> None:
        failures: list[BaseException] = []

        def work() -> None:
            try:
                self._guarded("", self._enter, -1)
            except BaseException as e:
                failures.append(e)
                raise

        hook, threading.excepthook = threading.excepthook, lambda _args: None  # what ended the thread is raised below
        thread = threading.Thread(target=work, name="strategy", daemon=True)
        thread.start()
        stopping_since, moved_at, turns, told = 0.0, time.monotonic(), -1, False
        try:
            while thread.is_alive():
                thread.join(CHECK_S)
                try:
                    self.runtime.check()
                except InstanceStopped as e:
                    failures.append(e)
                    self.runtime.request_stop()
                if (seen := self.runtime.counters()["turns"]) != turns:
                    moved_at, turns = time.monotonic(), seen
                elif not told and self.runtime.callback and time.monotonic() - moved_at > STOP_S:
                    told = True
                    tell(f"{self.runtime.attachment.name}: {self.declared.name}.{self.runtime.callback} has not returned for {STOP_S:.0f} s")
                if self.runtime.stopping:
                    stopping_since = stopping_since or time.monotonic()
                    if time.monotonic() - stopping_since > STOP_S:
                        raise StrategyStuck(f"{self.declared.name}.{self.runtime.callback or 'loop'} does not return; the process has to end")
        finally:
            threading.excepthook = hook
        if failures:
            raise failures[0]

    def finish(self) -> None:
        for name, value in self.state().items():
            setattr(self.object, name, value)
        super().finish()

    def state(self) -> dict[str, Any]:
        if not self._started:
            return super().state()
        row = self.record[0]
        return {f.name: row[f.name].copy() if f.count else row[f.name].item() for f in self.declared.fields}


_compiled: dict[str, Any] = {}


def compile_strategy(declared: Declaration) -> tuple[Any, bool]:
    """Return the machine code of a class and whether it came from disk.

    Raises
    ------
    StrategyFailed
        If numba cannot compile it.
    """
    digest, keepable = digest_of(declared)
    if digest in _compiled:
        return _compiled[digest], True
    run = make_run(self_type(declared, digest))
    kept = keep(run, digest) if keepable else None
    try:
        run.compile("int64(int64, int64)")
    except (numba.core.errors.NumbaError, RuntimeError) as e:
        raise StrategyFailed(f"{declared.name} cannot be compiled: {_readable(e)}") from e
    _compiled[digest] = run
    return run, kept is not None and sum(run.stats.cache_hits.values()) > 0


def _readable(error: BaseException) -> str:
    """numba's message without its advice for bug reports; what allocates is said plainly."""
    text = str(error)
    if "NRT" in text:
        return f"a method allocates (a list, dict, string or new array); state is declared, arrays by ringfence.array. {text.splitlines()[0]}"
    lines = [line for line in text.splitlines() if line.strip() and "This error may have been caused" not in line]
    return "\n".join(lines[:40])
