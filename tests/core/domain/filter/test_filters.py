"""Which jobs a filter matches, and what it tells of them before they are read."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from emp_core.domain.filter import FIELDS, Field, Filter, Index, field_of, parse
from emp_core.domain.job import Job
from emp_core.domain.states import RUNNING, TERMINAL, WAITING, JobState
from tests.core.domain.filter.jobs import NOW, filters_and_jobs, make_job

Changes = dict[str, Any]

ACTIVE: Changes = {"state": JobState.ACTIVE, "claimed_at": NOW - 20_000, "started_at": NOW - 50_000}
ENDED: Changes = {**ACTIVE, "state": JobState.COMPLETED, "ended_at": NOW - 10_000}
FAILED: Changes = {**ENDED, "state": JobState.FAILED, "code": "error", "cause": "out_of_memory"}
HELD: Changes = {"state": JobState.DELAYED, "held": True}
BARE: Changes = {}

CASES: list[tuple[str, Changes, bool]] = [
    ("", BARE, True),
    ("id:7f3a", BARE, True),
    ("id:f3", BARE, False),
    ("id:7?3a,zz", BARE, True),
    ("id:*v1b", BARE, True),
    ("id=7f3a", BARE, False),
    ("id=7f3akq2m9c4x5v1b", BARE, True),
    ("status:pending", BARE, True),
    ("-status:pending", BARE, False),
    ("status:active", {"state": JobState.CANCELLING}, True),
    ("status:cancelling", ACTIVE, False),
    ("status:delayed", HELD, True),
    ("status:held", HELD, True),
    ("status:held", {"state": JobState.DELAYED}, False),
    ("status:pending", {"state": None}, False),
    ("-status:pending", {"state": None}, True),
    ("held:yes", HELD, True),
    ("held:no", BARE, True),
    ("unworkable:yes", {"unworkable": True}, True),
    ("unworkable:yes", BARE, False),
    ("service:comfyui", {"services": ("a1111", "comfyui")}, True),
    ("service:comfyui -service:a1111", {"services": ("a1111", "comfyui")}, False),
    ("service:comfyui", BARE, False),
    ("type:up*", {"job_type": "upscale"}, True),
    ("-type:upscale", BARE, True),
    ("customer:acme", {"customer_id": "acme"}, True),
    ("customer:ACME", {"customer_id": "acme"}, False),
    ("customer:*", BARE, False),
    ("-customer:*", BARE, True),
    ('customer:"ac*"', {"customer_id": "acme"}, False),
    ("workflow:film-?", {"workflow_id": "film-7"}, True),
    ("worker:gpu1*", {**ACTIVE, "worker": "gpu1:0"}, True),
    ("worker:gpu1*", BARE, False),
    ("label.batch:42", {"labels": {"batch": "42"}}, True),
    ("label.batch:42", {"labels": {"batch": "43"}}, False),
    ("label.batch:*", {"labels": {"other": "42"}}, False),
    ("key:order-*", {"idempotency_key": "order-1"}, True),
    ("depends_on:b", {"depends_on": ("a", "b")}, True),
    ("priority>=90", {"priority": 90}, True),
    ("priority>90", {"priority": 90}, False),
    ("attempt:2,3", {"attempt": 3}, True),
    ("failures!=0", {"failures": 1}, True),
    ("losses<1", BARE, True),
    ("releases<=0", BARE, True),
    ("progress<50", {**ACTIVE, "progress": 49.5}, True),
    ("progress<50", BARE, False),
    ("message:SAMPL", {**ACTIVE, "message": "Sampling 4/20"}, True),
    ("age>59s age<61s", BARE, True),
    ("age>=1m age<=60s", BARE, True),
    ("age<1m", BARE, False),
    ("-age<1m", BARE, True),
    ("wait>=1m", BARE, True),
    ("wait<11s", ACTIVE, True),
    ("wait<11s", {**ENDED, "started_at": None}, False),
    ("wait>49s wait<51s", {**ENDED, "started_at": None}, True),
    ("wait>=1m", {**HELD, "started_at": NOW - 50_000}, True),
    ("run>19s run<21s", ACTIVE, True),
    ("run>9s run<11s", ENDED, True),
    ("run>0s", {**ACTIVE, "state": JobState.PENDING}, False),
    ("run>=0s", {**ENDED, "claimed_at": None}, False),
    ("created<2m", BARE, True),
    ("created>=2026-11-30T00:00Z created<2026-12-01T00:00Z", {"created_at": 1_796_025_600_000}, True),
    ("created<2026-11-30T08:00Z", {"created_at": 1_796_025_600_000}, False),
    ("started>40s", ACTIVE, True),
    ("started>40s", BARE, False),
    ("ended<11s", ENDED, True),
    ("ended<9s", ENDED, False),
    ("due<10m", {**HELD, "due_at": NOW + 60_000}, True),
    ("due<10s", {**HELD, "due_at": NOW + 60_000}, False),
    ("due>0s", {**HELD, "due_at": NOW - 60_000}, False),
    ("deadline<1h", {"deadline": NOW + 60_000}, True),
    ("code:error", FAILED, True),
    ("code:out_of_*", FAILED, True),
    ("code:memory", FAILED, False),
    ("error:MEMORY", FAILED, True),
    ('error:"cuda oom"', {**FAILED, "error": "Got a CUDA OOM."}, True),
    ("error:c?da*.", {**FAILED, "error": "Got a CUDA OOM."}, True),
    ("error=out_of_memory", FAILED, True),
    ("error=memory", FAILED, False),
    ("model:flux*", {"models": ("checkpoints/flux1.safetensors",)}, True),
    ("model:checkpoints/*", {"models": ("checkpoints/flux1.safetensors",)}, True),
    ("model:lux*", {"models": ("checkpoints/flux1.safetensors",)}, False),
    ("model:[a]*", {"models": ("[a]b",)}, True),
    ("component:up", {"components": ("up",)}, True),
    ("workflow_name:film", {"workflows": ("film",)}, True),
    ("gpu>=24", {"gpu_memory_gb": 24}, True),
    ("gpu>=24", {"gpu_memory_gb": 23.9}, False),
    ("gpu>=24", BARE, False),
    ("-gpu>=24", BARE, True),
    ("gpu:24,48", {"gpu_memory_gb": 48}, True),
    ("gpu_count>1", {"gpu_count": 2}, True),
    ("gpu_model:RTX", {"gpu_model": "*rtx*"}, True),
    ("cpu<16", {"cpu_cores": 8}, True),
    ("ram>=64gb", {"ram_gb": 64}, True),
    ("disk>500mb", {"disk_gb": 1}, True),
    ("isolation:strict", {"isolation": "strict"}, True),
    ("quality_level:high", {"quality_level": "high"}, True),
    ("max_minutes>30", {"max_minutes": 60}, True),
    ("region:eu*", {"regions": ("eu-west", "us")}, True),
    ("compliance:gdpr", {"compliance": ("gdpr",)}, True),
    ("tier:spot", {"tiers": ("spot",)}, True),
    ("max_rate_per_hour<1.5", {"max_rate_per_hour": 1}, True),
    ("max_rate_per_job<0.1", {"max_rate_per_job": 0.05}, True),
    ("custom.cuda:12*", {"custom": {"cuda": 12.5}}, True),
    ("custom.fast:true", {"custom": {"fast": True}}, True),
    ("custom.a.b:y", {"custom": {"a.b": ("x", "y")}}, True),
    ("custom.a.b:*", {"custom": {"a": "x"}}, False),
]


@pytest.mark.parametrize(("text", "changes", "expected"), CASES)
def test_a_filter_matches_the_jobs_that_it_describes(text: str, changes: Changes, expected: bool) -> None:
    assert parse(text).matches(make_job(**changes), NOW) is expected


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_has_a_case(name: str) -> None:
    used = {term.field.partition(".")[0] for text, _, expected in CASES if expected for term in parse(text).terms}
    assert name.partition(".")[0] in used


@given(filters_and_jobs)
def test_all_terms_must_hold(pair: tuple[Filter, Job]) -> None:
    found, job = pair
    assert found.matches(job, NOW) == all(Filter((term,)).matches(job, NOW) for term in found.terms)


@given(filters_and_jobs)
def test_a_negated_term_holds_if_the_term_does_not(pair: tuple[Filter, Job]) -> None:
    found, job = pair
    for term in found.terms:
        positive = parse(str(term).removeprefix("-"))
        assert positive.matches(job, NOW) is (Filter((term,)).matches(job, NOW) is not term.negated)


@settings(max_examples=300)
@given(filters_and_jobs)
def test_a_job_that_matches_is_where_the_filter_says(pair: tuple[Filter, Job]) -> None:
    found, job = pair
    if not found.matches(job, NOW):
        return
    assert job.state in found.states()
    assert found.fits_class(job.requirements)
    for name in {term.field for term in found.terms}:
        exact = found.exact(name)
        assert exact is None or not exact.isdisjoint(_values(name, job))
    for index, time in ((Index.CREATED, job.created_at), (Index.ENDED, job.ended_at)):
        first, last = found.between(index, NOW)
        assert first is None or (time is not None and first <= time)
        assert last is None or (time is not None and time <= last)


@given(filters_and_jobs)
def test_a_filter_of_class_fields_alone_tells_all_from_the_class(pair: tuple[Filter, Job]) -> None:
    found, job = pair
    if all(_field(term.field).asks for term in found.terms):
        assert found.matches(job, NOW) == found.fits_class(job.requirements)


def _field(name: str) -> Field:
    field = field_of(name)
    assert field is not None
    return field


def _values(name: str, job: Job) -> set[Any]:
    return set(_field(name).values(job, NOW))


DELAYED = frozenset({JobState.DELAYED})

STATES: dict[str, frozenset[JobState]] = {
    "": frozenset(JobState),
    "customer:acme": frozenset(JobState),
    "status:pending,failed": frozenset({JobState.PENDING, JobState.FAILED}),
    "status:active": RUNNING,
    "status:held": DELAYED,
    "status:delayed -status:held": DELAYED,
    "-status:held": frozenset(JobState),
    "-status:delayed": frozenset(JobState) - DELAYED,
    "-status:active": WAITING | TERMINAL,
    "held:yes": DELAYED,
    "held:no": frozenset(JobState),
    "unworkable:yes": WAITING,
    "unworkable:yes held:yes": DELAYED,
    "unworkable:yes status:failed": frozenset(),
    "ended<1h": TERMINAL,
    "-ended<1h": frozenset(JobState),
    "run>1h": RUNNING | TERMINAL,
    "status:pending ended<1h": frozenset(),
}


@pytest.mark.parametrize("text", STATES)
def test_the_states_that_can_match(text: str) -> None:
    assert parse(text).states() == STATES[text]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("customer:acme,b", "customer", {"acme", "b"}),
        ("customer=acme", "customer", {"acme"}),
        ("customer:a,b,c customer:a,d", "customer", {"a", "d"}),
        ("customer:acme", "worker", None),
        ("-customer:acme", "customer", None),
        ("customer!=acme", "customer", None),
        ("customer:ac*", "customer", None),
        ("customer:acme,b*", "customer", None),
        ('customer:"ac*"', "customer", {"ac*"}),
        ("label.batch:42", "label.batch", {"42"}),
        ("label.batch:42", "label.other", None),
        ("id:7f3a", "id", None),
        ("id=7f3a", "id", {"7f3a"}),
        ("error:oom", "error", None),
        ("status:held", "status", {"held"}),
        ("gpu:24", "gpu", None),
        ("gpu>=24", "gpu", None),
        ("age>1h", "age", None),
    ],
)
def test_the_exact_values_of_a_field(text: str, name: str, expected: set[str] | None) -> None:
    assert parse(text).exact(name) == expected


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ("", Index.CREATED, (None, None)),
        ("created<1h", Index.CREATED, (NOW - 3_600_000, None)),
        ("age>1h", Index.CREATED, (None, NOW - 3_600_000)),
        ("age<=1h created>=30m", Index.CREATED, (NOW - 3_600_000, NOW - 1_800_000)),
        ("created>=2026-11-30T08:00Z created<2026-11-30T09:00Z", Index.CREATED, (1_796_025_600_000, 1_796_029_200_000)),
        ("ended<1h ended<2h", Index.ENDED, (NOW - 3_600_000, None)),
        ("ended<1h", Index.CREATED, (None, None)),
        ("-ended<1h", Index.ENDED, (None, None)),
    ],
)
def test_the_times_between_which_jobs_can_match(
    text: str, index: Index, expected: tuple[int | None, int | None]
) -> None:
    assert parse(text).between(index, NOW) == expected


def test_a_term_on_an_unknown_field_is_a_mistake_of_the_program() -> None:
    term = parse("customer:acme").terms[0]
    unknown = Filter((replace(term, field="nope"),))
    with pytest.raises(ValueError, match="nope is not a field"):
        unknown.matches(make_job(), NOW)
