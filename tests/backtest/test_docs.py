"""docs/backtest.md: its example runs as it stands there, and its options are those of the command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringfence.tools.cli_backtest import BACKTEST

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backtest.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_page_when_its_example_is_run_it_trades_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(BLOCKS[0], "docs/backtest.md", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert int(said[0].split()[0]) > 50
    assert 1.1 < float(said[1]) < 1.2
    assert (tmp_path / "maker.svg").stat().st_size > 10_000


def test_page_when_options_are_listed_they_are_those_of_the_command() -> None:
    listed = set(re.findall(r"`(--[a-z-]+)", PAGE[PAGE.index("## The command") :]))
    offered = {flag for argument in BACKTEST.arguments for flag in argument.flags if flag.startswith("-")}
    assert offered == listed - {"--out"} | {"--out"}
