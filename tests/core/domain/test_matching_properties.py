"""What holds of the predicate for any job and any worker."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from emp_core.domain.capabilities import Capabilities, capabilities_of
from emp_core.domain.matching import DIMENSIONS, fits, match, remedied
from emp_core.domain.nearest import NearMiss
from emp_core.domain.requirements import Requirements, requirements_of
from emp_core.errors import InvalidInput
from tests.core.domain import strategies as some

jobs = st.one_of(some.requirements, some.wild_requirements)
workers = st.one_of(some.capabilities, some.wild_capabilities)


@given(jobs, workers)
def test_match_never_raises_and_explains_every_miss(asked: Requirements, offered: Capabilities) -> None:
    verdict = match(asked, offered)
    assert fits(asked, offered) == verdict.ok
    assert verdict.ok == (not verdict.misses)
    assert sum(map(len, verdict.by_dimension().values())) == len(verdict.misses)
    assert all(miss.sentence() and miss.gap > 0 and miss.dimension in DIMENSIONS for miss in verdict.misses)


@given(jobs, workers)
def test_match_is_the_same_after_canonicalising(asked: Requirements, offered: Capabilities) -> None:
    assert match(requirements_of(asked.canonical()), capabilities_of(offered.canonical())) == match(asked, offered)


@given(jobs)
def test_canonical_requirements_are_read_back_as_themselves(asked: Requirements) -> None:
    again = Requirements.parse(json.loads(asked.canonical()))
    assert again == asked
    assert (again.canonical(), again.class_id) == (asked.canonical(), asked.class_id)


@given(workers)
def test_canonical_capabilities_are_read_back_as_themselves(offered: Capabilities) -> None:
    again = Capabilities.parse(json.loads(offered.canonical()))
    assert again == offered
    assert (again.canonical(), again.profile_id) == (offered.canonical(), offered.profile_id)


@given(some.requirements, some.requirements)
def test_a_class_is_a_meaning(one: Requirements, other: Requirements) -> None:
    assert (one.class_id == other.class_id) == (repr(one) == repr(other))  # True is not 1


@given(some.capabilities, some.capabilities)
def test_a_profile_is_a_meaning(one: Capabilities, other: Capabilities) -> None:
    assert (one.profile_id == other.profile_id) == (repr(one) == repr(other))


@given(some.asked_sources, st.randoms())
def test_a_class_does_not_depend_on_how_it_was_written(source: some.Source, random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = random.sample(sorted(value), len(value))
            return {key: shuffled(value[key]) for key in keys}
        return random.sample(value, len(value)) + value[:1] if isinstance(value, list) else value

    try:
        expected = Requirements.parse(source)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            Requirements.parse(shuffled(source))
    else:
        assert Requirements.parse(shuffled(source)).class_id == expected.class_id


@given(workers)
def test_who_asks_nothing_can_be_served_by_anybody_but_strict_workers(offered: Capabilities) -> None:
    assert match(Requirements(), offered).ok == (offered.isolation != "strict")


@given(jobs, workers)
def test_a_worker_so_remedied_fits(asked: Requirements, offered: Capabilities) -> None:
    better = remedied(offered, match(asked, offered))
    assert match(asked, better).ok
    assert Capabilities.parse(json.loads(better.canonical())) == better


@given(some.requirements, some.capabilities)
def test_no_part_of_a_remedy_can_be_spared(asked: Requirements, offered: Capabilities) -> None:
    better = remedied(offered, match(asked, offered))
    for changed in fields(Capabilities):
        before, after = getattr(offered, changed.name), getattr(better, changed.name)
        if before == after:
            continue
        spared = [replace(better, **{changed.name: before})]
        if changed.name in ("models", "extra"):
            spared = [
                replace(better, **{changed.name: _with(after, key, before.get(key))})  # type: ignore[arg-type]
                for key in {*before, *after}
                if before.get(key) != after.get(key)
            ]
        assert all(not match(asked, one).ok for one in spared)


def _with(mapping: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {name: kept for name, kept in {**mapping, key: value}.items() if kept is not None}


@given(some.requirements, some.capabilities)
def test_the_sentence_of_a_near_miss_names_every_change(asked: Requirements, offered: Capabilities) -> None:
    verdict = match(asked, offered)
    assume(not verdict.ok)
    near = NearMiss(worker="gpu1:0", capabilities=offered, verdict=verdict)
    assert near.change()
    assert near.sentence().startswith("gpu1:0 would fit if ")
    assert all(path in near.sentence() for path in near.change())


MORE = ("services", "compliance", "allowed_customers")
MORE_IF_LIMITED = ("job_types", "components", "workflows", "quality_levels")
AMOUNTS = ("gpu_memory_gb", "gpu_count", "cpu_cores", "ram_gb", "disk_gb")


@given(some.requirements, some.capabilities, st.data())
def test_a_worker_that_offers_more_still_fits(asked: Requirements, offered: Capabilities, data: st.DataObject) -> None:
    """But for what is denied, excluded or isolated."""
    asked = replace(asked, exclude={}, models=())
    fitting = remedied(offered, match(asked, offered))
    more: dict[str, Any] = {}
    for name in data.draw(
        st.lists(st.sampled_from([*MORE, *MORE_IF_LIMITED, *AMOUNTS, "extra", "models"]), unique=True)
    ):
        had = getattr(fitting, name)
        if name in AMOUNTS:
            more[name] = (had or 0) + data.draw(st.integers(0, 3))
        elif name == "extra":
            more[name] = {
                **data.draw(some.custom_trees.map(lambda tree: Capabilities.parse({"extra": tree}).extra)),
                **had,
            }
        elif name == "models":
            more[name] = {service: tuple(sorted({*names, "more"})) for service, names in had.items()}
        elif had is not None:
            more[name] = tuple(sorted({*had, *data.draw(some.word_lists)}))
    assert match(asked, replace(fitting, **more)).ok


@given(some.requirements, some.capabilities, some.words)
def test_a_model_more_never_breaks_a_fit(asked: Requirements, offered: Capabilities, model: str) -> None:
    fitting = remedied(offered, match(asked, offered))
    more = {service: tuple(sorted({*names, model})) for service, names in fitting.models.items()}
    assert match(asked, replace(fitting, models=more)).ok


@given(some.requirements, some.capabilities)
def test_who_asks_less_still_fits(asked: Requirements, offered: Capabilities) -> None:
    fitting = remedied(offered, match(asked, offered))
    for item in fields(Requirements):
        less = getattr(Requirements(), item.name)
        if item.name not in ("customer_id", "services"):
            assert match(replace(asked, **{item.name: less}), fitting).ok
