"""The table of fields and its page agree with the language and with the job."""

import re

import pytest

from emp_core.domain.filter import FAMILIES, FIELDS, Index, field_of, parse
from emp_core.domain.filter.page import EXAMPLES, filters_page
from emp_core.domain.requirements import REQUIREMENT_FIELDS
from tests.core.domain.filter.jobs import NOW, make_job


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_of_a_field_is_about_it(name: str) -> None:
    family = name.partition(".")[0]
    (term,) = parse(FIELDS[name].example).terms
    assert term.field.partition(".")[0] == family


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_of_the_page_is_a_filter_that_a_job_can_be_judged_by(text: str) -> None:
    assert parse(text).matches(make_job(), NOW) in (True, False)


CODE = re.compile(r"`([^`\n]+)`")


def test_every_filter_in_the_text_of_the_page_is_one() -> None:
    rules = filters_page().partition("## Terms")[2].partition("## Fields")[0]
    filters = [text for text in CODE.findall(rules) if re.match(r"-?[a-z._]+[:=<>!]", text)]
    assert len(filters) > 10
    for text in filters:
        parse(text)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_one_way_to_read_its_values(name: str) -> None:
    field = FIELDS[name]
    assert (field.read is None) is not (field.asks is None)
    assert isinstance(list(field.values(make_job(), NOW)), list)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_the_class_has_an_index(name: str) -> None:
    field = FIELDS[name]
    assert field.asks is None or field.index in (Index.SERVICE, Index.TYPE, Index.CUSTOMER, Index.REQUIREMENT)


def test_other_names_of_a_field_are_no_names_of_another() -> None:
    others = [other for field in FIELDS.values() for other in field.known_as]
    assert len(set(others)) == len(others)
    assert not set(others) & FIELDS.keys()


def test_every_requirement_but_the_excluded_can_be_asked_for() -> None:
    names = {*FIELDS, *FAMILIES, *(other for field in FIELDS.values() for other in field.known_as)}
    named = {"models": "model", "components": "component", "workflows": "workflow_name"}
    assert {named.get(name, name) for name in REQUIREMENT_FIELDS} - names == {"exclude"}


def test_a_family_needs_a_name() -> None:
    assert field_of("label.batch") is not None
    assert field_of("label.") is None
    assert field_of("label") is None
    assert field_of("status.x") is None
