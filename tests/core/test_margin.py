"""The margin schedule: which row counts, what steps of size make of it, what an order holds, what takes two people, and images that cannot be.

The firm's currency is USD; instrument 1 is EURUSD, spot, account 1 of broker 1, account 2 of none. Rates are in millionths.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.core.rules import RULES
from ringfence.ipc.schema import ENUMS

DOLLAR = 10_000
KIND = ENUMS["InstrumentKind"].by_name
STATE = ENUMS["ProposalState"].by_value
OWNER, ALICE = 1000, 1001
ACTIVE, HALTED = ENUMS["Status"].by_name["ACTIVE"], ENUMS["Status"].by_name["HALTED"]


def row(m: Any, row_id: int, rate: int, *steps: tuple[int, int], status: int = ACTIVE, uid: int = 0, **about: int) -> str:
    """Command a row of the schedule; what became of it: done, proposed or refused. A step is (above [dollars], rate)."""
    body = m.record("MarginRate", id=row_id, rate_ppm=rate, status=status, **about)
    for k, (above, ppm) in enumerate(steps):
        body["above"][k], body["step_ppm"][k] = above * DOLLAR, ppm
    return send(m, body, uid)


def send(m: Any, body: Any, uid: int = 0) -> str:
    breaks, proposals = int(m.status["break_count"]), int(m.status["proposals"])
    m.control("DEFINE_MARGIN", body=body, operator_uid=uid, operator_name="owner" if uid else "config")
    if int(m.status["break_count"]) > breaks:
        return "refused"
    return "proposed" if int(m.status["proposals"]) > proposals else "done"


@pytest.fixture
def m(machine: Any) -> Any:
    m = machine
    m.currency("USD")
    m.currency("EUR", 2, rate=2 * 10**9)
    m.control("DEFINE_BROKER", body=m.record("Broker", id=1, name="broker", status=1))
    for account, broker in ((1, 1), (2, 0)):
        m.control("DEFINE_ACCOUNT", body=m.record("Account", id=account, name=f"a{account}", code=f"ACC{account}", status=1, broker=broker))
    m.control("DEFINE_ROUTE", body=m.record("Route", id=2, account=2, venue=1, status=1))
    m.instrument(kind=KIND["FX_SPOT"])
    m.limit("GROSS_EXPOSURE", 10**15)  # sums are counted from the first limit on
    return m


def position_margin(m: Any, account: int = 1) -> int:
    return int(m.scope("ACCOUNT", account)["margin"])


def bought(m: Any, qty: int, px: int = 100, account: int = 1) -> Any:
    """A purchase that is filled at once."""
    n = int(m.status["order_count"]) + 1
    m.new(n, qty=qty, px=px, account=account)
    assert m.told()[-1] == "ACCEPTED"
    m.fill(qty, px=px, exec_id=f"E{n}", order=n)
    return m


# ---- which row ----------------------------------------------------------------------------------------------------------------------

NARROWER = [
    ({"account": 1, "instrument": 1}, 1),
    ({"broker": 1, "instrument": 1}, 2),
    ({"instrument": 1}, 3),
    ({"account": 1, "kind": KIND["FX_SPOT"]}, 4),
    ({"broker": 1, "kind": KIND["FX_SPOT"]}, 5),
    ({"kind": KIND["FX_SPOT"]}, 6),
    ({"account": 1, "currency": 2}, 7),
    ({"broker": 1, "currency": 1}, 8),
    ({"currency": 2}, 9),
    ({"account": 1}, 10),
    ({"broker": 1}, 11),
    ({}, 12),
]


def test_row_when_several_are_about_it_is_the_narrowest(m: Any) -> None:
    bought(m, 100)
    for about, percent in reversed(NARROWER):
        assert row(m, percent, percent * 10_000, **about) == "done"
        assert position_margin(m) == percent * DOLLAR, about
        assert int(m.table("positions")[1]["margin_rate"]) == percent
    for (_, percent), (_, wider) in itertools.pairwise(NARROWER):
        assert row(m, percent, percent * 10_000, status=HALTED) == "done"
        assert position_margin(m) == wider * DOLLAR, "a row that is halted does not count"


@pytest.mark.parametrize("about", [{"account": 2}, {"instrument": 2}, {"kind": KIND["EQUITY"]}, {"currency": 3}])
def test_row_when_it_is_about_something_else_does_not_count(m: Any, about: dict[str, int]) -> None:
    m.currency("JPY", 3, rate=10**7)
    m.instrument(2, "GBPUSD")
    m.limit("MARGIN_RATE", 70_000)
    assert row(m, 1, 500_000, **about) == "done"
    bought(m, 100)
    assert position_margin(m) == 7 * DOLLAR


def test_row_when_none_is_about_it_leaves_the_rates_of_instrument_account_broker_and_firm(m: Any) -> None:
    bought(m, 100)
    m.limit("MARGIN_RATE", 10_000)
    m.limit("MARGIN_RATE", 20_000, "BROKER", 1)
    assert position_margin(m) == 2 * DOLLAR
    m.instrument(kind=KIND["FX_SPOT"], margin_ppm=30_000)
    assert position_margin(m) == 3 * DOLLAR
    assert row(m, 1, 0) == "done"
    assert position_margin(m) == 0, "a rate of nothing is a rate"


@pytest.mark.parametrize("higher", [1, 2])
def test_row_when_both_currencies_have_one_is_the_one_with_the_highest_rate(m: Any, higher: int) -> None:
    for currency in (1, 2):
        assert row(m, currency, 90_000 if currency == higher else 10_000, currency=currency) == "done"
    bought(m, 100)
    assert position_margin(m) == 9 * DOLLAR


def test_row_when_the_account_moves_to_another_broker_is_that_brokers(m: Any) -> None:
    m.control("DEFINE_BROKER", body=m.record("Broker", id=2, name="second", status=1))
    row(m, 1, 10_000, broker=1)
    row(m, 2, 50_000, broker=2)
    bought(m, 100)
    assert position_margin(m) == DOLLAR
    m.control("DEFINE_ACCOUNT", body=m.record("Account", id=1, name="a1", code="ACC1", status=1, broker=2))
    assert position_margin(m) == 5 * DOLLAR


# ---- how much -----------------------------------------------------------------------------------------------------------------------

STEP = st.tuples(st.integers(1, 400), st.integers(0, 10**6))


def slow_margin(amount: int, rate: int, steps: list[tuple[int, int]]) -> int:
    """Margin of an amount [10^-4]: each part at the rate of its step, rounded up."""
    edges, rates = [0, *(above * DOLLAR for above, _ in steps)], [rate, *(ppm for _, ppm in steps)]
    tops = [*edges[1:], None]
    parts = [max((amount if top is None else min(amount, top)) - edge, 0) for edge, top in zip(edges, tops, strict=True)]
    return sum(ceil(Fraction(part * ppm, 10**6)) for part, ppm in zip(parts, rates, strict=True))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.integers(0, 10**6),
    steps=st.lists(STEP, max_size=3, unique_by=lambda s: s[0]),
    sizes=st.lists(st.integers(-300, 300).filter(bool), min_size=1, max_size=5),
)
def test_margin_of_a_position_is_progressive_and_of_an_order_the_highest_rate(
    make_machine: Any, rate: int, steps: list[tuple[int, int]], sizes: list[int]
) -> None:
    m, steps = make_machine(), sorted(steps)
    m.currency("USD")
    m.limit("GROSS_EXPOSURE", 10**15)
    assert row(m, 1, rate, *steps, instrument=1) == "done"
    highest, net = max(rate, *(ppm for _, ppm in steps), 0), 0
    for n, size in enumerate(sizes, 1):
        m.new(n, qty=abs(size), px=123, side=1 if size > 0 else 2)
        held = slow_margin(abs(net) * 123 * DOLLAR // 100, rate, steps)
        assert position_margin(m) == held + ceil(Fraction(abs(size) * 123 * 100 * highest, 10**6))
        m.fill(abs(size), px=123, exec_id=f"E{n}", order=n)
        net += size
        assert position_margin(m) == slow_margin(abs(net) * 123 * DOLLAR // 100, rate, steps)


def test_margin_when_it_does_not_fit_saturates_and_refuses(m: Any) -> None:
    row(m, 1, 10**9)
    m.limit("MARGIN", 2**62)
    m.new(1, qty=10**10, px=10**6)
    assert m.deny() in ("MARGIN", "OVERFLOW")


# ---- images that cannot be -------------------------------------------------------------------------------------------------------------

BAD: list[dict[str, Any]] = [
    {"id": 0},
    {"id": 9999},
    {"status": 0},
    {"status": 9},
    {"broker": 2},
    {"account": 3},
    {"currency": 3},
    {"instrument": 2},
    {"kind": 99},
    {"broker": 1, "account": 1},
    {"instrument": 1, "kind": 1},
    {"instrument": 1, "currency": 1},
    {"kind": 1, "currency": 1},
    {"rate_ppm": 10**9 + 1},
    {"above": [5, 5, 0]},
    {"above": [5, 4, 0]},
    {"above": [-1, 0, 0]},
    {"above": [0, 5, 0]},
    {"above": [2**59, 0, 0]},
    {"step_ppm": [1, 0, 0]},
    {"above": [1, 0, 0], "step_ppm": [10**9 + 1, 0, 0]},
    {"above": [1, 0, 3], "step_ppm": [1, 0, 1]},
]


@pytest.mark.parametrize("fields", BAD)
def test_image_that_cannot_be_is_refused_and_changes_nothing(m: Any, fields: dict[str, Any]) -> None:
    body = m.record("MarginRate", **({"id": 1, "status": ACTIVE, "rate_ppm": 1} | fields))
    assert send(m, body) == "refused"
    assert not m.table("margin_rates").view(np.uint8).any()
    assert int(m.status["margin_rate_count"]) == 0


def test_image_when_its_bytes_are_random_is_refused_or_a_schedule(m: Any) -> None:
    draw = np.random.default_rng(20261127)
    bought(m, 10)
    for _ in range(2000):
        body = np.frombuffer(draw.bytes(128), m.record("MarginRate").dtype).copy()[0]
        for name, top in (("id", 4), ("status", 3), ("broker", 2), ("account", 3), ("currency", 3), ("instrument", 2), ("kind", 9)):
            if draw.random() < 0.8:
                body[name] = draw.integers(0, top)
        if draw.random() < 0.8:
            body["above"], body["step_ppm"], body["rate_ppm"] = [0, 0, 0], [0, 0, 0], draw.integers(0, 10**9)
        done = send(m, body)
        kept = m.table("margin_rates")[1 : int(m.status["margin_rate_count"]) + 1]
        assert done in ("done", "refused")
        assert all(int(r["rate_ppm"]) <= 10**9 and int(r["broker"]) <= 1 and int(r["account"]) <= 2 and int(r["instrument"]) <= 1 for r in kept)
    assert int(m.status["margin_rate_count"]) > 0
    assert m.replayed().replayer.state.state_hash() == m.replayer.state.state_hash()


# ---- what takes two ----------------------------------------------------------------------------------------------------------------------


def governing(m: Any) -> Any:
    """Let the instance have two operators and trade."""
    for k, uid in enumerate((OWNER, ALICE), 1):
        role = ENUMS["OperatorRole"].by_name["RISK" if k > 1 else "ADMIN"]
        m.control("DEFINE_OPERATOR", body=m.record("Operator", id=k, name=f"o{k}", uid=uid, role=role, status=1))
    return bought(m, 1)


def own_rate(m: Any, ppm: int) -> str:
    """One operator gives instrument 1 a margin rate of its own; what became of it."""
    proposals, body = int(m.status["proposals"]), m.table("instruments")[1].copy()
    body["margin_ppm"] = ppm
    m.control("DEFINE_INSTRUMENT", body=body, operator_uid=OWNER, operator_name="owner")
    return "proposed" if int(m.status["proposals"]) > proposals else "done"


@pytest.fixture
def governed(m: Any) -> Any:
    """An instance that trades, with two operators; row 1 is 10 %, above 50 dollars 20 %, of everything."""
    row(m, 1, 100_000, (50, 200_000))
    return governing(m)


@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        (((100_000, (50, 200_000)), {}), "done"),
        (((150_000, (50, 200_000)), {}), "done"),
        (((100_000, (40, 200_000)), {}), "done"),
        (((200_000,), {}), "done"),
        (((100_000, (50, 200_000), (60, 300_000)), {}), "done"),
        (((99_999, (50, 200_000)), {}), "proposed"),
        (((100_000, (51, 200_000)), {}), "proposed"),
        (((100_000, (50, 199_999)), {}), "proposed"),
        (((300_000, (90, 199_999)), {}), "proposed"),
        (((100_000, (50, 200_000), (70, 100_000)), {}), "proposed"),
        (((100_000,), {}), "proposed"),
        (((100_000, (50, 200_000)), {"status": HALTED}), "proposed"),
        (((900_000,), {"instrument": 1}), "proposed"),
    ],
)
def test_change_of_a_row_takes_two_when_a_rate_falls_at_any_size(governed: Any, change: Any, becomes: str) -> None:
    (rate, *steps), fields = change
    assert row(governed, 1, rate, *steps, uid=OWNER, **fields) == becomes
    if becomes == "proposed":
        assert int(governed.table("margin_rates")[1]["rate_ppm"]) == 100_000, "nothing of it holds before it is approved"
        governed.control("APPROVE", body=governed.record("Decision", proposal=1), operator_uid=ALICE)
        assert int(governed.table("margin_rates")[1]["rate_ppm"]) == rate
        assert int(governed.table("margin_rates")[1]["status"]) == fields.get("status", ACTIVE)


@pytest.mark.parametrize(("rate", "steps", "becomes"), [(200_000, [], "done"), (199_999, [], "proposed"), (300_000, [(9, 199_999)], "proposed")])
def test_new_row_takes_two_unless_no_rate_there_is_higher(governed: Any, rate: int, steps: Any, becomes: str) -> None:
    assert row(governed, 2, rate, *steps, instrument=1, uid=OWNER) == becomes
    assert row(governed, 3, rate, *steps, instrument=1, status=HALTED, uid=OWNER) == "done"
    assert row(governed, 3, rate, *steps, instrument=1, uid=OWNER) == becomes


@pytest.mark.parametrize("where", ["instrument", "firm", "account"])
def test_new_row_takes_two_when_another_kind_of_rate_is_higher(governed: Any, where: str) -> None:
    if where == "instrument":
        governed.instrument(kind=KIND["FX_SPOT"], margin_ppm=250_000)
    else:
        governed.limit("MARGIN_RATE", 250_000, *(("ACCOUNT", 1) if where == "account" else ()), operator_uid=ALICE)
    assert row(governed, 2, 249_999, account=1, uid=OWNER) == "proposed"
    assert row(governed, 3, 250_000, account=1, uid=OWNER) == "done"


@pytest.mark.parametrize(
    ("change", "other", "becomes"),
    [
        ((50_000, (90, 600_000)), {"currency": 2}, "proposed"),
        ((50_000, (90, 600_000)), {"currency": 1}, "proposed"),  # two rows of one key
        ((500_000, (90, 600_000)), {"currency": 2}, "done"),  # it asks for more everywhere
        ((50_000, (90, 499_999)), {"currency": 2}, "done"),  # the other one still counts
        ((50_000, (90, 600_000)), {"instrument": 1}, "done"),  # the other one is narrower
        ((50_000, (90, 600_000)), {"currency": 2, "account": 1}, "done"),
        ((50_000, (90, 600_000)), {"currency": 2, "status": HALTED}, "done"),
    ],
)
def test_higher_step_takes_two_when_its_row_then_comes_before_one_that_asks_for_more(m: Any, change: Any, other: dict[str, int], becomes: str) -> None:
    """Of two rows that are equally narrow the one with the highest rate counts, so a step that rises can lower what smaller sizes need."""
    row(m, 1, 500_000, **other)
    row(m, 2, 50_000, currency=1)
    before = position_margin(governing(m))
    rate, *steps = change
    assert row(m, 2, rate, *steps, uid=OWNER, currency=1) == becomes
    assert position_margin(m) >= before


@pytest.mark.parametrize(
    ("firm", "before", "after", "becomes"),
    [
        (500_000, 0, 1, "proposed"),
        (500_000, 0, 499_999, "proposed"),
        (500_000, 0, 500_000, "done"),
        (500_000, 600_000, 0, "proposed"),
        (500_000, 400_000, 399_999, "proposed"),
        (500_000, 1, 2, "done"),
        (0, 0, 1, "done"),
    ],
)
def test_own_rate_of_an_instrument_takes_two_when_less_is_needed_then(m: Any, firm: int, before: int, after: int, becomes: str) -> None:
    """An own rate of 0 is none: MARGIN_RATE holds then."""
    m.limit("MARGIN_RATE", firm)
    m.instrument(kind=KIND["FX_SPOT"], margin_ppm=before)
    needed = position_margin(governing(m))
    assert own_rate(m, after) == becomes
    assert position_margin(m) >= needed


def test_own_rate_of_an_instrument_takes_two_when_the_margin_rate_of_one_account_is_higher(m: Any) -> None:
    m.limit("MARGIN_RATE", 300_000, "ACCOUNT", 2)
    governing(m)
    assert own_rate(m, 299_999) == "proposed"
    assert own_rate(m, 300_000) == "done"


@pytest.mark.parametrize(
    ("about", "killed"),
    [({"account": 1}, ("ACCOUNT", 1)), ({"instrument": 1}, ("INSTRUMENT", 1)), ({"broker": 1}, ("BROKER", 1)), ({"account": 1}, ("BROKER", 1))],
)
def test_kill_withdraws_a_lower_rate_that_waits_for_its_scope(governed: Any, about: dict[str, int], killed: tuple[str, int]) -> None:
    assert row(governed, 2, 1, uid=OWNER, **about) == "proposed"
    governed.kill(*killed, operator_uid=ALICE)
    assert [STATE[int(p["state"])] for p in governed.table("proposals")[1:2]] == ["WITHDRAWN"]


def test_rules_of_margin_are_where_accounts_are() -> None:
    assert RULES["FREE_MARGIN"].scopes == RULES["MARGIN"].scopes == RULES["MARGIN_RATE"].scopes
