"""Waking with the safety net off: no job waits while a slot is free that could take it, whatever happens in between."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.core.store.machine import people, workers
from tests.core.store.machine.agents import Agents
from tests.core.store.machine.histories import SHRINKING_SECONDS, try_histories
from tests.core.store.machine.machine import OF_PEOPLE, Acts
from tests.core.store.machine.queue import Queue
from tests.core.store.machine.workers import some
from tests.support.redis_server import Servers

WORK: Acts = {
    "submit": st.fixed_dictionaries({"batch": st.lists(people.lines, min_size=1, max_size=4)}),
    "end": st.fixed_dictionaries({"which": some, "number": some, "verb": workers.verbs}),
    "deliver": st.fixed_dictionaries({"which": some}),
}
OTHERS: Acts = {
    "start": st.fixed_dictionaries(
        {
            "name": st.sampled_from(workers.WORKERS),
            "profile": st.sampled_from(workers.PROFILES),
            "kind": st.sampled_from(["", "", "reserved", "one customer"]),
        }
    ),
    "die": st.fixed_dictionaries({"which": some}),
    "steer": st.fixed_dictionaries({"which": some, "state": workers.steered}),
    "time_goes_by": st.fixed_dictionaries({"ms": people.spans}),
    **{name: OF_PEOPLE[name] for name in ("cancel", "act", "set_priority", "set_limit", "family", "forget", "resolve")},
}
NEEDS = ("cancel", "act", "set_priority", "set_limit")


class Fleet(RuleBasedStateMachine):
    """One history of agents; every few acts all that was woken has had its turn, and nothing may be left."""

    def __init__(self, make: Callable[[], Queue]) -> None:
        super().__init__()
        self.queue = make()
        self.agents = Agents(self.queue)
        self.possible: list[str] = []
        self.every, self.acts = 1, 0

    @initialize(
        profiles=st.lists(st.sampled_from(workers.PROFILES), min_size=2, max_size=3),
        others=st.sets(st.sampled_from(sorted(OTHERS)), min_size=2, max_size=6),
        every=st.sampled_from([1, 2, 5]),
    )
    def begin(self, profiles: list[Any], others: set[str], every: int) -> None:
        self.possible, self.every = [*WORK, "end", *sorted(others)], every
        for name, profile in zip(workers.WORKERS, profiles, strict=False):
            self.agents.start(name, profile, "")

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        possible = [name for name in self.possible if name not in NEEDS or self.agents.model.jobs]
        name = data.draw(st.sampled_from(possible), "act")
        arguments = data.draw({**WORK, **OTHERS}[name])
        with self.queue.fairly():
            getattr(self.agents, name)(**arguments)
            self.acts += 1
            if self.acts % self.every == 0:
                self.agents.settle_down()
                self.queue.compare()
        self.queue.counts[name] += 1

    def teardown(self) -> None:
        self.queue.counts["histories"] += 1
        self.queue.close()


@pytest.mark.timeout(SHRINKING_SECONDS)
def test_no_job_waits_while_a_fitting_slot_is_free(servers: Servers, pytestconfig: pytest.Config) -> None:
    try_histories(Fleet, servers, pytestconfig, steps=30)
