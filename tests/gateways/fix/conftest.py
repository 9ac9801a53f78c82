"""Sessions of both versions, roles and profiles for the session case tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.session_cases import LOGON, Make
from tests.gateways.fix.test_session import Side


@pytest.fixture(params=["FIX.4.2", "FIX.4.4"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["compatible", "strict"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path, version: str) -> Iterator[Make]:
    made: list[Side] = []

    def factory(role: str, **changes: Any) -> Side:
        made.append(Side(tmp_path / f"{role}{len(made)}", role, **{"begin_string": version, **changes}))
        return made[-1]

    yield factory
    for side in made:
        side.store.close()


@pytest.fixture
def up(make: Make) -> Make:
    """A side that is logged on, by role and settings."""

    def factory(role: str = "acceptor", **changes: Any) -> Side:
        side = make(role, **changes)
        side.session.connected(side.now)
        side.out()
        side.feed("A", *LOGON)
        assert side.kinds() == ["up"]
        side.events.clear()
        return side

    return factory


@pytest.fixture(params=["acceptor", "initiator"])
def side(request: pytest.FixtureRequest, up: Make) -> Side:
    return up(request.param)


@pytest.fixture
def strict(up: Make) -> Side:
    return up("acceptor", profile="strict")
