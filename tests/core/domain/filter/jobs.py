"""Jobs and filters of few words, which often meet."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from emp_core.domain.filter import FIELDS, Filter, parse
from emp_core.domain.filter.kinds import Durations, Kind, Numbers, Times, Words
from emp_core.domain.filter.tree import COMPARISONS, Duration, Moment, quoted
from emp_core.domain.job import Job
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import TERMINAL, WAITING, JobState

NOW = 1_796_000_000_000


def make_job(**changes: Any) -> Job:
    """A pending job that asks nothing, created a minute ago; names of requirements are changes too."""
    asked = {name: changes.pop(name) for name in list(changes) if name in Requirements.__dataclass_fields__}
    defaults: dict[str, Any] = {
        "id": "7f3akq2m9c4x5v1b",
        "state": JobState.PENDING,
        "class_id": "class",
        "requirements": Requirements(**asked),
        "created_at": NOW - 60_000,
        "max_failures": 3,
        "customer_id": asked.get("customer_id"),
    }
    counted = ("priority", "score", "gen", "attempt", "failures", "losses", "releases", "version")
    return Job(**{**dict.fromkeys(counted, 0), **defaults, **changes})


WORDS = ["a", "b", "ab", "B", "a b", 'a"b', "x/a", "a*", "\\", "-a", "a,b", "ä"]
AMOUNTS = [0, 1, 2, 8, 24, 0.5]

words = st.sampled_from(WORDS)
some_words = st.lists(words, max_size=2).map(tuple)
amounts = st.sampled_from(AMOUNTS)
counts = st.integers(0, 2)
times = st.integers(0, 4).map(lambda steps: NOW - steps * 30_000)
custom_values = words | st.booleans() | amounts | some_words

ATTRIBUTES: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "id": {"id": words},
    "service": {"services": some_words},
    "type": {"job_type": words},
    "customer": {"customer_id": words},
    "workflow": {"workflow_id": words},
    "worker": {"worker": words},
    "label.NAME": {"labels": st.dictionaries(st.sampled_from(["NAME", "batch"]), words)},
    "key": {"idempotency_key": words},
    "depends_on": {"depends_on": some_words},
    **{name: {name: counts} for name in ("priority", "attempt", "failures", "losses", "releases", "gpu_count")},
    "progress": {"progress": amounts},
    "message": {"message": words},
    "age": {"created_at": times},
    "wait": {"created_at": times, "started_at": times},
    "run": {"claimed_at": times},
    "created": {"created_at": times},
    "started": {"started_at": times},
    "due": {"due_at": times},
    "deadline": {"deadline": times},
    "code": {"code": words, "cause": words},
    "error": {"cause": words, "error": words},
    "model": {"models": some_words},
    "component": {"components": some_words},
    "workflow_name": {"workflows": some_words},
    "gpu": {"gpu_memory_gb": amounts},
    "gpu_model": {"gpu_model": words},
    "cpu": {"cpu_cores": counts},
    "ram": {"ram_gb": amounts},
    "disk": {"disk_gb": amounts},
    "isolation": {"isolation": st.just("strict")},
    "quality_level": {"quality_level": words},
    **{name: {name: amounts} for name in ("max_minutes", "max_rate_per_hour", "max_rate_per_job")},
    "region": {"regions": some_words},
    "compliance": {"compliance": some_words},
    "tier": {"tiers": some_words},
    "custom.PATH": {"custom": st.dictionaries(st.sampled_from(["PATH", "x.y"]), custom_values)},
}
"""Field -> the attributes that it reads, besides those that follow from the state."""


@st.composite
def _jobs(draw: st.DrawFn, names: Sequence[str]) -> Job:
    """A job that has values, or none, for some fields."""
    state = draw(st.sampled_from(JobState))
    changes: dict[str, Any] = {
        "state": state,
        "held": state is JobState.DELAYED and draw(st.booleans()),
        "unworkable": state in WAITING and draw(st.booleans()),
        "ended_at": draw(times) if state in TERMINAL else None,
    }
    for name in names:
        if draw(st.integers(0, 3)):
            changes |= {attribute: draw(values) for attribute, values in ATTRIBUTES.get(name, {}).items()}
    return make_job(**changes)


def _written(value: Any, kind: Kind) -> str:
    """A value of a job as a filter could have it."""
    if isinstance(kind, Times):
        return str(Moment(value))
    if isinstance(kind, Durations):
        return str(Duration(abs(value)))
    return quoted(value) if isinstance(value, str) else str(value)


def _others(kind: Kind) -> st.SearchStrategy[str]:
    """Values that jobs can have too, and patterns."""
    if isinstance(kind, Words):
        return st.sampled_from(list(kind.choices))
    if isinstance(kind, Numbers):
        return amounts.map(str)
    durations = st.sampled_from(["0s", "30s", "1m", "1m30s", "90s", "1h", "1d2h3m4.005s"])
    if isinstance(kind, Times):
        return durations | st.sampled_from(["2026-11-30T08:00Z", "2026-11-29T22:12:50.123+01:00", "1970-01-01T00:00Z"])
    if isinstance(kind, Durations):
        return durations
    return words.map(quoted) | st.sampled_from(["*", "a*", "?", "*b", "??", "**"])


@st.composite
def _terms(draw: st.DrawFn, name: str, job: Job) -> str:
    field = FIELDS[name]
    operator = draw(st.sampled_from(field.kind.operators))
    own = [_written(value, field.kind) for value in field.values(job, NOW)]
    values = draw(st.sampled_from([st.sampled_from(own), _others(field.kind)])) if own else _others(field.kind)
    written = draw(st.lists(values, min_size=1, max_size=1 if operator in COMPARISONS else 3))
    return f"{draw(st.sampled_from(['', '', '-']))}{name}{operator}{','.join(written)}"


@st.composite
def texts_and_jobs(draw: st.DrawFn) -> tuple[str, Job]:
    """The text of a filter, and a job that it may well match."""
    names = draw(st.lists(st.sampled_from(list(FIELDS)), max_size=4))
    job = draw(_jobs(names))
    terms = [draw(_terms(name, job)) for name in names]
    return draw(st.sampled_from([" ", " \t "])).join(terms), job


filter_texts = texts_and_jobs().map(lambda pair: pair[0])
filters_and_jobs: st.SearchStrategy[tuple[Filter, Job]] = texts_and_jobs().map(lambda pair: (parse(pair[0]), pair[1]))
