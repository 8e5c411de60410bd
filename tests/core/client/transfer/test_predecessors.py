"""The waiting jobs of the three predecessors, as their Redis has them."""

import json
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from redis import Redis

from emp_core.client.redis_queue import RedisQueue
from emp_core.client.transfer.predecessors import Written, line_of, write_export
from emp_core.domain.filter import parse
from emp_core.errors import InvalidInput, NotFound
from emp_core.store import Store
from tests.core.client.transfer.lines import imported
from tests.generated import ROOT
from tests.support.redis_server import Server

NOW = 1_760_000_000_000

DATA = ROOT / "tests" / "data" / "predecessors"


@pytest.fixture
def predecessor(engine: str) -> Any:
    """A server that is not emp's."""
    server = Server(engine)
    yield server
    server.close()


def fill(client: Redis, file: Path) -> None:
    data = json.loads(file.read_text())
    for name, members in data["zsets"].items():
        client.zadd(name, members)
    for name, members in data["lists"].items():
        client.rpush(name, *members)
    for name, fields in data["hashes"].items():
        client.hset(name, mapping=fields)


async def imported_from(
    layout: str, predecessor: Server, queue: RedisQueue, where: str = ""
) -> tuple[dict[str, str], list[str], Written]:
    """What was refused, what was noted, and what became of all."""
    fill(predecessor.client, DATA / f"{layout}.json")
    before = dump(predecessor.client)
    refused: dict[str, str] = {}
    notes: list[str] = []
    with TemporaryFile() as stream:
        written = await write_export(
            predecessor.url,
            layout,
            stream,
            lambda name, error: refused.update({name: error.message}),
            notes.append,
            wanted=parse(where),
            now=NOW,
        )
        run, wrong = await imported(queue, stream.readlines())
    assert (wrong, run.complete) == ([], True)
    assert dump(predecessor.client) == before, "it is only read"
    return refused, notes, written


def dump(client: Any) -> dict[bytes, bytes]:
    return {name: client.dump(name) for name in client.keys("*")}


async def in_order(queue: RedisQueue) -> list[str]:
    from emp_core.domain.filter import Filter

    page = await queue.jobs(Filter.of(status=["pending"]), limit=100)
    return [job.id for job in page.jobs]


async def test_python_hub_gives_what_is_pending_in_the_order_that_it_promised(
    predecessor: Server, queue: RedisQueue, store: Store
) -> None:
    refused, notes, written = await imported_from("emp-redis", predecessor, queue)
    assert (refused, notes, written.not_waiting) == ({}, [], {"claimed": 1, "completed": 1})
    assert await in_order(queue) == ["py-urgent", "py-tried", "py-first", "py-second", "py-swept", "py-low"]
    tried = await queue.job("py-tried")
    assert (tried.failures, tried.max_failures) == (2, 4), "three runs after the first one"
    assert tried.created_at == 1_748_332_797_000
    assert (await queue.job("py-urgent")).service == "a1111"
    assert json.loads(await queue.payload("py-low")) == {"payload": {"prompt": {"3": {"seed": 2**64 - 1}}}}


async def test_typescript_hub_gives_pending_and_unworkable_jobs_and_says_what_is_wrong(
    predecessor: Server, queue: RedisQueue, store: Store
) -> None:
    refused, notes, written = await imported_from("emprops-js", predecessor, queue)
    assert written.not_waiting == {}
    assert refused.keys() == {"ts-broken"}
    assert refused["ts-broken"].startswith("payload: is not JSON")
    assert notes == ["job ts-high: priority 120 is stored as 100"]
    assert await in_order(queue) == ["ts-high", "ts-old", "ts-new", "ts-large"]
    new, large = await queue.job("ts-new"), await queue.job("ts-large")
    assert (new.customer_id, new.requirements.gpu_memory_gb, new.failures, new.max_failures) == ("acme", 16, 1, 3)
    assert large.requirements.gpu_memory_gb == 96


async def test_workers_on_redis_give_steps_the_place_of_their_workflow(
    predecessor: Server, queue: RedisQueue, store: Store
) -> None:
    refused, notes, written = await imported_from("redis-direct", predecessor, queue)
    assert (refused, notes, written.not_waiting) == ({}, [], {"assigned": 1})
    assert await in_order(queue) == ["step-2", "retried", "alone"]
    step = await queue.job("step-2")
    assert (step.priority, step.workflow_id, step.requirements.models) == (80, "wf-1", ("flux1-dev",))
    assert dict(step.requirements.exclude) == {"legacy": True}


@pytest.mark.parametrize(
    ("layout", "where", "ids"),
    [
        ("emp-redis", "service:a1111", ["py-urgent"]),
        ("emp-redis", "failures>=2", ["py-tried"]),
        ("emprops-js", "customer:acme", ["ts-new"]),
        ("emprops-js", "gpu>=48", ["ts-large"]),
        ("redis-direct", "model:flux* priority>=80", ["step-2"]),
        ("redis-direct", "-customer:acme age>1d", ["retried", "alone"]),
        ("redis-direct", "customer:nobody", []),
    ],
)
async def test_filter_takes_those_that_match_and_counts_the_others(
    predecessor: Server, queue: RedisQueue, store: Store, layout: str, where: str, ids: list[str]
) -> None:
    refused, _, written = await imported_from(layout, predecessor, queue, where)
    assert await in_order(queue) == ids
    waiting = {"emp-redis": 6, "emprops-js": 5, "redis-direct": 3}[layout]
    assert written.unmatched == waiting - len(ids) - len(refused)


@pytest.mark.parametrize(("layout", "name"), [("redis-direct", "current_step"), ("emprops-js", "step_number")])
async def test_steps_of_a_workflow_keep_their_order(
    predecessor: Server, queue: RedisQueue, store: Store, layout: str, name: str
) -> None:
    """Their ids are drawn at random, and their workflow has one time."""
    for step in range(1, 13):
        job_id = f"id-{7 * step % 13:02}"
        predecessor.client.zadd("jobs:pending", {job_id: step})
        workflow = {"workflow_id": "wf-9", "workflow_priority": "90", "workflow_datetime": "1759572000000"}
        fields = {"service_required": "comfyui", "payload": "{}", "status": "pending", name: str(step), **workflow}
        predecessor.client.hset(f"job:{job_id}", mapping={"created_at": "2025-10-04T10:00:30Z", **fields})
    await imported_from(layout, predecessor, queue, "workflow:wf-9")
    assert await in_order(queue) == [f"id-{7 * step % 13:02}" for step in range(1, 13)]


async def test_entries_without_a_record_are_counted(predecessor: Server, queue: RedisQueue, store: Store) -> None:
    predecessor.client.zadd("jobs:pending", {"lost": 1, "odd": 2})
    predecessor.client.set("job:odd", "not a hash")
    _, _, written = await imported_from("redis-direct", predecessor, queue)
    assert written.not_waiting == {"assigned": 1, "without a record": 2}


async def test_import_again_stores_nothing_twice(predecessor: Server, queue: RedisQueue, store: Store) -> None:
    await imported_from("redis-direct", predecessor, queue)
    await imported_from("redis-direct", predecessor, queue)
    assert len(await in_order(queue)) == 3


async def test_redis_without_such_a_queue_is_said(predecessor: Server) -> None:
    with TemporaryFile() as stream, pytest.raises(NotFound) as error:
        await _write(predecessor.url, "emp-redis", stream)
    assert error.value.hint == "that Redis has none of the keys job_priority_queue, jobs:pending, job_queue"


async def test_unknown_layout_is_refused(predecessor: Server) -> None:
    with TemporaryFile() as stream, pytest.raises(InvalidInput) as error:
        await _write(predecessor.url, "sidekiq", stream)
    assert error.value.message == "layout: must be one of emp-redis, emprops-js, redis-direct, not 'sidekiq'"


async def _write(url: str, layout: str, stream: Any) -> None:
    await write_export(url, layout, stream, _unexpected, _unexpected, wanted=parse(""), now=NOW)


def _unexpected(*arguments: object) -> None:
    raise AssertionError(arguments)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"created_at": ""}, "created_at: is no time: ''"),
        ({"created_at": "nan"}, "created_at: is no time: 'nan'"),
        ({"priority": "high"}, "priority: must be a number, not 'high'"),
        ({"job_type": ""}, "service: is missing"),
        ({"customer_id": "a b"}, "customer_id: must be 1 to 128"),
        ({"requirements": '{"gpus": 1}'}, "requirements.gpus: is not a known field"),
    ],
)
def test_wrong_field_is_named(changes: dict[str, str], said: str) -> None:
    fields = {"job_type": "comfyui", "created_at": "1748332802.1", "payload": "{}", **changes}
    with pytest.raises(InvalidInput) as error:
        line_of("emp-redis", "a", fields)
    assert error.value.message.startswith(said)
