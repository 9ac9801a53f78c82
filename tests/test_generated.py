"""Generated files are what ipc/schema.py says, and a stale one is noticed; the compiled structs agree with the numpy views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ringfence.ipc import layout, schema
from ringfence.tools import gen_records


def test_generated_when_compared_with_the_schema_every_file_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    status = gen_records.main(["--check"])
    assert status == 0, capsys.readouterr().err


@pytest.mark.parametrize("damage", ["missing", "edited"])
def test_generated_when_a_file_is_stale_check_names_it_and_fails(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gen_records, "ROOT", tmp_path)
    for folder in ("ipc", "docs"):
        (tmp_path / folder).mkdir()
    assert gen_records.main([]) == 0
    assert gen_records.main(["--check"]) == 0
    stale = tmp_path / "ipc/records.h"
    if damage == "missing":
        stale.unlink()
    else:
        stale.write_text(stale.read_text().replace("int64_t px;", "int64_t price;", 1))
    assert gen_records.main(["--check"]) == 1
    assert "ipc/records.h is stale" in capsys.readouterr().err


@pytest.mark.parametrize("name", schema.RECORDS)
def test_layout_when_seen_by_numpy_has_the_schemas_offsets_and_size(name: str) -> None:
    record, dtype = schema.RECORDS[name], layout.dtype(name)
    assert dtype.itemsize == record.size
    assert dtype.fields is not None
    for field in record.fields:
        kind, offset = dtype.fields[field.name][:2]
        assert (offset, kind.itemsize) == (record.offsets[field.name], field.size), field.name
        assert np.dtype(kind).base.kind == ("S" if field.is_text else field.type[0]), field.name
