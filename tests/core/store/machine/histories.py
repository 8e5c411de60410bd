"""How many random histories are tried: a few in each run; `--histories 2000 --timeout 0` for more."""

import pytest
from hypothesis import HealthCheck, Phase, settings

SHRINKING_SECONDS = 300
"""A history that went wrong is made short before it is shown."""


def histories(config: pytest.Config, steps: int) -> settings:
    """Histories of so many steps; without Hypothesis's explanations, for which it traces every line."""
    return settings(
        max_examples=config.getoption("histories"),
        stateful_step_count=steps,
        deadline=None,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=list(HealthCheck),
    )
