"""The contract's model keeps its invariants in every state that it can reach, and no weaker contract does."""

from collections.abc import Iterator

import pytest

from emp_core.domain.states import RUNNING, TERMINAL, TRANSITIONS, JobState, allowed
from tests.model import model
from tests.model.model import ACTIVE, COMPLETED, PENDING, Rules, Step
from tests.model.search import Found, Move, World, search

pytestmark = pytest.mark.timeout(600)
"""The two long searches take seven seconds each on an idle machine."""


def check(rules: Rules, before: World, move: Move) -> str | None:
    """The invariants of one step."""
    if move.step is None:
        return None
    for broken in (*broken_history(before, move, move.step), *broken_claims(rules, before, move, move.step)):
        return broken
    return next(wrong_answers(before, move, move.step), None)


def broken_history(world: World, move: Move, step: Step) -> Iterator[str]:
    old, new, row = world.job, step.job, step.row
    if (row is None) != (old == new) and row != "T21":
        yield "I10 versionsGapless: what changes a job is one transition, and nothing else is"
    if old.state in TERMINAL and new.state is not old.state and row not in ("T14", "T16"):
        yield "I2 terminalForever"
    if old.state in TERMINAL and new.state in TERMINAL and new != old:
        yield "I3 oneCommitPerGen"
    if new.cancel_acknowledged and new.state in (ACTIVE, PENDING, COMPLETED):
        yield "I9 cancelMeansCancel"
    if new.attempt < old.attempt and row != "T16":
        yield "I11 attemptMonotone"


def broken_claims(rules: Rules, world: World, move: Move, step: Step) -> Iterator[str]:
    old, new = world.job, step.job
    if move.writer is not None and new != old and move.writer != old.claim:
        yield "I4 noStaleWrite"
    if new.state is PENDING and new.owed > 0:
        yield "I5 boundedStarts"
    if rules.on_lost == "fail" and step.row == "T3" and old.began:
        yield "at most once"
    if new.state in RUNNING and new.claim is None:
        yield "I7 activeHasLease: it runs under no claim"


def wrong_answers(world: World, move: Move, step: Step) -> Iterator[str]:
    """A repeated write is safe: `already` means that it had been applied, and who had been applied is told so."""
    applied = move.writer is not None and move.writer == world.job.closer
    if step.answer == "already" and move.writer is not None and not applied:
        yield "`already` for a write that nobody applied"
    if move.repeated and applied and step.answer not in ("already", "ok"):
        yield "a write that had been applied is refused"


def tell(line: str) -> None:
    print(line)  # noqa: T201 - for `pytest -s`, and for the report of a failure


@pytest.fixture(scope="module")
def contract() -> Found:
    """The search with two claims. It finds every transition that three claims do; each test process does it once."""
    return search(Rules(), check)


@pytest.fixture(scope="module")
def at_most_once() -> Found:
    return search(Rules(on_lost="fail"), check)


def test_the_contract_holds_in_every_state(contract: Found) -> None:
    found = search(Rules(), check, claims=3)
    tell(f"contract: {found.states} states")
    assert found.violation is None, found.trace
    assert found.states > 50_000
    assert found.used == contract.used


def test_the_contract_holds_after_a_rollback() -> None:
    found = search(Rules(), check, rollback=True)
    tell(f"contract with a rollback: {found.states} states")
    assert found.violation is None, found.trace
    assert found.states > 50_000


def test_at_most_once_holds_in_every_state(at_most_once: Found) -> None:
    tell(f"contract, on_lost fail: {at_most_once.states} states")
    assert at_most_once.violation is None, at_most_once.trace


NOWHERE: set[JobState | None] = {None}

WEAKER = {
    "no fence": (Rules(fence="none"), False, "I4"),
    "worker-id fence": (Rules(fence="worker"), False, "I4"),
    "attempt fence": (Rules(fence="attempt"), True, "I4"),
    "complete that cannot be repeated": (Rules(idempotent=False), False, "a write that had been applied is refused"),
    "complete wins over cancel": (Rules(cancel_wins=False), False, "I9"),
    "already for whoever was closed": (Rules(only_holders_finish=False), False, "`already` for a write"),
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_contract_is_caught(name: str) -> None:
    rules, rollback, violation = WEAKER[name]
    found = search(rules, check, rollback=rollback)
    tell(f"{name}: {' > '.join(found.trace)} ({found.states} states)")
    assert found.violation is not None
    assert found.violation.startswith(violation)


def test_an_attempt_is_fence_enough_without_a_rollback() -> None:
    assert search(Rules(fence="attempt"), check).violation is None


def test_the_model_and_the_table_are_one(contract: Found, at_most_once: Found) -> None:
    """The same rows, each from and to the same states. A move to another queue has tests of its own."""
    used = contract.used | at_most_once.used
    rows = [row for row in TRANSITIONS if row.name != "T23"]
    for row in rows:
        assert {source for name, source, _ in used if name == row.name} == (set(row.sources) or NOWHERE)
        assert {target for name, _, target in used if name == row.name} == (set(row.targets) or NOWHERE)
    assert {name for name, _, _ in used} == {row.name for row in rows}


def test_only_what_the_table_allows_happens(contract: Found) -> None:
    assert all(allowed(source, target) for _, source, target in contract.used)
    reachable = {(source, target) for _, source, target in contract.used}
    assert (JobState.CANCELLING, JobState.COMPLETED) not in reachable
    assert model.MAX_LOSSES < 3, "the model's limits are small, so that they are reached"
