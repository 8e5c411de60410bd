"""The doctor: is the queue well, and what mends it?

`examine` reads once; the checks are pure functions of what it read.
"""

from collections.abc import Iterator, Sequence

from emp_core.client.doctor.check import Check, State
from emp_core.client.doctor.fleet import HubReading, check_fleet, check_hubs
from emp_core.client.doctor.jobs import check_jobs
from emp_core.client.doctor.machine import DiskReading, MachineReading, check_machine
from emp_core.client.doctor.server import check_server, refused
from emp_core.client.locate import Location
from emp_core.clock import Clock
from emp_core.errors import EmpError
from emp_core.store.connection import open_link
from emp_core.store.readings import Readings, read_state

__all__ = ["Check", "DiskReading", "HubReading", "MachineReading", "State", "examine", "findings", "refused"]


async def examine(location: Location, clock: Clock) -> Readings:
    """Read the state of a queue, also of one that emp refuses to use. Raises `QueueUnavailable` or `Misconfigured`."""
    link = await open_link(location.url, location.prefix, location.max_connections)
    try:
        return await read_state(link, clock)
    finally:
        await link.close()


def findings(queue: Readings | EmpError, hubs: Sequence[HubReading], machine: MachineReading) -> Iterator[Check]:
    """All checks; of a queue that cannot be read there is one."""
    if isinstance(queue, EmpError):
        yield refused("redis", queue)
        yield from check_hubs(hubs, None, None)
        yield from check_machine(machine)
        return
    yield from check_server(queue)
    yield from check_jobs(queue)
    yield from check_hubs(hubs, queue.clock_ahead_ms, queue.queue_id)
    if queue.contents is not None:
        yield from check_fleet(queue.contents, queue.at)
    yield from check_machine(machine)
