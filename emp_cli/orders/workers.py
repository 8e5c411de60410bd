"""Orders to workers: those that are named, or all that match."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from emp_cli.context import session_of
from emp_cli.exits import ExitCode, code_of
from emp_cli.input.arguments import ids_of
from emp_cli.input.worker_names import named
from emp_cli.orders.choice import SHOWN, is_confirmed
from emp_cli.orders.steering import WorkerOrder, change_in_words, give, workers_in_words
from emp_cli.output import formats, terminal
from emp_cli.output.columns import WORKERS
from emp_cli.output.layout import Layout
from emp_cli.run import leave, run
from emp_core.domain.worker import Worker, WorkerState
from emp_core.errors import EmpError, InvalidInput, NotFound

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.filter import WorkerFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerChoice:
    """What was typed."""

    ids: Sequence[str]
    every: bool
    service: str | None
    machine: str | None
    state: WorkerState | None
    where: "WorkerFilter | None"
    dry_run: bool
    yes: bool

    @property
    def by_name(self) -> bool:
        """Whether the workers are named. Raises `InvalidInput` if they are named and described, or neither."""
        described = self.every or self.service or self.machine or self.state or self.where
        if described and self.ids:
            raise InvalidInput("ids", "--all, --where and the like work in place of ids, not with them")
        if not described and not self.ids:
            raise InvalidInput(
                "ids", "which workers?", hint="give ids, - to read them from stdin, --all or --where FILTER"
            )
        return not described

    def matches(self, worker: Worker, now: int) -> bool:
        """Whether it is described so."""
        return (
            (self.service is None or self.service in worker.capabilities.services)
            and (self.machine is None or self.machine == worker.machine)
            and (self.state is None or self.state is worker.state)
            and (self.where is None or self.where.matches(worker, now))
        )


def steer(ctx: typer.Context, order: WorkerOrder, choice: WorkerChoice, layout: Layout) -> None:
    """Give the order to each worker; what goes wrong with one does not keep the others."""
    if not choice.dry_run:
        session_of(ctx).check_change(f"{order.verb} workers")
    names = ids_of(choice.ids) if choice.by_name else None
    if names == []:
        return
    workers, code = run(ctx, lambda emp: _find(emp, order, choice, names))
    if choice.dry_run:
        formats.write(workers, WORKERS, layout, run(ctx, _now))
        terminal.note(f"would {order.verb} {workers_in_words(workers)}; nothing was done")
    elif workers:
        if names is None and len(workers) > 1 and not choice.yes:
            _confirm(ctx, order, workers)
        code = run(ctx, lambda emp: _give(emp, order, [worker.id for worker in workers], layout)) or code
    elif names is None:
        none = f"no worker to {order.verb}: none that matches is {' or '.join(sorted(order.changes))}"
        formats.write(workers, WORKERS, layout, nothing=none)
    leave(code)


async def _now(emp: "AsyncEmp") -> int:
    return await emp.now_ms()


async def _find(
    emp: "AsyncEmp", order: WorkerOrder, choice: WorkerChoice, names: Sequence[str] | None
) -> tuple[list[Worker], ExitCode]:
    """The workers, and the code of the first name that is none."""
    if names is None:
        live, now = await emp.workers(), await emp.now_ms()
        return [worker for worker in live if worker.state in order.changes and choice.matches(worker, now)], ExitCode.OK
    known = {worker.id: worker for worker in await emp.workers(gone=True)}
    found: dict[str, Worker] = {}
    code = ExitCode.OK
    for name in names:
        try:
            worker = named(known, name)
        except EmpError as error:
            told = _told(error)
            code = code or told
        else:
            found[worker.id] = worker
    return list(found.values()), code


def _confirm(ctx: typer.Context, order: WorkerOrder, workers: Sequence[Worker]) -> None:
    some, now = workers[:SHOWN], run(ctx, _now)
    terminal.stderr().print(formats.table(some, Layout().columns_of(WORKERS, some, now), now))
    if len(workers) > SHOWN:
        terminal.note(f"and {len(workers) - SHOWN:,} more")
    if not is_confirmed(f"{order.verb} {workers_in_words(workers)}?", "add --yes, or --dry-run to see the workers"):
        terminal.note("nothing was done")
        raise typer.Exit(ExitCode.FAILED)


async def _give(emp: "AsyncEmp", order: WorkerOrder, worker_ids: Sequence[str], layout: Layout) -> ExitCode:
    code = ExitCode.OK
    done: dict[str, WorkerState] = {}
    async for worker_id, answer in give(emp, order, worker_ids):
        if isinstance(answer, EmpError):
            told = _told(answer)
            code = code or told
        else:
            done[worker_id] = answer
    after = [worker for worker in await emp.workers(gone=True) if worker.id in done]
    if layout != Layout():
        formats.write(after, WORKERS, layout, await emp.now_ms())
        return code
    for worker in after:
        terminal.data(change_in_words(worker, done[worker.id]))
    return code


def _told(error: EmpError) -> ExitCode:
    terminal.fail(error.message, error.hint or ("emp workers --all" if isinstance(error, NotFound) else ""))
    return code_of(error)
