"""A queue with jobs in every state, made from a seed."""

import random
from contextlib import suppress
from typing import Any

from emp_core.errors import Conflict
from emp_core.store import Store
from tests.support.builders import WorkerDriver, make_request, register

SOON = 4_000_000_000_000


async def fill(store: Store, seed: int, jobs: int) -> list[str]:
    """Jobs of three customers and two services, on two workers, in all states. Their ids."""
    dice = random.Random(seed)
    workers = [await register(store, name, gpu_memory_gb=24) for name in ("gpu1:0", "gpu2:0")]
    ids: list[str] = []
    for number in range(jobs):
        request = make_request(
            id=f"{'ab'[number % 2]}{seed:03}-{dice.randrange(10**6):06}-{number}", **_wishes(dice, ids)
        )
        ids.append((await store.broker.submit(request)).id)
        await _go_on(store, dice, workers, ids)
    return ids


def _wishes(dice: random.Random, ids: list[str]) -> dict[str, Any]:
    wishes: dict[str, Any] = {
        "priority": dice.choice((40, 50, 50, 60)),
        "service": dice.choice(("comfyui", "comfyui", "a1111")),
    }
    if customer := dice.choice((None, "acme", "zoo", "rare")):
        wishes["customer_id"] = customer
    if dice.random() < 0.3:
        wishes["labels"] = {"batch": dice.choice(("1", "2 = b")), "user": "ada"}
    if dice.random() < 0.3:
        wishes["workflow_id"] = dice.choice(("film", "clip"))
    if dice.random() < 0.5:
        wishes["requirements"] = {"gpu_memory_gb": dice.choice((8, 16, 80))}
    if dice.random() < 0.1:
        wishes["run_at"] = SOON
    if ids and customer is None and dice.random() < 0.1:
        wishes["idempotency_key"] = f"key-{len(ids)}"
    return wishes


async def _go_on(store: Store, dice: random.Random, workers: list[WorkerDriver], ids: list[str]) -> None:
    act, job_id = dice.choice(("nothing", "run", "run", "run", "hold", "cancel", "retry", "delete")), dice.choice(ids)
    if act == "run":
        await _run(dice, dice.choice(workers))
    elif act in ("hold", "retry"):
        # Most of the time its state forbids it.
        with suppress(Conflict):
            await getattr(store.broker, act)(job_id)
    elif act == "cancel":
        await store.broker.cancel(job_id)
    elif act == "delete":
        for name in await store.upkeep.delete([job_id]):
            ids.remove(name)


async def _run(dice: random.Random, worker: WorkerDriver) -> None:
    claim = await worker.claim()
    end = dice.choice(("complete", "fail", "retry", "release", "stay"))
    if claim is None or end == "stay":
        return
    if end == "complete":
        await worker.complete(claim)
    elif end == "release":
        await worker.release(claim)
    else:
        await worker.fail(claim, retryable=end == "retry", code=dice.choice(("oom", "error")))
