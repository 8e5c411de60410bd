"""Services that go down, come back, and change what they offer."""

from daemons.worker.connector import ServiceDown
from emp_core.domain.gpu_memory import Gpu, GpuMemory
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.agents import TestedAgent, states, until, working
from tests.support.builders import submit
from tests.support.fakes import ScriptedConnector
from tests.support.waiting import wait_until


async def go_down(agent: TestedAgent, connector: ScriptedConnector) -> None:
    connector.up = False
    for _ in range(2):  # one silence is no outage
        await agent.board.probe(connector.service)
    assert not agent.board.states[connector.service].up


async def come_back(agent: TestedAgent, connector: ScriptedConnector) -> None:
    connector.up = True
    await agent.board.probe(connector.service)


async def test_it_registers_with_what_its_services_say(store: Store) -> None:
    connector = ScriptedConnector(models=("b", "a"))
    async with working(store, connector) as agent:
        worker = await store.inspector.worker("gpu1:0")
        assert agent.heart.services_of_first_beat == "comfyui=up"
        assert worker.capabilities.models == {"comfyui": ("a", "b")}
        assert worker.services == {"comfyui": "up"}


async def test_declared_models_win_over_what_the_service_says(store: Store) -> None:
    connector = ScriptedConnector(models=("found",))
    async with working(store, connector, models={"comfyui": ["declared"]}):
        assert (await store.inspector.worker("gpu1:0")).capabilities.models == {"comfyui": ("declared",)}


async def test_a_service_that_is_said_to_have_all_models_has_no_list(store: Store) -> None:
    connector = ScriptedConnector(models=("found",))
    async with working(store, connector, all_models=frozenset({"comfyui"})):
        assert (await store.inspector.worker("gpu1:0")).capabilities.models == {}


async def test_with_one_service_down_it_claims_for_the_others(store: Store) -> None:
    down, up = ScriptedConnector("comfyui"), ScriptedConnector("ollama")
    async with working(store, down, up, slots=2) as agent:
        await go_down(agent, down)
        waiting, done = await submit(store, service="comfyui"), await submit(store, service="ollama")
        run = await up.next_run()
        assert run.job_id == done
        assert agent.heart.services.startswith("comfyui=down ollama=up\n")
        assert await states(store, waiting) == [JobState.PENDING]
        await come_back(agent, down)
        assert (await down.next_run()).job_id == waiting


async def test_with_all_services_down_it_claims_nothing_and_wakes_up_with_the_first(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        await go_down(agent, connector)
        await wait_until(lambda: agent.heart.services.startswith("comfyui=down"), "the queue is told")
        job = await submit(store)
        assert not (await store.inspector.job(job)).unworkable
        await come_back(agent, connector)
        assert (await connector.next_run()).job_id == job


async def test_its_wake_up_goes_to_another_when_its_service_goes_down(store: Store) -> None:
    down, up = ScriptedConnector(), ScriptedConnector()
    async with (
        working(store, down, worker_id="gpu1:0", gpu_memory_gb=8) as agent,
        working(store, up, worker_id="gpu1:1", gpu_memory_gb=80),
    ):
        await go_down(agent, down)

        async def left_the_idle() -> bool:
            return not await store.link.call("HEXISTS", store.link.key("idle.where"), "gpu1:0")

        await wait_until(left_the_idle, "it waits for no job")
        await submit(store)
        await up.begun(1)


async def test_a_connector_that_finds_its_service_down_gives_the_job_back_until_a_probe_is_answered(
    store: Store,
) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        run = await connector.next_run()
        connector.up = False
        run.fail(ServiceDown("connection refused"))

        async def released() -> bool:
            found = await store.inspector.job(job)
            return (found.state, found.releases, found.failures) == (JobState.PENDING, 1, 0)

        await wait_until(released, "a job that was given back")
        state = agent.board.states["comfyui"]
        assert (state.up, state.why) == (False, "connection refused")
        await come_back(agent, connector)
        again = await connector.next_run()
        assert (again.job_id, again.assignment.attempt) == (job, 2)


async def test_a_service_that_learns_a_model_is_offered_with_it(store: Store) -> None:
    connector = ScriptedConnector(models=("old",))
    async with working(store, connector) as agent:
        job = await submit(store, requirements={"models": ["new"]})
        assert (await store.inspector.job(job)).unworkable
        connector.models = ("old", "new")
        await agent.board.probe("comfyui")
        assert (await connector.next_run()).job_id == job
        assert (await store.inspector.worker("gpu1:0")).capabilities.models == {"comfyui": ("new", "old")}


async def test_running_jobs_go_on_while_it_registers_anew(store: Store) -> None:
    connector = ScriptedConnector(models=("old",))
    async with working(store, connector, slots=2) as agent:
        job = await submit(store)
        run = await connector.next_run()
        connector.models = ("new",)
        await agent.board.probe("comfyui")
        other = await submit(store, requirements={"models": ["new"]})
        await connector.begun(2)
        run.finish()
        await until(store, job, JobState.COMPLETED)
        assert connector.open_runs[0].job_id == other


async def test_what_an_earlier_life_left_is_swept_once_and_never_before_the_id_is_ours(store: Store) -> None:
    up, down = ScriptedConnector("comfyui"), ScriptedConnector("ollama")
    down.up = False
    async with working(store, up, down) as agent:
        assert (up.sweeps, down.sweeps) == (1, 0)
        await come_back(agent, down)
        assert (up.sweeps, down.sweeps) == (1, 1)
        await agent.board.probe("ollama")
        assert down.sweeps == 1


async def test_what_services_have_loaded_comes_with_the_beat(store: Store) -> None:
    connector = ScriptedConnector()
    connector.loaded, connector.gpus = ("flux",), (Gpu(24 * 10**9, 3 * 10**9),)
    async with working(store, connector) as agent:
        turns = agent.board.changes
        await agent.board.probe("comfyui")

        async def told() -> bool:
            await agent.heart.beat()
            memory = (await store.inspector.worker("gpu1:0")).memory
            return memory == GpuMemory(gpus=connector.gpus, loaded={"comfyui": ("flux",)})

        await wait_until(told, "the queue is told")
        assert agent.board.changes == turns
