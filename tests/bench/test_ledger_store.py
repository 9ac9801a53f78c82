"""The benchmark of the ledger's store does not rot: what it measures books every fill, and plain COPY stores the same rows."""

from __future__ import annotations

from pathlib import Path

from ringfence.bench.ledger_store import Keeper, compared, make, plain_copy, written
from ringfence.tools import ledger_verify
from ringfence.tools.ledger_cluster import PrivateCluster
from ringfence.tools.ledger_store import open_store

FILLS = 600


def test_ledger_store_bench_when_run_books_what_the_journal_has_and_copies_the_same_rows(cluster: PrivateCluster, tmp_path: Path) -> None:
    journal, _ = make(tmp_path, FILLS)
    ours, theirs = open_store(f"{cluster.url}#bench_ours"), open_store(f"{cluster.url}#bench_copy")
    kept = Keeper(ours)
    cost = written(journal, ours)
    assert (cost.fills, plain_copy(kept.batches, theirs).fills) == (FILLS, FILLS)
    assert ledger_verify.verify(journal, ours).differences == []
    for table in ("postings", "executions"):
        sql = f"SELECT * FROM {table} ORDER BY seq"
        assert ours.query(sql) == theirs.query(sql)
    for store in (ours, theirs):
        store.clear()
        store.close()


def test_ledger_store_bench_when_it_verifies_finds_engine_store_and_rebuild_equal() -> None:
    rows, differences = compared(FILLS)
    assert differences == []
    assert {row.name: row.ours for row in rows}["executions compared"] == FILLS
