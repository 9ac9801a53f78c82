"""An entry of the ledger as people write it, and in words: ``ringfence ledger entry``, ``proposals``, ``audit``.

    request (JSON) + names ──text to scaled integers──▶ LedgerEntry ──▶ BOOK_ENTRY (core/entries.pyx judges)
    LedgerEntry + tables as they are ──▶ (what, before, after)          breaks ──refusal──▶ why the ledger refused a command

Which fields a kind takes is the engine's table (``core.entries.FIELDS``). Nothing is rounded: an amount keeps its own digits, up to 18, quantities and prices
must fit the instrument's. What can fail: ``ValueError`` that says what is allowed. Pure; whoever calls owns the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ringfence.core.entries import FIELDS, key_of_reference
from ringfence.gateways.decimals import text_to_scaled
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS
from ringfence.tools import ledger_cash_entry, ledger_names
from ringfence.tools.ledger_numbers import fixed
from ringfence.tools.ledger_state import MONEY_DIGITS, wide
from ringfence.tools.rule_values import Names

Request = dict[str, Any]
Tables = Callable[[str], Any]
KINDS = tuple(kind.lower() for kind in FIELDS)
REFERENCE_MAX = dtype("LedgerEntry")["reference"].itemsize
_KIND, _BREAK, _STATE = ENUMS["LedgerEventKind"], ENUMS["BreakKind"].by_name, ENUMS["LedgerEventState"].by_value
_RESULT = {value: f"{name}: {meaning}" if meaning else name for name, value, meaning in ENUMS["LedgerResult"].values}
_ASKED = {"PX": "px", "QTY": "qty", "AMOUNT": "amount", "RATIO": "ratio", "OTHER": "to_account", "OTHER_STRATEGY": "to_strategy"}
"""Key of a request for each field of ``FIELDS``."""
_ASKED_BY = {
    "SPIN_OFF": {"OTHER": "new_symbol"},
    "DEPOSIT": {"OTHER": "currency"},
    "WITHDRAWAL": {"OTHER": "currency"},
    "CONVERSION": {"OTHER": "currency", "QTY": "to_amount", "OTHER_STRATEGY": "to_currency"},
    "NAME_LOT": {"RATIO": "execution lot"},
}
"""Where a kind asks otherwise."""
_KEYS = {key for asked in (_ASKED, *_ASKED_BY.values()) for keys in asked.values() for key in keys.split()}
_TABLE = {"account": "accounts", "strategy": "strategies", "symbol": "instruments"}
_FIGURE = {
    "FUNDING": "funding",
    "INTEREST": "income",
    "DIVIDEND": "income",
    "SETTLE": "settled",
    "RETURN_OF_CAPITAL": "cost",
}
"""Kinds that move money, and the figure of the position that they change; the others change its quantity."""


# ---- from what people write ----------------------------------------------------------------------------------------------------


def build(request: Request, names: Names, table: Tables) -> Any:
    """Return the LedgerEntry that a request asks for.

    Raises
    ------
    ValueError
        A value is missing, not allowed or names nothing; the message says what is.
    """
    kind = str(request.get("kind", "")).upper()
    if kind not in FIELDS:
        raise ValueError(f"kind was {request.get('kind')!r}; allowed: {', '.join(KINDS)}")
    body = np.zeros(1, dtype("LedgerEntry"))[0]
    body["kind"], body["reference"] = _KIND.by_name[kind], _reference(request)
    _check_fields(kind, request)
    if kind == "BUST":
        return body
    if kind == "NAME_LOT":
        for name, value in ledger_names.build(request, table).items():
            body[name] = value
        return body
    if kind in ledger_cash_entry.KINDS:
        ledger_cash_entry.fill_in(body, kind, request, names)
        return body
    body["account"], body["strategy"], body["instrument"] = (_row(names, request, key) for key in ("account", "strategy", "symbol"))
    instrument = table("instruments")[int(body["instrument"])]
    body["px"] = _scaled(request, "px", int(instrument["price_digits"]))
    body["qty"] = _scaled(request, "qty", int(instrument["qty_digits"]))
    if kind == "TRANSFER":
        body["other"] = _row(names, {"account": request["account"]} | request, "to_account" if request.get("to_account") else "account")
        body["other_strategy"] = _row(names, request, "to_strategy")
    elif kind == "CROSS":
        body["other_strategy"] = _row(names, request, "to_strategy")
    elif kind == "SPIN_OFF":
        body["other"] = _row(names, request, "new_symbol")
    if request.get("amount") is not None:
        text = str(request["amount"])
        body["amount_digits"] = min(len(text.partition(".")[2].rstrip("0")), MONEY_DIGITS)
        body["amount"] = text_to_scaled(text, int(body["amount_digits"]))
    if request.get("ratio") is not None:
        body["ratio_num"], body["ratio_den"] = _ratio(str(request["ratio"]))
    return body


def _reference(request: Request) -> bytes:
    text = str(request.get("reference", ""))
    if not 0 < len(text) <= REFERENCE_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"reference was {text!r}; allowed: 1 to {REFERENCE_MAX} printable ASCII characters without a blank, those of the statement or notice")
    return text.encode()


def _check_fields(kind: str, request: Request) -> None:
    """Refuse what the kind does not take, and what it needs and is not there."""
    asked = _ASKED | _ASKED_BY.get(kind, {})
    needed, besides = ([key for name in names.split() for key in asked[name].split()] for names in FIELDS[kind])
    for key in sorted(_KEYS - {*needed, *besides}):
        if request.get(key) is not None:
            raise ValueError(f"{key} is not for {kind.lower()}, which takes {', '.join(sorted((*needed, *besides))) or 'its reference only'}")
    for key in needed:
        if key != "to_account" and request.get(key) is None:
            raise ValueError(f"{kind.lower()} needs {key}")
    if kind == "DIVIDEND" and (request.get("px") is None) == (request.get("amount") is None):
        raise ValueError("dividend needs px (per unit held) or amount (in all), not both")


def _row(names: Names, request: Request, key: str) -> int:
    known, name = names[_TABLE[key.rpartition("_")[2]]], request.get(key)
    if name not in known:
        raise ValueError(f"{key} was {name!r}; there are {', '.join(known) or 'none'}")
    return known[str(name)]


def _scaled(request: Request, key: str, digits: int) -> int:
    text = request.get(key)
    try:
        return text_to_scaled(str(text), digits) if text is not None else 0
    except ValueError as e:
        raise ValueError(f"{key}: {e}") from e


def _ratio(text: str) -> tuple[int, int]:
    new, colon, old = text.partition(":")
    if not colon or not (new.isdigit() and old.isdigit()) or not (0 < int(new) < 1 << 32 and 0 < int(old) < 1 << 32):
        raise ValueError(f"ratio was {text!r}; write NEW:OLD, two whole numbers from 1 to {(1 << 32) - 1}, as 2:1 for two new units for one")
    return int(new), int(old)


# ---- in words ------------------------------------------------------------------------------------------------------------------


def describe(table: Tables, body: bytes) -> tuple[str, str, str]:
    """What an entry is about, the figure that it changes as it is now, and what it does to it."""
    e = np.frombuffer(body.ljust(dtype("LedgerEntry").itemsize, b"\0"), dtype("LedgerEntry"), 1)[0]
    kind = _KIND.by_value.get(int(e["kind"]), "?")
    reference = bytes(e["reference"]).decode("ascii", "replace")
    if kind == "BUST":
        return _bust(table, reference)
    if kind in ledger_cash_entry.KINDS:
        return ledger_cash_entry.describe(table, kind, reference, e)
    instruments = table("instruments")
    if not 0 < int(e["instrument"]) < len(instruments):
        return f"entry {reference}: {kind}", "", ""
    i = instruments[int(e["instrument"])]
    owner = "/".join((_name(table, "accounts", int(e["account"])), _name(table, "strategies", int(e["strategy"])), _text(i["symbol"])))
    return f"entry {reference}: {kind} of {owner}", _now(table, kind, e, i), _asked(table, kind, e, i)


def _bust(table: Tables, reference: str) -> tuple[str, str, str]:
    events = table("ledger_events")[1:]
    found = events[events["key"] == key_of_reference(reference)] if reference.isascii() else events[:0]  # ours are; another's journal may have anything
    if not len(found):
        return f"entry {reference}", "", "BUSTED"
    was, i, kind = found[0], table("instruments")[int(found[0]["instrument"])], _KIND.by_value[int(found[0]["kind"])]
    if kind in ledger_cash_entry.KINDS:
        return ledger_cash_entry.about(table, kind, reference, int(was["account"])), _STATE[int(was["state"])], "BUSTED"
    owner = "/".join((_name(table, "accounts", int(was["account"])), _name(table, "strategies", int(was["strategy"])), _text(i["symbol"])))
    return f"entry {reference}: {kind} of {owner}", _STATE[int(was["state"])], "BUSTED"


def _now(table: Tables, kind: str, e: Any, instrument: Any) -> str:
    owner = int(e["account"]), int(e["strategy"]), int(e["instrument"])
    rows = table("ledger_positions")[1:]
    found = next((p for p in rows if (int(p["account"]), int(p["strategy"]), int(p["instrument"])) == owner), None)
    figure = _FIGURE.get(kind, "qty")
    digits = int(instrument["qty_digits"]) if figure == "qty" else MONEY_DIGITS
    return f"{figure} {fixed(wide(found[figure]) if found is not None else 0, digits)}"


def _asked(table: Tables, kind: str, e: Any, instrument: Any) -> str:
    qty = fixed(int(e["qty"]), int(instrument["qty_digits"]))
    px = fixed(int(e["px"]), int(instrument["price_digits"]))
    amount = fixed(int(e["amount"]), int(e["amount_digits"]))
    ratio = f"{int(e['ratio_num'])}:{int(e['ratio_den'])}"
    other = int(e["other"])
    if kind == "TRANSFER":
        fee = f", network fee {amount} at {px}" if int(e["amount"]) else ""
        return f"{qty} to {_name(table, 'accounts', other)}/{_name(table, 'strategies', int(e['other_strategy']))}{fee}"
    if kind == "NAME_LOT":
        return ledger_names.asked(e, instrument)
    if kind == "CROSS":
        return f"{qty} sold to {_name(table, 'strategies', int(e['other_strategy']))} at {px}"
    if kind == "SPLIT":
        return f"{ratio}{f', what is below {qty} paid at {px}' if int(e['px']) else ''}"
    if kind == "SPIN_OFF":
        return f"{ratio} of {_text(table('instruments')[other]['symbol']) if other < len(table('instruments')) else f'#{other}'} with {amount} of the cost"
    if kind == "REWARD":
        return f"{qty} at {px}"
    return f"{amount} {_text(instrument['base' if int(instrument['inverse']) else 'quote'])}" if int(e["amount"]) else f"at {px}"


def _name(table: Tables, rows: str, row: int) -> str:
    found = table(rows)
    return (_text(found[row]["name"]) if 0 < row < len(found) else "") or f"#{row}"


def _text(raw: Any) -> str:
    return bytes(raw).decode("ascii", "replace")


def refusal(breaks: Any, request_id: int) -> str:
    """Why the ledger refused the command with this id, "" when it was not the ledger, or the table of breaks had no room to say so."""
    commands = breaks[(breaks["kind"] == _BREAK["BAD_CONTROL"]) & (breaks["theirs"] == request_id)]
    if not len(commands):
        return ""
    said = breaks[(breaks["kind"] == _BREAK["LEDGER_REFUSED"]) & (breaks["seq"] == commands[-1]["seq"])]
    return f"the ledger refused it and nothing has changed: {_RESULT.get(int(said[-1]['theirs']), '?')}" if len(said) else ""
