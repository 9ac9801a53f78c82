"""A FIX market data session of the feed: connects, subscribes, keeps the books, publishes.

    connect ─▶ Logon ─▶ V for each symbol ─▶ W: the book ─▶ X: its changes ──▶ MarketBook ──▶ Publisher: BOOK slots (depth above 1), QUOTE, TRADE
       ▲ └── lost, refused: RESET of each instrument, again after a wait that doubles
       └── sequence gap, a message that fails the dictionary, an entry that cannot be placed: RESET with TICK_GAP, new subscription under a new MDReqID

What a subscription that is not the present one says is not read. Each update of an instrument ends with a QUOTE without TICK_MORE: then the book is whole.
Sequence numbers start at 1 with every Logon: yesterday's quotes are of no use, so nothing is asked to be resent.

What can fail: the peer, in every way; nothing of it is an exception here. Counted and not used: entries of symbols that nobody subscribed, prices that are not
above 0 or finer than the instrument's, quantities below 0 (``md_dropped``), requests that the venue rejects (``md_rejected``; not asked again before
the next Logon). A crossed top is counted (``md_crossed``) and published with its flag: dropping one side would be guessing.
Owner: the feed's loop, which calls ``turn`` at least ten times a second.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.feed_spec import SessionSpec, SubscriptionSpec
from ringfence.gateways.fix import market_data as md
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.connection import Connection
from ringfence.gateways.fix.dictionary import load
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.spec import read_password
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.fix.tls import client, context
from ringfence.gateways.market_book import BUY, CHANGE, DELETE, NEW, SELL, MarketBook
from ringfence.ipc.broadcast import Publisher
from ringfence.ipc.schema import CONSTANTS

COUNTERS = ("md_connects", "md_resyncs", "md_dropped", "md_rejected", "md_crossed")
SNAPSHOT, GAP, MORE = (CONSTANTS[f"TICK_{n}"][0] for n in ("SNAPSHOT", "GAP", "MORE"))
CONNECT_NS_MAX = 5_000_000_000
RESYNC_NS = 1_000_000_000
"""An instrument is asked for again at most this often."""
ACTIONS = {md.NEW: NEW, md.CHANGE: CHANGE, md.DELETE: DELETE}
SIDES = {md.BID: BUY, md.OFFER: SELL}


class _Subscribed:
    """One instrument: its book and the request that fills it."""

    def __init__(self, spec: SubscriptionSpec, depth: int) -> None:
        self.spec, self.book = spec, MarketBook(depth)
        self.request_id = b""
        self.whole = False  # a snapshot came since the last RESET
        self.asked_ns = 0
        self.wanted = False


class MarketSession:
    """One session, driven by ``turn``.

    Parameters
    ----------
    publisher : Publisher
        The feed's.
    count : callable
        Adds to a counter of COUNTERS.
    log : callable
        Takes one line for the operator; with TLS also from the thread of the relay.

    Raises
    ------
    GatewayError
        The password or a file of TLS cannot be read, or a setting is not allowed.
    """

    def __init__(self, spec: SessionSpec, publisher: Publisher, count: Callable[[str, int], None], log: Callable[[str], None]) -> None:
        self.spec, self.publisher, self.count, self.log = spec, publisher, count, log
        config = SessionConfig(
            spec.sender_comp_id, spec.target_comp_id, "initiator", spec.begin_string, spec.heartbeat_s, reset_on_logon=True,
            username=spec.username, password=read_password(spec.password_file, spec.password_env),
        )  # fmt: skip
        if spec.tls is not None:
            context(spec.tls, server=False)  # what cannot be used is said now, not at the first connection
        self._folder = None if spec.store else tempfile.TemporaryDirectory(prefix="ringfence-feed-")
        path = spec.store or Path(self._folder.name if self._folder else ".") / "feed.store"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # numbers begin at 1 with every Logon: an old one is of no use, and might be of another counterparty
        self._store = MessageStore(path, config.identity)
        self.connection = Connection(Session(config, self._store, load(spec.begin_string)), self._say)
        self._subscribed = [_Subscribed(i, spec.depth) for i in spec.instruments]
        self._by_request: dict[bytes, _Subscribed] = {}
        self._by_symbol = {s.spec.symbol.encode("ascii"): s for s in self._subscribed}
        self._connecting: socket.socket | None = None
        self._attempts = 0
        self._retry_ns = self._connect_by_ns = 0
        self._wait_ns = spec.reconnect_min_ns
        self._was_up = False
        self._generation = 0

    # ---- the loop

    def turn(self, now_ns: int) -> None:
        """Do what is due: connect, read, publish, subscribe."""
        if self._was_up and not self.connection.up:
            self._changed(now_ns)  # lost by a write of the turn before: the books are void before there is another connection
        if self.connection.sock is None:
            self._connect(now_ns)
        messages = self.connection.turn(now_ns)
        for at, message in enumerate(messages):
            self._miss(at, now_ns)
            self._message(message, now_ns)
        self._miss(len(messages), now_ns)
        if self.connection.up != self._was_up:
            self._changed(now_ns)
        if self.connection.up:
            for subscribed in self._subscribed:
                if subscribed.wanted and now_ns - subscribed.asked_ns >= RESYNC_NS:
                    self._subscribe(subscribed, now_ns)
            self.connection.flush(now_ns)

    def _miss(self, at: int, now_ns: int) -> None:
        """Void every book when something was missed before message ``at`` of this turn: it may have been a change of any."""
        if at in self.connection.missed and self._was_up:
            self.log(f"{self.spec.name}: messages were missed or rejected; every book is asked for again")
            for subscribed in self._subscribed:
                self._resync(subscribed, now_ns)

    def sockets(self) -> tuple[list[socket.socket], list[socket.socket]]:
        """Return the sockets to wait for: to read, and to write."""
        if self._connecting is not None:
            return [], [self._connecting]
        sock = self.connection.sock
        return ([sock] if sock else []), ([sock] if sock and self.connection.wants_write else [])

    def close(self, now_ns: int) -> None:
        """Log out, void the books, for nobody keeps them any more, and give back what the session holds."""
        for subscribed in self._subscribed:
            self._void(subscribed, now_ns, 0)
        self.connection.logout("the feed stops", now_ns)
        if self._connecting is not None:
            self._connecting.close()
        self._store.close()
        if self._folder is not None:
            self._folder.cleanup()

    # ---- connection

    def _connect(self, now_ns: int) -> None:
        """Begin to connect when the wait is over, or see how it went; never blocks but for the look-up of a host name."""
        if self._connecting is None:
            if now_ns < self._retry_ns:
                return
            self._retry_ns = now_ns + self._wait_ns
            self._wait_ns = min(2 * self._wait_ns, self.spec.reconnect_max_ns)
            try:
                found = socket.getaddrinfo(self.spec.host, self.spec.port, type=socket.SOCK_STREAM)
                family, kind, _, _, address = found[self._attempts % len(found)]  # the next one each time: a name may have some that nobody listens on
                self._connecting = socket.socket(family, kind)
            except (OSError, UnicodeError) as e:
                self.log(f"{self.spec.name}: {self.spec.host}: {e.strerror if isinstance(e, OSError) else e}")
                return
            self._attempts += 1
            self._connecting.setblocking(False)
            self._connect_by_ns = now_ns + CONNECT_NS_MAX
            if (error := self._connecting.connect_ex(address)) not in (0, errno.EINPROGRESS):
                self._refused(os.strerror(error), now_ns)
                return
        if not select.select([], [self._connecting], [], 0)[1]:
            if now_ns > self._connect_by_ns:
                self._refused("no answer", now_ns)
            return
        if error := self._connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._refused(os.strerror(error), now_ns)
            return
        sock, self._connecting = self._connecting, None
        try:
            inner = client(sock, replace(self.spec.tls, server_name=self.spec.tls.server_name or self.spec.host), self._say) if self.spec.tls else sock
        except GatewayError as e:  # a file of TLS was changed since the start
            sock.close()
            self._refused(str(e), now_ns)
            return
        self.connection.open(inner, now_ns)

    def _say(self, line: str) -> None:
        self.log(f"{self.spec.name}: {line}")

    def _refused(self, why: str, now_ns: int) -> None:
        if self._connecting is not None:
            self._connecting.close()
            self._connecting = None
        self.log(f"{self.spec.name}: {self.spec.host}:{self.spec.port}: {why}; again in {max(0, self._retry_ns - now_ns) / 1e9:.1f} s")

    def _changed(self, now_ns: int) -> None:
        """The session came up, or went down."""
        self._was_up = self.connection.up
        if self._was_up:
            self.count("md_connects", 1)
            self.log(f"{self.spec.name}: logged on to {self.spec.target_comp_id}")
        else:
            self._retry_ns = now_ns + self._wait_ns
            self.log(f"{self.spec.name}: logged off; again in {self._wait_ns / 1e9:.1f} s")
        self._by_request.clear()
        for subscribed in self._subscribed:
            subscribed.wanted, subscribed.asked_ns, subscribed.request_id = self._was_up, 0, b""
            if not self._was_up:
                self._void(subscribed, now_ns, 0)

    # ---- subscriptions

    def _subscribe(self, subscribed: _Subscribed, now_ns: int) -> None:
        symbol = subscribed.spec.symbol.encode("ascii")
        if subscribed.request_id:
            body = md.request(subscribed.request_id, symbol, self.spec.depth, self.spec.trades, md.UNSUBSCRIBE)
            if not self.connection.send(b"V", body, now_ns):
                return
            self._by_request.pop(subscribed.request_id, None)
            subscribed.request_id = b""
        request_id = f"{self.spec.name}-{self._generation + 1}".encode("ascii")
        if self.connection.send(b"V", md.request(request_id, symbol, self.spec.depth, self.spec.trades), now_ns):
            self._generation += 1
            self._by_request[request_id] = subscribed
            subscribed.request_id, subscribed.asked_ns, subscribed.wanted = request_id, now_ns, False

    def _resync(self, subscribed: _Subscribed, now_ns: int) -> None:
        """What is known of the book is void: say so, once, and ask for it again. Whatever still comes of the old request is not read."""
        if subscribed.whole or not subscribed.wanted:
            self.count("md_resyncs", 1)
            self._void(subscribed, now_ns, GAP)
        self._by_request.pop(subscribed.request_id, None)
        subscribed.wanted = True

    def _void(self, subscribed: _Subscribed, now_ns: int, flags: int) -> None:
        subscribed.book.void()
        if subscribed.whole or flags:
            self.publisher.reset(subscribed.spec.instrument, published_ns=now_ns, flags=flags)
        subscribed.whole = False

    # ---- messages

    def _message(self, message: bytes, now_ns: int) -> None:
        update = md.decode(message)
        if update is None:
            self.log(f"{self.spec.name}: not market data: {message!r:.300}")
        elif isinstance(update, md.Rejected):
            self.count("md_rejected", 1)
            subscribed = self._by_request.pop(update.request_id, None)
            symbol = subscribed.spec.symbol if subscribed else "?"
            self.log(f"{self.spec.name}: {symbol} is refused: reason {update.reason.decode('latin-1')} {update.text.decode('latin-1')}")
            if subscribed is not None:
                subscribed.request_id = b""
                self._void(subscribed, now_ns, 0)
        else:
            self._wait_ns = self.spec.reconnect_min_ns
            self._update(update, now_ns)

    def _update(self, update: md.Refresh, now_ns: int) -> None:
        owner = self._by_request.get(update.request_id)
        if owner is None:
            self.count("md_dropped", len(update.entries))
            return
        if update.snapshot:
            if self._by_symbol.get(update.symbol) is not owner:
                self.count("md_dropped", len(update.entries))
                return
            owner.book.clear()
            owner.whole = True
        source_ns, broken, told = 0, False, update.snapshot
        for entry in update.entries:
            if entry.symbol and self._by_symbol.get(entry.symbol) is not owner:
                self.count("md_dropped", 1)
                continue
            source_ns = entry.source_ns or source_ns
            if entry.kind == md.TRADE:
                self._trade(owner, entry, update.snapshot, now_ns)
            elif owner.whole and (entry.kind in SIDES or (not entry.kind and entry.action in (md.CHANGE, md.DELETE))):
                broken, told = broken or not self._place(owner, entry, update.snapshot), True
        if broken:
            self._resync(owner, now_ns)
        elif owner.whole and told:
            self._publish(owner, source_ns, SNAPSHOT if update.snapshot else 0, now_ns)

    def _trade(self, subscribed: _Subscribed, entry: md.Entry, snapshot: bool, now_ns: int) -> None:
        spec = subscribed.spec
        px, qty = md.scaled(entry.px, spec.price_digits), md.scaled(entry.qty or b"0", spec.qty_digits)
        if entry.action != md.NEW or px is None or px <= 0 or qty is None or qty < 0:
            self.count("md_dropped", 1)
            return
        self.publisher.trade(spec.instrument, px, qty, source_ns=entry.source_ns, published_ns=now_ns, flags=SNAPSHOT if snapshot else 0)

    def _place(self, subscribed: _Subscribed, entry: md.Entry, snapshot: bool) -> bool:
        """Put one bid or offer into the book; False when the book is not to be trusted any more."""
        spec, book = subscribed.spec, subscribed.book
        px = md.scaled(entry.px, spec.price_digits) if entry.px else None
        qty = md.scaled(entry.qty, spec.qty_digits) if entry.qty else None
        action, side = ACTIONS.get(entry.action), SIDES.get(entry.kind, 0)
        if action is None or (entry.px and (px is None or px <= 0)) or (entry.qty and (qty is None or qty < 0)):
            self.count("md_dropped", 1)  # where it would have replaced something, that is wrong from now on
            return snapshot or (action == NEW and not book.replaces(side, entry.entry_id, entry.ref_id))
        return book.apply(action, side, px, qty, entry.entry_id, entry.ref_id, snapshot=snapshot)

    def _publish(self, subscribed: _Subscribed, source_ns: int, flags: int, now_ns: int) -> None:
        """Tell what changed of the book, its levels when more than the top is kept; then the top, also when it is the same: it holds at this moment."""
        instrument, book, publisher = subscribed.spec.instrument, subscribed.book, self.publisher
        levels = list(book.changes()) if self.spec.depth > 1 else []
        (bid, bid_qty), (ask, ask_qty) = book.top(BUY), book.top(SELL)
        for side, action, px, qty in levels:
            publisher.book(instrument, side, action, px, qty, source_ns=source_ns, published_ns=now_ns, flags=flags | MORE)
        if bid > ask > 0:
            self.count("md_crossed", 1)
        publisher.quote(instrument, bid, ask, bid_qty=bid_qty, ask_qty=ask_qty, source_ns=source_ns, published_ns=now_ns, flags=flags)
