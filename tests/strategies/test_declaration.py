"""What a class may not declare is said at once, not at its first event."""

from __future__ import annotations

from typing import Any

import pytest

import ringfence
from ringfence.strategies.errors import DeclarationError

WRONG = {
    "def on_fill(self): ...": "on_fill is called with 1 argument behind self",
    "def on_lost(self, count): ...": "on_lost is called with 2 arguments behind self",
    "def on_start(self, what): ...": "on_start is called with 0 arguments behind self",
    "async def on_quote(self, quote): ...": "on_quote is a coroutine",
    "def on_quote(self, quote):\n        yield 1": "on_quote is a coroutine or a generator",
    "@staticmethod\n    def on_quote(quote): ...": "on_quote is static",
    "@classmethod\n    def on_quote(cls, quote): ...": "on_quote is",
    "on_quote = 5": "on_quote is a int, which is no plain function",
    "on_quote = functools.partial(print)": "on_quote is a partial",
    "def on_qoute(self, quote): ...": "on_qoute: no such callback",
    "@staticmethod\n    def edge(x): ...": "edge: a compiled strategy has no static methods",
    "def quote(self): ...": "quote: the name belongs to the runtime",
    "symbols = 'EUR/USD'": "symbols was 'EUR/USD'; it is a tuple of names",
}


@pytest.mark.parametrize("body", WRONG)
def test_class_when_it_cannot_be_a_strategy_says_why(body: str) -> None:
    names: dict[str, Any] = {"ringfence": ringfence}
    with pytest.raises(DeclarationError) as error:
        exec(f"import functools\n@ringfence.strategy(nopython=True)\nclass Wrong:\n    {body}\n", names)
    assert f"strategy Wrong: {WRONG[body]}" in str(error.value)


def test_class_when_its_callbacks_have_defaults_or_more_is_one() -> None:
    @ringfence.strategy
    class Right:
        def on_quote(self, quote: Any, more: int = 1) -> None: ...

        def on_lost(self, *counts: int) -> None: ...

    assert Right.__name__ == "Right"
