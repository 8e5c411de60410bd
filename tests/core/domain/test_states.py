"""The table of transitions is sound; the model of the contract is held against it in `tests/contract`."""

from collections import Counter

from emp_core.domain.states import RUNNING, TERMINAL, TRANSITIONS, WAITING, JobState, allowed


def test_every_state_is_of_one_kind() -> None:
    kinds = Counter(state for kind in (WAITING, RUNNING, TERMINAL) for state in kind)
    assert kinds == Counter(JobState)


def test_rows_are_named_once() -> None:
    assert len({row.name for row in TRANSITIONS}) == len(TRANSITIONS)


def test_ended_jobs_only_run_anew_or_are_deleted() -> None:
    assert {row.name for row in TRANSITIONS if row.sources & TERMINAL} == {"T14", "T16"}
    assert not any(allowed(JobState.COMPLETED, state) for state in JobState)


def test_every_state_can_be_reached_and_left() -> None:
    for state in JobState:
        assert allowed(None, state) or any(allowed(source, state) for source in JobState if source is not state)
        assert allowed(state, None) or any(allowed(state, target) for target in JobState if target is not state)


def test_what_is_not_in_the_table_is_refused() -> None:
    assert allowed(None, JobState.PENDING)
    assert allowed(JobState.FAILED, None)
    assert not allowed(None, JobState.ACTIVE)
    assert not allowed(JobState.ACTIVE, None)
    assert not allowed(JobState.CANCELLING, JobState.COMPLETED)
    assert not allowed(JobState.BLOCKED, JobState.ACTIVE)
