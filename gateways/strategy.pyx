"""The strategy client: intents out, events in, over shared memory. ``ringfence.strategy`` re-exports it.

    Strategy.buy() ──Intent──▶ ring in this strategy's memfd ──▶ engine          this process writes
    Strategy.poll() ◀──StrategyEvent── ring in `to.strat.NAME` ◀── engine        the engine writes

An intent is one copy into a slot, a CRC32C and a release store: no system call. Amounts are checked here against tick, lot and scale,
because a wrong one is a bug of the strategy and best shown where it was made; the engine checks everything again and trusts nothing.
A full ring raises ``RingFull`` and changes nothing: the same call may be tried again, the client_id was not used up. Events that the engine had to
drop (this strategy did not poll) are seen as a jump of ``output_seq``, counted in ``events_lost`` and told by an event of kind ``LOST``;
the tables (``order``, ``position``) always hold the truth. An engine that is restarted keeps both rings; one that stays dead, or an instance that was
taken down, raises ``InstanceStopped``.

client_ids are ``max(highest one of this strategy in the order table + 1, (ring epoch << 32) + 1)`` and upwards, without those that the engine gave to orders
which flatten a position: the ring epoch rises with every attach, so a restarted strategy never takes one again, even those of intents that were denied and left
no order. Rejected: a background thread (a strategy decides itself when it looks), and floats (1.1215 as a float is another number).
"""

import time

from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from ringfence.ipc.clock cimport rf_clock_now
from ringfence.ipc.crc32c cimport rf_crc32c
from ringfence.ipc.failpoint cimport RF_DUE, RF_FP
from ringfence.ipc.idle cimport RF_IDLE_BACKOFF, rf_idle, rf_idle_open
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport RF_FLATTEN_CLIENT_ID, RF_INSTRUCTION_POST_ONLY, Intent, StrategyEvent
from ringfence.ipc.ring cimport RF_RING_EMPTY, RF_RING_FULL, RF_RING_OK, rf_ring_claim, rf_ring_publish, rf_ring_release, rf_ring_take
from ringfence.ipc.segment cimport Segment

from ringfence.gateways.attach import InstanceNotRunning, InstanceStopped, StrategyRefused, attach, request, still_there
from ringfence.gateways.events import Event, OrderRef
from ringfence.gateways.tables import PositionView, Tables, UnstableRow
from ringfence.ipc.errors import RingFull, RingGarbage
from ringfence.ipc.regions import owner_alive
from ringfence.ipc.schema import ENUMS

__all__ = ["Event", "InstanceNotRunning", "InstanceStopped", "OrderRef", "RingFull", "Strategy", "StrategyRefused", "UnstableRow"]

cdef extern from *:
    uint64_t load_acquire "__atomic_load_n" (const uint64_t *word, int order) nogil
    void store_release "__atomic_store_n" (uint64_t *word, uint64_t value, int order) nogil
    int ACQUIRE "__ATOMIC_ACQUIRE"
    int RELEASE "__ATOMIC_RELEASE"

CANCEL_AGAIN_S = 0.5
cdef uint64_t CHECK_NS = 50_000_000
cdef uint64_t CLOSE_NS_MAX = 1_000_000_000
cdef uint64_t FOREVER = 0xFFFFFFFFFFFFFFFF

_KIND = ENUMS["IntentKind"].by_name
_SIDE = ENUMS["Side"].by_name
_ORD_TYPE = ENUMS["OrdType"].by_name
_TIF = ENUMS["TimeInForce"].by_name
_EVENT = ENUMS["EventKind"].by_value
_SIDE_NAME = ENUMS["Side"].by_value
_STATUS_NAME = ENUMS["OrdStatus"].by_value
_REASON_NAME = ENUMS["DenyReason"].by_value


def _value(names: dict, text: str, what: str) -> int:
    try:
        return names[text.upper()]
    except (KeyError, AttributeError):
        raise ValueError(f"{what} {text!r} is not known; there are {', '.join(names)}") from None


cdef class Strategy:
    """One strategy process, attached. Made by ``Strategy.attach``; a context manager that detaches."""

    def __init__(self):
        raise TypeError("use Strategy.attach(NAME)")

    @staticmethod
    def attach(name: str, instance: str | None = None, *, double timeout=5.0) -> Strategy:
        """Join a running instance as strategy ``name``.

        Parameters
        ----------
        instance : str, optional
            Default: ``RINGFENCE_INSTANCE``, else the only instance on this host.
        timeout : float
            Seconds until the instance must have answered.

        Raises
        ------
        InstanceNotRunning
            If there is none, or it does not answer.
        StrategyRefused
            If the strategy is unknown, this user may not have it, or another live process has it.
        """
        until = time.monotonic() + timeout
        attachment = attach(name, instance, timeout)
        while True:
            try:
                return Strategy.of(attachment)
            except UnstableRow as e:
                if time.monotonic() >= until:
                    request(attachment.socket_path, {"op": "detach", "strategy": attachment.name, "epoch": attachment.epoch}, 2.0)
                    raise InstanceNotRunning(f"strategy {name!r} of instance {attachment.instance!r} was given its rings, then {e}") from e
                time.sleep(0.001)

    @staticmethod
    def of(attachment) -> Strategy:
        """Return the client of an attachment that was made otherwise, for tests and tools."""
        cdef Strategy self = Strategy.__new__(Strategy)
        self.attachment = attachment
        self.link = Link(attachment.intents, attachment.events)
        self.clock = attachment.clock
        self.epoch_word = attachment.epoch
        self.heartbeat = (<Segment?>attachment.intents).heartbeat_word()
        self.tables = Tables(attachment.state, attachment.market)
        self.tables.learn()
        self.instrument_of = {}
        self.order_id_of = {}
        self.engine_grace_s = 10.0
        rf_idle_open(&self.idle, RF_IDLE_BACKOFF)
        self.last_output_seq = int(self.tables.strategies[attachment.strategy]["output_seq"])
        self.unseen_output_seq = FOREVER
        rows = self.tables.strategy_orders(attachment.strategy)
        taken = self.tables.orders["client_id"][rows]
        taken = taken[taken >> 32 & RF_FLATTEN_CLIENT_ID == 0]
        highest = int(taken.max()) if len(taken) else 0
        self.next_client_id = max(highest + 1, (attachment.epoch << 32) + 1)
        return self

    # ---- intents

    def buy(self, symbol, qty, px=None, **terms) -> OrderRef:
        """Ask to buy; see ``send``."""
        return self.send("BUY", symbol, qty, px, **terms)

    def sell(self, symbol, qty, px=None, *, bint short=False, **terms) -> OrderRef:
        """Ask to sell (``short=True``: Side(54)=5); see ``send``."""
        return self.send("SELL_SHORT" if short else "SELL", symbol, qty, px, **terms)

    def send(
        self, side, symbol, qty, px=None, *, stop_px=None, ord_type=None, tif="DAY", account=None, client_id=None, display_qty=None, bint post_only=False,
        uint64_t expire_ns=0, uint64_t origin_ns=0,
    ) -> OrderRef:
        """Ask for a new order and return its handle at once; what becomes of it comes as events.

        Parameters
        ----------
        qty, px, stop_px, display_qty : int, str or Decimal
            Text and Decimal are taken as they read; an int is already scaled (what events carry). No float.
        ord_type : str, optional
            MARKET, LIMIT, STOP or STOP_LIMIT; default: what the given prices mean.
        tif : str
            DAY, GTC, IOC, FOK, OPG, GTX or GTD (GTD needs ``expire_ns``).
        account : str, optional
            Default: the route's; needed where the route takes any account.
        client_id : int, optional
            This strategy's own id of the order, never used before; default: the next.
        display_qty : int, str or Decimal, optional
            What the market sees of it at a time; default: all.
        post_only : bool
            Only ever rest: the venue refuses it rather than let it take liquidity. Denied (NOT_SUPPORTED) where the venue's profile has no such orders.
        origin_ns : int
            Stamp of the tick that caused it, for latency accounting only.

        Raises
        ------
        ValueError
            If an amount is off the tick, the lot or the scale, or a name is unknown.
        TypeError
            For a float amount.
        KeyError
            For an unknown symbol or account.
        RingFull
            If the engine has not taken earlier intents; nothing was sent, the same call may be tried again.
        """
        info = self.tables.instrument(symbol)
        if ord_type is None:
            ord_type = ("STOP_LIMIT" if px is not None else "STOP") if stop_px is not None else ("LIMIT" if px is not None else "MARKET")
        cdef Intent intent
        memset(&intent, 0, sizeof(intent))
        intent.kind = _KIND["NEW"]
        intent.side = _value(_SIDE, side, "side")
        intent.ord_type = _value(_ORD_TYPE, ord_type, "ord_type")
        intent.time_in_force = _value(_TIF, tif, "tif")
        intent.qty = info.qty(qty)
        intent.px = info.px(px) if px is not None else 0
        intent.stop_px = info.px(stop_px, "stop_px") if stop_px is not None else 0
        intent.display_qty = info.qty(display_qty, "display_qty") if display_qty is not None else 0
        intent.instructions = RF_INSTRUCTION_POST_ONLY if post_only else 0
        intent.expire_ns = expire_ns
        intent.origin_ns = origin_ns
        intent.instrument = info.id
        intent.account = self.tables.account(account)
        intent.client_id = self.next_client_id if client_id is None else _client_id(client_id)
        self.publish(&intent)
        if intent.client_id >= self.next_client_id:
            self.next_client_id = intent.client_id + 1
        self.instrument_of[intent.client_id] = info.id
        return OrderRef(self, intent.client_id, symbol)

    def cancel(self, order) -> None:
        """Ask to cancel an order, given by its handle or client_id. Raises RingFull (retryable) and KeyError."""
        cdef Intent intent
        self._target(&intent, order, _KIND["CANCEL"])
        self.publish(&intent)

    def replace(self, order, qty, px=None, *, stop_px=None, uint64_t origin_ns=0) -> None:
        """Ask to change an order: ``qty`` is the new total OrderQty, filled part included; prices as for ``send``.

        A price that is not given stays as it is. Raises as ``send``, and KeyError when there is no such order.
        """
        cdef Intent intent
        info = self._target(&intent, order, _KIND["REPLACE"])
        intent.qty = info.qty(qty)
        intent.px = info.px(px) if px is not None else 0
        intent.stop_px = info.px(stop_px, "stop_px") if stop_px is not None else 0
        intent.origin_ns = origin_ns
        self.publish(&intent)

    def cancel_all(self, symbol=None) -> None:
        """Ask to cancel every open order of this strategy (of one symbol when given). Raises RingFull (retryable)."""
        cdef Intent intent
        memset(&intent, 0, sizeof(intent))
        intent.kind = _KIND["CANCEL_ALL"]
        intent.instrument = 0 if symbol is None else self.tables.instrument(symbol).id
        self.publish(&intent)

    cdef object _target(self, Intent *intent, order, int kind):
        """Fill an intent about an existing order; side, type and time in force stay 0, which says "as they are". Returns the instrument."""
        cdef uint64_t client_id = _client_id(order)
        instrument = self.instrument_of.get(client_id)
        if instrument is None:
            row = self.tables.order_row(self.attachment.strategy, client_id)
            if not row:
                raise KeyError(f"strategy {self.attachment.name!r} has no order with client_id {client_id}")
            instrument = self.tables.instrument(self.tables.order(row).symbol).id
        memset(intent, 0, sizeof(Intent))
        intent.kind = kind
        intent.client_id = client_id
        intent.instrument = instrument
        return self.tables.instrument(instrument)

    cdef int publish(self, Intent *intent) except -1:
        if self.closed:
            raise InstanceStopped(f"strategy {self.attachment.name!r} is closed; attach again")
        cdef int result = 0
        cdef unsigned char *slot = <unsigned char *>rf_ring_claim(&self.link.outbound, 0, &result)
        if slot == NULL:
            if result == RF_RING_FULL:
                self.check()
                raise RingFull(
                    f"intent ring of strategy {self.attachment.name!r} is full: {self.link.depth} in flight of {self.link.capacity}; "
                    "the engine has not taken them yet, try again"
                )
            raise RingGarbage(f"intent ring of strategy {self.attachment.name!r}: the engine's cursor cannot be; attach again")
        RF_FP(b"S1")
        intent.created_ns = rf_clock_now(&self.clock.c)
        store_release(self.heartbeat, intent.created_ns, RELEASE)
        intent.epoch = self.epoch_word
        intent.crc = rf_crc32c(0, <unsigned char *>intent + 8, sizeof(Intent) - 12)
        if RF_DUE(b"S2"):
            memcpy(slot + 8, <unsigned char *>intent + 8, sizeof(Intent) // 2)
        RF_FP(b"S2")
        memcpy(slot + 8, <unsigned char *>intent + 8, sizeof(Intent) - 8)
        RF_FP(b"S3")
        rf_ring_publish(&self.link.outbound, 1)
        RF_FP(b"S4")
        return 0

    # ---- events

    def poll(self) -> Event | None:
        """Return the next event, or None when there is none now, or its instrument cannot be told before the engine is up again. Never blocks.

        Every call is a sign of life for the dead-man's switch (``deadman_ms``), as is every intent.

        Raises
        ------
        InstanceStopped
            If the instance ended or its engine stays dead; looked at every 50 ms of idle polls.
        """
        cdef StrategyEvent e
        cdef int result
        if self.closed:
            raise InstanceStopped(f"strategy {self.attachment.name!r} is closed; attach again")
        store_release(self.heartbeat, rf_clock_now(&self.clock.c), RELEASE)
        while True:
            result = rf_ring_take(&self.link.inbound, &e, sizeof(e))
            if result == RF_RING_EMPTY:
                return self._idle_check()
            if result != RF_RING_OK:
                raise RingGarbage(f"event ring of strategy {self.attachment.name!r} holds garbage at {self.link.inbound_position}; attach again")
            lost = e.output_seq - self.last_output_seq - 1 if e.output_seq > self.last_output_seq + 1 else 0
            if lost:  # the next poll returns the event, after the loss
                self._leave()
                self.last_output_seq = e.output_seq - 1
                return self._lost(lost)
            RF_FP(b"S5")
            try:
                event = self._event(&e)
            except UnstableRow:
                self._leave()
                return None
            rf_ring_release(&self.link.inbound)
            self.last_output_seq = max(self.last_output_seq, e.output_seq)
            self.unseen_output_seq = FOREVER
            return event

    cdef void _leave(self):
        """Leave the event that was taken last in the ring."""
        self.link.inbound.position -= 1
        self.link.inbound.pending -= 1

    cdef object _event(self, StrategyEvent *e):
        info = self.tables.instrument(e.instrument) if e.instrument else None
        event = Event(
            _EVENT.get(e.kind, f"EVENT_{e.kind}"), e.client_id, e.order_id, info.symbol if info is not None else "", _SIDE_NAME.get(e.side, ""),
            _STATUS_NAME.get(e.ord_status, ""), e.qty, e.px, e.cum_qty, e.leaves_qty, e.last_qty, e.last_px, e.net_qty, _REASON_NAME.get(e.reason, ""),
            e.venue_code - 1 if e.venue_code else None, e.engine_ns, e.output_seq,
        )
        if event.done:
            self.instrument_of.pop(e.client_id, None)
            self.order_id_of.pop(e.client_id, None)
        elif e.order_id:
            self.order_id_of[e.client_id] = e.order_id
        return event

    cdef object _lost(self, uint64_t count):
        self.events_lost += count
        return Event.loss(count, self.last_output_seq)

    cdef object _idle_check(self):
        """Every 50 ms: is the engine alive, and did it drop events that no later event has shown yet?"""
        cdef uint64_t now = rf_clock_now(&self.clock.c)
        if now < self.next_check_ns:
            return None
        self.next_check_ns = now + CHECK_NS
        self.clock.refresh()
        self.check()
        try:
            self.tables.life()
        except UnstableRow:
            return None  # its counters are not those of its events yet
        cdef uint64_t emitted = int(self.tables.strategies[self.attachment.strategy]["output_seq"])
        if emitted > self.last_output_seq and emitted == self.unseen_output_seq and not self.link.waiting:
            lost, self.last_output_seq = emitted - self.last_output_seq, emitted
            return self._lost(lost)
        self.unseen_output_seq = emitted
        return None

    def events(self, timeout=None):
        """Yield events as they come, waiting politely (spin, yield, then sleeps of at most 0.2 ms) when there are none.

        Ends after ``stop()`` once the ring is empty, or when ``timeout`` seconds have passed (None: never). Raises as ``poll``.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self.poll()
            if event is not None:
                rf_idle(&self.idle, 1)
                yield event
            elif self.stopping:
                return
            else:
                with nogil:
                    rf_idle(&self.idle, 0)
            if until is not None and time.monotonic() >= until:
                return

    def cancel_and_wait(self, double timeout=3.0) -> list:
        """Cancel every open order and wait until the venue has answered; also after ``stop()``. Events meanwhile are taken and dropped.

        Returns
        -------
        list of OrderView
            What is still open after ``timeout`` seconds (the venue does not answer, the outcome is unknown); empty when all is done.

        Raises
        ------
        UnstableRow
            If the engine is still being started again when the time is over.
        """
        until = time.monotonic() + timeout
        ask_again = 0.0
        while True:
            try:
                still_open = self.open_orders() if self.poll() is None else True
            except UnstableRow:
                still_open = True
            if not still_open or time.monotonic() >= until:
                return self.open_orders()
            if time.monotonic() >= ask_again and self.link.depth < self.link.capacity:
                ask_again = time.monotonic() + CANCEL_AGAIN_S
                self.cancel_all()
            with nogil:
                rf_idle(&self.idle, 0)

    def stop(self) -> None:
        """End ``events()`` once it has nothing left; safe in a signal handler."""
        self.stopping = True

    def check(self) -> None:
        """Raise InstanceStopped when the instance ended, took the strategy away, or its engine stays dead."""
        cdef uint64_t now = rf_clock_now(&self.clock.c)
        self.engine_dead_ns = still_there(self.attachment, self.link.their_mark, self.engine_dead_ns, now, self.engine_grace_s)

    # ---- what the tables say

    def order(self, order):
        """Return an ``OrderView`` of the engine's table, or None while the engine has not taken the intent.

        Constant time for an open order whose events were polled; a scan of the table for others.

        Raises
        ------
        UnstableRow
            If the engine is being started again (as do ``open_orders``, ``positions`` and all that looks a name up); ask again.
        """
        cdef uint64_t client_id = _client_id(order)
        row = self.order_id_of.get(client_id) or self.tables.order_row(self.attachment.strategy, client_id)
        return self.tables.order(row) if row else None

    def open_orders(self) -> list:
        """Return an ``OrderView`` of every open order of this strategy, oldest first."""
        return self.tables.open_orders(self.attachment.strategy)

    def positions(self) -> list:
        """Return a ``PositionView`` for each account and instrument."""
        return self.tables.positions(self.attachment.strategy)

    def position(self, symbol: str, account: str | None = None):
        """Return the ``PositionView`` of a symbol, flat when there is none. With several accounts, name one.

        Raises
        ------
        ValueError
            If the strategy has positions in several accounts and none is named.
        """
        self.tables.instrument(symbol)
        found = [p for p in self.positions() if p.symbol == symbol and account in (None, p.account)]
        if len(found) > 1:
            raise ValueError(f"{symbol}: positions in accounts {', '.join(p.account for p in found)}; name one")
        return found[0] if found else PositionView(symbol, account or "")

    def quote(self, symbol: str):
        """Return the latest ``QuoteView``; None before the first one."""
        return self.tables.quote(symbol)

    def instrument(self, symbol: str):
        """Return the ``InstrumentInfo`` of a symbol: scales, tick, lot, conversions."""
        return self.tables.instrument(symbol)

    @property
    def name(self) -> str:
        return self.attachment.name

    @property
    def in_flight(self) -> int:
        """Intents that the engine has not taken yet."""
        return self.link.depth

    def now_ns(self) -> int:
        """Return the instance's time [ns of CLOCK_REALTIME]."""
        return rf_clock_now(&self.clock.c)

    # ---- end

    def close(self) -> None:
        """Detach. Open orders stay, or are cancelled, as the strategy's configuration says. Harmless when the instance is gone."""
        if self.closed:
            return
        self.closed = True
        a = self.attachment
        if a.socket_path is not None and owner_alive(a.status.superblock):
            self._let_engine_take_all()
            try:
                request(a.socket_path, {"op": "detach", "strategy": a.name, "epoch": a.epoch}, 2.0)
            except InstanceNotRunning:
                pass  # going down at this moment: the supervisor sees this process end
        for segment in (a.intents, a.events, a.state, a.market, a.readers, a.status):
            if segment is not None:
                segment.close()

    def _let_engine_take_all(self) -> None:
        """Wait (bounded) until the engine took every intent: what is still in the ring at the detach never existed."""
        cdef uint64_t until = rf_clock_now(&self.clock.c) + CLOSE_NS_MAX
        while self.in_flight and rf_clock_now(&self.clock.c) < until:
            with nogil:
                rf_idle(&self.idle, 0)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()


cdef uint64_t _client_id(order) except? 0:
    """client_id of a handle or an int."""
    value = order.client_id if isinstance(order, OrderRef) else order
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 64:
        raise ValueError(f"client_id was {value!r}; it is an integer above 0 of at most 64 bits, or an order's handle")
    return value
