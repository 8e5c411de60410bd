"""What waits, runs and is offered, by class, model, customer and workflow."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emp_cli.tui.reads import Read
from emp_core.domain.demand import Demand, Fleet, Group, Workflows, by_class, by_customer, by_model

if TYPE_CHECKING:
    from emp_core.client.queue import Queue


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of jobs, those with the most pending ones first, and what was not read for them."""

    groups: Sequence[Group]
    demand: Demand


@dataclass(frozen=True)
class GroupsRead(Read[Groups]):
    """The groups of one kind."""

    kind: str
    """`classes`, `models` or `customers`."""

    async def read(self, queue: "Queue") -> Groups:
        demand, now = await queue.demand(), await queue.now_ms()
        # A thousand classes and hundreds of profiles take a while: keys are answered meanwhile.
        return await asyncio.to_thread(_grouped, self.kind, demand, now)


GROUPED: Mapping[str, Callable[[Demand, Fleet], list[Group]]] = {
    "classes": by_class,
    "models": by_model,
    "customers": by_customer,
}


def _grouped(kind: str, demand: Demand, now: int) -> Groups:
    groups = GROUPED[kind](demand, Fleet(demand, now))
    return Groups(sorted(groups, key=lambda group: (-group.pending, -group.running)), demand)


@dataclass(frozen=True)
class WorkflowsRead(Read[Workflows]):
    """The workflows that are next, or run."""

    async def read(self, queue: "Queue") -> Workflows:
        return await queue.workflows()
