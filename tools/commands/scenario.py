"""The command ``scenario``: expectations about orders, executions and messages, checked without an instance."""

from __future__ import annotations

import argparse
import json
import sys

from ringfence.tools import scenario


def _trace(line: str) -> None:
    print(f"    {line}")


def run(args: argparse.Namespace) -> int:
    """Run every file; print what does not hold and a summary. Exit 0, 7 (a difference) or 2 (a bad file)."""
    machine_readable = args.options.output in {"json", "ndjson"}
    results = []
    for path, error in scenario.files(args.paths):
        if args.verbose and not machine_readable and error is None:
            print(path)
        trace = _trace if args.verbose and not machine_readable else None
        result = scenario.Result(str(path), error=error) if error else scenario.run_file(path, trace, first_only=args.first)
        results.append(result)
        if args.options.output == "ndjson":
            print(json.dumps(result.as_json()))
        elif not machine_readable and not result.ok:
            print(scenario.report(result), file=sys.stderr if result.error else sys.stdout)
        if args.first and not result.ok:
            break
    total = scenario.summary(results)
    if args.options.output == "ndjson":
        print(json.dumps({"summary": total}))
    elif machine_readable:
        print(json.dumps({"schema": scenario.SCHEMA, "files": [r.as_json() for r in results], "summary": total}, indent=1))
    elif not args.options.quiet:
        worse = ", ".join(f"{total[k]} {k}" for k in ("different", "bad") if total[k])
        print(f"{total['files']} scenarios, {total['checks']} expectations: {worse or 'all hold'}")
    return scenario.exit_code(results)
