"""Runs one worker as a process: from its settings to its last job."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path

import structlog

from daemons.worker.agent.agent import Agent
from daemons.worker.agent.identity import about_me, dead_boot, free_id, machine_name
from daemons.worker.agent.options import AgentOptions
from daemons.worker.agent.stopping import stop_when_asked
from daemons.worker.beat.heart import ProcessHeart
from daemons.worker.configuration import Configuration
from daemons.worker.connector import Build, Connector
from daemons.worker.services.capabilities import declared, found, machine_facts
from daemons.worker.services.gpu import find_gpus, memory_of_gpus
from daemons.worker.settings import WorkerSettings
from emp_core.artifacts import ArtifactStore, open_artifacts
from emp_core.client.locate import files_url
from emp_core.clock import SystemClock
from emp_core.errors import Misconfigured, Refused
from emp_core.ids import new_job_id
from emp_core.store import Store, open_store
from emp_core.urls import masked

log = structlog.get_logger()

Announced = Callable[[str], AbstractContextManager[object]]


async def run_worker(told: Configuration, url: str, announced: Announced = nullcontext) -> None:
    """Work until a signal ends it. Raises `Misconfigured`, `Refused` or `QueueUnavailable` before the first job.

    `announced` is entered with the worker's id once it asks for jobs, and left with it.
    """
    settings = told.settings
    for note in settings.notes:
        log.warning("settings.note", note=note)
    async with AsyncExitStack() as stack:
        store = await open_store(url, settings.key_prefix, settings.redis_max_connections)
        stack.push_async_callback(store.close)
        server = store.server
        log.info("queue.joined", redis=masked(store.url), engine=f"{server.engine} {server.version}")
        artifacts = artifacts_for(settings, url, store.files_id)
        stack.push_async_callback(artifacts.aclose)
        await _run_under_some_id(told, store, artifacts, announced)


async def _run_under_some_id(told: Configuration, store: Store, artifacts: ArtifactStore, announced: Announced) -> None:
    """Run a worker. Without WORKER_ID: if another process took the id meanwhile, try the next one."""
    settings = told.settings
    taken: set[str] = set()
    while True:
        agent = await build_agent(told, store, artifacts, taken)
        try:
            await agent.run(stop_when_asked(agent, settings.drain_timeout_seconds), _announce(agent, announced))
        except Refused:
            if agent.leaving:
                return
            if settings.worker_id or agent.ready.is_set():
                raise
            taken.add(agent.options.worker_id)
        else:
            return


async def _announce(agent: Agent, announced: Announced) -> None:
    await agent.ready.wait()
    with announced(agent.options.worker_id):
        await asyncio.Event().wait()


async def build_agent(
    told: Configuration, store: Store, artifacts: ArtifactStore, taken: set[str] | frozenset[str] = frozenset()
) -> Agent:
    """An agent as the settings say, with its pulse in a process of its own."""
    settings = told.settings
    machine = settings.machine_id or machine_name()
    worker_id = settings.worker_id or await free_id(store, machine, taken)
    clock = SystemClock()
    connectors = build_connectors(told, worker_id)
    services = [connector.service for connector in connectors]
    cards = find_gpus()
    facts = machine_facts(cards)
    options = AgentOptions(
        worker_id=worker_id,
        machine=machine,
        boot=new_job_id(),
        capabilities=declared(settings, services, facts),
        found=found(settings, facts),
        gpus=memory_of_gpus if cards else tuple,
        slots=settings.concurrent_jobs,
        lease_ms=settings.lease_seconds * 1000,
        all_models=frozenset(name for name in services if settings.models_of(name) == "all"),
        workflow=settings.worker_workflow_id or "",
        max_customers=settings.max_concurrent_customers,
        orphan_run_seconds=settings.orphan_run_seconds,
        spool=_spool_in(settings.data_dir),
        info=about_me(),
        waits_for_id=settings.worker_id is not None,
        dead_boot=await dead_boot(store, worker_id, machine),
    )
    return Agent(
        store,
        connectors,
        artifacts,
        clock,
        options,
        lambda on_answer: ProcessHeart(store.url, store.link.prefix, on_answer),
    )


def _spool_in(data_dir: Path) -> Path:
    spool = data_dir / "spool"
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"EMP_DATA_DIR: outputs cannot be kept in {spool}: {error.strerror}") from error
    return spool


def build_connectors(told: Configuration, worker_id: str) -> Sequence[Connector]:
    """One for each service. Raises `Misconfigured`."""
    build = Build(worker_id=worker_id, clock=SystemClock(), slots=told.settings.concurrent_jobs)
    connectors = [chosen.build(build) for chosen in told.connectors]
    services = [connector.service for connector in connectors]
    twice = sorted({service for service in services if services.count(service) > 1})
    if twice:
        raise Misconfigured(f"SERVICES: two connectors serve {', '.join(twice)}")
    return connectors


def artifacts_for(settings: WorkerSettings, url: str, queue: str) -> ArtifactStore:
    """Where the queue's files are. Raises `Misconfigured` if nothing says it."""
    place = files_url(settings, url)
    if place is None:
        raise Misconfigured(
            "ARTIFACTS_URL: Redis is on another machine, so other machines cannot reach a local directory",
            hint="set ARTIFACTS_URL=s3://bucket/path, or HUB_WS_URL to send the files through the hub",
        )
    token = settings.hub_auth_token.get_secret_value() if settings.hub_auth_token else ""
    return open_artifacts(place, queue, token=token)
