"""A journal as a Result: what a live day, or a backtest of another process, came to, in the arrays that backtests have.

    DATA/journal ──tools.replay──▶ tables at every so many frames ──▶ PnL curve; at the end ──result.collect──▶ the other arrays

Nothing but the files is needed, as for ``ringfence replay``; they may be those of an instance that runs. What the engine told the strategy is not
journaled, so ``events`` is empty. What can fail: JournalCorrupt, JournalError and ReplayDiffers as in tools/replay.py, ValueError for a strategy that the
journal does not know.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any

from ringfence.backtest.result import Result, Samples, collect, instruments, summarise
from ringfence.backtest.runner import SAMPLES
from ringfence.core.state import State
from ringfence.tools.journal import Chunk, JournalReader
from ringfence.tools.journal_records import Reader
from ringfence.tools.replay import journal_limits, stops


def read_day(directory: Path | str, strategy: str, samples: int = SAMPLES) -> Result:
    """Return what a strategy did in the time that a journal holds.

    Parameters
    ----------
    directory : Path or str
        ``DATA/journal``.
    strategy : str
        Its name in the configuration.
    samples : int
        Samples of the PnL curve, evenly over the frames.

    Raises
    ------
    ValueError
        If the journal defines no such strategy.
    """
    reader = Reader(directory)
    every = max(1, (reader.last_seq - reader.first_seq + 1) // max(1, samples))
    files = JournalReader(directory)
    taken: Samples | None = None
    row = 0
    for replayer in stops(files, journal_limits(files), every):
        state = replayer.state
        if taken is None and (row := _row(state, strategy)):
            taken = Samples(state, row)
        if taken is not None:
            taken.take(int(taken.engine["engine_ns"]))
    if taken is None:
        raise ValueError(f"{directory}: the journal defines no strategy {strategy!r}")
    intents = reader.records("INTENT")
    mine = intents.heads["source"] == row
    arrays = collect(state, (intents.heads[mine], intents.payloads[mine]), [], taken.curve(), row)
    digits, symbols, currencies = tables = instruments(state)
    counts = {"from_ns": _first_ns(reader), "to_ns": int(taken.engine["engine_ns"]), "frames": reader.last_seq - reader.first_seq + 1}
    summary = counts | summarise(arrays, tables, state)
    hashes: dict[str, Any] = {"state_hash": int(state.state_hash()), "journal_hash": _digest(files)}
    return Result(**arrays, digits=digits, symbols=symbols, currencies=currencies, **hashes, summary=summary)


def _row(state: State, strategy: str) -> int:
    """Row of a strategy; 0: it is not defined (yet)."""
    names = state.table("strategies")["name"][1 : int(state.table("engine")[1]["strategy_count"]) + 1].tolist()
    return int(names.index(strategy.encode())) + 1 if strategy.encode() in names else 0


def _first_ns(reader: Reader) -> int:
    first = reader.follow(reader.first_seq).poll()
    return int(first[0].head["engine_ns"]) if first else 0


def _digest(files: JournalReader) -> str:
    digest = blake2b(digest_size=16)
    for item in files.chunks(chain=False):
        if isinstance(item, Chunk):
            digest.update(memoryview(item.buffer)[item.start : item.end])
    return digest.hexdigest()
