"""Carries out an order on each of some jobs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from emp_cli.context import session_of
from emp_cli.exits import ExitCode, code_of
from emp_cli.orders.choice import AT_ONCE, SHOWN, Choice, Found, find, is_confirmed
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.layout import Layout
from emp_cli.run import leave, run
from emp_core.client.orders import ORDERED_AT_ONCE, Order
from emp_core.errors import EmpError, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.job import Job

TOLD = 20
"""Refusals that are told in full."""


def carry_out(ctx: typer.Context, order: Order, choice: Choice, layout: Layout) -> None:
    """Do it to each job; what goes wrong with one does not keep the others. Shows the jobs as they are afterwards."""
    if not choice.dry_run:
        session_of(ctx).check_change(f"{order.verb} jobs")
    names = choice.names()
    if names is None:
        names = _chosen(ctx, order, choice, layout)
    elif choice.dry_run:
        names = run(ctx, lambda emp: _dry_run(emp, order, names or [], layout))
    if names:
        leave(run(ctx, lambda emp: _Run(ctx, order, layout).over(emp, names)))


async def _dry_run(emp: "AsyncEmp", order: Order, names: Sequence[str], layout: Layout) -> list[str]:
    jobs = await emp.jobs_by_id([await emp.resolve(name) for name in names])
    formats.write(jobs, JOBS, layout, await emp.now_ms())
    terminal.note(f"would {order.verb} {len(jobs)} of these if their state allows it; nothing was done")
    return []


def _chosen(ctx: typer.Context, order: Order, choice: Choice, layout: Layout) -> list[str]:
    """The ids of the jobs that match, if somebody confirmed the order."""
    from emp_core.domain.filter import parse

    wanted = order.narrowed(parse(choice.where or ""))

    async def look(emp: "AsyncEmp") -> Found:
        found = await find(emp, wanted, order)
        if choice.dry_run and not layout.format.is_table:
            formats.write(await _read(emp, found.ids), JOBS, layout, await emp.now_ms())
        elif found.ids and not choice.yes:
            await _show_sample(emp, found, to_stdout=choice.dry_run)
        return found

    found = run(ctx, look)
    if not found.ids:
        terminal.note(f"no job to {order.verb}: none matches {wanted}")
        return []
    question = f"{order.verb} {found.in_words()}"
    if choice.dry_run:
        terminal.note(f"would {question}; nothing was done")
        return []
    if not choice.yes and not is_confirmed(f"{question}?", "add --yes, or --dry-run to see the jobs"):
        terminal.note("nothing was done")
        raise typer.Exit(ExitCode.FAILED)
    return list(found.ids)


async def _show_sample(emp: "AsyncEmp", found: Found, *, to_stdout: bool) -> None:
    now = await emp.now_ms()
    columns = Layout().columns_of(JOBS, found.sample, now)
    if to_stdout:
        formats.write_table(found.sample, columns, now)
    else:
        terminal.stderr().print(formats.table(found.sample, columns, now))
    if len(found.ids) > SHOWN:
        terminal.note(f"and {len(found.ids) - SHOWN:,} more")


async def _read(emp: "AsyncEmp", job_ids: Sequence[str]) -> list["Job"]:
    jobs: list[Job] = []
    for start in range(0, len(job_ids), AT_ONCE):
        jobs += await emp.jobs_by_id(job_ids[start : start + AT_ONCE])
    return jobs


@dataclass(slots=True)
class _Run:
    """An order on its way through the jobs."""

    ctx: typer.Context
    order: Order
    layout: Layout
    done: list[str] = field(default_factory=list[str])
    refused: int = 0
    code: ExitCode = ExitCode.OK

    async def over(self, emp: "AsyncEmp", names: Sequence[str]) -> ExitCode:
        """Give the order for all, as long as the queue is there."""
        lost = None
        with terminal.progress(len(names)) as advance:
            for start in range(0, len(names), ORDERED_AT_ONCE):
                some = names[start : start + ORDERED_AT_ONCE]
                session_of(
                    self.ctx
                ).farewell = (
                    f"{self._so_far(names)}, and up to {len(some)} more may be; run the command again for the rest"
                )
                try:
                    await self._give(emp, some)
                except QueueUnavailable as error:
                    lost = error
                    break
                advance(len(some))
        if self.refused > TOLD:
            terminal.fail(f"{self.refused - TOLD:,} more jobs were refused")
        if lost:
            terminal.fail(lost.message)
            terminal.fail(self._so_far(names), "run the command again for the rest")
            return ExitCode.UNAVAILABLE
        await self._show(emp)
        return self.code

    def _so_far(self, names: Sequence[str]) -> str:
        return f"{len(self.done):,} of {len(names):,} jobs are {self.order.done}"

    async def _give(self, emp: "AsyncEmp", names: Sequence[str]) -> None:
        resolved = await _resolved(emp, names)
        job_ids = list(dict.fromkeys(name for name in resolved if isinstance(name, str)))
        answers = await self.order.act(emp, job_ids) if job_ids else {}
        self.done += [job_id for job_id, refusal in answers.items() if refusal is None]
        for error in (*(name for name in resolved if not isinstance(name, str)), *filter(None, answers.values())):
            self.refused += 1
            self.code = self.code or code_of(error)
            if self.refused <= TOLD:
                terminal.fail(error.message, error.hint)

    async def _show(self, emp: "AsyncEmp") -> None:
        if not self.order.leaves_job:
            for job_id in self.done:
                terminal.data(job_id)
            return
        jobs = await _read(emp, self.done)
        if self.done:
            formats.write(jobs, JOBS, self.layout, await emp.now_ms())
        for job_id in sorted(set(self.done) - {job.id for job in jobs}):
            terminal.warn(f"job {job_id} was deleted just now")


async def _resolved(emp: "AsyncEmp", names: Sequence[str]) -> list[str | EmpError]:
    """The ids that begin so, or what is wrong with a name."""

    async def resolved(name: str) -> str | EmpError:
        try:
            return await emp.resolve(name)
        except QueueUnavailable:
            raise
        except EmpError as error:
            return error

    return list(await asyncio.gather(*map(resolved, names)))
