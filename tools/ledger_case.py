"""Event files of ``ringfence ledger book``: from JSON to instruments and events whose numbers are integers at chosen scales.

    FILE.json ──load──▶ cases ──Case.read──▶ Instrument, Entry (exact fractions) ──scales──▶ what Ledger.define and Ledger.book take

The format is that of the examples (docs/ledger.md shows it): ``instruments``, ``events`` in journal order, ``marks``, ``policy``, ``reporting``. Scales are
chosen from the file: quantities and prices as fine as it writes them, money per settlement asset as fine as 128 bits leave room for the sum of all values.
What can fail: ``UsageError`` that names file, case, event and field, says what was found and what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ringfence.tools.errors import UsageError
from ringfence.tools.ledger_numbers import decimals, half_even, parse

METHODS = ("WAC", "FIFO", "LIFO", "HIFO", "HIFO_MINGAIN", "SPEC")
ENDLESS_DIGITS = 18
"""Decimals of a number that does not terminate."""
MONEY_DIGITS_MAX = 30
FIGURE_DIGITS = 37
"""Decimal digits that every figure below 2^125 has room for."""
ACCOUNT = "A"

TYPES = {
    "fill": "FILL",
    "trade": "FILL",
    "bust": "BUST",
    "correct": "CORRECT",
    "correction": "CORRECT",
    "funding": "FUNDING",
    "interest": "INTEREST",
    "dividend": "DIVIDEND",
    "split": "SPLIT",
    "reverse_split": "SPLIT",
    "spinoff": "SPIN_OFF",
    "spin_off": "SPIN_OFF",
    "roc": "RETURN_OF_CAPITAL",
    "return_of_capital": "RETURN_OF_CAPITAL",
    "reward": "REWARD",
    "staking": "REWARD",
    "staking_reward": "REWARD",
    "airdrop": "REWARD",
    "transfer": "TRANSFER",
    "settle_px": "SETTLE",
    "expire": "EXPIRE",
    "expiry": "EXPIRE",
    "deposit": "DEPOSIT",
    "withdraw": "WITHDRAW",
    "withdrawal": "WITHDRAW",
    "convert": "CONVERT",
    "fx": "CONVERT",
    "mark": "MARK",
}
CASH_KINDS = frozenset({"DEPOSIT", "WITHDRAW", "CONVERT"})
"""Kinds that change only balances of money."""
NAMES = {
    "amt": ("amt", "amount"),
    "per_unit": ("per_share", "per_unit", "amt_per_share", "cash_per_share", "dps"),
    "lieu": ("cash_in_lieu_px", "cil_px", "cash_in_lieu", "lieu_px", "cil", "px"),
    "child": ("new_inst", "child", "to_inst", "inst2", "new", "into"),
    "share": ("cost_share", "cost_frac", "alloc", "share", "cost_alloc", "frac", "fraction"),
    "mark": ("px", "mark", "mark_px", "index_px"),
    "income_px": ("px", "fmv", "rate"),
    "fee": ("fee", "fee_qty", "fee_amt"),
    "fee_px": ("fee_rate", "fee_px"),
    "asset": ("asset", "ccy", "currency"),
    "given": ("sell", "from_ccy", "from"),
    "given_amt": ("sell_amt", "from_amt"),
    "got": ("buy", "to_ccy", "to"),
    "got_amt": ("buy_amt", "to_amt"),
}
"""Names under which files write a field, the preferred one first."""


@dataclass
class Instrument:
    """One instrument of a case; ``row`` and scales are filled in by ``Case``."""

    name: str
    kind: str
    base: str
    settle: str
    multiplier: Fraction
    qty_dp: int
    money_dp: int
    daily: bool
    row: int = 0
    qty_digits: int = 0
    px_digits: int = 0
    money_digits: int = 0

    @property
    def inverse(self) -> bool:
        return "inverse" in self.kind

    @property
    def margin(self) -> bool:
        """Whether a trade moves no cash."""
        return self.inverse or self.daily or any(part in self.kind for part in ("perp", "future", "quanto", "cfd", "ndf", "forward"))

    @property
    def moves_base(self) -> bool:
        """Whether what is traded is itself a cash balance."""
        return self.kind in {"spot", "fx", "crypto", "fx_spot", "crypto_spot"}

    @property
    def multiplier_digits(self) -> int:
        return decimals(self.multiplier) or 0

    @property
    def natural(self) -> int:
        """Decimals of a product of quantity, price and multiplier."""
        return self.qty_digits + self.px_digits + self.multiplier_digits


@dataclass
class Fee:
    """A fee as the file writes it, and how the ledger takes it."""

    asset: str
    amount: Fraction
    kind: str
    rate: Fraction | None = None
    instrument: Instrument | None = None


@dataclass
class Entry:
    """One event, numbers still exact."""

    seq: int
    id: str
    kind: str
    account: str
    instrument: Instrument | None
    raw: Mapping[str, Any]
    side: int = 0
    qty: Fraction | None = None
    px: Fraction | None = None
    amount: Fraction | None = None
    fee: Fee | None = None
    fx: Fraction | None = None
    ratio: Fraction | None = None
    share: Fraction | None = None
    other: Instrument | None = None
    to_account: str = ""
    ref: str = ""
    picks: list[tuple[str, Fraction]] = field(default_factory=list)
    moves: list[tuple[str, Fraction]] = field(default_factory=list)


def digest(*parts: object) -> int:
    """Return a 64-bit digest that is never 0."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "little") or 1


def load(path: Path, case: str = "", lists: tuple[str, ...] = ("cases",)) -> list[dict[str, Any]]:
    """Return the cases of a file, which stand in ``lists`` of it; one without any of them is itself a case.

    Raises
    ------
    UsageError
        If it cannot be read, is no JSON, or has no such case.
    """
    try:
        data = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}; give the path of a JSON file in the format of docs/ledger.md") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: line {error.lineno} is not JSON: {error.msg}; give a file in the format of docs/ledger.md") from None
    named = [data[name] for name in lists if name in data] if isinstance(data, dict) else []
    cases = [c for cases in named for c in (cases if isinstance(cases, list) else [cases])] if named else [data]
    if not cases or not all(isinstance(c, dict) for c in cases):
        raise UsageError(f"{path}: no case was found; give an object with instruments and events or fills, or with a list of such objects as {lists[0]}")
    if case:
        found = [c for c in cases if c.get("id") == case]
        if not found:
            raise UsageError(f"{path}: --case was {case!r}; allowed: {', '.join(str(c.get('id')) for c in cases)}")
        return found
    return cases


class Case:
    """A case of a file: instruments and events with exact numbers, and the scales that they need.

    Parameters
    ----------
    raw : dict
        The case as read from JSON.
    source : str
        What messages call it.
    """

    def __init__(self, raw: Mapping[str, Any], source: str) -> None:
        self.raw, self.source = raw, source
        self.id = str(raw.get("id", ""))
        policy = self._object(raw, "policy", source)
        self.capitalize = self._choice(policy, "fee", ("expense", "capitalize"), f"{source}: policy") == "capitalize"
        by_time = self._choice(policy, "order", ("seq", "ts"), f"{source}: policy") == "ts"
        self.reporting = str(raw.get("reporting") or "")
        self.instruments = {name: self._instrument(name, body) for name, body in self._object(raw, "instruments", source).items()}
        for row, instrument in enumerate(self.instruments.values(), 1):
            instrument.row = row
        events = raw.get("events")
        if not isinstance(events, list):
            raise UsageError(f"{source}: events is {'missing' if events is None else 'no list'}; allowed: a list of events in journal order")
        self.raw_by_id: dict[str, Mapping[str, Any]] = {}
        self.entries = [self._entry(seq, body) for seq, body in enumerate(events, 1)]
        if by_time:
            self.entries.sort(key=self._time)
        marks = self._object(raw, "marks", source)
        self.marks = {name: self._number(marks["px"], name, f"{source}: marks.px") for name in self._object(marks, "px", source)}
        for e in self.entries:
            if e.kind == "MARK" and e.instrument is not None and e.px is not None and e.instrument.name not in self._object(marks, "px", source):
                self.marks[e.instrument.name] = e.px
        self.fx_marks = {name: self._number(marks["fx"], name, f"{source}: marks.fx") for name in self._object(marks, "fx", source)}
        if self.reporting:
            self.fx_marks.setdefault(self.reporting, Fraction(1))
        self.identities = self._identities()
        self._choose_scales()

    # ---- reading

    @staticmethod
    def _object(raw: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
        value = raw.get(name) or {}
        if not isinstance(value, dict):
            raise UsageError(f"{where}: {name} was {value!r}; allowed: an object")
        return value

    @staticmethod
    def _choice(raw: Mapping[str, Any], name: str, allowed: tuple[str, ...], where: str) -> str:
        value = raw.get(name, allowed[0])
        if value not in allowed:
            raise UsageError(f"{where}: {name} was {value!r}; allowed: {', '.join(allowed)}")
        return str(value)

    @staticmethod
    def _number(raw: Mapping[str, Any], name: str, where: str) -> Fraction:
        if name not in raw:
            raise UsageError(f'{where}: {name} is missing; allowed: a number as a string, such as "1.5" or "1/3"')
        try:
            return parse(raw[name])
        except ValueError as error:
            raise UsageError(f"{where}: {name} was {raw[name]!r}; allowed: {error}") from None

    def _named(self, raw: Mapping[str, Any], names: str, where: str) -> Fraction | None:
        """The number under the first of several names, None when there is none."""
        return next((self._number(raw, name, where) for name in NAMES[names] if raw.get(name) is not None), None)

    def _instrument(self, name: str, raw: Any) -> Instrument:
        where = f"{self.source}: instrument {name}"
        if not isinstance(raw, dict):
            raise UsageError(f"{where} was {raw!r}; allowed: an object with kind, quote, settle, mult")
        multiplier = self._number(raw, "mult", where) if "mult" in raw else Fraction(1)
        if multiplier <= 0 or decimals(multiplier) is None:
            raise UsageError(f"{where}: mult was {raw['mult']!r}; allowed: a decimal above zero")
        settle = raw.get("settle") or raw.get("quote")
        if not settle:
            raise UsageError(f"{where}: quote and settle are missing; allowed: the name of an asset")
        places = []
        for key, default in (("qty_dp", 0), ("money_dp", 2)):
            places.append(raw.get(key, default))
            if not isinstance(places[-1], int) or not 0 <= places[-1] <= ENDLESS_DIGITS:
                raise UsageError(f"{where}: {key} was {places[-1]!r}; allowed: an integer from 0 to {ENDLESS_DIGITS}")
        base = str(raw.get("base") or (name.partition("/")[0] if "/" in name else name))
        return Instrument(name, str(raw.get("kind", "equity")), base, str(settle), multiplier, places[0], places[1], bool(raw.get("daily_vm")))

    def _known(self, raw: Mapping[str, Any], name: str, where: str) -> Instrument:
        if raw.get(name) not in self.instruments:
            raise UsageError(f"{where}: {name} was {raw.get(name)!r}; allowed: {', '.join(self.instruments) or 'an instrument of the file'}")
        return self.instruments[raw[name]]

    def _side(self, raw: Mapping[str, Any], where: str) -> int:
        sides = {"B": 1, "BUY": 1, "1": 1, "S": -1, "SELL": -1, "2": -1}
        side = str(raw.get("side", "")).upper()
        if side not in sides:
            raise UsageError(f"{where}: side was {raw.get('side')!r}; allowed: B or S")
        return sides[side]

    def _fee(self, raw: Any, instrument: Instrument | None, where: str) -> Fee | None:
        if raw is None:
            return None
        if not isinstance(raw, dict):
            raise UsageError(f"{where}: fee was {raw!r}; allowed: an object with asset and amt")
        amount = self._named(raw, "amt", f"{where}: fee")
        if amount is None:
            raise UsageError(f"{where}: fee.amt is missing; allowed: a number as a string")
        asset = str(raw.get("asset") or (instrument.settle if instrument else ""))
        rate = self._number(raw, "rate", f"{where}: fee") if raw.get("rate") is not None else None
        if instrument is not None and asset == instrument.settle:
            return Fee(asset, amount, "CAPITALIZE" if self.capitalize else "EXPENSE")
        if instrument is not None and asset == instrument.base and instrument.moves_base:
            return Fee(asset, amount, "BASE")
        if raw.get("inst") is not None:
            held = self._known(raw, "inst", f"{where}: fee")
            if rate is None:
                raise UsageError(f"{where}: fee.rate is missing; allowed: {asset} in units of the quote currency")
            return Fee(asset, amount, "BASE" if held is instrument else "HELD", rate, held)
        return Fee(asset, amount, "ELSEWHERE", rate)

    def _entry(self, seq: int, raw: Any) -> Entry:
        if not isinstance(raw, dict):
            raise UsageError(f"{self.source}: event {seq} was {raw!r}; allowed: an object")
        identity = str(raw.get("id", f"#{seq}"))
        where = f"{self.source}: event {seq} ({identity})"
        kind = TYPES.get(str(raw.get("type", "fill")))
        if kind is None:
            raise UsageError(f"{where}: type was {raw.get('type')!r}; allowed: {', '.join(TYPES)}")
        account = str(raw.get("acct") or raw.get("from") or ACCOUNT)
        needs = kind not in {"BUST", "CORRECT", *CASH_KINDS}
        instrument = self._known(raw, "inst", where) if needs or raw.get("inst") is not None else None
        entry = Entry(seq, identity, kind, account, instrument, raw)
        if raw.get("fx") is not None:
            entry.fx = self._number(raw, "fx", where)
        getattr(self, f"_read_{kind.lower()}")(entry, where)
        return entry

    def _read_fill(self, e: Entry, where: str) -> None:
        e.side = self._side(e.raw, where)
        e.qty, e.px = self._number(e.raw, "qty", where), self._number(e.raw, "px", where)
        if e.qty <= 0:
            raise UsageError(f"{where}: qty was {e.raw['qty']!r}; allowed: above zero, the side says which way")
        e.fee = self._fee(e.raw.get("fee"), e.instrument, where)
        self._read_picks(e, where)

    def _read_picks(self, e: Entry, where: str) -> None:
        for at, pick in enumerate(e.raw.get("lots") or []):
            if not isinstance(pick, dict) or not (pick.get("fill") or pick.get("id")):
                raise UsageError(f"{where}: lots[{at}] was {pick!r}; allowed: an object with fill and qty")
            e.picks.append((str(pick.get("fill") or pick.get("id")), self._number(pick, "qty", f"{where}: lots[{at}]")))

    def _read_bust(self, e: Entry, where: str) -> None:
        if not e.raw.get("ref"):
            raise UsageError(f"{where}: ref is missing; allowed: the id of the event that it busts or corrects")
        e.ref = str(e.raw["ref"])

    def _read_correct(self, e: Entry, where: str) -> None:
        self._read_bust(e, where)
        if e.raw.get("side") is not None:
            e.side = self._side(e.raw, where)
        e.qty = self._number(e.raw, "qty", where) if e.raw.get("qty") is not None else None
        e.px = self._number(e.raw, "px", where) if e.raw.get("px") is not None else None
        if e.instrument is None:
            e.instrument = self._corrected(e)
        e.fee = self._fee(e.raw.get("fee"), e.instrument, where)
        self._read_picks(e, where)

    def _corrected(self, e: Entry) -> Instrument | None:
        """The instrument of what a correction refers to, through corrections of corrections."""
        if len(self.instruments) == 1:
            return next(iter(self.instruments.values()))
        if not self.raw_by_id:
            self.raw_by_id = {str(raw.get("id")): raw for raw in self.raw["events"] if isinstance(raw, dict)}
        ref, seen = e.ref, {e.id}
        while ref in self.raw_by_id and ref not in seen:
            raw = self.raw_by_id[ref]
            if raw.get("inst") in self.instruments:
                return self.instruments[raw["inst"]]
            seen.add(ref)
            ref = str(raw.get("ref"))
        return None

    def _read_funding(self, e: Entry, where: str) -> None:
        e.amount = self._named(e.raw, "amt", where)
        if e.amount is None:
            e.ratio, e.px = self._number(e.raw, "rate", where), self._named(e.raw, "mark", where)
            if e.px is None:
                raise UsageError(f"{where}: amt, or rate and px, are missing; allowed: the cash received, or a rate and the price that it applies to")

    def _read_interest(self, e: Entry, where: str) -> None:
        e.amount = self._named(e.raw, "amt", where)
        if e.amount is None:
            raise UsageError(f"{where}: amt is missing; allowed: the cash received")

    def _read_dividend(self, e: Entry, where: str) -> None:
        e.px = self._named(e.raw, "per_unit", where)
        if e.px is None:
            self._read_interest(e, where)

    def _read_split(self, e: Entry, where: str) -> None:
        if e.raw.get("ratio") is None and {"num", "den"} <= e.raw.keys() and self._number(e.raw, "den", where):
            e.ratio = self._number(e.raw, "num", where) / self._number(e.raw, "den", where)
        else:
            e.ratio = self._number(e.raw, "ratio", where)
        e.px = self._named(e.raw, "lieu", where)
        if e.ratio <= 0:
            raise UsageError(f"{where}: ratio was {e.ratio}; allowed: new units for an old one, above zero")

    def _read_spin_off(self, e: Entry, where: str) -> None:
        name = next((n for n in NAMES["child"] if e.raw.get(n) is not None), NAMES["child"][0])
        e.other = self._known(e.raw, name, where)
        e.ratio, e.share = self._number(e.raw, "ratio", where), self._named(e.raw, "share", where)
        if e.share is None or not 0 <= e.share <= 1:
            raise UsageError(f"{where}: {NAMES['share'][0]} was {e.share}; allowed: the part of the cost that goes along, 0 to 1")

    def _read_return_of_capital(self, e: Entry, where: str) -> None:
        e.px = self._named(e.raw, "per_unit", where)
        if e.px is None:
            e.px = self._named(e.raw, "amt", where)
        if e.px is None:
            raise UsageError(f"{where}: per_share is missing; allowed: the amount per unit held")

    def _read_reward(self, e: Entry, where: str) -> None:
        e.qty = self._number(e.raw, "qty", where)
        e.px = self._named(e.raw, "income_px", where) or Fraction(0)

    def _read_transfer(self, e: Entry, where: str) -> None:
        e.qty, e.to_account = self._number(e.raw, "qty", where), str(e.raw.get("to") or "")
        if not e.to_account or e.to_account == e.account:
            raise UsageError(f"{where}: to was {e.raw.get('to')!r}; allowed: another account than {e.account}")
        fee = next((e.raw[n] for n in NAMES["fee"] if e.raw.get(n) is not None), None)
        if fee is not None:
            rate = self._named(e.raw, "fee_px", where)
            amount = self._named(fee, "amt", f"{where}: fee") if isinstance(fee, dict) else self._named(e.raw, "fee", where)
            if rate is None and isinstance(fee, dict) and fee.get("rate") is not None:
                rate = self._number(fee, "rate", f"{where}: fee")
            if rate is None or amount is None or e.instrument is None:
                raise UsageError(f"{where}: fee_rate is missing; allowed: the price at which the fee in kind is disposed")
            e.fee = Fee(e.instrument.base, amount, "BASE", rate)

    def _read_settle(self, e: Entry, where: str) -> None:
        e.px = self._number(e.raw, "px", where)

    _read_expire = _read_settle

    def _read_deposit(self, e: Entry, where: str) -> None:
        e.amount = self._named(e.raw, "amt", where)
        e.ref = next((str(e.raw[n]) for n in NAMES["asset"] if e.raw.get(n)), "")
        if e.amount is None or not e.ref:
            raise UsageError(f"{where}: asset or amt is missing; allowed: what is deposited and how much")
        if e.kind == "WITHDRAW":
            e.amount = -e.amount
        e.moves.append((e.ref, e.amount))

    _read_withdraw = _read_deposit

    def _read_convert(self, e: Entry, where: str) -> None:
        for names, sign in (("given", -1), ("got", 1)):
            asset, amount = next((str(e.raw[n]) for n in NAMES[names] if e.raw.get(n)), ""), self._named(e.raw, f"{names}_amt", where)
            if not asset or amount is None or amount < 0:
                raise UsageError(f"{where}: sell, sell_amt, buy or buy_amt is missing; allowed: two assets and how much of each changes hands")
            e.moves.append((asset, sign * amount))

    _read_mark = _read_settle

    def _time(self, e: Entry) -> tuple[int, Fraction, str, int]:
        ts = e.raw.get("ts", 0)
        try:
            return 0, parse(ts), "", e.seq
        except ValueError:
            return 1, Fraction(0), str(ts), e.seq

    # ---- identities

    def _identities(self) -> dict[str, int]:
        """Digest of each id, or else ExecID, that events have: see ``identity``."""
        found: dict[str, int] = {}
        for e in self.entries:
            found.setdefault(e.id, self.identity(e))
        for e in self.entries:
            if e.raw.get("exec_id") is not None:
                found.setdefault(str(e.raw["exec_id"]), self.identity(e))
        return found

    def identity(self, e: Entry) -> int:
        """Return the digest of what makes an event the same: (venue, account, order, side, ExecID, trade date) where it has an ExecID, else its id."""
        if e.raw.get("exec_id") is None:
            return digest("id", e.id)
        return digest("exec", *(str(e.raw.get(name, "")) for name in ("venue", "acct", "order", "side", "exec_id", "trade_date")))

    def content(self, e: Entry) -> int:
        """Return the digest of what an event says."""
        fee = (e.fee.asset, e.fee.amount, e.fee.rate) if e.fee else None
        name = e.instrument.name if e.instrument else ""
        return digest(e.kind, name, e.account, e.side, e.qty, e.px, e.amount, fee, e.fx, e.ratio, e.share, e.to_account, e.ref, e.picks)

    def key_of(self, identity: str) -> int:
        """Return the digest that an id stands for, whether its event is in the file or not."""
        return self.identities.get(identity, digest("id", identity))

    # ---- scales

    def _prices(self) -> Iterator[tuple[Instrument, Fraction]]:
        for e in self.entries:
            if e.instrument is not None and e.px is not None:
                yield e.instrument, e.px
            if e.fee is not None and e.fee.rate is not None:
                held = e.fee.instrument or (e.instrument if e.kind == "TRANSFER" else None)
                if held is not None:
                    yield held, e.fee.rate
        for name, px in self.marks.items():
            if name in self.instruments:
                yield self.instruments[name], px

    def _quantities(self) -> Iterator[tuple[Instrument, Fraction]]:
        for e in self.entries:
            if e.instrument is None:
                continue
            if e.qty is not None:
                yield e.instrument, e.qty
            for _, qty in e.picks:
                yield e.instrument, qty
            if e.fee is not None and e.fee.kind in {"BASE", "HELD"}:
                yield e.fee.instrument or e.instrument, e.fee.amount

    def _choose_scales(self) -> None:
        sizes = dict.fromkeys(self.instruments, Fraction(0))
        highest = dict.fromkeys(self.instruments, Fraction(0))
        lowest: dict[str, Fraction] = {}
        for i, qty in self._quantities():
            i.qty_digits = max(i.qty_digits, i.qty_dp, self._digits(qty))
            sizes[i.name] += abs(qty)
        for i, px in self._prices():
            i.px_digits = max(i.px_digits, self._digits(px))
            highest[i.name] = max(highest[i.name], abs(px))
            if px > 0:
                lowest[i.name] = min(lowest.get(i.name, px), px)
        grown = Fraction(1)
        for e in self.entries:
            if e.ratio is not None and e.kind in {"SPLIT", "SPIN_OFF"} and e.instrument is not None:
                grown *= max(e.ratio, Fraction(1))
                extra = decimals(e.ratio)
                for i in (e.instrument, e.other) if e.other else (e.instrument,):
                    i.qty_digits += 12 if extra is None else extra
                if e.other:
                    sizes[e.other.name] += sizes[e.instrument.name]
        bounds: dict[str, Fraction] = {}
        rate = max([abs(e.fx) for e in self.entries if e.fx is not None] + [Fraction(1)])
        for i in self.instruments.values():
            size = sizes[i.name] * grown + 1
            if i.inverse:
                # value is size * multiplier / price, and its factor has the price's digits too
                bound = max(size * i.multiplier / lowest.get(i.name, Fraction(1)), i.multiplier * 10 ** max(i.px_digits - i.qty_digits, 0))
            else:
                bound = max(size * highest[i.name] * i.multiplier, i.multiplier)
            bounds[i.settle] = bounds.get(i.settle, Fraction(0)) + bound * (1 + rate)
        for e in self.entries:
            for amount in (e.amount, e.fee.amount if e.fee and e.fee.kind in {"EXPENSE", "CAPITALIZE"} else None):
                if amount is not None and e.instrument is not None:
                    bounds[e.instrument.settle] += abs(amount) * (1 + rate)
        for i in self.instruments.values():
            room = FIGURE_DIGITS - len(str(int(bounds[i.settle] * 2)))
            i.money_digits = min(MONEY_DIGITS_MAX, room)
            if i.money_digits < i.money_dp + 6:
                raise UsageError(
                    f"{self.source}: instrument {i.name}: amounts of {i.settle} add up to 10^{FIGURE_DIGITS - room}, too much for 128 bits with"
                    f" {i.money_dp + 6} decimals (money_dp and 6 more); allowed: up to 10^{FIGURE_DIGITS - i.money_dp - 6}; split the file"
                )

    @staticmethod
    def _digits(value: Fraction) -> int:
        digits = decimals(value)
        return ENDLESS_DIGITS if digits is None else digits


def scaled(value: Fraction, digits: int) -> int:
    """Return ``value * 10**digits``, half-even."""
    return half_even(value * 10**digits)
