"""`emp summary`: the queue at a glance."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from emp_cli.options import OutputOption
from emp_cli.output import formats
from emp_cli.output.details import write_facts
from emp_cli.output.formats import Format
from emp_cli.output.units import duration
from emp_cli.run import run
from emp_core.domain.views import time_view
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp, Queue
    from emp_core.store import Summary


def summary(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """Show the queue at a glance.

    \b
    emp summary
    emp summary --format json
    """
    if output is Format.IDS:
        raise InvalidInput("format", "a summary has no ids")
    run(ctx, lambda emp: _summary(emp, output))


async def _summary(emp: "AsyncEmp", output: Format) -> None:
    found = await emp.summary()
    match output:
        case Format.TABLE:
            write_facts(facts(found, emp.queue))
        case Format.JSON:
            formats.write_json(summary_view(found, emp.queue))
        case _:
            formats.write_views([summary_view(found, emp.queue)], output)


def summary_view(found: "Summary", queue: "Queue") -> dict[str, Any]:
    """The summary as JSON."""
    waited = None if found.oldest_pending_ms is None else found.oldest_pending_ms / 1000
    view = {name: value for name, value in asdict(found).items() if name not in ("oldest_pending_ms", "at")}
    return {"at": time_view(found.at), **view, "oldest_pending_seconds": waited, "queue": asdict(queue)}


def facts(found: "Summary", queue: "Queue") -> Iterator[tuple[str, str]]:
    """The summary as lines."""
    yield "jobs", _counts(found.jobs) or "none"
    if found.oldest_pending_ms is not None:
        classes = "1 kind" if found.classes_waiting == 1 else f"{found.classes_waiting} kinds"
        yield "waiting", f"the oldest for {duration(found.oldest_pending_ms / 1000)}; {classes} of jobs"
    if found.unworkable_jobs:
        yield "unworkable", f"{found.unworkable_jobs} that no live worker can do (emp jobs --unworkable)"
    yield (
        "workers",
        f"{_counts(found.workers)}; {found.busy_slots} of {found.slots} slots busy" if found.workers else "none",
    )
    yield "services", _counts(found.services)
    yield "queue", f"{queue.engine} ({queue.source})"
    yield "kept", _durability(queue.durability)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _durability(durability: str) -> str:
    return "in memory only: a restart of Redis loses it" if durability == "memory" else f"on disk ({durability})"
