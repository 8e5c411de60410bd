"""Random histories on a real server: after each call Redis has what the model has, and each claim was the right one."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core.store.machine.machine import QueueMachine
from tests.core.store.machine.queue import Queue
from tests.support.redis_server import Servers


def test_the_scripts_do_what_the_model_does(servers: Servers) -> None:
    counts: Counter[str] = Counter()
    server = servers.empty("redis")
    with asyncio.Runner() as runner:

        class Machine(QueueMachine):
            def __init__(self) -> None:
                super().__init__(lambda: Queue(server, runner, counts))

        bounds = settings(
            max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        )
        run_state_machine_as_test(Machine, settings=bounds)
    print(dict(counts))  # noqa: T201 - for `pytest -s`
