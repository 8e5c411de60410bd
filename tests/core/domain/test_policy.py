"""Backoff: within half and one and a half of the formula, never over the cap."""

from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.job import JobRequest
from emp_core.domain.policy import POLICY, backoff_ms

jitters = st.floats(0.5, 1.5)


@given(st.integers(1, 1_000), jitters)
def test_backoff_is_near_the_formula_and_capped(failures: int, jitter: float) -> None:
    formula = min(300_000, 5_000 * 2 ** (failures - 1))
    assert 0.5 * formula <= backoff_ms(failures, jitter) <= 1.5 * formula


@given(st.integers(1, 40), jitters)
def test_backoff_never_gets_shorter(failures: int, jitter: float) -> None:
    assert backoff_ms(failures, jitter) <= backoff_ms(failures + 1, jitter)


def test_the_first_pauses() -> None:
    assert [backoff_ms(failures, 1) for failures in range(1, 9)] == [
        5_000,
        10_000,
        20_000,
        40_000,
        80_000,
        160_000,
        300_000,
        300_000,
    ]


def test_the_numbers_of_the_contract() -> None:
    assert (POLICY.max_failures, POLICY.max_losses, POLICY.max_releases) == (3, 3, 20)
    assert (POLICY.avoid_ms, POLICY.avoid_workers, POLICY.avoided_cap) == (60_000, 3, 256)
    assert (POLICY.cancel_grace_ms, POLICY.queue_ttl_ms) == (15_000, 7 * 86_400_000)
    assert (POLICY.attempt_timeout_ms, POLICY.stall_ms) == (30 * 60_000, 10 * 60_000)


def test_a_job_that_says_nothing_may_fail_as_often_as_the_policy_says() -> None:
    assert JobRequest.parse({"service": "comfyui"}).max_failures == POLICY.max_failures
