"""What jobs may ask and workers may offer: narrow words, that often meet, and wild ones, that find what breaks."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.requirements import Requirements
from emp_core.errors import InvalidInput

Source = Mapping[str, Any]

words = st.sampled_from(["a", "b", "c"])
word_lists = st.lists(words, max_size=3)
amounts = st.one_of(st.integers(0, 4), st.sampled_from([0.5, 1.5, 2.25, 24, 25.7]))
rates = st.sampled_from([0, 0.25, 1, 2.5, 10])
models = st.sampled_from(["rtx 4090", "RTX 3090", "a100 80gb"])
patterns = st.sampled_from(["*", "rtx*", "RTX ?090", "4090", "a100", "rtx 4090", "h100"])
scalars = st.one_of(st.booleans(), st.integers(-2, 3), words, st.sampled_from([0.5, -1.5, 1e15]))
custom_values = st.one_of(scalars, st.lists(scalars, max_size=3))
custom_trees = st.dictionaries(
    words, st.one_of(custom_values, st.dictionaries(words, custom_values, max_size=2)), max_size=2
)

wild_text = st.text(
    st.sampled_from("aZ9 .:*?-_[]\\é\u0130\u03a3\u00df\u202e\x00\n\x7f\x85\ud800\U0001f600"), max_size=300
)
wild_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), wild_text, st.just(10**400)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(wild_text, inner, max_size=3)),
    max_leaves=8,
)

ASKED: dict[str, st.SearchStrategy[Any]] = {
    "services": word_lists,
    "job_type": words,
    "gpu_memory_gb": amounts,
    "gpu_count": st.integers(0, 4),
    "gpu_model": patterns,
    "cpu_cores": st.integers(0, 4),
    "ram_gb": amounts,
    "disk_gb": amounts,
    "models": word_lists,
    "components": word_lists,
    "workflows": word_lists,
    "customer_id": words,
    "isolation": st.sampled_from(["none", "loose", "strict"]),
    "quality_level": words,
    "max_minutes": amounts,
    "regions": word_lists,
    "compliance": word_lists,
    "tiers": word_lists,
    "max_rate_per_hour": rates,
    "max_rate_per_job": rates,
    "custom": custom_trees,
    "exclude": custom_trees,
}

OFFERED: dict[str, st.SearchStrategy[Any]] = {
    "services": word_lists,
    "job_types": word_lists,
    "gpu_memory_gb": amounts,
    "gpu_count": st.integers(0, 4),
    "gpu_model": models,
    "cpu_cores": st.integers(0, 4),
    "ram_gb": amounts,
    "disk_gb": amounts,
    "models": st.dictionaries(words, word_lists, max_size=3),
    "components": word_lists,
    "components_denied": word_lists,
    "workflows": word_lists,
    "workflows_denied": word_lists,
    "isolation": st.sampled_from(["none", "loose", "strict"]),
    "allowed_customers": word_lists,
    "denied_customers": word_lists,
    "quality_levels": word_lists,
    "max_minutes": amounts,
    "region": words,
    "compliance": word_lists,
    "tier": words,
    "rate_per_hour": rates,
    "rate_per_job": rates,
    "extra": custom_trees,
}


def _parsed(source: Source) -> Requirements | None:
    try:
        return Requirements.parse(source)
    except InvalidInput:
        return None


def _offered(source: Source) -> Capabilities | None:
    try:
        return Capabilities.parse(source)
    except InvalidInput:
        return None


def _sources(fields: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Source]:
    """Any few of the fields."""
    return st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=6).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )


def _wild(fields: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Source]:
    return _sources(
        {name: st.one_of(known, wild_json, wild_text, st.lists(wild_text)) for name, known in fields.items()}
    )


asked_sources = _sources(ASKED)
offered_sources = _sources(OFFERED)
wild_asked_sources = _wild(ASKED)
wild_offered_sources = _wild(OFFERED)

requirements = asked_sources.map(_parsed).filter(lambda parsed: parsed is not None)
capabilities = offered_sources.map(_offered).filter(lambda parsed: parsed is not None)
wild_requirements = wild_asked_sources.map(_parsed).filter(lambda parsed: parsed is not None)
wild_capabilities = wild_offered_sources.map(_offered).filter(lambda parsed: parsed is not None)
