"""Records: numpy, the schema and the compiler agree on every offset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import LAYOUT_HASH, RECORDS, Field, Record, SchemaError
from ringfence.tools.gen_records import c_name


@pytest.mark.parametrize("name", list(RECORDS))
def test_dtype_when_taken_from_schema_has_its_offsets(name: str) -> None:
    record, found = RECORDS[name], dtype(name)
    assert found.itemsize == record.size
    assert {f: found.fields[f][1] for f in found.names} == record.offsets
    assert {f: found.fields[f][0].itemsize for f in found.names} == {f.name: f.size for f in record.fields}


def test_records_when_compiled_have_the_offsets_of_numpy(compile_and_run: Callable[..., str], tmp_path: Path) -> None:
    lines = ["#include <stdio.h>", '#include "records.h"', "int main(void) {", '    printf("{\\"hash\\": %llu", (unsigned long long)RF_LAYOUT_HASH);']
    for name, record in RECORDS.items():
        lines.append(f'    printf(", \\"{name}\\": [%zu", sizeof({c_name(record)}));')
        lines += [f'    printf(", %zu", offsetof({c_name(record)}, {f.name}));' for f in record.fields]
        lines.append('    printf("]");')
    source = tmp_path / "offsets.c"
    source.write_text("\n".join([*lines, '    printf("}\\n");', "    return 0;", "}", ""]))
    found = json.loads(compile_and_run(source))
    assert found.pop("hash") == LAYOUT_HASH
    assert found == {name: [dtype(name).itemsize, *(dtype(name).fields[f][1] for f in dtype(name).names)] for name in RECORDS}


def test_record_when_padding_is_implicit_is_refused() -> None:
    with pytest.raises(SchemaError, match="explicit pad_"):
        Record("Bad", "", "", 64, (Field("a", "u8"), Field("b", "u64"), Field("c", "char[55]")))


def test_record_when_size_does_not_match_is_refused() -> None:
    with pytest.raises(SchemaError, match="fields take 8 bytes"):
        Record("Bad", "", "", 64, (Field("a", "u64"),))
