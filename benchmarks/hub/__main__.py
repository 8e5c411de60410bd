"""Runs the parts and prints what each found."""

import asyncio

from benchmarks.hub.watchers import measure_watchers, running_hub


def main() -> None:
    """All parts."""
    with running_hub() as hub:
        print("\n".join(asyncio.run(measure_watchers(hub))))


if __name__ == "__main__":
    main()
