"""Orders to all jobs that match a filter: what is asked before, what is done, and what is said of it."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from emp_core.client.async_emp import AsyncEmp
from emp_core.client.orders import ORDERED_AT_ONCE
from emp_core.domain.states import JobState
from emp_core.errors import EmpError, QueueUnavailable
from emp_core.store import Store
from tests.cli.conftest import Command, Do, Shell, terminal
from tests.support.builders import make_request, register, submit


def _states(do: Do[Any], *names: str) -> dict[str, str]:
    jobs = do(lambda store: store.inspector.jobs_by_id(names))
    return {job.id: "held" if job.held else str(job.state) for job in jobs}


@pytest.fixture
def jobs(do: Do[Any]) -> None:
    """Two that wait, one that runs, one that is done and one that failed, all of acme; and one of another customer."""

    async def make(store: Store) -> None:
        worker = await register(store)
        for name in ("done", "bad", "runs"):
            await submit(store, id=f"{name}-1", customer_id="acme", priority=90)
        await worker.complete(await worker.take())
        await worker.fail(await worker.take(), retryable=False)
        await worker.take()
        await submit(store, id="wait-1", customer_id="acme")
        await submit(store, id="wait-2", customer_id="acme", labels={"batch": "42"})
        await submit(store, id="other-1", customer_id="zoo")

    do(make)


ALL = ("done-1", "bad-1", "runs-1", "wait-1", "wait-2", "other-1")


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (
            ["cancel", "--where", "customer:acme"],
            {"runs-1": "cancelling", "wait-1": "cancelled", "wait-2": "cancelled"},
        ),
        (["cancel", "--where", "label.batch:42"], {"wait-2": "cancelled"}),
        (["retry", "--where", "customer:acme"], {"bad-1": "pending"}),
        (["requeue", "--where", "customer:acme"], {"runs-1": "pending"}),
        (["hold", "--where", "customer:acme"], {"wait-1": "held", "wait-2": "held"}),
    ],
)
def test_orders_reach_the_jobs_that_match_and_that_they_can_change(
    emp: Command, do: Do[Any], words: list[str], changed: Mapping[str, str]
) -> None:
    before = _states(do, *ALL)
    said = emp("job", *words, "--yes", "-o", "json")
    assert (said.code, said.err) == (0, "")
    assert {job["id"] for job in json.loads(said.out)} == set(changed)
    assert _states(do, *ALL) == {**before, **changed}
    again = emp("job", *words, "--yes")
    assert again.code == 0
    assert "none matches" in again.err


@pytest.mark.usefixtures("jobs")
def test_held_jobs_are_unheld_and_waiting_ones_moved(emp: Command, do: Do[Any]) -> None:
    emp("job", "hold", "wait-1")
    assert emp("job", "unhold", "--where", "customer:acme", "--yes", "-o", "ids").lines == ["wait-1"]
    said = emp("job", "priority", "--where", "customer:acme", "77", "--yes", "-o", "ids")
    assert sorted(said.lines) == ["wait-1", "wait-2"]
    moved = do(lambda store: store.inspector.jobs_by_id(ALL))
    assert [job.id for job in moved if job.priority == 77] == ["wait-1", "wait-2"]


@pytest.mark.usefixtures("jobs")
def test_a_job_that_is_being_cancelled_is_not_requeued(emp: Command, do: Do[Any]) -> None:
    emp("job", "cancel", "runs-1")
    said = emp("job", "requeue", "--where", "customer:acme", "--yes")
    assert (said.code, said.out) == (0, "")
    assert "none matches" in said.err
    assert _states(do, "runs-1") == {"runs-1": "cancelling"}


@pytest.mark.usefixtures("jobs")
def test_only_ended_jobs_are_deleted(emp: Command, do: Do[Any]) -> None:
    said = emp("job", "delete", "--where", "customer:acme", "--yes")
    assert sorted(said.lines) == ["bad-1", "done-1"]
    assert set(_states(do, *ALL)) == {"runs-1", "wait-1", "wait-2", "other-1"}
    refused = emp("job", "delete", "wait-1")
    assert (refused.code, refused.out) == (7, "")
    assert "wait-1" in refused.err


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("words", [["--where", "customer:acme"], ["wait-1", "wait-2"]])
def test_a_dry_run_shows_the_jobs_and_changes_nothing(emp: Command, do: Do[Any], words: list[str]) -> None:
    before = _states(do, *ALL)
    said = emp("job", "cancel", *words, "--dry-run")
    assert said.code == 0
    assert "would cancel" in said.err
    assert "nothing was done" in said.err
    assert {line.split()[0] for line in said.lines} >= {"wait-1", "wait-2"}
    assert set(emp("job", "cancel", *words, "--dry-run", "-o", "ids").lines) >= {"wait-1", "wait-2"}
    assert _states(do, *ALL) == before


@pytest.mark.usefixtures("jobs")
def test_without_a_person_to_ask_nothing_is_done(emp: Command, do: Do[Any]) -> None:
    before = _states(do, *ALL)
    said = emp("job", "cancel", "--where", "customer:acme")
    assert said.code == 2
    assert "cancel 3 jobs: 1 active, 2 pending?" in said.err
    assert "--yes" in said.err
    assert _states(do, *ALL) == before


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("answer", "code", "state"), [(b"y\n", 0, "cancelled"), (b"\n", 1, "pending"), (b"no\n", 1, "pending")]
)
def test_a_person_is_asked(shell: Shell, do: Do[Any], answer: bytes, code: int, state: str) -> None:
    words = ("job", "cancel", "--where", "label.batch:42")
    with terminal() as (ours, its), shell.begin(*words, stdin=its, stderr=its) as process:
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 4_096)
        os.write(ours, answer)
        assert process.wait() == code
    assert b"cancel 1 job: 1 pending?" in shown
    assert b"wait-2" in shown
    assert _states(do, "wait-2") == {"wait-2": state}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cancel"], "which jobs?"),
        (["cancel", "a", "--where", "customer:acme"], "not with them"),
        (["cancel", "--where", "custmer:acme"], "did you mean customer?"),
        (["priority", "50"], "which jobs?"),
    ],
)
def test_what_is_typed_wrong_is_told(emp: Command, words: list[str], said: str) -> None:
    told = emp("job", *words)
    assert told.code == 2
    assert said in told.err


def test_thousands_are_ordered_and_the_first_refusals_told(emp: Command, do: Do[Any]) -> None:
    requests = [make_request(id=f"j{number:04}-x", customer_id="acme") for number in range(1_200)]
    do(lambda store: store.broker.submit_many(requests))
    said = emp("job", "cancel", "--where", "customer:acme", "--yes", "-o", "ids")
    assert (said.code, len(set(said.lines))) == (0, 1_200)
    refused = emp("job", "hold", "-", stdin="\n".join(said.lines[:30]))
    assert refused.code == 7
    assert refused.err.count("error: ") == 21
    assert "10 more jobs were refused" in refused.err


def test_an_outage_in_the_middle_says_how_far_it_came(
    emp: Command, do: Do[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(lambda store: store.broker.submit_many([make_request(id=f"j{number:03}-x") for number in range(120)]))
    calls: list[int] = []
    give = AsyncEmp.set_priority

    async def fail(self: AsyncEmp, job_ids: Sequence[str], *more: Any, **named: Any) -> dict[str, EmpError | None]:
        calls.append(len(job_ids))
        if len(calls) > 1:
            raise QueueUnavailable("redis_unavailable", "Redis does not answer")
        return await give(self, job_ids, *more, **named)

    monkeypatch.setattr(AsyncEmp, "set_priority", fail)
    said = emp("job", "priority", "--where", "status:pending", "9", "--yes")
    assert said.code == 5
    assert f"{ORDERED_AT_ONCE} of 120 jobs are at priority 9" in said.err
    assert "run the command again" in said.err
    assert JobState.PENDING in _states(do, "j000-x").values()
