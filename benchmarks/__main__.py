"""`python -m benchmarks [names] [--quick] [--engine redis|valkey] [--tcp] [--uvloop] [--json]`."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import import_module

from benchmarks.lab import Lab
from benchmarks.table import Row, as_json, as_text, conditions

NAMES = (
    "yardstick",
    "depth",
    "classes",
    "profiles",
    "narrow",
    "exactness",
    "throughput",
    "agent",
    "waking",
    "lifecycle",
    "idle",
    "memory",
)


def main() -> None:
    """Measure, and print the table at the end; Ctrl-C prints what there is."""
    options = _options()
    lab = Lab(engine=options.engine, tcp=options.tcp, quick=options.quick)
    rows: list[Row] = []
    try:
        _run(options.uvloop, lab, options.names or NAMES, rows)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    transport, loop = "TCP" if options.tcp else "a unix socket", "uvloop" if options.uvloop else "asyncio"
    heading = conditions(options.engine, transport, loop)
    print(as_json(rows, heading) if options.json else as_text(rows, heading))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the queue; about 10 minutes.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs and classes")
    parser.add_argument("--engine", choices=("redis", "valkey"), default="redis")
    parser.add_argument("--tcp", action="store_true", help="the loopback address instead of a unix socket")
    parser.add_argument("--uvloop", action="store_true", help="uvloop instead of asyncio's own loop")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    for name in options.names:
        if name not in NAMES:
            parser.error(f"no measurement {name}; there are {', '.join(NAMES)}")
    return options


def _run(with_uvloop: bool, lab: Lab, names: Sequence[str], rows: list[Row]) -> None:
    if with_uvloop:
        import_module("uvloop").run(_measure(lab, names, rows))
    else:
        asyncio.run(_measure(lab, names, rows))


async def _measure(lab: Lab, names: Sequence[str], rows: list[Row]) -> None:
    for name in names:
        measure: Callable[[Lab], AsyncIterator[Row]] = import_module(f"benchmarks.{name}").measure
        async for row in measure(lab):
            rows.append(row)
            print(f"{row.group}: {row.name}: {row.value:.4g} {row.unit}", file=sys.stderr)


if __name__ == "__main__":
    main()
