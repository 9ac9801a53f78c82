"""Market data that ships with the package; README.md says where each file comes from.

A package only so that the files are installed: ``data_file`` is how the demo and the tests find them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def data_file(name: str) -> Path:
    """Return the path of a shipped file, for example ``"eurusd_ticks.csv"``.

    Raises
    ------
    FileNotFoundError
        If no such file ships; the message lists those that do.
    """
    folder = Path(str(files(__name__)))
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"{name}: no such data file; there are {', '.join(sorted(p.name for p in folder.glob('*.csv')))}")
    return path
