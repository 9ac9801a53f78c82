"""The ledger from Python: books events, shows positions, lots, legs and closings as plain integers.

    caller's memory (bytearray, array, segment) ──Ledger──▶ tables ──▶ ledger_events.book (no Python) ──▶ Booking(result, legs, closings)

One piece of memory holds everything, in this order: head, instruments, positions, lots, events, picks, checkpoints (the state, see ``state``), the two
indexes, and scratch for what a booking says. The object owns nothing but a view of it; two objects must never write the same memory. All figures are
Python integers at the scale of the instrument (``define``). What can fail: ``LedgerError`` with the result as a word; then no figure has changed.
Nothing here is on the hot path: engines call ``ledger_events.book`` on ``Ledger.c``.
"""

from collections import namedtuple
from dataclasses import dataclass

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from ringfence.core.ledger_events cimport book, set_method
from ringfence.core.ledger_index cimport find_event, find_position, in_force
from ringfence.core.ledger_legs cimport cash_of, unrealized_at
from ringfence.core.ledger_recompute cimport POSITION_SKIPPED
from ringfence.core.ledger_trades cimport value_of
from ringfence.core.wide cimport rf_wide_load, rf_wide_store, wide_t
from ringfence.ipc.records cimport (
    RF_LEDGER_CASH, RF_LEDGER_DAILY, RF_LEDGER_EVENT_STATE_BUSTED, RF_LEDGER_INVERSE, RF_LEDGER_MARGIN, RF_LEDGER_POSITION_MERGED,
    RF_LEDGER_RESULT_BOOKED, RF_LEDGER_RESULT_CONFLICT, RF_LEDGER_RESULT_DUPLICATE, RF_LEDGER_RESULT_HELD,
    LedgerCheckpoint, LedgerClosing, LedgerEvent, LedgerHead, LedgerInstrument, LedgerLeg, LedgerPick, LedgerPosition, Lot,
)

from ringfence.core.errors import CoreError
from ringfence.ipc.schema import CONSTANTS, ENUMS

_METHODS = ENUMS["LedgerMethod"]
_KINDS = ENUMS["LedgerEventKind"]
_FEES = ENUMS["LedgerFee"]
_RESULTS = ENUMS["LedgerResult"]
_ACCOUNTS = ENUMS["LedgerLegAccount"]
_GIVEN = {name.removeprefix("LEDGER_GIVEN_"): value for name, (value, _) in CONSTANTS.items() if name.startswith("LEDGER_GIVEN_")}
_WHAT_TO_DO = {
    "OVERFLOW": "a figure would not fit in 125 bits; define the instrument with fewer money digits, or check quantity and price",
    "NO_ROW": "a table is full; make the ledger with higher limits",
    "BAD_EVENT": "a field is out of range, the sequence does not rise, or what it names cannot be changed so",
    "BAD_PRICE": "an inverse contract has no value at a price of 0 or less",
    "NO_INSTRUMENT": "define the instrument first",
    "AMBIGUOUS": "name lots that are open, each once, whose quantities add up to what is closed",
    "NOT_HELD": "move no more than is held",
    "NOT_FLAT": "close the position first",
}

Leg = namedtuple("Leg", "account asset amount digits units position instrument acct strategy correction")
Closing = namedtuple("Closing", "seq lot_seq lot_event qty realized position")
Booking = namedtuple("Booking", "result position legs closings")
OpenLot = namedtuple("OpenLot", "seq event qty cost cost_base")
Position = namedtuple(
    "Position",
    "row account strategy instrument method qty cost realized fees funding income cash flow moved settled cost_base realized_base realized_fx fees_base"
    " income_base base_known merged skipped trades updated_seq fees_elsewhere",
)
Head = namedtuple("Head", "positions lots events checkpoints held merged_lots inexact duplicates conflicts refused recomputed checkpoints_dropped last_seq")


class LedgerError(CoreError):
    """An event that the ledger refuses; ``result`` is the name of the ``LedgerResult``. No figure has changed."""

    def __init__(self, result, what):
        super().__init__(f"{what}: {result}: {_WHAT_TO_DO[result]}")
        self.result = result


@dataclass(frozen=True)
class Limits:
    """Rows of each table, the unused row 0 not counted. A pool has more lots than there are positions."""

    instruments: int = 64
    positions: int = 256
    lots: int = 4096
    events: int = 4096
    picks: int = 256
    checkpoints: int = 256


def _slots(limits):
    need, slots = 4 * max(limits.positions, limits.events) + 4, 8
    while slots < need:
        slots *= 2
    return slots


def _sections(limits):
    """Bytes of the sections of a ledger's memory, in order."""
    slots, positions = _slots(limits), limits.positions + 1
    rows = [
        (sizeof(LedgerHead), 1), (sizeof(LedgerInstrument), limits.instruments + 1), (sizeof(LedgerPosition), positions), (sizeof(Lot), limits.lots + 1),
        (sizeof(LedgerEvent), limits.events + 1), (sizeof(LedgerPick), limits.picks + 1), (sizeof(LedgerCheckpoint), limits.checkpoints + 1), (4, slots),
        (4, slots), (sizeof(LedgerClosing), limits.lots), (sizeof(LedgerLeg), 8 * positions), (sizeof(LedgerPosition), positions), (4, positions),
    ]
    return [(int(size) * count + 63) // 64 * 64 for size, count in rows]


def bytes_needed(limits):
    """Return the bytes of memory that a ledger of these limits works in."""
    return sum(_sections(limits))


cdef object to_int(const uint64_t *figure):
    return (<int64_t>figure[1]) * (1 << 64) + figure[0]


cdef int from_int(object value, uint64_t *figure, str name) except -1:
    if not -(1 << 127) <= value < 1 << 127:
        raise LedgerError("OVERFLOW", f"{name} {value}")
    figure[0] = value & 0xFFFFFFFFFFFFFFFF
    figure[1] = (value >> 64) & 0xFFFFFFFFFFFFFFFF
    return 0


cdef wide_t wide_of(object value, str name) except? -1:
    cdef uint64_t figure[2]
    from_int(value, figure, name)
    return rf_wide_load(figure)


cdef object int_of(wide_t value):
    cdef uint64_t figure[2]
    rf_wide_store(figure, value)
    return to_int(figure)


cdef class Ledger:
    """A ledger in the caller's memory.

    Parameters
    ----------
    memory : writable buffer, shape (n,), bytes
        At least ``bytes_needed(limits)`` bytes; zeroed memory becomes an empty ledger, memory of a ledger of the same limits is attached as it is.
    limits : Limits
        Rows of the tables.
    method : str
        Cost method of positions that an event does not give another one: WAC, FIFO, LIFO, HIFO, HIFO_MINGAIN or SPEC.

    Raises
    ------
    CoreError
        If the memory is too small or belongs to a ledger of other limits, or the lot pool is not larger than the position table.
    """

    def __init__(self, memory, limits, *, method="FIFO"):
        cdef unsigned char *at
        cdef uint32_t slots = _slots(limits)
        sections = _sections(limits)
        if limits.lots <= limits.positions:
            raise CoreError(f"a ledger needs more lots than positions, these were {limits.lots} and {limits.positions}: raise lots")
        if method not in _METHODS.by_name:
            raise CoreError(f"method was {method!r}; allowed: {', '.join(_METHODS.by_name)}")
        self.owner = memory
        self.memory = memory
        if self.memory.shape[0] < sum(sections):
            raise CoreError(f"a ledger of these limits needs {sum(sections)} bytes, the memory has {self.memory.shape[0]}: see bytes_needed")
        self.limits = limits
        self.method = _METHODS.by_name[method]
        pointers = []
        at = &self.memory[0]
        for size in sections:
            pointers.append(<size_t>at)
            at += <size_t>size
        self.c.head = <LedgerHead *><size_t>pointers[0]
        self.c.instruments = <LedgerInstrument *><size_t>pointers[1]
        self.c.positions = <LedgerPosition *><size_t>pointers[2]
        self.c.lots = <Lot *><size_t>pointers[3]
        self.c.events = <LedgerEvent *><size_t>pointers[4]
        self.c.picks = <LedgerPick *><size_t>pointers[5]
        self.c.checkpoints = <LedgerCheckpoint *><size_t>pointers[6]
        self.c.by_position = <uint32_t *><size_t>pointers[7]
        self.c.by_key = <uint32_t *><size_t>pointers[8]
        self.c.closings = <LedgerClosing *><size_t>pointers[9]
        self.c.legs = <LedgerLeg *><size_t>pointers[10]
        self.c.before = <LedgerPosition *><size_t>pointers[11]
        self.c.touched = <uint32_t *><size_t>pointers[12]
        self.c.closing_rows = limits.lots
        self.c.leg_rows = 8 * (limits.positions + 1)
        rows = (limits.instruments + 1, limits.positions + 1, limits.lots + 1, limits.events + 1, limits.picks + 1, limits.checkpoints + 1, slots)
        head = self.c.head
        if head.slots == 0:
            (head.instrument_rows, head.position_rows, head.lot_rows, head.event_rows, head.pick_rows, head.checkpoint_rows, head.slots) = rows
        found = (head.instrument_rows, head.position_rows, head.lot_rows, head.event_rows, head.pick_rows, head.checkpoint_rows, head.slots)
        if found != rows:
            raise CoreError(f"this memory holds a ledger of other limits: rows {found}, wanted {rows}")

    def define(
        self, uint32_t instrument, *, uint8_t qty_digits, uint8_t px_digits, uint8_t money_digits, multiplier=(1, 0), uint32_t settle_asset,
        uint32_t base_asset, inverse=False, margin=False, daily=False, cash=False,
    ):
        """Say how an instrument is valued.

        Parameters
        ----------
        instrument : int
            Its row, from 1 on.
        qty_digits, px_digits, money_digits : int
            Scales: a quantity of 1 is ``10**-qty_digits`` units. Money digits are those of cost and of every other figure of its positions; let all
            instruments of one settlement asset have the same, so that sums over positions are exact.
        multiplier : (int, int)
            Mantissa and decimal digits: ``(50, 0)``, ``(1, 3)`` is 0.001.
        inverse : bool
            Value is ``-multiplier / price``.
        margin, daily, cash : bool
            A trade moves no cash; only variation margin does; the instrument is a cash balance.

        Raises
        ------
        LedgerError
            If the scales do not fit in 128 bits.
        CoreError
            If the row does not exist, or its positions exist already with other scales.
        """
        cdef LedgerInstrument *i
        cdef LedgerInstrument was
        mantissa, digits = multiplier
        if not 0 < instrument < self.c.head.instrument_rows:
            raise CoreError(f"instrument {instrument} is not in 1..{self.c.head.instrument_rows - 1}: raise Limits.instruments")
        if mantissa <= 0:
            raise CoreError(f"instrument {instrument}: multiplier was {multiplier}; allowed: above zero")
        i = &self.c.instruments[instrument]
        was = i[0]
        power = money_digits + px_digits - qty_digits - digits if inverse else money_digits - px_digits - qty_digits - digits
        if inverse and power < 0:
            raise CoreError(f"instrument {instrument}: an inverse contract needs money_digits >= {qty_digits + digits - px_digits}, was {money_digits}")
        from_int(mantissa * 10 ** max(power, 0), i.factor, f"instrument {instrument}: factor")
        from_int(10 ** max(-power, 0), i.divisor, f"instrument {instrument}: divisor")
        i.settle_asset = settle_asset
        i.base_asset = base_asset
        i.flags = (RF_LEDGER_INVERSE if inverse else 0) | (RF_LEDGER_MARGIN if margin or daily else 0)
        i.flags |= (RF_LEDGER_DAILY if daily else 0) | (RF_LEDGER_CASH if cash else 0)
        i.qty_digits = qty_digits
        i.px_digits = px_digits
        i.money_digits = money_digits
        i.defined = 1
        if was.defined and (to_int(was.factor), was.flags, was.money_digits) != (to_int(i.factor), i.flags, i.money_digits) and self.c.head.event_count:
            i[0] = was
            raise CoreError(f"instrument {instrument} is defined already, with other scales, and events are booked: use another row")

    def book(
        self, kind, *, uint64_t seq, uint16_t account=0, uint16_t strategy=0, uint32_t instrument=0, qty=0, px=0, amount=None, fee=0, fee_kind="",
        fee_px=0, uint32_t other_instrument=0, uint16_t other_account=0, ratio=(0, 0), share=(0, 0), int64_t fx=0, uint8_t fx_digits=0, uint64_t key=0,
        uint64_t content=0, uint64_t ref_key=0, given="", picks=(), uint64_t engine_ns=0, method="",
    ):
        """Book one event; see ``LedgerEventKind`` in docs/records.md for what each kind reads.

        Parameters
        ----------
        kind : str
            Name of a ``LedgerEventKind``.
        seq : int
            Journal sequence; must rise.
        qty, px, amount, fee, fee_px : int
            At the instrument's scales; ``qty`` is positive for what is bought. ``amount`` (received: positive) given at all means that it counts.
        fee_kind : str
            Name of a ``LedgerFee``; "" for no fee.
        ratio, share : (int, int)
            Numerator and denominator.
        fx, fx_digits : int
            Reporting currency per unit of the settlement asset, ``fx * 10**-fx_digits``; 0: not known.
        key, content, ref_key : int
            64-bit digests of the identity, of what the event says, and of the identity that a bust or correction names.
        given : str
            Of a correction: what it replaces, as ``"QTY|PX"``.
        picks : sequence of (int, int)
            For SPEC: key of the fill that opened a lot, and quantity.

        Returns
        -------
        Booking
            ``result`` is BOOKED, HELD, DUPLICATE or CONFLICT; legs and closings are those of this booking.

        Raises
        ------
        LedgerError
            If it is refused.
        CoreError
            If a name is not known.
        """
        cdef LedgerEvent e
        cdef int result
        cdef uint32_t first_pick = self.c.head.pick_count + 1, i
        memset(&e, 0, sizeof(e))
        try:
            e.kind = _KINDS.by_name[kind]
            e.fee_kind = _FEES.by_name[fee_kind] if fee_kind else 0
            e.method = _METHODS.by_name[method] if method else self.method
            for name in given.split("|") if given else ():
                e.given |= _GIVEN[name]
        except KeyError as error:
            raise CoreError(f"ledger event {seq}: {error.args[0]!r} is not the name of a kind, fee, method or field") from None
        e.seq = seq
        e.engine_ns = engine_ns
        e.account = account
        e.strategy = strategy
        e.instrument = instrument
        e.other_instrument = other_instrument
        e.other_account = other_account
        e.other_strategy = strategy
        e.ratio_num, e.ratio_den = ratio
        e.share_num, e.share_den = share
        e.fx = fx
        e.fx_digits = fx_digits
        e.key = key
        e.content = content
        e.ref_key = ref_key
        e.amount_given = amount is not None
        from_int(qty, e.qty, f"ledger event {seq}: quantity")
        from_int(px, e.px, f"ledger event {seq}: price")
        from_int(amount or 0, e.amount, f"ledger event {seq}: amount")
        from_int(fee, e.fee, f"ledger event {seq}: fee")
        from_int(fee_px, e.fee_px, f"ledger event {seq}: price of the fee")
        if picks:
            if first_pick + len(picks) > self.c.head.pick_rows:
                raise LedgerError("NO_ROW", f"ledger event {seq}: {len(picks)} lots are named, {self.c.head.pick_rows - first_pick} rows are left")
            for i, (pick_key, pick_qty) in enumerate(picks, first_pick):
                self.c.picks[i].key = pick_key
                from_int(pick_qty, self.c.picks[i].qty, f"ledger event {seq}: quantity of a lot")
            e.first_pick = first_pick
            e.pick_count = <uint32_t>len(picks)
        with nogil:
            result = book(&self.c, &e)
        word = _RESULTS.by_value[result]
        if result == RF_LEDGER_RESULT_BOOKED or result == RF_LEDGER_RESULT_HELD:
            self.c.head.pick_count += e.pick_count
            return self.said()._replace(result=word)
        for i in range(first_pick, first_pick + e.pick_count):
            memset(&self.c.picks[i], 0, sizeof(LedgerPick))
        if result == RF_LEDGER_RESULT_DUPLICATE or result == RF_LEDGER_RESULT_CONFLICT:
            return Booking(word, 0, [], [])
        raise LedgerError(word, f"ledger event {seq} ({kind})")

    cdef object said(self):
        cdef uint32_t i, row = self.c.head.event_count
        cdef const LedgerLeg *g
        cdef const LedgerClosing *k
        row = self.c.events[row].root if self.c.events[row].root else row
        legs = []
        for i in range(self.c.leg_count):
            g = &self.c.legs[i]
            account = _ACCOUNTS.by_value[g.leg_account]
            legs.append(
                Leg(account, g.asset, to_int(g.amount), g.digits, bool(g.units), g.position, g.instrument, g.account, g.strategy, bool(g.correction))
            )
        closings = []
        for i in range(self.c.closing_count):
            k = &self.c.closings[i]
            closings.append(Closing(k.seq, k.lot_seq, k.lot_event, to_int(k.qty), to_int(k.realized), k.position))
        return Booking("", self.c.events[row].position, legs, closings)

    def set_method(self, uint16_t account, uint16_t strategy, uint32_t instrument, method):
        """Set the cost method of a position, which must be flat.

        Raises
        ------
        LedgerError
            If it is not flat, or there is no row for it.
        """
        cdef int result = set_method(&self.c, account, strategy, instrument, _METHODS.by_name.get(method, 0))
        if result != RF_LEDGER_RESULT_BOOKED:
            raise LedgerError(_RESULTS.by_value[result], f"method {method} of account {account}, strategy {strategy}, instrument {instrument}")

    def find(self, uint16_t account, uint16_t strategy, uint32_t instrument):
        """Return the position, or None."""
        cdef uint32_t row = find_position(&self.c, account, strategy, instrument)
        return self.position(row) if row else None

    def position(self, uint32_t row):
        """Return the figures of a position.

        Raises
        ------
        CoreError
            If there is no such row.
        """
        cdef const LedgerPosition *p
        self._check(row)
        p = &self.c.positions[row]
        return Position(
            row, p.account, p.strategy, p.instrument, _METHODS.by_value[p.method], to_int(p.qty), to_int(p.cost), to_int(p.realized), to_int(p.fees),
            to_int(p.funding), to_int(p.income), int_of(cash_of(&self.c, p)), to_int(p.flow), to_int(p.moved), to_int(p.settled), to_int(p.cost_base),
            to_int(p.realized_base), to_int(p.realized_fx), to_int(p.fees_base), to_int(p.income_base), not p.base_unknown,
            bool(p.flags & RF_LEDGER_POSITION_MERGED), bool(p.flags & POSITION_SKIPPED), p.trades, p.updated_seq,
            to_int(p.fees_elsewhere),
        )

    def positions(self):
        """Return all positions, in the order in which they were first booked."""
        return [self.position(row) for row in range(1, self.c.head.position_count + 1)]

    def lots(self, uint32_t row):
        """Return the open lots of a position in sequence order; of WAC, its pool.

        Raises
        ------
        CoreError
            If there is no such row.
        """
        cdef uint32_t at
        cdef const Lot *lot
        self._check(row)
        at = self.c.positions[row].first_lot
        found = []
        while at:
            lot = &self.c.lots[at]
            found.append(OpenLot(lot.seq, lot.event, to_int(lot.qty), to_int(lot.cost), to_int(lot.cost_base)))
            at = lot.next
        return found

    def _check(self, uint32_t row):
        if not 0 < row <= self.c.head.position_count:
            raise CoreError(f"position {row} is not in 1..{self.c.head.position_count}")

    def unrealized(self, uint32_t row, px):
        """Return what the open quantity would realize at a price [money scale].

        Raises
        ------
        LedgerError
            If there is no value at this price, or it does not fit.
        """
        cdef wide_t out = 0
        self._check(row)
        if not unrealized_at(&self.c, row, wide_of(px, "price"), &out):
            raise LedgerError("BAD_PRICE" if px <= 0 else "OVERFLOW", f"position {row} at price {px}")
        return int_of(out)

    def value(self, uint32_t instrument, qty, px):
        """Return ``qty * V(px)`` of an instrument, half-even [money scale].

        Raises
        ------
        LedgerError
            If there is no value at this price, or it does not fit.
        """
        cdef wide_t out = 0
        if not 0 < instrument < self.c.head.instrument_rows or not self.c.instruments[instrument].defined:
            raise LedgerError("NO_INSTRUMENT", f"instrument {instrument}")
        if not value_of(&self.c.instruments[instrument], wide_of(qty, "quantity"), wide_of(px, "price"), &out):
            raise LedgerError("BAD_PRICE" if px <= 0 else "OVERFLOW", f"instrument {instrument}: {qty} at {px}")
        return int_of(out)

    def event_of(self, uint64_t key):
        """Return the row of the event of this identity, 0 when it has not come."""
        return find_event(&self.c, key)

    def survivors(self):
        """Return, of every event but busts and corrections, ``(row, seq, in_force)``; ``in_force`` is the row of its content, 0 when it was busted."""
        cdef uint32_t row
        found = []
        for row in range(1, self.c.head.event_count + 1):
            if self.c.events[row].position:
                busted = self.c.events[row].state == RF_LEDGER_EVENT_STATE_BUSTED
                found.append((row, self.c.events[row].seq, 0 if busted else self.c.events[row].newest or row))
        return found

    def replay(self, Ledger other not None):
        """Book what survives, with the content in force and without busts and corrections, into an empty ledger that has the same instruments.

        Returns
        -------
        list of (int, int, Booking or None)
            Row and sequence of the event here, and what the booking there said; None where the other ledger refused it.
        """
        cdef uint32_t row, i
        cdef LedgerEvent e
        cdef int result
        for i in range(1, self.c.head.pick_count + 1):
            other.c.picks[i] = self.c.picks[i]
        other.c.head.pick_count = self.c.head.pick_count
        said = []
        for row in range(1, self.c.head.event_count + 1):
            if self.c.events[row].position == 0 or self.c.events[row].state == RF_LEDGER_EVENT_STATE_BUSTED:
                continue
            e = in_force(&self.c, row)[0]
            e.kind = self.c.events[row].kind
            e.seq = self.c.events[row].seq
            e.key = self.c.events[row].key
            e.method = other.method
            result = book(&other.c, &e)
            answer = other.said()._replace(result=_RESULTS.by_value[result]) if result == RF_LEDGER_RESULT_BOOKED else None
            said.append((row, e.seq, answer))
        return said

    @property
    def head(self):
        """Counters."""
        h = self.c.head
        return Head(
            h.position_count, h.open_lots, h.event_count, h.checkpoint_count, h.held, h.merged_lots, h.inexact, h.duplicates, h.conflicts, h.refused,
            h.recomputed, h.checkpoints_dropped, h.last_seq,
        )

    @property
    def state(self):
        """The bytes of all tables, without indexes and scratch: equal for equal inputs."""
        return bytes(self.memory[: sum(_sections(self.limits)[:7])])
