"""Random histories on a real server: after each call Redis has what the model has, and each claim was the right one."""

import pytest

from tests.core.store.machine.histories import SHRINKING_SECONDS, try_histories
from tests.core.store.machine.machine import QueueMachine
from tests.support.redis_server import Servers


@pytest.mark.timeout(SHRINKING_SECONDS)
def test_the_scripts_do_what_the_model_does(servers: Servers, pytestconfig: pytest.Config) -> None:
    try_histories(QueueMachine, servers, pytestconfig, steps=40)
