"""The machine: jobs come and are worked on all the while, and in each history some other things happen too."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.core.store.machine import people, workers
from tests.core.store.machine.people import People
from tests.core.store.machine.queue import Queue
from tests.core.store.machine.workers import forgeries, some

Acts = dict[str, st.SearchStrategy[Any]]

WORK: Acts = {
    "submit": st.fixed_dictionaries({"batch": st.lists(people.lines, min_size=1, max_size=3)}),
    "claim": st.fixed_dictionaries({"which": some, "slots": st.integers(1, 3)}),
    "settle_and_claim": st.fixed_dictionaries(
        {"which": some, "number": some, "verb": workers.verbs, "slots": st.integers(0, 2)}
    ),
}

OF_WORKERS: Acts = {
    "register": st.fixed_dictionaries(
        {"name": st.sampled_from(workers.WORKERS), "profile": st.sampled_from(workers.PROFILES), "anew": st.booleans()}
    ),
    "another_process_with_its_id_is_refused": st.fixed_dictionaries({"which": some}),
    "steer": st.fixed_dictionaries({"which": some, "state": workers.steered}),
    "the_answer_was_lost_and_the_turn_is_said_again": st.just({}),
    "anything": st.fixed_dictionaries({"turn": workers.wild_turns}),
    "beat": st.fixed_dictionaries({"which": some, "held": st.lists(st.tuples(some, forgeries), max_size=3)}),
    "beat_for_all_that_it_runs": st.fixed_dictionaries({"which": some}),
    "report": st.fixed_dictionaries({"number": some, "forgery": forgeries, "stall": workers.stalls}),
    "unclaim": st.fixed_dictionaries({"number": some, "forgery": forgeries}),
}

OF_PEOPLE: Acts = {
    "family": st.fixed_dictionaries(
        {"children": st.integers(2, 4), "run": st.booleans(), "retried": st.integers(0, 2)}
    ),
    "submit_again": st.fixed_dictionaries({"which": some, "other": st.booleans(), "by_key": st.booleans()}),
    "cancel": st.fixed_dictionaries({"which": some, "customer": people.customers, "worker": people.cancelling_workers}),
    "act": st.fixed_dictionaries({"which": some, "verb": people.verbs}),
    "set_priority": st.fixed_dictionaries({"which": some, "priority": people.priorities}),
    "set_workflow_priority": st.fixed_dictionaries({"which": some, "priority": people.priorities}),
    "set_limit": st.fixed_dictionaries(
        {"which": some, "customer": st.sampled_from(["", "acme", "b"]), "maximum": st.sampled_from([None, 0, 1, 2])}
    ),
    "the_functions_are_flushed": st.just({}),
    "forget": st.fixed_dictionaries({"wanted": some}),
    "resolve": st.fixed_dictionaries({"batch": st.integers(1, 3)}),
    "review": st.just({}),
}

OF_TIME: Acts = {
    "time_passes": st.fixed_dictionaries(
        {"ms": people.spans, "beating": some, "via": st.sampled_from(["reap", "beat", "turn"]), "which": some}
    ),
    "redis_is_unavailable": st.fixed_dictionaries({"ms": st.sampled_from([16_000, 60_000, 300_000])}),
}

OTHERS = OF_WORKERS | OF_PEOPLE | OF_TIME
ACTS = WORK | OTHERS

NEEDS: dict[str, Callable[[People], object]] = {
    "the_answer_was_lost_and_the_turn_is_said_again": lambda people: (
        people.last_call and people.last_call.worker in people.model.workers
    ),
    **dict.fromkeys(("anything", "beat", "report", "unclaim"), lambda people: people.queue.issued),
    **dict.fromkeys(("cancel", "act", "set_priority", "set_limit"), lambda people: people.model.jobs),
    "submit_again": lambda people: people.bodies,
    "set_workflow_priority": lambda people: people.workflows,
}


class QueueMachine(RuleBasedStateMachine):
    """One history."""

    def __init__(self, make: Callable[[], Queue]) -> None:
        super().__init__()
        self.queue = make()
        self.people = People(self.queue)
        self.possible: list[str] = []

    @initialize(
        profiles=st.lists(st.sampled_from(workers.PROFILES), min_size=1, max_size=3),
        others=st.sets(st.sampled_from(sorted(OTHERS)), min_size=4, max_size=9),
    )
    def begin(self, profiles: list[Any], others: set[str]) -> None:
        self.possible = [*WORK, "settle_and_claim", *sorted(others)]
        for name, profile in zip(workers.WORKERS, profiles, strict=False):
            self.people.register(name, profile, anew=True)

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        possible = [name for name in self.possible if name not in NEEDS or NEEDS[name](self.people)]
        name = data.draw(st.sampled_from(possible), "act")
        arguments = data.draw(ACTS[name])
        with self.queue.fairly():
            getattr(self.people, name)(**arguments)
        self.queue.counts[name] += 1

    @invariant()
    def redis_and_the_model_agree(self) -> None:
        self.queue.counts["steps"] += 1
        self.queue.compare()

    def teardown(self) -> None:
        self.queue.counts["histories"] += 1
        self.queue.close()
