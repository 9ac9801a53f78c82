"""The gateway process: one FIX session between the engine and one venue.

    to.gw.VENUE   ──OrderCommand──▶ gate ─▶ encode ─▶ store ─▶ output ──send──▶ venue
    from.gw.VENUE ◀──VenueEvent──── session ◀──────── input ◀──────────recv──── venue

One thread, one ``nogil`` loop; sockets are non-blocking, connecting included, so that commands are answered and heartbeats written while
the venue is away. The loop returns to Python for what is rare: open a connection, write log lines, stop.

Rules. A command is stored before a byte of it is sent; its ``output_seq`` is the store's mark, and a command at or below the mark is skipped (a
restarted engine offers it again). With durability ``local`` it waits until the sidecar's mark covers its journal sequence, with ``replicated`` until the
standby's does too; when that takes too long, or cannot be any more, an order is answered NOT_SENT and a cancel goes out all the same. While a kill
word is set no new order or replace leaves, and open orders are cancelled without the engine (kill_switch.pyx). A
command that finds the session down, or a new order or replace that is older than the session, provably never leaves: it is answered NOT_SENT. An incoming
message's number is stored after its event is in the engine's ring; a full ring means that the socket is not read.

Dies at any point: the restarted process takes up region and store; see docs/architecture.md. When the region is gone with the host's memory, events
may be lost that the store counts as received: it asks for them again (durable.pyx). A store that cannot grow ends the process (exit 1).
Rejected: epoll (one socket is always polled), a writer thread, queueing orders for a venue that is away.
"""

import logging
import os
import re
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ringfence.gateways.fix.budget cimport budget_open
from ringfence.gateways.fix.cycle cimport (
    RETURN_BROKEN,
    RETURN_CLOSED,
    LOOK_NS,
    RETURN_CONNECT,
    RETURN_NOTES,
    RETURN_SECURE,
    RETURN_STOPPED,
    SENT_SLOTS,
    deliver,
    follow_journal,
    gateway_t,
    loop,
    sent_t,
    show,
    turn,
    write_socket,
)
from ringfence.gateways.fix.dialect cimport Dialect
from ringfence.gateways.fix.durable cimport durable_watch
from ringfence.gateways.fix.kill_switch cimport KillSwitch
from ringfence.gateways.fix.machine cimport session_connected, session_disconnected
from ringfence.gateways.fix.session cimport Session
from ringfence.gateways.fix.store cimport MessageStore
from ringfence.ipc.clock cimport Clock, rf_clock_now
from ringfence.ipc.failpoint cimport RF_FP
from ringfence.ipc.idle cimport rf_idle_open
from ringfence.ipc.link cimport Link
from ringfence.ipc.metrics cimport Metrics
from ringfence.ipc.records cimport JournalSlot, RingCursor
from ringfence.ipc.segment cimport Segment

from ringfence.gateways.fix import dictionary
from ringfence.gateways.fix.spec import split_address
from ringfence.gateways.fix.tls import TlsError, client, server
from ringfence.gateways.fix.transport import Connector, Listener
from ringfence.ipc import host, stop
from ringfence.ipc.errors import IpcError, RegionMissing
from ringfence.ipc.link import link_sections
from ringfence.ipc.schema import ENUMS

log = logging.getLogger("ringfence.gateway")

cdef extern from *:
    """
    static inline void rf_mark_release(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
    """
    void rf_mark_release(uint64_t *p, uint64_t v) noexcept nogil

COUNTERS = (
    "session_state", "next_in", "next_out", "highest_in", "last_received_ns", "connects", "reconnects", "messages_in", "messages_out", "orders_sent",
    "commands_sent", "events_out", "not_sent", "skipped", "status_dropped", "held_for_durability", "ring_full", "rejects", "garbled", "gaps", "resent",
    "duplicates", "test_requests", "unknown_messages", "peers_refused", "invalid_reports", "throttled", "kill_cancels", "killed",
)
cdef uint64_t CONNECT_NS_MAX = 10_000_000_000  # an address that does not answer
cdef uint64_t REFUSED_NS = 100_000_000          # no peer could be taken: look again
cdef uint64_t JOURNAL_NS_MAX = 500_000_000     # a clean stop waits so long for the journal to have what came in
cdef uint64_t NEVER_NS = 0xFFFFFFFFFFFFFFFFULL
DRAIN_READS_MAX = 64
HISTOGRAMS = (
    "out_take", "take_encoded", "encoded_wire", "accept_wire", "intent_wire", "tick_wire", "send_call", "wire_ack", "durability_wait", "throttle_wait",
)


def _order_of(str cl_ord_id) -> int:
    """order_id in a ClOrdID of ours, by the form that docs/fix.md gives; 0 when it is none."""
    found = re.fullmatch(r".{5}-([0-9A-V]{7})-[0-9A-V]{2}", cl_ord_id)
    return int(found[1], 32) if found else 0


def when(uint64_t ns) -> str:
    """A time for the log, UTC."""
    return datetime.fromtimestamp(ns // 1000000000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


cdef class Gateway:
    """One gateway: takes up its regions and store, then runs until it is stopped.

    Parameters
    ----------
    spec : GatewaySpec

    Raises
    ------
    GatewayError
        The store is in use or damaged.
    IpcError
        Another process owns the regions.
    """

    def __cinit__(self, spec):
        self.g = <gateway_t *> calloc(1, sizeof(gateway_t))
        if self.g == NULL:
            raise MemoryError
        self.g.fd = self.g.listen_fd = -1
        self.g.sent = <sent_t *> calloc(SENT_SLOTS, sizeof(sent_t))
        if self.g.sent == NULL:
            raise MemoryError

    def __init__(self, spec):
        self.spec = spec
        config = spec.config()
        self.dialect = Dialect(spec.profile(), spec.symbols)
        Path(spec.store).parent.mkdir(parents=True, exist_ok=True)
        self.store = MessageStore(spec.store, config.identity)
        if self.store.recovered:
            log.warning("%s", self.store.recovered)
        self.windows = spec.windows()
        self.session = Session(config, self.store, dictionary.load(config.begin_string, spec.custom_fields()))
        sections = link_sections("VenueEvent", spec.ring_slots)
        role = ENUMS["Role"].by_name["GATEWAY"]
        try:
            self.mine = Segment.adopt(spec.instance, f"from.gw.{spec.venue}", role=role, epoch=spec.epoch, sections=sections)
            self.adopted = True
        except RegionMissing:
            self._ask_again()
            self.mine = Segment.create(spec.instance, f"from.gw.{spec.venue}", sections, role=role, epoch=spec.epoch)
        self.mine.set_state(ENUMS["ProcessState"].by_name["STARTING"])
        self.metrics = Metrics.create(spec.instance, spec.component, COUNTERS, HISTOGRAMS, role=role, epoch=spec.epoch)
        self._wire_metrics()
        self.tls = spec.tls_config()
        self.g.secure = self.tls is not None
        if config.role == "acceptor":
            self.listener = Listener(spec.addresses[0], self._log)
            self.g.listen_fd = self.listener.sock.fileno()
        else:
            self.connector = Connector(spec.addresses, spec.reconnect_min_s, spec.reconnect_max_s)

    def _ask_again(self):
        """Shared memory is new: ask again for what is not known to be in the journal on disk. Before the region is made, so that a death repeats it."""
        lost = self.store.forget_unpersisted()
        if lost:
            log.warning("%s: shared memory is new and the last %d incoming numbers are not known to be in the journal on disk; the next expected is %d again",
                        self.spec.venue, lost, self.store.next_in)

    def _log(self, str line):
        log.info("%s: %s", self.spec.venue, line)

    def __dealloc__(self):
        if self.g != NULL:
            free(self.g.sent)
            free(self.g)

    cdef int _wire_metrics(self) except -1:
        cdef gateway_t *g = self.g
        cdef Metrics m = self.metrics
        g.c_orders = m.counter_ptr("orders_sent")
        g.c_commands = m.counter_ptr("commands_sent")
        g.c_events = m.counter_ptr("events_out")
        g.c_not_sent = m.counter_ptr("not_sent")
        g.c_skipped = m.counter_ptr("skipped")
        g.c_status_dropped = m.counter_ptr("status_dropped")
        g.c_held = m.counter_ptr("held_for_durability")
        g.c_ring_full = m.counter_ptr("ring_full")
        g.c_rejects = m.counter_ptr("rejects")
        g.c_unknown = m.counter_ptr("unknown_messages")
        g.c_throttled = m.counter_ptr("throttled")
        g.c_kill_cancels = m.counter_ptr("kill_cancels")
        g.c_invalid = m.counter_ptr("invalid_reports")
        gauges = ("session_state", "next_in", "next_out", "highest_in", "last_received_ns", "messages_in", "messages_out", "garbled", "gaps", "resent",
                  "duplicates", "test_requests", "killed")
        for i, name in enumerate(gauges):
            g.gauges[i] = m.counter_ptr(name)
        m.histogram("out_take", &g.out_take)
        m.histogram("take_encoded", &g.take_encoded)
        m.histogram("encoded_wire", &g.encoded_wire)
        m.histogram("accept_wire", &g.accept_wire)
        m.histogram("intent_wire", &g.intent_wire)
        m.histogram("tick_wire", &g.tick_wire)
        m.histogram("send_call", &g.send_call)
        m.histogram("wire_ack", &g.wire_ack)
        m.histogram("durability_wait", &g.durability_wait)
        m.histogram("throttle_wait", &g.throttle_wait)
        return 0

    def attach(self) -> bool:
        """Wait for the engine's region, then join it. False when a stop was asked for first."""
        cdef gateway_t *g = self.g
        waiting = False
        while self.theirs is None:
            try:
                self.theirs = Segment.attach(self.spec.instance, f"to.gw.{self.spec.venue}")
            except RegionMissing:
                if not waiting:
                    log.info("waiting for the engine to make to.gw.%s", self.spec.venue)
                waiting = True
                if stop.wait(0.05):
                    return False
        self.link = Link(self.mine, self.theirs)
        try:
            self.clock = Clock.attach(Segment.attach(self.spec.instance, "instance"))
        except IpcError as error:
            log.info("no published clock (%s): calibrating an own one", error)
            self.clock = Clock.calibrate()
        g.session = &self.session.s
        g.dialect = &self.dialect.d
        g.clock = &self.clock.c
        g.look_ns = LOOK_NS if self.clock.moves else 0
        g.commands = &self.link.inbound
        g.events = &self.link.outbound
        g.my_mark = self.link.my_mark
        g.heartbeat = self.mine.heartbeat_word()
        g.venue = self.spec.venue_id
        g.down_first = self.adopted
        self.kill = KillSwitch(self.spec.instance, self.spec.venue_id)
        self.kill.look()
        g.kill = &self.kill.c
        budget_open(&g.budget, self.spec.messages_per_s, self.spec.burst, self.spec.cancel_reserve, rf_clock_now(g.clock))
        RF_FP(b"G11")
        self.mine.section("mark")[0]["condition"] = _order_of(self.store.last_order)
        rf_mark_release(g.my_mark, self.store.s.mark)
        kind = host.Idle[self.spec.idle.upper()] if self.spec.idle else host.default_idle()
        rf_idle_open(&g.idle, int(kind))
        return True

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code."""
        cdef gateway_t *g = self.g
        cdef int reason
        if not self.begin():
            return 0
        code = None
        while code is None:
            with nogil:
                reason = loop(g)
            code = self._serve(reason)
        return code

    def begin(self) -> bool:
        """Join the engine and say that we run. False when a stop was asked for first."""
        if not self.attach():
            return False
        self.mine.set_state(ENUMS["ProcessState"].by_name["RUNNING"])
        log.info("venue %s: %s to %s, next in %d, next out %d, mark %d", self.spec.venue, self.store.identity, ", ".join(self.spec.addresses),
                 self.store.next_in, self.store.next_out, self.store.mark)
        return True

    def poll(self) -> tuple[int, int | None]:
        """One turn, for those who drive the loop themselves: how much there was to do, and the exit code once the process would have ended."""
        cdef gateway_t *g = self.g
        cdef int reason, work = 0
        with nogil:
            reason = turn(g, &work)
        return (work, None) if reason == 0 else (work, self._serve(reason))

    def _serve(self, int reason) -> int | None:
        """What the loop leaves to Python; the exit code when it is over."""
        cdef gateway_t *g = self.g
        states = ENUMS["ProcessState"].by_name
        self._write_notes()
        if reason == RETURN_CONNECT:
            self._connect()
        elif reason == RETURN_SECURE:
            self._secure()
        elif reason == RETURN_CLOSED:
            self._close()
        elif reason == RETURN_NOTES:
            self._now_and_then()
        elif reason == RETURN_STOPPED:
            self.mine.set_state(states["STOPPING"])
            self._close()
            with nogil:
                deliver(g, rf_clock_now(g.clock))
                show(g, rf_clock_now(g.clock))
            self._await_journal()
            self.mine.set_state(states["STOPPED"])
            return 0
        elif reason == RETURN_BROKEN:
            self.mine.set_state(states["FAILED"])
            log.error("%s; stopping", f"session store: {os.strerror(self.store.s.failed)}" if self.store.s.failed
                      else "a ring shared with the engine holds garbage")
            return 1
        return None

    def vanish(self) -> None:
        """End as SIGKILL ends a process: descriptors are closed, nothing is said or written; regions and store stay as they are."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        self.g.fd = -1
        self.store.close()
        self.metrics.close()
        self.mine.close()

    def close(self) -> None:
        """Give back what the process holds; the regions stay, for its successor."""
        self._close()
        if self.listener is not None:
            self.listener.close()
        self.store.close()
        self.metrics.close()
        self.mine.close()

    def _write_notes(self):
        for line in self.session.take_notes():
            log.info("%s: %s", self.spec.venue, line)

    def _now_and_then(self):
        """Once a second, and when another peer knocks: a newer clock calibration, a sidecar that has come up."""
        self.clock.refresh()
        self.kill.look()
        if self.listener is not None and (self.sock is not None or self.session.stopped):
            why = "the session has a connection already" if self.sock is not None else "an operator must look first"
            self.metrics.add("peers_refused", self.listener.refuse(why))
        if self.sidecar is None:
            try:
                self.sidecar = Segment.attach(self.spec.instance, "from.sidecar")
            except IpcError as error:
                log.log(logging.DEBUG if self.spec.durability == "async" else logging.INFO, "no sidecar yet, durable commands wait: %s", error)
                return
            self.g.persisted = <const RingCursor *> self.sidecar.section_ptr("mark")
        self._watch_journal()
        if self.standby is None and self.spec.durability == "replicated":
            try:
                self.standby = Segment.attach(self.spec.instance, "from.standby")
            except IpcError as error:
                log.info("no standby, orders of durability replicated are not sent: %s", error)
                return
            self.g.replicated = <const RingCursor *> self.standby.section_ptr("mark")

    def _watch_journal(self):
        """Join the journal ring as an observer; again at the next call while it is not there."""
        if self.journal is not None:
            return
        try:
            self.journal = Segment.attach(self.spec.instance, "to.sidecar")
        except IpcError as error:
            log.debug("no journal ring yet: %s", error)
            return
        slots = next(spec for spec in self.journal.sections if spec.name == "slots")
        durable_watch(&self.g.durable, self.journal.section_ptr("slots"), <uint64_t *> self.journal.section_ptr("head"), slots.count, sizeof(JournalSlot))

    def _await_journal(self):
        """A clean stop: give the engine and the sidecar a moment, so that the next start has nothing to ask for again."""
        cdef gateway_t *g = self.g
        end = rf_clock_now(g.clock) + JOURNAL_NS_MAX
        while g.persisted != NULL and self.journal is not None and self.store.next_in_persisted < self.store.next_in and rf_clock_now(g.clock) < end:
            follow_journal(g)
            time.sleep(0.001)

    def _connect(self):
        """Begin a connection: the next address, or the peer that has come."""
        cdef gateway_t *g = self.g
        self._now_and_then()
        if not self._in_session(rf_clock_now(g.clock)):
            return
        if self.listener is not None:
            self.sock = self.listener.take()
            if self.sock is None:
                g.connect_ns = rf_clock_now(g.clock) + REFUSED_NS
                return
        else:
            try:
                self.sock = self.connector.open()
            except OSError as error:
                why = f"cannot connect to {self.connector.address}: {error}"
                self._retry_in(self.connector.failed(), why)
                return
            finally:
                self.metrics.add("connects")
        g.eof = 0
        g.fd = self.sock.fileno()
        g.connecting = self.listener is None
        g.connect_limit_ns = rf_clock_now(g.clock) + CONNECT_NS_MAX
        if self.listener is not None:
            self.metrics.add("connects")
            if self.tls is None:
                session_connected(&self.session.s, rf_clock_now(g.clock))
            else:
                self._secure()

    def _secure(self):
        """Put the relay between: from here on our socket is its plain end. A failed handshake shows as the end of the stream."""
        cdef gateway_t *g = self.g
        g.secure = 1
        try:
            if self.listener is not None:
                self.sock = server(self.sock, self.tls, self._log)
            else:
                name = self.tls.server_name or split_address(self.connector.address)[0]
                self.sock = client(self.sock, replace(self.tls, server_name=name), self._log)
        except (TlsError, OSError) as error:
            self._log(str(error))
            g.eof = -1
            return
        self.sock.setblocking(False)
        g.fd = self.sock.fileno()
        session_connected(&self.session.s, rf_clock_now(g.clock))

    def _in_session(self, uint64_t now):
        """Whether the schedule has a window open; numbers of an older window start anew, and the session will end with this one."""
        if self.windows is None:
            return True
        if not self.windows.in_session(now):
            self.g.connect_ns = self.windows.window_start(now)
            if self.listener is not None:
                self.g.connect_ns = now + REFUSED_NS
                self.metrics.add("peers_refused", self.listener.refuse("outside the session's hours"))
            self._log(f"outside the session's hours until {when(self.windows.window_start(now))}")
            return False
        if self.windows.reset_due(self.store.reset_ns, now):
            self._log("a new session: both sequence numbers start at 1")
            self.session.reset_numbers(now)
        self.session.session_ends_ns = self.windows.window_end(now)
        return True

    def _retry_in(self, double seconds, str why):
        if self.connector is None:
            self._log(f"{why}; listening on {self.listener.address}")
        elif seconds:
            log.warning("%s: %s; trying again in %.1f s", self.spec.venue, why, seconds)
        else:
            log.warning("%s: %s; trying %s", self.spec.venue, why, self.connector.address)
        self.g.connect_ns = rf_clock_now(self.g.clock) + <uint64_t> (seconds * 1e9)

    def _close(self):
        cdef gateway_t *g = self.g
        if self.sock is None:
            return
        was_up, refused, why = bool(self.session.s.announced), self.session.refused, g.eof
        g.secure = self.tls is not None
        if not g.connecting:
            write_socket(g)  # a Logout or Reject that explains it
            self._shut_down()
        self.sock.close()
        self.sock = None
        g.fd = -1
        g.stamp_count = 0
        memset(g.sent, 0, SENT_SLOTS * sizeof(sent_t))
        reason = "connection closed" if why in (0, -1) else os.strerror(why)
        if g.connecting:
            reason = f"cannot connect to {self.connector.address}: {reason}"
        g.connecting = g.eof = 0
        session_disconnected(&self.session.s)
        self._write_notes()
        if g.stopping:
            return
        self.metrics.add("reconnects")
        if self.session.stopped:
            log.error("%s: %s; an operator must look: agree with the counterparty, then restart this gateway", self.spec.venue, reason)
            g.connect_ns = NEVER_NS
        elif self.connector is None:
            self._retry_in(0.0, reason)
        else:
            wait = self.connector.refused() if refused else self.connector.lost() if was_up else self.connector.failed()
            self._retry_in(wait, reason)

    def _shut_down(self):
        """Send what is in the kernel before the connection goes: unread input would turn the close into a reset."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            for _ in range(DRAIN_READS_MAX):
                if not self.sock.recv(65536):
                    break
        except OSError as error:
            log.debug("closing: %s", error)
