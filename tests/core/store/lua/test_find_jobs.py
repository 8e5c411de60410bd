"""find_jobs: reads on in sorted lists, at most so far, whatever is in them."""

from typing import Any

import pytest

from emp_core.store import Store
from tests.support.builders import submit


async def _find(store: Store, *lists: tuple[str, str, str], **changes: Any) -> list[tuple[str, str, list[str]]]:
    arguments = {"states": "", "lowest": "-inf", "wanted": 100, "budget": 1_000} | changes
    answers = await store.link.run("find_jobs", lists, **arguments)
    return [(score.decode(), last.decode(), [name.decode() for name in flat[1::2]]) for score, last, flat in answers]


async def _list(store: Store, name: str, *jobs: tuple[str, int]) -> str:
    """A list for the time of the test; `quarantine` is the row of a hash, `workflow.jobs` of what a workflow has."""
    for job_id, score in jobs:
        await store.link.call("ZADD", store.link.key(name), score, job_id)
    return name


@pytest.mark.damages
async def test_the_highest_comes_first_and_of_one_score_the_last_id(store: Store) -> None:
    name = await _list(store, "workflow.jobs:w", ("a", 1), ("b", 3), ("d", 2), ("c", 2), ("e", 2))
    assert await _find(store, (name, "", "")) == [("end", "", ["b", "e", "d", "c", "a"])]
    assert await _find(store, (name, "2", "d")) == [("end", "", ["c", "a"])]
    assert await _find(store, (name, "2", "d"), lowest="2") == [("end", "", ["c"])]
    assert await _find(store, (name, "2", "zz")) == [("end", "", ["e", "d", "c", "a"])]


@pytest.mark.damages
@pytest.mark.parametrize(("wanted", "budget"), [(1, 1_000), (2, 1_000), (100, 1), (100, 3), (3, 2)])
async def test_it_goes_on_from_where_it_stopped(store: Store, wanted: int, budget: int) -> None:
    jobs = [(f"j{number:02}", number // 7) for number in range(40)]
    name = await _list(store, "workflow.jobs:w", *jobs)
    found: list[str] = []
    record = (name, "", "")
    for _ in range(100):
        ((score, last, some),) = await _find(store, record, wanted=wanted, budget=budget)
        assert len(some) <= min(wanted, budget)
        found += some
        if score == "end":
            break
        record = (name, score, last)
    assert found == [job_id for job_id, _ in sorted(jobs, key=lambda job: (job[1], job[0]), reverse=True)]


@pytest.mark.damages
async def test_the_budget_is_of_all_lists_together(store: Store) -> None:
    one = await _list(store, "workflow.jobs:a", ("a", 1), ("b", 2))
    two = await _list(store, "workflow.jobs:b", ("c", 1), ("d", 2))
    answers = await _find(store, (one, "", ""), (two, "", ""), budget=3)
    assert answers == [("end", "", ["b", "a"]), ("2", "d", ["d"])]
    assert await _find(store, (one, "", ""), (two, "", ""), budget=2) == [("1", "a", ["b", "a"]), ("", "", [])]


async def test_only_jobs_in_the_states_that_are_asked_for(store: Store) -> None:
    jobs = [await submit(store, workflow_id="w") for _ in range(250)]
    for job_id in jobs[::100]:
        await store.broker.cancel(job_id)
    await store.link.call("ZADD", store.link.key("workflow.jobs:w"), 9e12, "nobody")
    ((score, _, found),) = await _find(store, ("workflow.jobs:w", "", ""), states=" cancelled failed ")
    assert (score, set(found)) == ("end", set(jobs[::100]))
    await store.link.call("ZREM", store.link.key("workflow.jobs:w"), "nobody")


@pytest.mark.damages
async def test_a_list_of_another_type_is_empty(store: Store) -> None:
    await store.link.call("SET", store.link.key("workflow.jobs:w"), "x")
    name = await _list(store, "workflow.jobs:v", ("a", 1))
    assert await _find(store, ("workflow.jobs:w", "", ""), (name, "", "")) == [("end", "", []), ("end", "", ["a"])]
