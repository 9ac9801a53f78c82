"""Write what fuzz_message.c reads: ``python tests/fuzz/tables.py FOLDER`` makes FIX.4.2, FIX.4.4 (tables of validation.h) and corpus (bodies)."""

from __future__ import annotations

import sys
from pathlib import Path

from ringfence.gateways.fix.dictionary_file import declared
from ringfence.gateways.fix.dictionary_tables import tables

CORPUS = Path(__file__).resolve().parent / "corpus" / "messages.txt"


def write(folder: Path) -> None:
    """Write the three files; SEQ and NOW of the corpus become a number and a time."""
    folder.mkdir(parents=True, exist_ok=True)
    for version in ("FIX.4.2", "FIX.4.4"):
        (folder / version).write_bytes(tables(declared(version), {}))
    text = CORPUS.read_text(encoding="ascii").replace("SEQ", "7").replace("NOW", "20231114-22:13:20.123")
    (folder / "corpus").write_text(text, encoding="ascii")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
