"""How many random histories are tried: a few in each run; `--histories 2000 --timeout 0` for more."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.core.store.machine.queue import Queue
from tests.support.changed_library import changed_policy
from tests.support.redis_server import ANY, Servers

SHRINKING_SECONDS = 300
"""A history that went wrong is made short before it is shown."""

Make = Callable[[], Queue]


def try_histories(
    machine: Callable[[Make], RuleBasedStateMachine], servers: Servers, config: pytest.Config, steps: int
) -> None:
    """Histories of so many steps, each on an empty queue; without Hypothesis's explanations, which trace every line."""
    counts: Counter[str] = Counter()
    server = servers.empty(ANY)
    bounds = settings(
        max_examples=config.getoption("histories"),
        stateful_step_count=steps,
        deadline=None,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as runner, _little_a_call():
        # Typed as a class, documented to take a function as well.
        make = cast("type[RuleBasedStateMachine]", lambda: machine(lambda: Queue(server, runner, counts)))
        run_state_machine_as_test(make, settings=bounds)
    print(dict(counts))  # noqa: T201 - for `pytest -s`


def _little_a_call() -> AbstractContextManager[None]:
    """Functions that leave most of their work to the next call, so that other calls come in between."""
    return changed_policy(children_inline=1, given_back_a_call=1)
