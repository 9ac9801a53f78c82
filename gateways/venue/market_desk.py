"""The venue's market data: a listening socket and a FIX session of its own, books out.

    V ──▶ subscriptions ──W──▶      exchange's books ──(what changed since the last message)──X──▶      trades ──X──▶      Y for what cannot be

Each update says what changed since the last one that went out, so a counterparty that does not read gets fewer and larger ones, and is never wrong:
nothing queues here. Aggregated by price; levels have no MDEntryID. The session lives in the acceptor's loop, which calls ``turn``; numbers begin at 1 with
every Logon, and every connection gets an empty store. One that has grown to STORE_BYTES_MAX ends with a Logout, and the client comes back.
What can fail: the peer only; a request that cannot be is answered by Y with its reason, and a message that is none of market data by BusinessMessageReject.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ringfence.gateways.errors import GatewayError
from ringfence.gateways.fix import market_data as md
from ringfence.gateways.fix.codec import parse
from ringfence.gateways.fix.config import SessionConfig
from ringfence.gateways.fix.connection import Connection
from ringfence.gateways.fix.dictionary import load
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.venue.book import BUY, SELL
from ringfence.gateways.venue.exchange import Exchange
from ringfence.gateways.venue.spec import MarketDataSpec, SymbolSpec
from ringfence.gateways.venue.wire import UNSUPPORTED_TYPE, Unserved, business_reject

DEPTH_MAX = 50
STORE_BYTES_MAX = 256 << 20
SUBSCRIPTIONS_MAX = 1_000
"""Each is compared with the book in every turn."""
ENTRIES_MAX = 100
"""Of one message: a session reads 1024 fields."""
SIDES = ((md.BID, BUY), (md.OFFER, SELL))
Levels = dict[tuple[bytes, int], int]
"""(MDEntryType, price) -> quantity."""


@dataclass
class _Subscription:
    """One symbol of one request: what its reader has been told."""

    request_id: bytes
    symbol: SymbolSpec
    depth: int
    kinds: tuple[bytes, ...]
    trades_from: int
    told: Levels = field(default_factory=dict)


class MarketDesk:
    """One market data session.

    Parameters
    ----------
    listener : socket
        Closed by ``close``.
    store : Path
        File for the session's numbers.
    """

    def __init__(self, spec: MarketDataSpec, exchange: Exchange, listener: socket.socket, store: Path, log: Callable[[str], None]) -> None:
        self.exchange, self.listener = exchange, listener
        self._path, self._log = store, log
        self._config = SessionConfig(spec.sender_comp_id, spec.target_comp_id, "acceptor", spec.begin_string, reset_on_logon=True)
        self._subscriptions: list[_Subscription] = []
        self._begin()

    def _begin(self) -> None:
        """A session that has sent nothing yet, its store empty."""
        self._path.unlink(missing_ok=True)
        self._store = MessageStore(self._path, self._config.identity)
        session = Session(self._config, self._store, load(self._config.begin_string))
        self.connection = Connection(session, lambda line: self._log(f"market data: {line}"))

    def accept(self, now_ns: int) -> None:
        """Take the connection that waits; a second one is closed at once."""
        try:
            sock, peer = self.listener.accept()
        except BlockingIOError:
            return
        if self.connection.sock is not None:
            self._log(f"market data: connection from {peer[0]}:{peer[1]} refused: the session has one already")
            sock.close()
            return
        self._subscriptions = []
        self._store.close()
        self._begin()
        self.connection.open(sock, now_ns)

    def turn(self, now_ns: int) -> None:
        """Read requests, answer them, and tell what changed."""
        for message in self.connection.turn(now_ns):
            self._message(message, now_ns)
        if not self.connection.up:
            self._subscriptions = []
            return
        for subscription in self._subscriptions:
            self._update(subscription, now_ns)
        self.connection.flush(now_ns)
        if self._store.tail > STORE_BYTES_MAX:
            self.connection.logout("this session has sent enough; log on again", now_ns)

    def close(self, now_ns: int) -> None:
        """Log out and close both sockets."""
        self.connection.logout("the venue closes", now_ns)
        self.listener.close()
        self._store.close()

    # ---- requests

    def _message(self, message: bytes, now_ns: int) -> None:
        request = md.decode_request(message)
        if request is None:
            fields = dict(reversed(parse(message)))
            unserved = Unserved(fields[35].decode("latin-1"), UNSUPPORTED_TYPE, "only MarketDataRequest(V) is served here")
            self.connection.send(b"j", business_reject(int(fields[34]), unserved), now_ns)
            return
        try:
            self._serve(request, now_ns)
        except _Refused as e:
            self.connection.send(b"Y", md.reject(request.request_id, e.reason, str(e)), now_ns)

    def _serve(self, request: md.Request, now_ns: int) -> None:
        mine = [s for s in self._subscriptions if s.request_id == request.request_id]
        if request.subscription == md.UNSUBSCRIBE:
            if not mine:
                raise _Refused(md.DUPLICATE_ID, "no subscription has this MDReqID(262)")
            self._subscriptions = [s for s in self._subscriptions if s.request_id != request.request_id]
            return
        if mine:
            raise _Refused(md.DUPLICATE_ID, "MDReqID(262) is in use")
        if request.subscription not in (md.SNAPSHOT_ONLY, md.SUBSCRIBE):
            raise _Refused(md.BAD_SUBSCRIPTION, "SubscriptionRequestType(263) must be 0, 1 or 2")
        if not request.depth.isdigit() or len(request.depth) > 9:
            raise _Refused(md.BAD_DEPTH, "MarketDepth(264) must be a number from 0")
        if request.subscription == md.SUBSCRIBE and request.update != b"1":
            raise _Refused(md.BAD_UPDATE, "MDUpdateType(265) must be 1: updates are incremental")
        if not request.kinds or not set(request.kinds) <= {md.BID, md.OFFER, md.TRADE}:
            raise _Refused(md.BAD_ENTRY, "MDEntryType(269) must be 0, 1 or 2")
        symbols = [self.exchange.spec.by_symbol.get(s.decode("latin-1")) for s in request.symbols]
        for text, spec in zip(request.symbols, symbols, strict=True):
            if spec is None:
                raise _Refused(md.UNKNOWN_SYMBOL, f"no symbol {text.decode('latin-1')}")
        if len(set(request.symbols)) != len(request.symbols):
            raise _Refused(md.UNKNOWN_SYMBOL, "a Symbol(55) is asked for twice")  # each change would be told twice, and the second cannot be placed
        if request.subscription == md.SUBSCRIBE and len(self._subscriptions) + len(symbols) > SUBSCRIPTIONS_MAX:
            raise _Refused(md.TOO_MANY, f"at most {SUBSCRIPTIONS_MAX} subscriptions at once")
        depth = min(int(request.depth) or DEPTH_MAX, DEPTH_MAX)
        for spec in (s for s in symbols if s is not None):
            subscription = _Subscription(request.request_id, spec, depth, request.kinds, self.exchange.trade_count)
            subscription.told = self._levels(subscription)
            levels = [(kind, px, qty) for (kind, px), qty in subscription.told.items()]
            symbol, digits = spec.symbol.encode("latin-1"), (spec.price_digits, spec.qty_digits)
            sent = self.connection.send(b"W", md.snapshot(request.request_id, symbol, levels, digits, now_ns), now_ns)
            if not sent:
                subscription.told = {}  # nothing reached it: all of it goes into the first update
            if request.subscription == md.SUBSCRIBE:
                self._subscriptions.append(subscription)

    # ---- updates

    def _levels(self, subscription: _Subscription) -> Levels:
        book = self.exchange.book(subscription.symbol.symbol)
        return {(kind, px): qty for kind, side in SIDES if kind in subscription.kinds for px, qty in book.levels(side, subscription.depth)}

    def _update(self, subscription: _Subscription, now_ns: int) -> None:
        """Send what changed since the last update, ENTRIES_MAX at a time; what does not go out is compared again in the next turn."""
        now, told = self._levels(subscription), subscription.told
        changes = [(md.DELETE, kind, px, 0) for kind, px in told if (kind, px) not in now]
        changes += [(md.CHANGE if key in told else md.NEW, *key, qty) for key, qty in now.items() if told.get(key) != qty]
        exchange, symbol = self.exchange, subscription.symbol.symbol
        if md.TRADE in subscription.kinds and exchange.trade_count > subscription.trades_from:
            traded = list(exchange.trades)[subscription.trades_from - exchange.trade_count :]
            changes += [(md.NEW, md.TRADE, px, qty) for of, px, qty in traded if of == symbol]
        for at in range(0, len(changes), ENTRIES_MAX):
            if not self._send(subscription, changes[at : at + ENTRIES_MAX], now_ns):
                return
        subscription.trades_from = exchange.trade_count

    def _send(self, subscription: _Subscription, changes: list[tuple[bytes, bytes, int, int]], now_ns: int) -> bool:
        spec = subscription.symbol
        body = md.refresh(subscription.request_id, spec.symbol.encode("latin-1"), changes, (spec.price_digits, spec.qty_digits), now_ns)
        if not self.connection.send(b"X", body, now_ns):
            return False
        for action, kind, px, qty in changes:
            if action == md.DELETE:
                subscription.told.pop((kind, px))
            elif kind != md.TRADE:
                subscription.told[kind, px] = qty
        if changes[-1][1] == md.TRADE:
            subscription.trades_from = self.exchange.trade_count  # those that a later message should have had are dropped, rather than told twice
        return True


class _Refused(GatewayError):
    """A request that is answered by Y; ``reason`` is MDReqRejReason(281)."""

    def __init__(self, reason: bytes, text: str) -> None:
        super().__init__(text)
        self.reason = reason
