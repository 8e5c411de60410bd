"""emp: its public client, and the agent of `emp worker` with its beat process and a connector that does nothing."""

from benchmarks.peers.driving import AsyncDriver, Job, Payload, run_job, serve
from daemons.logs import configure_logs
from daemons.worker.agent.agent import Agent
from daemons.worker.agent.options import AgentOptions
from daemons.worker.agent.stopping import stop_when_asked
from daemons.worker.beat.heart import ProcessHeart
from daemons.worker.connector import Assignment, JobContext, Probe
from emp_core.artifacts import open_artifacts
from emp_core.client.async_emp import AsyncEmp
from emp_core.clock import SystemClock
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.outcome import Result
from emp_core.errors import EmpError
from emp_core.ids import new_job_id
from emp_core.store import open_store

SERVICE = "nothing"
LEASE_SECONDS = 30
DRAIN_SECONDS = 60


class Nothing:
    """A connector whose jobs do nothing."""

    service = SERVICE
    reports_progress = False
    concurrency = 1_000

    async def probe(self) -> Probe:
        return Probe(version="benchmark")

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        return Result(data={"worker": run_job(dict(assignment.payload))})

    async def sweep(self, owned: frozenset[str]) -> int:
        return 0

    async def close(self) -> None:
        return


class Emp(AsyncDriver):
    """emp, always with priorities."""

    async def open(self) -> None:
        self.emp = await AsyncEmp.connect(self.order.url)

    async def submit(self, payload: Payload, priority: int) -> str:
        return (await self.emp.submit(_request(payload, priority))).id

    async def submit_bulk(self, jobs: list[Job]) -> None:
        for answer in await self.emp.submit_many([_request(*job) for job in jobs]):
            if isinstance(answer, EmpError):
                raise answer

    async def work(self) -> None:
        configure_logs("WARNING", "console")
        store = await open_store(self.order.url)
        options = AgentOptions(
            worker_id=f"{self.order.worker or 'bench'}:0",
            machine="bench",
            boot=new_job_id(),
            capabilities=Capabilities.parse({"services": [SERVICE]}),
            slots=self.order.slots,
            lease_ms=(self.order.lease_seconds or LEASE_SECONDS) * 1000,
        )
        agent = Agent(
            store,
            [Nothing()],
            open_artifacts("memory://"),
            SystemClock(),
            options,
            lambda on_answer: ProcessHeart(store.url, store.link.prefix, on_answer),
        )
        await agent.run(stop_when_asked(agent, DRAIN_SECONDS))

    async def result(self, job_id: str) -> object:
        result = await self.emp.result(job_id)
        return None if result is None else (result.get("data") or {}).get("worker", result)


def _request(payload: Payload, priority: int) -> dict[str, object]:
    return {"service": SERVICE, "payload": payload, "priority": priority}


if __name__ == "__main__":
    serve(Emp)
