"""What every connector owes its worker: inherit the suite and give it a rig."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import pytest

from daemons.worker.connector import Assignment, Connector, Interrupted, JobFailed, Probe, ServiceDown
from emp_core.domain.outcome import Result
from tests.support.contexts import RecordingContext
from tests.support.waiting import wait_until

Payload = Mapping[str, Any]


class ContractRig(Protocol):
    """A connector at a service that does as it is told."""

    @property
    def connector(self) -> Connector: ...

    good: Payload
    """Ends well, with progress and at least one file."""

    failing: Payload
    """Fails in the service."""

    endless: Payload
    """Runs until it is stopped."""

    oversize: Payload
    """Makes a file over the connector's limit."""

    def busy(self) -> bool:
        """Whether the service works on something."""
        ...

    async def take_down(self) -> None:
        """Make the service refuse connections."""
        ...


class ConnectorContract(ABC):
    """The suite."""

    @abstractmethod
    def rig(self) -> AbstractAsyncContextManager[ContractRig]: ...

    async def test_a_probe_says_what_the_service_is(self) -> None:
        async with self.rig() as rig:
            probe = await rig.connector.probe()
            assert isinstance(probe, Probe)
            assert probe.queue_length == 0

    async def test_a_good_job_ends_with_data_and_files(self) -> None:
        async with self.rig() as rig:
            context = RecordingContext()
            result = await run(rig, rig.good, context)
            assert result.data
            assert {artifact.id for artifact in result.artifacts} == set(context.files)
            assert all(artifact.size == len(context.files[artifact.id]) > 0 for artifact in result.artifacts)

    async def test_progress_rises_from_0_and_stays_under_100(self) -> None:
        async with self.rig() as rig:
            context = RecordingContext()
            await run(rig, rig.good, context)
            if rig.connector.reports_progress:
                assert context.percents
            assert context.percents == sorted(context.percents)
            assert all(0 <= percent <= 100 for percent in context.percents)

    async def test_a_failing_job_says_why_in_one_line(self) -> None:
        async with self.rig() as rig:
            with pytest.raises(JobFailed) as failed:
                await run(rig, rig.failing)
            failure = failed.value.failure
            assert failure.message
            assert "\n" not in failure.message
            assert failure.code

    async def test_a_cancelled_job_is_interrupted_in_the_service_too(self) -> None:
        async with self.rig() as rig, asyncio.TaskGroup() as group:
            context = RecordingContext()
            running = group.create_task(stopped(rig, rig.endless, context))
            await wait_until(rig.busy, "work")
            context.cancelled.set()
            assert isinstance(await running, Interrupted)
            await wait_until(lambda: not rig.busy(), "the end of the work")

    async def test_a_job_that_is_cancelled_before_it_begins_never_begins(self) -> None:
        async with self.rig() as rig:
            context = RecordingContext()
            context.cancelled.set()
            assert isinstance(await stopped(rig, rig.endless, context), Interrupted)
            assert not rig.busy()

    async def test_a_job_out_of_time_fails_and_leaves_nothing_running(self) -> None:
        async with self.rig() as rig:
            with pytest.raises(JobFailed) as failed:
                await run(rig, rig.endless, RecordingContext(seconds=0.2))
            assert failed.value.failure.code == "timeout"
            await wait_until(lambda: not rig.busy(), "the end of the work")

    async def test_a_file_over_the_limit_is_a_permanent_failure(self) -> None:
        async with self.rig() as rig:
            with pytest.raises(JobFailed) as failed:
                await run(rig, rig.oversize)
            assert (failed.value.failure.code, failed.value.failure.retryable) == ("too_large", False)

    async def test_a_torn_down_attempt_takes_its_work_back_and_stays_cancelled(self) -> None:
        async with self.rig() as rig, asyncio.TaskGroup() as group:
            running = group.create_task(run(rig, rig.endless))
            await wait_until(rig.busy, "work")
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled()
            await wait_until(lambda: not rig.busy(), "the end of the work")

    async def test_a_service_that_is_away_is_down_and_costs_the_job_nothing(self) -> None:
        async with self.rig() as rig:
            await rig.take_down()
            with pytest.raises(ServiceDown):
                await rig.connector.probe()
            with pytest.raises(ServiceDown):
                await run(rig, rig.good)

    async def test_a_sweep_of_an_idle_service_stops_nothing(self) -> None:
        async with self.rig() as rig:
            assert await rig.connector.sweep(frozenset()) == 0


async def run(rig: ContractRig, payload: Payload, context: RecordingContext | None = None) -> Result:
    service = rig.connector.service
    assignment = Assignment(job_id="job", attempt=1, service=service, payload=payload)
    return await rig.connector.run(assignment, context or RecordingContext())


async def stopped(rig: ContractRig, payload: Payload, context: RecordingContext) -> Exception | Result:
    """What the run came to."""
    try:
        return await run(rig, payload, context)
    except (Interrupted, JobFailed) as error:
        return error
