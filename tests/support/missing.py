"""What a test needs and this machine has not: CI must have it, anybody else may be without."""

from typing import NoReturn

import pytest


def give_up(request: pytest.FixtureRequest, why: str) -> NoReturn:
    """Fail the test with `--ci`, skip it else."""
    if request.config.getoption("--ci"):
        pytest.fail(why)
    pytest.skip(why)
