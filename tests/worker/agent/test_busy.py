"""A worker whose service works for other clients claims nothing until that is done."""

from daemons.worker.services.board import ServiceState
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.agents import TestedAgent, states, until, working
from tests.support.builders import submit
from tests.support.fakes import ScriptedConnector
from tests.support.waiting import wait_until


def service(agent: TestedAgent) -> ServiceState:
    return agent.board.states["comfyui"]


async def test_a_busy_service_claims_nothing_until_it_is_free(store: Store) -> None:
    connector = ScriptedConnector()
    connector.busy = "works on 1 prompt of other clients"
    async with working(store, connector) as agent:
        job = await submit(store)
        before = connector.probes
        await wait_until(lambda: connector.probes > before + 1, "two more probes")
        assert await states(store, job) == [JobState.PENDING]
        await agent.heart.beat()
        worker = await store.inspector.worker("gpu1:0")
        assert worker.services == {"comfyui": "busy"}
        assert worker.outages["comfyui"].why == "works on 1 prompt of other clients"
        connector.busy = ""
        await until(store, job, JobState.ACTIVE)
        assert (await store.inspector.job(job)).attempt == 1
