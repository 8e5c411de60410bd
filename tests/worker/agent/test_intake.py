"""What an agent asks for: profiles, nonces, customers, tokens."""

from collections import deque
from typing import Any

import pytest

from daemons.worker.agent.intake import TURN_JOBS, Intake
from daemons.worker.agent.options import AgentOptions
from daemons.worker.connector import Probe
from daemons.worker.services.board import ServiceBoard
from emp_core.clock import SystemClock
from emp_core.domain.capabilities import Capabilities
from emp_core.store import Claimed
from tests.support.fakes import ScriptedConnector
from tests.worker.agent.test_slot import make_claim


class Rig:
    def __init__(
        self, *connectors: ScriptedConnector, models: dict[str, list[str]] | None = None, **options: Any
    ) -> None:
        self.tokens: deque[str] = deque()
        self.board = ServiceBoard(connectors, lambda: None, 60, SystemClock())
        for state in self.board.states.values():
            state.up = True
        offered = {"services": [connector.service for connector in connectors], "models": models or {}}
        capabilities = Capabilities.parse(offered)
        chosen: dict[str, Any] = {"worker_id": "gpu1:0", "machine": "gpu1", "boot": "boot", **options}
        self.intake = Intake(AgentOptions(capabilities=capabilities, **chosen), self.board, self.tokens)

    def say(self, service: str, *models: str) -> None:
        self.board.states[service].probe = Probe(models=models)


def test_as_many_nonces_as_there_are_free_slots() -> None:
    rig = Rig(ScriptedConnector(), slots=4)
    wish = rig.intake.wish([None], may_claim=True)
    assert len(set(wish.nonces)) == 3


@pytest.mark.parametrize(("running", "may_claim"), [([None] * 4, True), ([], False)])
def test_no_nonces_for_a_worker_that_is_full_or_must_not_claim(running: list[None], may_claim: bool) -> None:
    rig = Rig(ScriptedConnector(), slots=4)
    assert rig.intake.wish(running, may_claim=may_claim).nonces == ()


def test_one_call_claims_for_no_more_than_a_turn() -> None:
    rig = Rig(ScriptedConnector(), slots=64)
    wish = rig.intake.wish([], may_claim=True)
    assert len(wish.nonces) == TURN_JOBS


def test_nonces_that_claimed_nothing_are_used_again_and_others_never() -> None:
    rig = Rig(ScriptedConnector(), slots=2)
    first = rig.intake.wish([], may_claim=True)
    rig.intake.answered(first, [make_claim(nonce=first.nonces[0])])
    second = rig.intake.wish([None], may_claim=True)
    assert second.nonces == first.nonces[1:]


def test_a_call_whose_answer_was_lost_is_made_again_with_its_nonces_whatever_has_changed() -> None:
    rig = Rig(ScriptedConnector(), slots=3)
    lost = rig.intake.wish([], may_claim=True)
    rig.intake.unanswered(lost)
    again = rig.intake.wish([], may_claim=False)
    assert again.nonces == lost.nonces
    rig.intake.unanswered(again)
    again = rig.intake.wish([None, None], may_claim=True)
    assert again.nonces == lost.nonces
    rig.intake.answered(again, [make_claim(nonce=nonce) for nonce in lost.nonces[:2]])
    assert rig.intake.wish([None, None], may_claim=True).nonces == lost.nonces[2:]


def test_calls_under_way_ask_for_no_more_jobs_than_there_are_free_slots() -> None:
    rig = Rig(ScriptedConnector(), slots=TURN_JOBS + 4)
    first = rig.intake.wish([], may_claim=True)
    assert rig.intake.goes_beside(first, [None])
    second = rig.intake.wish([None], may_claim=True)
    assert len(second.nonces) == 3
    assert not set(first.nonces) & set(second.nonces)
    assert not rig.intake.goes_beside(second, [None])
    rig.intake.unanswered(first)
    rig.intake.answered(second, [])
    assert rig.intake.room([None]) == 3


def test_calls_under_way_ask_for_no_more_jobs_than_a_service_has_room_for() -> None:
    rig = Rig(ScriptedConnector(concurrency=5), slots=10)
    first = rig.intake.wish([], may_claim=True)
    assert len(first.nonces) == 5
    assert not rig.intake.goes_beside(first, [])


def test_no_call_goes_beside_one_that_claims_nothing() -> None:
    """It may take the worker out of the idle ones after the other has put it there."""
    rig = Rig(ScriptedConnector(), slots=64)
    assert not rig.intake.goes_beside(rig.intake.wish([None] * 64, may_claim=True), [])


def test_no_call_goes_beside_while_the_answer_of_another_is_lost() -> None:
    rig = Rig(ScriptedConnector(), slots=64)
    first, second = rig.intake.wish([], may_claim=True), rig.intake.wish([], may_claim=True)
    rig.intake.unanswered(first)
    assert not rig.intake.goes_beside(second, [])


def test_no_call_goes_beside_if_customers_are_limited() -> None:
    rig = Rig(ScriptedConnector(), slots=64, max_customers=20)
    assert not rig.intake.goes_beside(rig.intake.wish([], may_claim=True), [])


def test_a_token_is_sent_until_a_call_gets_through() -> None:
    rig = Rig(ScriptedConnector())
    rig.tokens.extend(["one", "two"])
    lost = rig.intake.wish([], may_claim=True)
    assert lost.token == "one"
    rig.intake.unanswered(lost)
    wish = rig.intake.wish([], may_claim=True)
    assert wish.token == "one"
    rig.intake.answered(wish, [])
    assert rig.intake.wish([], may_claim=True).token == "two"


def _claims(*nonces: str) -> list[Claimed]:
    return [make_claim(nonce=nonce) for nonce in nonces]


def test_another_call_follows_while_tokens_wait_or_all_nonces_were_used() -> None:
    rig = Rig(ScriptedConnector(concurrency=5), slots=10)
    wish = rig.intake.wish([], may_claim=True)
    rig.intake.answered(wish, _claims(*wish.nonces[:-1]))
    assert not rig.intake.wants_more([None] * 4)
    wish = rig.intake.wish([], may_claim=True)
    rig.intake.answered(wish, _claims(*wish.nonces))
    assert rig.intake.wants_more([None] * 5)
    assert not rig.intake.wants_more([None] * 10)
    rig.tokens.append("class")
    assert rig.intake.wants_more([None] * 10)


def test_another_call_follows_if_one_of_two_used_all_its_nonces() -> None:
    """Redis may have carried it out last; then the worker is not among the idle ones."""
    rig = Rig(ScriptedConnector(), slots=20)
    first = rig.intake.wish([], may_claim=True)
    second = rig.intake.wish([], may_claim=True)
    rig.intake.answered(second, _claims(*second.nonces))
    assert not rig.intake.wants_more([None] * 4)
    rig.intake.answered(first, [])
    assert rig.intake.wants_more([None] * 4)


def test_the_models_that_services_tell_of_are_part_of_the_offer() -> None:
    rig = Rig(ScriptedConnector("comfyui"), ScriptedConnector("ollama"))
    rig.say("comfyui", "b", "a", "b")
    assert rig.intake.refresh()
    assert rig.intake.whole.capabilities.models == {"comfyui": ("a", "b")}
    assert rig.intake.whole.life.profile == rig.intake.whole.capabilities.profile_id
    rig.say("comfyui", "a", "b")
    assert not rig.intake.refresh()


def test_what_is_left_is_offered_without_the_services_that_are_down_or_full() -> None:
    rig = Rig(ScriptedConnector("comfyui", concurrency=1), ScriptedConnector("ollama"))
    assert rig.intake.left() is rig.intake.whole
    rig.board.take(["comfyui"])
    left = rig.intake.left()
    assert left.capabilities.services == ("ollama",)
    assert left.life.profile != rig.intake.whole.life.profile
    assert rig.intake.left() is left
    rig.board.states["ollama"].up = False
    assert rig.intake.left() is rig.intake.whole
    assert rig.intake.wish([None], may_claim=True).nonces == ()


def test_under_its_limit_of_customers_it_claims_no_more_jobs_than_it_may_have_customers() -> None:
    rig = Rig(ScriptedConnector(), slots=10, max_customers=3)
    assert rig.intake.room([]) == 3
    assert rig.intake.room(["a", "a", "b", None]) == 1
    assert rig.intake.wish(["a", "a", "b", None], may_claim=True).customers == ()


def test_at_its_limit_of_customers_it_names_them() -> None:
    rig = Rig(ScriptedConnector(), slots=10, max_customers=2)
    wish = rig.intake.wish(["b", "a", "a"], may_claim=True)
    assert (wish.customers, len(wish.nonces)) == (("a", "b"), 7)


def test_a_reserved_worker_names_its_workflow() -> None:
    assert Rig(ScriptedConnector(), workflow="wf-1").intake.wish([], may_claim=True).workflow == "wf-1"


def test_versions_and_who_listed_models_are_told_as_services_answer() -> None:
    rig = Rig(ScriptedConnector(service="comfyui"), ScriptedConnector(service="ollama"), models={"ollama": ["llama"]})
    rig.intake.refresh()
    assert rig.intake.told == {"versions": {}, "probed": []}
    rig.board.states["comfyui"].probe = Probe(version="0.3.68\n\udc80", models=("sdxl",))
    rig.board.states["ollama"].probe = Probe(version="0.12", models=("llama",))
    assert rig.intake.refresh()
    assert rig.intake.told == {"versions": {"comfyui": "0.3.68 ?", "ollama": "0.12"}, "probed": ["comfyui"]}
    assert not rig.intake.refresh()
    rig.board.states["ollama"].probe = Probe(version="0.13", models=("llama",))
    assert rig.intake.refresh()
