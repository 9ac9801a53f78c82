"""Shared memory for code that numba compiles: atomics, records behind addresses, rings, broadcast, sequence lock, CRC32C and the clock.

    schema.py ──layout──▶ Pointer("Intent", ...)   an address; attributes are loads and stores at the schema's offsets
    ring.h, broadcast.h, seqlock.h, clock.h ──the same words, the same answers──▶ ring_take, broadcast_take, seqlock_copy, clock_now ...

Everything is an int64: addresses, positions, fields (narrow ones are extended, u64 keeps its bits). numba makes a float of int64 with uint64,
so unsigned numbers are kept out and compared with ``below``. Nothing here counts references, checks bounds, allocates, or calls the interpreter.
A plain load may be hoisted out of a loop, so a word that another process writes is read with ``load_acquire``, in the loop; fields behind it are
plain loads, which an acquire load keeps behind it. What is fields of ``Pointer`` is plain memory: never poll one.
Who owns what: the memory is the caller's, and must stay mapped; an address that is wrong is a crash, as in C. Garbage in the shared words gives the
answers of the C headers (tests/ipc/test_njit.py).
"""

from __future__ import annotations

import platform
from functools import cache
from typing import Any, ClassVar

import numpy as np

from ringfence.ipc.schema import RECORDS

try:
    import llvmlite.binding
    import numba
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.core.datamodel import models
    from numba.core.typing.templates import AttributeTemplate
    from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, lower_setattr_generic, register_model
except ImportError as e:
    raise ImportError("numba is not installed: pip install 'ringfence[numba]'") from e

OK, EMPTY, FULL, GARBAGE, LOST = 1, 2, 3, 4, 5
"""Answers of the rings; numbers of ring.h and broadcast.h."""
CLOCK_TSC = 1
POSITION_BITS = 0x7FFFFFFFFFFFFFFF
"""All but TICK_BUSY."""
OPTIONS: dict[str, Any] = {"nogil": True, "_nrt": False, "error_model": "python"}
"""Of all compiled code: without the run time of numba there is nothing that could allocate, and code that wants to does not compile."""
INLINE = {**OPTIONS, "forceinline": True}
_X86, _ARM = platform.machine() == "x86_64", platform.machine() == "aarch64"
if _ARM:
    llvmlite.binding.initialize_native_asmparser()  # its counter and its pause are written in assembly
_I64, _I32, _I8, _F64 = ir.IntType(64), ir.IntType(32), ir.IntType(8), ir.DoubleType()
_BITS = {"u1": 8, "i1": 8, "u2": 16, "u4": 32, "i4": 32, "u8": 64, "i8": 64, "b1": 8}
_SCHEMA = {"u8": "u1", "i8": "i1", "u16": "u2", "u32": "u4", "i32": "i4", "u64": "u8", "i64": "i8"}


# ---- records behind addresses --------------------------------------------------------------------------------------------


class Pointer(types.Type):  # type: ignore[misc]
    """numba type of an address with named fields.

    Parameters
    ----------
    label : str
        Name; two types of one name and the same fields are one type.
    fields : tuple
        (name, offset, code, count): code is a numpy one (``u4``, ``i8``, ``f8``, ``b1``) or a Pointer for a struct inside; count above 0: an array.
    """

    constants: ClassVar[dict[str, Any]] = {}
    """Attributes that are numbers of the type itself; for subclasses."""

    def __init__(self, label: str, fields: tuple[tuple[str, int, Any, int], ...]) -> None:
        self.label, self.fields = label, {name: (offset, code, count) for name, offset, code, count in fields}
        self._identity = (label, fields)
        super().__init__(name=f"Pointer({label}:{hash(str(fields)) & 0xFFFFFFFF:08x})")

    @property
    def key(self) -> Any:
        return self._identity

    def numba_type(self, attribute: str) -> Any:
        """Type of a field as compiled code sees it; None when there is none of that name."""
        if attribute in self.constants:
            value = self.constants[attribute]
            return types.boolean if isinstance(value, bool) else types.float64 if isinstance(value, float) else types.int64
        if attribute not in self.fields:
            return None
        _, code, count = self.fields[attribute]
        if isinstance(code, Pointer):
            return code
        scalar = types.float64 if code == "f8" else types.boolean if code == "b1" else types.int64
        return types.Array(scalar, 1, "C") if count else scalar


@register_model(Pointer)
class PointerModel(models.PrimitiveModel):  # type: ignore[misc]
    """An address; to be registered for each subclass of Pointer, too."""

    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _I64)


@infer_getattr
class _PointerAttributes(AttributeTemplate):  # type: ignore[misc]
    key = Pointer

    def generic_resolve(self, typ: Pointer, attr: str) -> Any:
        return typ.numba_type(attr)


def _at(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    return builder.inttoptr(builder.add(address, ir.Constant(_I64, offset)), kind.as_pointer())


@lower_getattr_generic(Pointer)
def _load_field(context: Any, builder: Any, typ: Pointer, value: Any, attr: str) -> Any:
    if attr in typ.constants:
        return context.get_constant(typ.numba_type(attr), typ.constants[attr])
    offset, code, count = typ.fields[attr]
    if isinstance(code, Pointer):
        return builder.add(value, ir.Constant(_I64, offset))
    if count:
        return _array(context, builder, typ.numba_type(attr), value, offset, count)
    if code == "f8":
        return builder.load(_at(builder, value, offset, _F64))
    loaded = builder.load(_at(builder, value, offset, ir.IntType(_BITS[code])))
    if code == "b1":
        return builder.icmp_unsigned("!=", loaded, ir.Constant(_I8, 0))
    if _BITS[code] == 64:
        return loaded
    return builder.sext(loaded, _I64) if code[0] == "i" else builder.zext(loaded, _I64)


def _array(context: Any, builder: Any, typ: Any, address: Any, offset: int, count: int) -> Any:
    """A view without owner: nothing counts references to it."""
    made = context.make_array(typ)(context, builder)
    item = context.get_abi_sizeof(context.get_data_type(typ.dtype))
    data = _at(builder, address, offset, context.get_data_type(typ.dtype))
    itemsize = context.get_constant(types.intp, item)
    shape, strides = [context.get_constant(types.intp, count)], [itemsize]
    from numba.np.arrayobj import populate_array

    populate_array(made, data=data, shape=cgutils.pack_array(builder, shape), strides=cgutils.pack_array(builder, strides), itemsize=itemsize, meminfo=None)
    return made._getvalue()


@lower_setattr_generic(Pointer)
def _store_field(context: Any, builder: Any, sig: Any, args: Any, attr: str) -> Any:
    typ, (address, value) = sig.args[0], args
    if attr in typ.constants:
        raise numba.TypingError(f"{attr} is a constant; declare it with a type to make it state")
    offset, code, count = typ.fields[attr]
    if isinstance(code, Pointer) or count:
        raise numba.TypingError(f"{attr} is an array: set its elements")
    if code == "f8":
        return builder.store(value, _at(builder, address, offset, _F64))
    if code == "b1":
        return builder.store(builder.zext(value, _I8), _at(builder, address, offset, _I8))
    kind = ir.IntType(_BITS[code])
    return builder.store(value if _BITS[code] == 64 else builder.trunc(value, kind), _at(builder, address, offset, kind))


@cache
def record(name: str) -> Pointer:
    """Return the type of a pointer to a record of the schema; text fields are left out.

    Raises
    ------
    KeyError
        If there is no such record.
    """
    r = RECORDS[name]
    return Pointer(
        name, tuple((f.name, r.offsets[f.name], _SCHEMA[f.scalar], 0 if f.count == 1 else f.count) for f in r.fields if not f.is_text and f.count == 1)
    )


def struct(label: str, words: tuple[str, ...]) -> Pointer:
    """Return the type of a pointer to a C struct of 64-bit words."""
    return Pointer(label, tuple((name, 8 * at, "u8", 0) for at, name in enumerate(words)))


RING = struct("rf_ring_t", ("slots", "head", "tail", "mask", "slot_bytes", "position", "remote", "pending", "settled", "lag_max"))
BROADCAST = struct("rf_broadcast_t", ("slots", "head", "mask", "position", "lost"))
CLOCK = Pointer(
    "rf_clock_t",
    (("base_tsc", 0, "u8", 0), ("base_ns", 8, "u8", 0), ("mult", 16, "u8", 0), ("last", 24, "u8", 0), ("shift", 32, "u4", 0), ("source", 36, "u4", 0)),
)


def pointer_to(kind: Pointer) -> Any:
    """Return a function for compiled code that makes an address a ``kind``."""

    @intrinsic  # type: ignore[untyped-decorator]
    def at(typingctx: Any, address: Any) -> Any:
        return kind(types.int64), lambda context, builder, sig, args: args[0]

    return at


@intrinsic  # type: ignore[untyped-decorator]
def address_of(typingctx: Any, pointer: Any) -> Any:
    """Address of a Pointer."""
    if isinstance(pointer, Pointer):
        return types.int64(pointer), lambda context, builder, sig, args: args[0]
    return None


@intrinsic  # type: ignore[untyped-decorator]
def whole(typingctx: Any, number: Any) -> Any:
    """An integer, a boolean, a member of an IntEnum or an argument that was left out, as int64."""
    if not isinstance(number, (types.Integer, types.IntEnumMember, types.Omitted, types.Boolean)):
        return None

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        (given,) = sig.args
        if isinstance(given, types.Omitted):
            return context.get_constant(types.int64, int(given.value))
        return context.cast(builder, args[0], given.dtype if isinstance(given, types.IntEnumMember) else given, types.int64)

    return types.int64(number), code


ring_at, broadcast_at, clock_at = pointer_to(RING), pointer_to(BROADCAST), pointer_to(CLOCK)


# ---- atomics and instructions --------------------------------------------------------------------------------------------


def _load(ordering: str) -> Any:
    def build(typingctx: Any, address: Any) -> Any:
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return builder.load_atomic(_at(builder, args[0], 0, _I64), ordering, 8)

        return types.int64(types.int64), code

    return intrinsic(build)


def _store(ordering: str) -> Any:
    def build(typingctx: Any, address: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            builder.store_atomic(args[1], _at(builder, args[0], 0, _I64), ordering, 8)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), code

    return intrinsic(build)


def _fence(ordering: str) -> Any:
    def build(typingctx: Any) -> Any:
        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            builder.fence(ordering)
            return context.get_dummy_value()

        return types.void(), code

    return intrinsic(build)


load_acquire, load_relaxed = _load("acquire"), _load("monotonic")
store_release, store_relaxed = _store("release"), _store("monotonic")
fence_acquire, fence_release = _fence("acquire"), _fence("release")


def _load32(ordering: str) -> Any:
    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.zext(builder.load_atomic(_at(builder, args[0], 0, _I32), ordering, 4), _I64)

    return types.int64(types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def load32_acquire(typingctx: Any, address: Any) -> Any:
    """Load a 32-bit word."""
    return _load32("acquire")


@intrinsic  # type: ignore[untyped-decorator]
def load32_relaxed(typingctx: Any, address: Any) -> Any:
    """Load a 32-bit word, without order."""
    return _load32("monotonic")


@intrinsic  # type: ignore[untyped-decorator]
def load_plain(typingctx: Any, address: Any) -> Any:
    """Load a 64-bit word of private memory."""
    return types.int64(types.int64), lambda context, builder, sig, args: builder.load(_at(builder, args[0], 0, _I64))


@intrinsic  # type: ignore[untyped-decorator]
def load_byte(typingctx: Any, address: Any) -> Any:
    """Load a byte."""
    return types.int64(types.int64), lambda context, builder, sig, args: builder.zext(builder.load(_at(builder, args[0], 0, _I8)), _I64)


@intrinsic  # type: ignore[untyped-decorator]
def store_plain(typingctx: Any, address: Any, value: Any) -> Any:
    """Store a 64-bit word."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], _at(builder, args[0], 0, _I64))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def store_float(typingctx: Any, address: Any, value: Any) -> Any:
    """Store a double."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[1], _at(builder, args[0], 0, _F64))
        return context.get_dummy_value()

    return types.void(types.int64, types.float64), code


@intrinsic  # type: ignore[untyped-decorator]
def below(typingctx: Any, a: Any, b: Any) -> Any:
    """a < b as unsigned numbers."""
    return types.boolean(types.int64, types.int64), lambda context, builder, sig, args: builder.icmp_unsigned("<", args[0], args[1])


@intrinsic  # type: ignore[untyped-decorator]
def mul_shift(typingctx: Any, a: Any, b: Any, shift: Any) -> Any:
    """a * b >> shift, unsigned, the product in 128 bits."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        a, b, shift = (builder.zext(x, wide) for x in args)
        return builder.trunc(builder.lshr(builder.mul(a, b), shift), _I64)

    return types.int64(types.int64, types.int64, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def counter(typingctx: Any) -> Any:
    """The CPU's counter, as rf_clock_counter."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _ARM:
            return builder.asm(ir.FunctionType(_I64, []), "mrs $0, cntvct_el0", "=r", [], True)
        return builder.call(builder.module.declare_intrinsic("llvm.readcyclecounter", (), ir.FunctionType(_I64, [])), [])

    return types.int64(), code


@intrinsic  # type: ignore[untyped-decorator]
def pause(typingctx: Any) -> Any:
    """Tell the core that this is a waiting loop."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        if _ARM:
            builder.asm(ir.FunctionType(ir.VoidType(), []), "yield", "~{memory}", [], True)
        elif _X86:
            builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), []), "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), code


@intrinsic  # type: ignore[untyped-decorator]
def call_with(typingctx: Any, function: Any, first: Any, second: Any) -> Any:
    """Call the C function ``void f(T *, int64_t)`` at an address. For cold paths: it cannot be inlined."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64, _I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def system_ns(typingctx: Any) -> Any:
    """CLOCK_REALTIME by the C library, for hosts whose counter cannot be trusted."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        both = ir.ArrayType(_I64, 2)
        time = cgutils.alloca_once(builder, both)
        kind = ir.FunctionType(_I32, [_I32, both.as_pointer()])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "clock_gettime"), [ir.Constant(_I32, 0), time])
        value = builder.load(time)
        seconds, rest = builder.extract_value(value, 0), builder.extract_value(value, 1)
        return builder.add(builder.mul(seconds, ir.Constant(_I64, 1_000_000_000)), rest)

    return types.int64(), code


# ---- CRC32C --------------------------------------------------------------------------------------------------------------


def _crc_table() -> tuple[int, ...]:
    table = []
    for c in range(256):
        for _ in range(8):
            c = (c >> 1) ^ (0x82F63B78 if c & 1 else 0)
        table.append(c)
    return tuple(table)


_TABLE = np.array(_crc_table(), dtype=np.int64)  # frozen into the code
HAS_CRC_INSTRUCTION = _X86 and bool(llvmlite.binding.get_host_cpu_features().get("sse4.2"))


@intrinsic  # type: ignore[untyped-decorator]
def _crc_word(typingctx: Any, crc: Any, word: Any) -> Any:
    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I64, [_I64, _I64])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse42.crc32.64.64"), args)

    return types.int64(types.int64, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def _crc_byte(typingctx: Any, crc: Any, byte: Any) -> Any:
    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I32, _I8])
        step = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse42.crc32.32.8")
        return builder.zext(builder.call(step, [builder.trunc(args[0], _I32), builder.trunc(args[1], _I8)]), _I64)

    return types.int64(types.int64, types.int64), code


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def crc32c_table(crc: int, address: int, n: int) -> int:
    """As ``crc32c``, without the instruction."""
    crc = ~crc & 0xFFFFFFFF
    for i in range(n):
        crc = (crc >> 8) ^ _TABLE[(crc ^ load_byte(address + i)) & 0xFF]
    return ~crc & 0xFFFFFFFF


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def _crc32c_instruction(crc: int, address: int, n: int) -> int:
    crc = ~crc & 0xFFFFFFFF
    while n >= 8:
        crc = _crc_word(crc, load_plain(address))
        address += 8
        n -= 8
    while n > 0:
        crc = _crc_byte(crc, load_byte(address))
        address += 1
        n -= 1
    return ~crc & 0xFFFFFFFF


crc32c = _crc32c_instruction if HAS_CRC_INSTRUCTION else crc32c_table
"""crc32c(crc, address, n): CRC32C of n bytes, continued from crc; rf_crc32c."""


# ---- clock ---------------------------------------------------------------------------------------------------------------


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def clock_now(c: Any) -> int:
    """rf_clock_now of a CLOCK pointer."""
    if c.source == CLOCK_TSC:
        at = counter()
        ticks = at - c.base_tsc if below(c.base_tsc, at) else 0
        now = c.base_ns + mul_shift(ticks, c.mult, c.shift)
    else:
        now = system_ns()
    if below(now, c.last):
        return c.last
    c.last = now
    return now


# ---- copies --------------------------------------------------------------------------------------------------------------


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def copy_words(to: int, source: int, n: int) -> None:
    """Copy n bytes, a multiple of 8."""
    for i in range(0, n, 8):
        store_plain(to + i, load_plain(source + i))


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def zero_words(to: int, n: int) -> None:
    """Zero n bytes, a multiple of 8."""
    for i in range(0, n, 8):
        store_plain(to + i, 0)


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def seqlock_copy(source: int, to: int, n: int, tries: int) -> bool:
    """rf_seqlock_copy: a whole record of n bytes whose first word is its version; False: still being written after ``tries``."""
    for _ in range(tries):
        begun = load_acquire(source)
        if begun & 1:
            continue
        copy_words(to, source, n)
        fence_acquire()
        if load_relaxed(source) == begun:
            return True
    return False


# ---- single-producer single-consumer ring (ring.h) -----------------------------------------------------------------------


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_slot(r: Any, position: int) -> int:
    """Address of the slot of a position."""
    return r.slots + (position & r.mask) * r.slot_bytes


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_claim(r: Any) -> tuple[int, int]:
    """The next slot to fill and OK, or 0 and FULL or GARBAGE; rf_ring_claim with ahead 0."""
    capacity = r.mask + 1
    if r.position - r.remote >= capacity:
        tail = load_acquire(r.tail)
        if below(capacity, r.position - tail) or below(tail, r.remote):
            return 0, GARBAGE
        r.remote = tail
        if r.position - tail >= capacity:
            return 0, FULL
    return ring_slot(r, r.position), OK


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_settle(r: Any) -> None:
    """Make head exact."""
    if r.settled != r.position:
        r.settled = r.position
        store_release(r.head, r.position)


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_publish(r: Any) -> None:
    """Publish the claimed slot."""
    p = r.position
    r.position = p + 1
    store_release(ring_slot(r, p), p + 1)
    if r.position - r.settled >= r.lag_max:
        ring_settle(r)


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_poll(r: Any) -> int:
    """State of the next slot: OK, EMPTY or GARBAGE."""
    word = load_acquire(ring_slot(r, r.position))
    if word == r.position + 1:
        return OK
    before = r.position - r.mask if r.position > r.mask else 0
    return EMPTY if word == before else GARBAGE


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_take(r: Any, to: int, n: int) -> int:
    """Copy the next slot (n bytes, a multiple of 8) and step over it."""
    state = ring_poll(r)
    if state == OK:
        copy_words(to, ring_slot(r, r.position), n)
        r.position += 1
        r.pending += 1
    return state


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def ring_release(r: Any) -> None:
    """Give the stepped-over slots back."""
    if r.pending:
        store_release(r.tail, r.position)
        r.pending = 0


# ---- broadcast ring (broadcast.h), the reader's side ---------------------------------------------------------------------


@numba.njit(**INLINE)  # type: ignore[untyped-decorator]
def broadcast_take(b: Any, to: int) -> tuple[int, int]:
    """rf_broadcast_take of a whole slot: (OK, EMPTY, LOST or GARBAGE; how many were lost)."""
    slot = b.slots + (b.position & b.mask) * 64
    word = load_acquire(slot)
    due = b.position + 1
    if word == due:
        copy_words(to, slot, 64)
        fence_acquire()
        word = load_relaxed(slot)
        if word == due:
            b.position = due
            return OK, 0
    return broadcast_behind(b, word, due)


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def broadcast_behind(b: Any, word: int, due: int) -> tuple[int, int]:
    """What a word that is not due means; the cold half of ``broadcast_take``."""
    at = word & POSITION_BITS
    if at <= due:
        before = b.position - b.mask if b.position > b.mask else 0
        return (EMPTY if at == before or (at == due and word != due) else GARBAGE), 0
    if (at - due) & b.mask:
        return GARBAGE, 0
    newest, head = at - 1, load_acquire(b.head)
    if not below(b.mask + 1, head - newest):
        newest = head
    oldest = newest - b.mask if newest > b.mask else 0
    following = oldest + ((b.mask + 1) >> 2)
    lost = following - b.position
    b.lost += lost
    b.position = following
    return LOST, lost
