"""Classes from files, parameters from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.strategy import ParameterRefused
from ringfence.tools.errors import UsageError
from ringfence.tools.strategy_file import load_class, settings

ONE = "import ringfence\n@ringfence.strategy\nclass One:\n    qty: ringfence.parameter = 5\n    edge: ringfence.parameter = 0.5\n"
TWO = ONE + "@ringfence.strategy\nclass Two:\n    pass\n"


def test_load_when_a_file_has_one_class_it_need_not_be_named(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(ONE)
    assert load_class(str(tmp_path / "one.py")).__name__ == "One"
    (tmp_path / "two.py").write_text(TWO)
    assert load_class(f"{tmp_path}/two.py:Two").__name__ == "Two"


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        (TWO, "", "One, Two with @ringfence.strategy; name one"),
        (ONE, ":Three", "no class Three with @ringfence.strategy; there are One"),
        ("x = 1\n", "", "no class with @ringfence.strategy"),
        ("x = 1\ny = x / 0\n", "", "file.py:2: ZeroDivisionError"),
        ("x = (\n", "", "SyntaxError"),
        ("import ringfence\n@ringfence.strategy\nclass A:\n    def on_nothing(self): ...\n", "", "on_nothing: no such callback"),
    ],
)
def test_load_when_there_is_no_such_class_it_says_what_there_is(tmp_path: Path, text: str, name: str, says: str) -> None:
    file = tmp_path / "file.py"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_class(f"{file}{name}")
    assert says in str(caught.value)


def test_load_when_there_is_no_file_it_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_class(f"{tmp_path}/none.py:One")


def test_settings_when_values_are_given_they_have_the_parameters_type(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(ONE)
    one = load_class(str(tmp_path / "one.py"))
    assert settings(one, ["qty=7", "edge=2"]) == {"qty": 7, "edge": 2.0}
    with pytest.raises(UsageError, match="NAME=VALUE"):
        settings(one, ["qty"])
    with pytest.raises(ParameterRefused, match="no parameter 'none'"):
        settings(one, ["none=1"])
