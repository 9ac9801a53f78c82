"""The demo strategies' decisions, on a stand-in that plays quotes and events to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ringfence.strategy import Event, InstrumentInfo, OrderView, PositionView, QuoteView
from ringfence.tools.demo_strategies import follow, main, make_market

EUR = InstrumentInfo(1, "EUR/USD", 5, 0, 5, 1)


class Order:
    def __init__(self, owner: Stand, client_id: int) -> None:
        self.owner, self.client_id = owner, client_id

    @property
    def state(self) -> OrderView | None:
        leaves = 0 if self.client_id in self.owner.gone else 10
        return OrderView(self.client_id, 1, "EUR/USD", "main", "BUY", "NEW", 10, 0, leaves, 0, 0, 0, "", "")

    def cancel(self) -> None:
        self.owner.did.append(("cancel", self.client_id))

    def replace(self, qty: int, px: int) -> None:
        self.owner.did.append(("replace", self.client_id, qty, px))


class Stand:
    """One turn of the strategy for each (quote, position, events) of the script; then it is stopped."""

    def __init__(self, script: list[tuple[tuple[int, int] | None, int, list[Event]]]) -> None:
        self.script, self.did, self.ids, self.stopping, self.net = script, [], 0, False, 0
        self.did: list[tuple[Any, ...]]
        self.now: tuple[int, int] | None = None
        self.gone: set[int] = set()

    def instrument(self, _symbol: str) -> InstrumentInfo:
        return EUR

    def events(self, timeout: float) -> Iterator[Event]:
        self.now, self.net, events = self.script.pop(0)
        self.stopping = not self.script
        yield from events

    def quote(self, symbol: str) -> QuoteView | None:
        return QuoteView(symbol, *self.now, 0, 9, 1, False, False) if self.now else None

    def position(self, symbol: str) -> PositionView:
        return PositionView(symbol, "main", self.net)

    def send(self, side: str, _symbol: str, qty: int, px: int, **terms: Any) -> Order:
        self.ids += 1
        self.did.append((side, qty, px, *terms.values()))
        return Order(self, self.ids)


Run = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def run() -> Run:
    def play(strategy: Callable[..., None], *script: tuple[tuple[int, int] | None, int, list[Event]], gone: int = 0) -> list[tuple[Any, ...]]:
        stand = Stand(list(script))
        stand.gone.add(gone)
        strategy(stand, "EUR/USD", 10, 20)
        return stand.did

    return play


def test_maker_when_there_is_no_quote_does_nothing(run: Run) -> None:
    assert run(make_market, (None, 0, [])) == []


def test_maker_when_the_touch_moves_replaces_both_sides_once_each(run: Run) -> None:
    did = run(
        make_market,
        ((112_000, 112_050), 0, []),
        ((112_000, 112_050), 0, [Event("ACK", 1), Event("ACK", 2)]),
        ((112_007, 112_060), 0, []),
        ((112_015, 112_070), 0, [Event("PENDING", 1)]),
        ((112_015, 112_070), 0, [Event("REPLACED", 1, ord_status="NEW")]),
    )
    assert did[:2] == [("BUY", 10, 112_000), ("SELL", 10, 112_050)]
    assert did[2:] == [("replace", 1, 10, 112_005), ("replace", 2, 10, 112_060), ("replace", 1, 10, 112_015)]


def test_maker_when_its_position_grows_leans_and_then_quotes_one_side_only(run: Run) -> None:
    filled = Event("FILL", 1, ord_status="FILLED")
    did = run(make_market, ((112_000, 112_050), 0, []), ((112_000, 112_050), 10, [filled]), ((112_000, 112_050), 20, []))
    assert did[2:] == [("BUY", 10, 111_995), ("replace", 2, 10, 112_045), ("cancel", 3)]


@pytest.mark.parametrize(("strategy", "again"), [(make_market, ("BUY", 10, 112_000)), (follow, ("SELL", 10, 111_000, "IOC", 9))])
def test_strategy_when_events_were_lost_looks_at_the_tables(run: Run, strategy: Callable[..., None], again: tuple[Any, ...]) -> None:
    touch = (112_000, 112_050) if strategy is make_market else (111_000, 111_050)
    script = (((112_000, 112_050), 0, []), (touch, 0, [Event("LOST", lost=2)]))
    assert again in run(strategy, *script, gone=1)[1:]
    assert again not in run(strategy, *script)[1:]


def test_taker_when_the_mid_moves_far_enough_takes_the_touch_of_that_side(run: Run) -> None:
    done = Event("FILL", 1, ord_status="FILLED")
    did = run(
        follow,
        ((112_000, 112_050), 0, []),
        ((112_100, 112_150), 10, []),
        ((112_025, 112_026), 10, [done]),
        ((111_900, 111_950), 10, []),
    )
    assert did == [("BUY", 10, 112_050, "IOC", 9), ("SELL", 10, 111_900, "IOC", 9)]


@pytest.mark.parametrize("touch", [(0, 0), (112_000, 0), (0, 112_050), (112_050, 112_000)])
@pytest.mark.parametrize("strategy", [make_market, follow])
def test_strategy_when_a_side_is_missing_or_the_book_is_crossed_does_nothing(run: Run, strategy: Callable[..., None], touch: tuple[int, int]) -> None:
    """A venue's book over FIX is one-sided as soon as somebody has taken a side of it."""
    assert run(strategy, (touch, 0, []), (touch, 20, [])) == []


def test_taker_when_its_position_is_full_gives_some_back(run: Run) -> None:
    assert run(follow, ((112_000, 112_050), 20, [])) == [("SELL", 10, 112_000, "IOC", 9)]


def test_main_when_no_instance_runs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["maker", "--name", "mm1", "--symbol", "EUR/USD", "--instance", "tnone"]) == 3
    assert "mm1: instance 'tnone' has no region 'instance'" in capsys.readouterr().err
