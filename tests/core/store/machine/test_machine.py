"""Random histories on a real server: after each call Redis has what the model has, and each claim was the right one."""

import asyncio
from collections import Counter

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.core.store.machine.histories import SHRINKING_SECONDS, histories
from tests.core.store.machine.machine import QueueMachine
from tests.core.store.machine.queue import Queue
from tests.support.redis_server import Servers


@pytest.mark.timeout(SHRINKING_SECONDS)
def test_the_scripts_do_what_the_model_does(servers: Servers, pytestconfig: pytest.Config) -> None:
    counts: Counter[str] = Counter()
    server = servers.empty("redis")
    with asyncio.Runner() as runner:

        class Machine(QueueMachine):
            def __init__(self) -> None:
                super().__init__(lambda: Queue(server, runner, counts))

        run_state_machine_as_test(Machine, settings=histories(pytestconfig, steps=40))
    print(dict(counts))  # noqa: T201 - for `pytest -s`
