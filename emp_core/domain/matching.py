"""The one predicate: can this worker do this job, and if not, why not, dimension by dimension.

The claim, `emp explain`, the warning at submit and the wake-up all ask `match`; nobody decides it a second way. It is
pure, it never raises on parsed values, and every miss carries the remedy that would turn it into a fit.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.requirements import Requirements, holds
from emp_core.domain.values import Scalar, Value, as_set

DIMENSIONS = (
    "service",
    "job type",
    "hardware",
    "models",
    "components",
    "customer isolation",
    "performance",
    "place",
    "cost",
    "custom",
)
"""What is compared, in the order in which it is shown."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One requirement that one worker does not meet."""

    dimension: str
    field: str
    """The requirement's field."""

    asked: Any
    offered: Any
    gap: float
    """How far off: the missing share of a number, the count of missing names, 1 for the rest."""

    remedy: Mapping[str, Any]
    """Capability fields that, so changed, would meet it."""

    words: str = ""
    """The miss in words, if "needs A, worker has B" does not fit."""

    def sentence(self) -> str:
        """`gpu_memory_gb: needs 24 GB, worker has 16 GB`."""
        if self.words:
            return f"{self.field}: {self.words}"
        unit = " GB" if self.field.endswith("_gb") else ""
        offered = "reports none" if self.offered is None else f"has {_words(self.offered)}{unit}"
        return f"{self.field}: needs {_words(self.asked)}{unit}, worker {offered}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `match`."""

    misses: tuple[Miss, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the worker can do the job."""
        return not self.misses

    def by_dimension(self) -> dict[str, tuple[Miss, ...]]:
        """Every dimension with its misses; no misses means ok."""
        return {name: tuple(miss for miss in self.misses if miss.dimension == name) for name in DIMENSIONS}

    @property
    def distance(self) -> tuple[int, float]:
        """How near a miss it is: fewer requirements missed first, then smaller gaps."""
        return len(self.misses), sum(miss.gap for miss in self.misses)


FITS = Verdict()


def match(requirements: Requirements, capabilities: Capabilities) -> Verdict:
    """Judge one worker's profile for one class of jobs."""
    misses = tuple(_misses(requirements, capabilities))
    return Verdict(misses) if misses else FITS


def fits(requirements: Requirements, capabilities: Capabilities) -> bool:
    """The same without saying why not: it stops at the first miss."""
    return next(_misses(requirements, capabilities), None) is None


def _misses(requirements: Requirements, capabilities: Capabilities) -> Iterator[Miss]:
    asked = requirements.asked
    for check, about in _CHECKS:
        if not about or not asked.isdisjoint(about):
            yield from check(requirements, capabilities)


def remedied(capabilities: Capabilities, verdict: Verdict) -> Capabilities:
    """The smallest change of a worker that makes the verdict ok."""
    for miss in verdict.misses:
        capabilities = replace(capabilities, **_merged(capabilities, miss.remedy))
    return capabilities


def _merged(capabilities: Capabilities, remedy: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged into what the worker has; a value of None in them takes the entry away."""
    changes = dict(remedy)
    for name in ("models", "extra"):
        if name in changes:
            merged = {**getattr(capabilities, name), **changes[name]}
            changes[name] = {key: value for key, value in merged.items() if value is not None}
    return changes


def _service(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    if asked.services and not set(asked.services) & set(has.services):
        remedy = {"services": _plus(has.services, asked.services[:1])}
        yield Miss("service", "service", asked.services, has.services, 1, remedy)


def _job_type(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    if asked.job_type is not None and has.job_types is not None and asked.job_type not in has.job_types:
        remedy = {"job_types": _plus(has.job_types, (asked.job_type,))}
        yield Miss("job type", "job_type", asked.job_type, has.job_types, 1, remedy)


_AMOUNTS = ("gpu_memory_gb", "gpu_count", "cpu_cores", "ram_gb", "disk_gb")


def _hardware(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    for name in _AMOUNTS:
        wanted, offered = getattr(asked, name), getattr(has, name)
        if wanted is not None and (offered is None or offered < wanted):
            gap = (wanted - (offered or 0)) / wanted if wanted else 1
            yield Miss("hardware", name, wanted, offered, gap, {name: math.ceil(wanted)})
    if asked.gpu_model is not None and not _model_matches(asked.gpu_model, has.gpu_model):
        remedy = {"gpu_model": asked.gpu_model.replace("*", "").replace("?", "x").strip() or "x"}
        yield Miss("hardware", "gpu_model", asked.gpu_model, has.gpu_model, 1, remedy)


def _model_matches(pattern: str, model: str | None) -> bool:
    if model is None:
        return False
    if "*" not in pattern and "?" not in pattern:
        return pattern in model.lower()
    # Many stars must not cost more than few: `translate` never looks back past one. Brackets are meant as they are.
    return fnmatchcase(model.lower(), pattern.replace("[", "[[]"))


def _models(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    if not asked.models:
        return
    candidates = [name for name in asked.services or has.services if name in has.services] or list(asked.services[:1])
    if not candidates:
        return
    missing = {service: _missing(asked.models, has.models.get(service)) for service in candidates}
    service = min(candidates, key=lambda name: len(missing[name]))
    if missing[service]:
        offered = has.models.get(service, ())
        remedy = {"models": {service: _plus(offered, asked.models)}}
        yield Miss("models", "models", asked.models, offered, len(missing[service]), remedy)


def _components(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    for name in ("components", "workflows"):
        wanted, allowed, denied = getattr(asked, name), getattr(has, name), getattr(has, f"{name}_denied")
        missing = _missing(wanted, allowed)
        refused = tuple(item for item in wanted if item in denied)
        if missing or refused:
            offered = f"all but {_words(denied)}" if allowed is None else _minus(allowed, denied)
            remedy = {f"{name}_denied": _minus(denied, wanted)} if refused else {}
            if missing:
                remedy[name] = _plus(allowed, wanted)
            yield Miss("components", name, wanted, offered, len({*missing, *refused}), remedy)


def _customer(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    customer = asked.customer_id
    if customer is not None and customer in has.denied_customers:
        remedy = {"denied_customers": _minus(has.denied_customers, (customer,))}
        words = f"worker denies customer {customer}"
        yield Miss("customer isolation", "customer_id", customer, "denied", 1, remedy, words)
    listed = customer is not None and customer in has.allowed_customers
    if has.isolation == "strict" and customer is None:
        words = "job has no customer, worker serves only listed customers"
        yield Miss("customer isolation", "customer_id", "any worker", "strict", 1, {"isolation": "loose"}, words)
    elif has.isolation == "strict" and customer is not None and not listed:
        remedy_list = {"allowed_customers": _plus(has.allowed_customers, (customer,))}
        words = f"worker serves only {_words(has.allowed_customers)}, not {customer}"
        if not has.allowed_customers:
            words = "worker is strict and lists no customers"
        yield Miss("customer isolation", "customer_id", customer, has.allowed_customers, 1, remedy_list, words)
    elif asked.isolation == "strict" and customer is not None and has.isolation != "strict":
        strict = {"isolation": "strict", "allowed_customers": _plus(has.allowed_customers, (customer,))}
        words = f"needs a strict worker, worker's isolation is {has.isolation}"
        yield Miss("customer isolation", "isolation", "strict", has.isolation, 1, strict, words)


def _performance(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    level, levels = asked.quality_level, has.quality_levels
    if level is not None and levels is not None and level not in levels:
        yield Miss("performance", "quality_level", level, levels, 1, {"quality_levels": _plus(levels, (level,))})
    wanted, offered = asked.max_minutes, has.max_minutes
    if wanted is not None and offered is not None and offered < wanted:
        yield Miss("performance", "max_minutes", wanted, offered, (wanted - offered) / wanted, {"max_minutes": wanted})


def _place(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    if asked.regions and has.region not in asked.regions:
        yield Miss("place", "regions", asked.regions, has.region, 1, {"region": asked.regions[0]})
    missing = _missing(asked.compliance, has.compliance)
    if missing:
        remedy = {"compliance": _plus(has.compliance, missing)}
        yield Miss("place", "compliance", asked.compliance, has.compliance, len(missing), remedy)


def _cost(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    if asked.tiers and has.tier not in asked.tiers:
        yield Miss("cost", "tiers", asked.tiers, has.tier, 1, {"tier": asked.tiers[0]})
    for name in ("rate_per_hour", "rate_per_job"):
        limit, rate = getattr(asked, f"max_{name}"), getattr(has, name)
        if limit is not None and (rate is None or rate > limit):
            gap = 1 if rate is None else (rate - limit) / rate
            yield Miss("cost", f"max_{name}", limit, rate, gap, {name: limit})


def _custom(asked: Requirements, has: Capabilities) -> Iterable[Miss]:
    for path, wanted in asked.custom.items():
        offered = has.extra.get(path)
        if not holds(offered, wanted):
            remedy = {"extra": {path: _mended(offered, wanted, asked.exclude.get(path))}}
            yield Miss("custom", f"custom.{path}", wanted, offered, _custom_gap(wanted, offered), remedy)
    for path, unwanted in asked.exclude.items():
        offered = has.extra.get(path)
        if holds(offered, unwanted):
            remedy = {"extra": {path: _mended(offered, asked.custom.get(path), unwanted)}}
            yield Miss("custom", f"exclude.{path}", f"not {_words(unwanted)}", offered, 1, remedy)


def _custom_gap(wanted: Any, offered: Any) -> float:
    if isinstance(wanted, tuple) and isinstance(offered, tuple):
        return sum(not holds(offered, name) for name in wanted)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (wanted, offered))
    return min(1.0, (wanted - offered) / abs(wanted)) if numbers and wanted else 1


def _mended(offered: Value | None, wanted: Value | None, unwanted: Value | None) -> Value | None:
    """The extra capability that answers both demands on its path, as near to the offered one as can be."""
    if not isinstance(offered, tuple):
        return wanted
    kept = () if wanted is None else _items(wanted)
    value = as_set((*offered, *kept))
    if unwanted is None or not holds(value, unwanted):
        return value
    spoiling = [item for item in _items(unwanted) if not holds(kept, item)][:1]
    return as_set(item for item in value if not holds(tuple(spoiling), item)) if spoiling else wanted


def _items(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


_CHECKS: tuple[tuple[Callable[[Requirements, Capabilities], Iterable[Miss]], tuple[str, ...]], ...] = (
    (_service, ("services",)),
    (_job_type, ("job_type",)),
    (_hardware, (*_AMOUNTS, "gpu_model")),
    (_models, ("models",)),
    (_components, ("components", "workflows")),
    (_customer, ()),
    (_performance, ("quality_level", "max_minutes")),
    (_place, ("regions", "compliance")),
    (_cost, ("tiers", "max_rate_per_hour", "max_rate_per_job")),
    (_custom, ("custom", "exclude")),
)
"""Each with the fields that it is about; a strict worker's wish to know the customer is about none."""


def _missing(wanted: tuple[str, ...], offered: tuple[str, ...] | None) -> tuple[str, ...]:
    return () if offered is None else tuple(name for name in wanted if name not in offered)


def _plus(names: tuple[str, ...] | None, more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*(names or ()), *more}))


def _minus(names: tuple[str, ...], fewer: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in fewer)


def _words(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
