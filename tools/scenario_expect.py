"""What a scenario may expect, how it is read and how it is compared.

    {"expect": {"order": 1, "status": ..., "cum": ...}}   an order as it is now
    {"expect": {"position": {...}, "suspense": {...}}}    what an account holds
    {"expect": {"sent": "35=D|..."}}, {"sent_none": true} the next message that went out, or that there is none
    {"expect": {"breaks": [...]}}, {"breaks_include": []}  what was raised so far
    {"expect": {"denied": "STALE"}}, {"answer": "DUPLICATE"} what the engine said to the last intent

Figures compare as numbers, average prices to 8 decimals, names without case. ``compare`` returns a ``Difference`` for every field that is not as expected
and raises nothing: what cannot be looked up (no such order) is a difference too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.scenario_config import PRICE_TAGS, QTY_TAGS, row_of
from ringfence.tools.scenario_machine import Machine
from ringfence.tools.scenario_venue import Fields, readable
from ringfence.tools.scenario_words import SIDES, TIFS, TYPES, Check, NoSuchName, Value, Wrong, boolean, check_body, integer, keys, number, one_of, plain, text

EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)
PLACES = Decimal("1E-8")
FIGURE_TAGS = PRICE_TAGS | QTY_TAGS | {6, 126, 432, 45, 34, 102, 103, 373, 380}
BREAKS = {name.lower(): name.lower() for name in ENUMS["BreakKind"].by_name}
STATUSES = {"".join(w.capitalize() for w in n.split("_")): "".join(w.capitalize() for w in n.split("_")) for n in ENUMS["OrdStatus"].by_name}
REASONS = {n: n for n in ENUMS["DenyReason"].by_name}
ANSWERS = {n: n for n in (*ENUMS["EventKind"].by_name, "NONE")}


@dataclass(frozen=True)
class Difference:
    """One field that is not as expected."""

    field: str
    expected: str
    actual: str


def _optional(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _names(value: Value) -> list[str]:
    if not isinstance(value, list):
        raise Wrong(f"a list of names, was {value!r}")
    check = one_of(BREAKS, "break")
    return [check(v) for v in value]


def _denied(value: Value) -> Value:
    return value if isinstance(value, bool) else one_of(REASONS, "reason")(value)


def _true(value: Value) -> Value:
    if value is not True:
        raise Wrong(f"write true, was {value!r}")
    return True


ORDER: dict[str, Check] = {
    "status": one_of(STATUSES, "status"),
    "cum": number,
    "leaves": number,
    "avg_px": _optional(number),
    "qty": number,
    "price": _optional(number),
    "stop_price": _optional(number),
    "display_qty": number,
    "last_px": _optional(number),
    "last_qty": number,
    "side": one_of(SIDES, "side"),
    "type": one_of(TYPES, "type"),
    "tif": one_of(TIFS, "tif"),
    "reason": _optional(one_of(REASONS, "reason")),
    "venue_order_id": _optional(text),
    "venue_code": _optional(integer),
    "text": _optional(text),
    "pending": integer,
    "unverified": boolean,
    "route": text,
    "skipped": integer,
    "skip_reason": _optional(one_of(REASONS, "reason")),
}
POSITION: dict[str, Check] = {
    "net": number,
    "avg_px": _optional(number),
    "realized": number,
    "bought": number,
    "sold": number,
    "fills": integer,
    "account": text,
    "instrument": text,
    "symbol": text,
    "strategy": text,
}
SUSPENSE = {key: check for key, check in POSITION.items() if key != "strategy"}
EXPECT: dict[str, Check] = ORDER | {
    "order": integer,
    "strategy": text,
    "position": lambda v: keys(v, POSITION, "position"),
    "suspense": lambda v: keys(v, SUSPENSE, "suspense"),
    "sent": check_body,
    "sent_none": _true,
    "breaks": _names,
    "breaks_include": _names,
    "denied": _denied,
    "answer": one_of(ANSWERS, "answer"),
}


def check_expect(value: Value) -> dict[str, Value]:
    out = keys(value, EXPECT, "expect")
    if not out:
        raise Wrong(f"expect is empty; it has some of {', '.join(sorted(EXPECT))}")
    if "order" not in out:
        stray = sorted(out.keys() & (ORDER.keys() | {"strategy"}))
        if stray:
            raise Wrong(f'expect.{stray[0]} is of an order; name it: "order": client_id')
    if "sent" in out and "sent_none" in out:
        raise Wrong("expect has sent and sent_none, which contradict each other")
    return out


# ---- comparing ---------------------------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """A value as a scenario would write it."""
    if isinstance(value, Decimal):
        return format(value.normalize() if value else Decimal(0), "f")
    if isinstance(value, list):
        return "[" + ", ".join(shown(v) for v in value) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class Checker:
    """Compares expectations with a machine; remembers which messages were named by a ``sent``.

    Parameters
    ----------
    machine : Machine
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.named = 0

    def compare(self, expect: dict[str, Value]) -> Iterator[Difference]:
        """Yield what is not as expected."""
        parts = {
            "order": self._order,
            "position": lambda e: self._position(e["position"], suspense=False),
            "suspense": lambda e: self._position(e["suspense"], suspense=True),
            "sent": self._sent,
            "sent_none": self._sent_none,
            "breaks": self._breaks,
            "breaks_include": self._breaks_include,
            "denied": self._denied,
            "answer": self._answer,
        }
        for key, part in parts.items():
            if key in expect:
                try:
                    yield from part(expect)
                except NoSuchName:
                    raise
                except Wrong as e:
                    wanted = expect[key]
                    yield Difference(key, readable(wanted) if key == "sent" else key if isinstance(wanted, dict) else shown(wanted), str(e))

    def _order(self, expect: dict[str, Value]) -> Iterator[Difference]:
        client = expect["order"]
        found = self._view(expect.get("strategy", ""), client)
        if found is None:
            yield Difference("order", str(client), "no order of this client_id, and none was refused")
            return
        for key in ORDER:
            if key in expect and not _same(key, expect[key], found[key]):
                yield Difference(f"order {client}: {key}", shown(expect[key]), shown(found[key]))

    def _view(self, strategy: str, client: int) -> dict[str, Any] | None:
        """The order of a client_id in the words of the language; one that was refused has a status and a reason only."""
        machine = self.machine
        rows = [machine.strategy(strategy)] if strategy else range(1, len(machine.setup.strategies) + 1)
        for row in rows:
            order = machine.order(row, client)
            refusal = machine.refusals.get((row, client))
            if order is not None:
                return _order_view(machine, order, refusal.reason if refusal else None)
            if refusal is not None:
                asked = {key: refusal.intent.get(key) for key in ("qty", "price", "stop_price", "display_qty", "side", "type", "tif")}
                figures = {"cum": Decimal(0), "leaves": Decimal(0), "pending": 0, "unverified": False}
                return dict.fromkeys(ORDER) | asked | figures | {"status": "Denied", "reason": refusal.reason}
        return None

    def _position(self, expect: dict[str, Value], *, suspense: bool) -> Iterator[Difference]:
        machine = self.machine
        setup = machine.setup
        account = row_of(setup.accounts, str(expect.get("account", "")), "account")
        instrument = machine.instrument(str(expect.get("instrument", expect.get("symbol", ""))))
        strategy = 0 if suspense else machine.strategy(expect["strategy"]) if "strategy" in expect else None
        found = _position_view(machine, account, instrument, strategy, suspense=suspense)
        where = "suspense" if suspense else "position"
        for key in ("net", "avg_px", "realized", "bought", "sold", "fills"):
            if key in expect and not _same(key if key != "avg_px" or expect[key] else "position avg_px", expect[key], found[key]):
                yield Difference(f"{where}: {key}", shown(expect[key]), shown(found[key]))

    def _sent(self, expect: dict[str, Value]) -> Iterator[Difference]:
        wanted = [(tag, self.machine.resolve(content)) for tag, content in expect["sent"]]
        if self.named >= len(self.machine.sent):
            yield Difference("sent", readable(wanted), "nothing more was sent")
            return
        message = self.machine.sent[self.named]
        self.named += 1
        for tag, content in wanted:
            if not _holds(message.fields, tag, content):
                values = [c for t, c in message.fields if t == tag]
                yield Difference(f"sent: {tag}", content or "absent", ", ".join(values) or "absent")

    def _sent_none(self, expect: dict[str, Value]) -> Iterator[Difference]:
        if self.named < len(self.machine.sent):
            yield Difference("sent_none", "nothing more was sent", str(self.machine.sent[self.named]))

    def _breaks(self, expect: dict[str, Value]) -> Iterator[Difference]:
        found = self.machine.breaks()
        if Counter(found) != Counter(expect["breaks"]):
            yield Difference("breaks", shown(sorted(expect["breaks"])), shown(sorted(found)))

    def _breaks_include(self, expect: dict[str, Value]) -> Iterator[Difference]:
        found = self.machine.breaks()
        wanted = Counter(str(name) for name in expect["breaks_include"])
        if wanted - Counter(found):
            yield Difference("breaks_include", shown(sorted(expect["breaks_include"])), shown(sorted(found)))

    def _denied(self, expect: dict[str, Value]) -> Iterator[Difference]:
        answer = self.machine.answer
        reason = answer.reason if answer is not None and answer.kind == "DENIED" else None
        wanted = expect["denied"]
        if (reason is not None) != wanted if isinstance(wanted, bool) else reason != wanted:
            yield Difference("denied", shown(wanted), reason or "false")

    def _answer(self, expect: dict[str, Value]) -> Iterator[Difference]:
        answer = self.machine.answer
        kind = answer.kind if answer is not None else "NONE"
        if kind != expect["answer"]:
            yield Difference("answer", expect["answer"], kind)


def _same(key: str, expected: Value, actual: Any) -> bool:
    if expected is None or actual is None:
        return expected == actual or (actual is None and key == "avg_px" and expected == 0)
    if key.endswith("avg_px"):
        return bool(EXACT.quantize(expected, PLACES) == EXACT.quantize(actual, PLACES))
    if isinstance(expected, str):
        return plain(expected) == plain(str(actual)) if key not in {"text", "venue_order_id"} else expected == actual
    return bool(expected == actual)


def _holds(fields: Fields, tag: int, content: str) -> bool:
    """Whether a message has the field; no content: whether it has not."""
    values = [c for t, c in fields if t == tag]
    if not content:
        return not values
    if content in values:
        return True
    if tag not in FIGURE_TAGS:
        return False
    try:
        return any(Decimal(content) == Decimal(v) for v in values)
    except ArithmeticError:
        return False


def _scaled(value: int, digits: int) -> Decimal:
    return Decimal(value).scaleb(-digits, EXACT)


def _wide(row: Any, name: str) -> int:
    return (int(row[name + "_hi"]) << 64) + int(row[name + "_lo"])


def _words(enum: str, value: int) -> str:
    return ENUMS[enum].by_value.get(value, f"({value})")


def _text(value: bytes) -> str | None:
    return value.decode("latin-1") or None


def _order_view(machine: Machine, order: Any, refused: str | None) -> dict[str, Any]:
    spec = machine.setup.instruments[int(order["instrument"]) - 1]
    cum, own = int(order["cum_qty"]), _words("DenyReason", int(order["deny_reason"]))
    average = EXACT.divide(_scaled(_wide(order, "notional"), spec.price_digits), Decimal(cum)) if cum else None
    status = "".join(w.capitalize() for w in _words("OrdStatus", int(order["ord_status"])).split("_"))
    return {
        "status": status,
        "cum": _scaled(cum, spec.qty_digits),
        "leaves": _scaled(int(order["leaves_qty"]), spec.qty_digits),
        "avg_px": average,
        "qty": _scaled(int(order["qty"]), spec.qty_digits),
        "price": _scaled(int(order["px"]), spec.price_digits) if int(order["px"]) else None,
        "stop_price": _scaled(int(order["stop_px"]), spec.price_digits) if int(order["stop_px"]) else None,
        "display_qty": _scaled(int(order["display_qty"]), spec.qty_digits),
        "last_px": _scaled(int(order["last_px"]), spec.price_digits) if int(order["last_qty"]) else None,
        "last_qty": _scaled(int(order["last_qty"]), spec.qty_digits),
        "side": _words("Side", int(order["side"])),
        "type": _words("OrdType", int(order["ord_type"])),
        "tif": _words("TimeInForce", int(order["time_in_force"])),
        "reason": own if own not in ("NONE", "(0)") else refused,
        "venue_order_id": _text(order["venue_order_id"]),
        "venue_code": int(order["venue_code"]) - 1 if int(order["venue_code"]) else None,
        "text": _text(order["text"]),
        "pending": int(order["pending_count"]),
        "unverified": bool(int(order["flags"]) & CONSTANTS["ORDER_UNVERIFIED"][0]),
        "route": str(machine.setup.routes[int(order["route"]) - 1]["name"]),
        "skipped": int(order["routes_skipped"]),
        "skip_reason": _words("DenyReason", int(order["skip_reason"])) if int(order["skip_reason"]) else None,
    }


def _position_view(machine: Machine, account: int, instrument: int, strategy: int | None, *, suspense: bool) -> dict[str, Any]:
    """Sum of an account's positions in an instrument: of one strategy, of all, or of suspense (strategy 0)."""
    spec = machine.setup.instruments[instrument - 1]
    accounts = {account, 0} if suspense and account == 1 else {account}  # a venue whose routes name no account keeps suspense under 0
    net = cost = realized = bought = sold = fills = 0
    for row in machine.table("positions")[1 : int(machine.status["position_count"]) + 1]:
        owner = int(row["strategy"])
        if int(row["account"]) not in accounts or int(row["instrument"]) != instrument or (owner == 0) != suspense:
            continue
        if strategy is not None and owner != strategy:
            continue
        net, bought, sold, fills = net + int(row["net_qty"]), bought + int(row["bought_qty"]), sold + int(row["sold_qty"]), fills + int(row["fills"])
        cost, realized = cost + _wide(row, "cost"), realized + _wide(row, "realized")
    multiplier = spec.values.get("multiplier", 1)
    return {
        "net": _scaled(net, spec.qty_digits),
        "avg_px": EXACT.divide(_scaled(cost, spec.price_digits), Decimal(net)) if net else None,
        "realized": _scaled(realized * multiplier, spec.price_digits + spec.qty_digits),
        "bought": _scaled(bought, spec.qty_digits),
        "sold": _scaled(sold, spec.qty_digits),
        "fills": fills,
    }
