"""Write ``ipc/records.h``, ``ipc/records.pxd`` and ``docs/records.md`` from ``ipc/schema.py``, ``docs/order-states.md`` from ``core/transitions.py``,
``docs/controls.md`` from ``core/rules.py``.

``python -m ringfence.tools.gen_records`` writes; ``--check`` exits 1 and names the stale file instead (what CI runs).
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from ringfence.ipc.schema import CONSTANTS, ENUMS, LAYOUT_HASH, LAYOUT_VERSION, RECORDS, Field, Record
from ringfence.tools import controls_page, order_states

ROOT = Path(__file__).resolve().parent.parent
BY = "Generated from ipc/schema.py by python -m ringfence.tools.gen_records; do not edit."
_C = {"char": "char", "u8": "uint8_t", "i8": "int8_t", "u16": "uint16_t", "u32": "uint32_t", "i32": "int32_t", "u64": "uint64_t", "i64": "int64_t"}
WIDE = 1 << 32  # a constant from here on has 64 bits


def snake(name: str) -> str:
    """``OrderCommand`` -> ``order_command``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def c_name(record: Record) -> str:
    return f"rf_{snake(record.name)}_t"


def _c_field(field: Field) -> str:
    return f"{_C[field.scalar]} {field.name}" + (f"[{field.count}]" if "[" in field.type else "")


def header() -> str:
    out = [f"/* {BY} */", "#ifndef RF_RECORDS_H", "#define RF_RECORDS_H", "#include <stddef.h>", "#include <stdint.h>", ""]
    out += ["#ifdef __cplusplus", "#define RF_STATIC_ASSERT static_assert", "#else", "#define RF_STATIC_ASSERT _Static_assert", "#endif", ""]
    out += [f"#define RF_LAYOUT_VERSION {LAYOUT_VERSION}u", f"#define RF_LAYOUT_HASH 0x{LAYOUT_HASH:016x}ull"]
    out += [f"#define RF_{n} {v}{'u' if v < WIDE else 'ull'}" + (f" /* {doc} */" if doc else "") for n, (v, doc) in CONSTANTS.items()]
    for e in ENUMS.values():
        out += ["", f"/* {e.doc} */", f"enum rf_{snake(e.name)} {{"]
        out += [f"    RF_{snake(e.name).upper()}_{n} = {v}," + (f" /* {doc} */" if doc else "") for n, v, doc in e.values]
        out += [f"    RF_{snake(e.name).upper()}_MAX = {e.max}", "};"]
    for r in RECORDS.values():
        name = c_name(r)
        out += ["", f"/* {r.doc} Written by: {r.writer}. */", "typedef struct {"]
        for f in r.fields:
            note = " ".join(x for x in (f.doc, f"[{f.unit}]" if f.unit else "", f"enum {f.enum}" if f.enum else "") if x)
            out.append(f"    {_c_field(f)}; /* +{r.offsets[f.name]}" + (f": {note}" if note else "") + " */")
        out += [f"}} {name};", f'RF_STATIC_ASSERT(sizeof({name}) == {r.size}, "{r.name}");']
        out += [f'RF_STATIC_ASSERT(offsetof({name}, {f.name}) == {r.offsets[f.name]}, "{r.name}.{f.name}");' for f in r.fields]
    return "\n".join([*out, "", "#endif", ""])


def pxd() -> str:
    out = [f"# {BY}", "from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t", ""]
    out += ['cdef extern from "records.h" nogil:', "    const uint32_t RF_LAYOUT_VERSION", "    const uint64_t RF_LAYOUT_HASH"]
    out += [f"    const {'uint32_t' if v < WIDE else 'uint64_t'} RF_{n}" for n, (v, _) in CONSTANTS.items()]
    for e in ENUMS.values():
        out += ["", f"    enum: # {e.name}"]
        out += [f"        RF_{snake(e.name).upper()}_{n}" for n, _, _ in e.values] + [f"        RF_{snake(e.name).upper()}_MAX"]
    for r in RECORDS.values():
        out += ["", f'    ctypedef struct {r.name} "{c_name(r)}":']
        out += [f"        {_c_field(f)}" for f in r.fields]
    return "\n".join([*out, ""])


def page() -> str:
    out = ["# Records", "", f"{BY}", "", f"Layout version {LAYOUT_VERSION}, layout hash `{LAYOUT_HASH:016x}`.", ""]
    for r in RECORDS.values():
        out += [f"## {r.name}", "", f"{r.doc} {r.size} bytes; written by: {r.writer}.", ""]
        out += ["| offset | field | type | unit | meaning |", "|---|---|---|---|---|"]
        for f in r.fields:
            if not f.is_pad:
                meaning = " ".join(x for x in (f.doc, f"({f.enum})" if f.enum else "") if x)
                out.append(f"| {r.offsets[f.name]} | `{f.name}` | {f.type} | {f.unit} | {meaning.replace('|', chr(92) + '|')} |")
        out.append("")
    out += ["# Enums", ""]
    for e in ENUMS.values():
        out += [f"## {e.name}", "", e.doc, "", "| value | name | meaning |", "|---|---|---|"]
        out += [f"| {v} | `{n}` | {doc} |" for n, v, doc in e.values] + [""]
    return "\n".join(out)


def outputs() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    records = {ROOT / "ipc/records.h": header(), ROOT / "ipc/records.pxd": pxd(), ROOT / "docs/records.md": page()}
    return {**records, ROOT / "docs/order-states.md": order_states.page(), ROOT / "docs/controls.md": controls_page.page()}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="gen_records", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    args = parser.parse_args(argv)
    stale = [path for path, text in outputs().items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if args.check:
            print(f"{path.relative_to(ROOT)} is stale: run python -m ringfence.tools.gen_records", file=sys.stderr)
        else:
            path.write_text(outputs()[path])
    return 1 if stale and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
