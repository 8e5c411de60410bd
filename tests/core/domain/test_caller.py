"""Who asks, as orders are signed with it."""

import pytest

from emp_core.domain.caller import MAX_WORD, Caller, Role, local_caller, signature
from emp_core.errors import Forbidden


def caller(role: Role = Role.CLIENT, customer: str | None = None) -> Caller:
    return Caller(role=role, customer=customer, actor="ada@node1", request_id="r1")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ada@node1", "ada@node1"),
        ("Ada Lovelace", "Ada_Lovelace"),
        ("a\nb\x1b[31m\u202ec\ud800", "a_b_[31m_c_"),
        ("", "-"),
        ("x" * 200, "x" * MAX_WORD),
    ],
)
def test_actor_and_request_id_are_one_word_each(text: str, word: str) -> None:
    signed = Caller(role=Role.CLIENT, actor=text, request_id=text)
    assert (signed.actor, signed.request_id) == (word, word)
    assert signature(signed).split(" ") == ["client", word, word]


def test_local_caller_is_an_operator_of_all_customers() -> None:
    local = local_caller("ada", "node1", "r1")
    assert (local.role, local.customer, local.actor) == (Role.OPERATOR, None, "ada@node1")


def test_each_role_may_do_what_the_roles_before_it_may() -> None:
    allowed = {
        role: [least for least in Role if _may(role, least)]
        for role in (Role.MONITOR, Role.WORKER, Role.CLIENT, Role.OPERATOR)
    }
    assert [len(roles) for roles in allowed.values()] == [1, 2, 3, 4]


def _may(role: Role, least: Role) -> bool:
    try:
        caller(role).check_role(least, "do it")
    except Forbidden:
        return False
    return True


def test_refusal_names_the_role_that_is_needed_and_the_one_that_asks() -> None:
    with pytest.raises(Forbidden, match="a client may not requeue jobs") as refusal:
        caller().check_role(Role.OPERATOR, "requeue jobs")
    assert "the role operator" in refusal.value.hint


def test_caller_of_one_customer_may_not_do_what_concerns_all() -> None:
    caller().check_unscoped("read the summary")
    with pytest.raises(Forbidden, match="customer acme may not read the summary"):
        caller(customer="acme").check_unscoped("read the summary")
