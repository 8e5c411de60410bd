"""What the shell offers, from the queue: ids, names, filters. It has 0.3 s for it, and says nothing if it cannot."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from emp_cli.output.clean import one_line
from emp_core.errors import EmpError

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.filter.parsing import AnyField
    from emp_core.domain.job import Job

SECONDS = 0.3
AT_MOST = 50

JOBS_READ = 200
"""Running and waiting jobs, then the last ones: their labels, customers and workflows are offered."""

Offers = list[tuple[str, str]]
"""Texts, each with what it is."""


def job_ids(ctx: typer.Context, incomplete: str) -> Offers:
    """Jobs, with their states."""

    async def read(emp: "AsyncEmp") -> Offers:
        page = await emp.jobs(limit=AT_MOST)
        return [(job.id, one_line(f"{job.state} {job.service or ''}")) for job in page.jobs]

    return _beginning(incomplete, _asked(ctx, read))


def worker_ids(ctx: typer.Context, incomplete: str) -> Offers:
    """Workers, with their states."""
    return _beginning(incomplete, _asked(ctx, _workers))


def services(ctx: typer.Context, incomplete: str) -> Offers:
    """Services of live workers, and those that jobs wait for."""

    async def read(emp: "AsyncEmp") -> Offers:
        return [(name, "") for name in await _values(emp, "service")]

    return _beginning(incomplete, _asked(ctx, read))


def customers(ctx: typer.Context, incomplete: str) -> Offers:
    """Customers with jobs."""

    async def read(emp: "AsyncEmp") -> Offers:
        return [(name, "") for name in await _values(emp, "customer")]

    return _beginning(incomplete, _asked(ctx, read))


def workflows(ctx: typer.Context, incomplete: str) -> Offers:
    """Workflows with jobs."""

    async def read(emp: "AsyncEmp") -> Offers:
        return [(name, "") for name in await _values(emp, "workflow")]

    return _beginning(incomplete, _asked(ctx, read))


def requirements(incomplete: str) -> Offers:
    """The keys of `--require`."""
    from emp_core.domain.requirements import REQUIREMENT_FIELDS

    return _beginning(incomplete, [(f"{name}=", "") for name in REQUIREMENT_FIELDS])


def filters(ctx: typer.Context, incomplete: str) -> Offers:
    """A filter of jobs, with what may come next: fields, then values, also those that the queue has now."""
    from emp_core.domain.filter.fields import FIELDS

    return _filters(ctx, incomplete, FIELDS, _values)


def worker_filters(ctx: typer.Context, incomplete: str) -> Offers:
    """The same for a filter of workers, with the values of live workers."""
    from emp_core.domain.filter.worker_fields import WORKER_FIELDS

    async def read(emp: "AsyncEmp", field: str) -> list[str]:
        workers, now = await emp.workers(), await emp.now_ms()
        found = {value for worker in workers for value in WORKER_FIELDS[field].values(worker, now)}
        return sorted(value for value in found if isinstance(value, str) and _is_safe(value))

    return _filters(ctx, incomplete, WORKER_FIELDS, read)


def _filters(
    ctx: typer.Context,
    incomplete: str,
    fields: "Mapping[str, AnyField]",
    values: Callable[["AsyncEmp", str], Awaitable[list[str]]],
) -> Offers:
    from emp_core.domain.filter.completing import complete

    wanted: list[str] = []

    def note(field: str, prefix: str) -> Iterable[str]:
        wanted.append(field)
        return ()

    fixed = complete(incomplete, len(incomplete), note, fields)

    async def read(emp: "AsyncEmp") -> Offers:
        found = {field: await values(emp, field) for field in wanted}
        live = complete(incomplete, len(incomplete), lambda field, prefix: found.get(field, ()), fields)
        return [(incomplete[: each.start] + each.text, each.help) for each in live]

    known = [(incomplete[: each.start] + each.text, each.help) for each in fixed]
    return (_asked(ctx, read) or known) if wanted else known


def context_names(incomplete: str) -> list[str]:
    """The contexts in the user's file."""
    from emp_core.client.contexts import load_contexts

    try:
        found = load_contexts().all
    except EmpError:
        return []
    return [name for name in found if name.startswith(incomplete)]


async def _workers(emp: "AsyncEmp") -> Offers:
    return [(worker.id, worker.state.value) for worker in await emp.workers()]


async def _values(emp: "AsyncEmp", field: str) -> list[str]:
    """Values of a field that the queue has now; of `label` its names, of `label.batch` its values."""
    if field == "worker":
        return [name for name, _ in await _workers(emp)]
    jobs = (await emp.jobs(limit=JOBS_READ)).jobs
    found = [value for job in jobs for value in values_of(job, field)]
    if field == "service":
        found += [name for worker in await emp.workers() for name in worker.capabilities.services]
    return sorted({value for value in found if _is_safe(value)})


def _is_safe(value: str) -> bool:
    """Whether no shell gives a part of it a meaning, inside quotes too, and no terminal acts on it."""
    return value.isprintable() and not set(value) & set("'\"`$\\!")


def values_of(job: "Job", field: str) -> Iterable[str]:
    """A job's values of a field of the filter language; of `label` the names of its labels."""
    if field == "label":
        return job.labels
    if field.startswith("label."):
        return [value for name, value in job.labels.items() if field == f"label.{name}"]
    read = {
        "customer": (job.customer_id,),
        "workflow": (job.workflow_id,),
        "service": job.requirements.services,
        "type": (job.job_type,),
        "code": (job.code, job.cause),
        "id": (job.id,),
    }
    return [value for value in read.get(field, ()) if value]


def _asked(ctx: typer.Context, read: Callable[["AsyncEmp"], Awaitable[Offers]]) -> Offers:
    import asyncio

    from emp_cli.surroundings import connect
    from emp_core.client.this_process import this_process

    import_module("emp_core.store.search")  # which would otherwise take from the time for the answer

    async def ask() -> Offers:
        given, reader = ctx.find_root().params, this_process(read_only=True)
        async with (
            asyncio.timeout(SECONDS),
            await connect(given.get("redis"), given.get("context"), caller=reader) as emp,
        ):
            return await read(emp)

    try:
        return asyncio.run(ask())
    except (EmpError, TimeoutError):
        return []


def _beginning(incomplete: str, offers: Offers) -> Offers:
    return [(text, help) for text, help in offers if text.startswith(incomplete)]
