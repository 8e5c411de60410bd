"""The window over a long list is always what the queue's pages are, wherever it stands and whatever happens."""

import random

import pytest

from emp_cli.tui.window import PAGES, Window
from emp_core.client.queue import Queue
from emp_core.domain.filter import Filter, parse
from emp_core.store import Store
from tests.cli.tui.conftest import OpenQueue
from tests.support.builders import submit

SIZE = 10
FILTERS = ("", "customer:acme", "status:pending", "status:pending,cancelled priority>=50")


async def read(queue: Queue, window: Window) -> Window:
    return window.filled(await window.read.read(queue))


async def of_the_queue(queue: Queue, window: Window) -> list[str]:
    """The jobs from the window's first page on, in one read."""
    page = await queue.jobs(window.wanted, limit=SIZE * window.wide, cursor=window.starts[-1].cursor)
    return [job.id for job in page.jobs]


async def something_happens(store: Store, chance: random.Random, jobs: list[str]) -> None:
    act = chance.choice(["submit", "submit", "cancel", "delete", "priority"])
    if act == "submit" or not jobs:
        customer = chance.choice(["acme", "globex"])
        jobs.append(await submit(store, customer_id=customer, priority=chance.choice([20, 50, 80])))
        return
    job = chance.choice(jobs)
    if act == "cancel":
        await store.broker.cancel(job)
    elif act == "priority":
        await store.broker.set_priority([job], chance.choice([20, 50, 80]))
    elif (await store.broker.delete([job]))[job] == "ok":
        jobs.remove(job)


@pytest.mark.parametrize("seed", range(8))
async def test_the_window_is_the_queues_page_whatever_happens(store: Store, open_queue: OpenQueue, seed: int) -> None:
    chance = random.Random(seed)
    queue = await open_queue()
    jobs: list[str] = []
    for _ in range(chance.randint(0, 60)):
        await something_happens(store, chance, jobs)
    window = await read(queue, Window(wanted=parse(chance.choice(FILTERS)), size=SIZE))
    for _ in range(40):
        rows = len(window.rows)
        first = chance.randint(0, max(0, rows - 1))
        window = window.moved(first, min(rows - 1, first + 5))
        if chance.random() < 0.5:
            await something_happens(store, chance, jobs)
        window = await read(queue, window)
        assert [job.id for job in window.rows] == await of_the_queue(queue, window)
        assert window.wide <= PAGES


async def test_a_walk_to_the_end_and_back_sees_each_job_once(store: Store, open_queue: OpenQueue) -> None:
    queue = await open_queue()
    jobs = [await submit(store) for _ in range(93)]
    window = await read(queue, Window(wanted=Filter(), size=SIZE))
    seen = {place: job.id for place, job in enumerate(window.rows)}
    while window.goes_on:
        window = await read(queue, window.moved(len(window.rows) - 1, len(window.rows) - 1))
        seen |= {window.before + place: job.id for place, job in enumerate(window.rows)}
    assert [seen[place] for place in range(93)] == jobs
    assert window.total == 93
    while len(window.starts) > 1:
        window = await read(queue, window.moved(0, 5))
        assert [job.id for job in window.rows] == jobs[window.before : window.before + len(window.rows)]
    assert window.before == 0
