"""Deposits, withdrawals and conversions as people write them, and in words: what ``ledger_entry`` does for entries of a position.

    request (JSON) + names ──text to scaled integers──▶ fields of a LedgerEntry      LedgerEntry or LedgerEvent + tables ──▶ (what, before, after)

Both amounts of a conversion are given, none is computed, and nothing is rounded: they share the digits that the finer one needs, up to 18. What can fail:
``ValueError`` that says what is allowed. Pure; whoever calls owns the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ringfence.gateways.decimals import text_to_scaled
from ringfence.tools.cash_state import balances, text_of
from ringfence.tools.ledger_numbers import fixed
from ringfence.tools.ledger_state import MONEY_DIGITS
from ringfence.tools.rule_values import Names

Request = dict[str, Any]
Tables = Callable[[str], Any]
KINDS = ("DEPOSIT", "WITHDRAWAL", "CONVERSION")


def fill_in(body: Any, kind: str, request: Request, names: Names) -> None:
    """Write account, currencies and amounts of a request into the entry.

    Raises
    ------
    ValueError
        A value is not allowed or names nothing; the message says what is.
    """
    amounts = {key: str(request[key]) for key in ("amount", "to_amount") if request.get(key) is not None}
    digits = max(min(len(text.partition(".")[2].rstrip("0")), MONEY_DIGITS) for text in amounts.values())
    scaled = {key: _scaled(key, text, digits) for key, text in amounts.items()}
    for key, value in scaled.items():
        if value <= 0:
            raise ValueError(f"{key} was {amounts[key]!r}; allowed: more than 0, and the kind says which way it goes")
    body["account"], body["other"] = _row(names, "accounts", "account", request), _row(names, "currencies", "currency", request)
    body["amount"], body["amount_digits"] = scaled["amount"], digits
    if kind == "CONVERSION":
        body["other_strategy"], body["qty"] = _row(names, "currencies", "to_currency", request), scaled["to_amount"]


def _scaled(key: str, text: str, digits: int) -> int:
    try:
        return text_to_scaled(text, digits)
    except ValueError as e:
        raise ValueError(f"{key}: {e}") from e


def _row(names: Names, table: str, key: str, request: Request) -> int:
    known, name = names[table], request.get(key)
    if name not in known:
        raise ValueError(f"{key} was {name!r}; there are {', '.join(known) or 'none'}")
    return known[str(name)]


def describe(table: Tables, kind: str, reference: str, e: Any) -> tuple[str, str, str]:
    """What a LedgerEntry is about, the balance that it changes as it is now, and what it does to it."""
    account, sold, bought = int(e["account"]), _code(table, int(e["other"])), _code(table, int(e["other_strategy"]))
    amount, to_amount = (fixed(int(e[name]), int(e["amount_digits"])) for name in ("amount", "qty"))
    now = next((b.balance for b in balances(table) if (b.account, b.currency) == (account, int(e["other"]))), 0)
    asked = {"DEPOSIT": f"+{amount} {sold}", "WITHDRAWAL": f"-{amount} {sold}", "CONVERSION": f"-{amount} {sold}, +{to_amount} {bought}"}[kind]
    return about(table, kind, reference, account), f"balance {fixed(now, MONEY_DIGITS)} {sold}", asked


def about(table: Tables, kind: str, reference: str, account: int) -> str:
    """What an entry or the event of one is about."""
    rows = table("accounts")
    name = text_of(rows[account]["name"]) if 0 < account < len(rows) else ""
    return f"entry {reference}: {kind} of {name or f'#{account}'}"


def _code(table: Tables, row: int) -> str:
    rows = table("currencies")
    return (text_of(rows[row]["code"]) if 0 < row < len(rows) else "") or f"#{row}"
