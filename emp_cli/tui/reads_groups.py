"""What waits, runs and is offered, by class, model, customer and workflow."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emp_cli.tui.reads import Read
from emp_core.client.groups import read_groups
from emp_core.domain.demand import Groups, Workflows

if TYPE_CHECKING:
    from emp_core.client.queue import Queue


@dataclass(frozen=True)
class GroupsRead(Read[Groups]):
    """The groups of one kind."""

    kind: str
    """`classes`, `models` or `customers`."""

    async def read(self, queue: "Queue") -> Groups:
        return await read_groups(queue, self.kind)


@dataclass(frozen=True)
class WorkflowsRead(Read[Workflows]):
    """The workflows that are next, or run."""

    async def read(self, queue: "Queue") -> Workflows:
        return await queue.workflows()
