"""Explanations as JSON; apart from `views`, because what explains a job takes time to import."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from emp_core.domain.explain import Explanation, Skipped, WorkerExplanation
from emp_core.domain.folding import Workers, fold_workers
from emp_core.domain.matching import Miss
from emp_core.domain.standing import Standing, WaitingClass


def explanation_view(explanation: Explanation) -> dict[str, Any]:
    """Why a job waits."""
    return {
        "job": explanation.job.id,
        "state": explanation.job.state.value if explanation.job.state else None,
        "tier": explanation.tier.value if explanation.tier else None,
        "reasons": [asdict(reason) for reason in explanation.reasons],
        "ahead": explanation.ahead,
        "ahead_exact": explanation.ahead_exact,
        "labels": dict(explanation.job.labels),
        "before": [_class_view(waiting) for waiting in explanation.before],
        "nearest": [
            {"worker": near.worker, "change": near.sentence(), "capabilities": near.change()}
            for near in explanation.nearest
        ],
        "groups": [_group_view(group) for group in fold_workers(explanation.standings)],
        "workers": [_standing_view(standing) for standing in explanation.standings],
    }


def worker_explanation_view(explanation: WorkerExplanation) -> dict[str, Any]:
    """What a worker makes of the queue."""
    return {
        "worker": explanation.worker.id,
        "state": explanation.worker.state.value,
        "reason": explanation.reason,
        "outage": explanation.outage,
        "takes": [_class_view(waiting) for waiting in explanation.takes],
        "skips": [_skipped_view(skipped) for skipped in explanation.skips],
        "exact": explanation.exact,
    }


def _standing_view(standing: Standing) -> dict[str, Any]:
    dimensions = standing.verdict.by_dimension().items()
    return {
        "worker": standing.worker.id,
        "tier": standing.tier.value,
        "reason": standing.reason,
        "ahead": standing.ahead,
        "ahead_exact": standing.exact,
        "dimensions": {name: [_miss_view(miss) for miss in misses] for name, misses in dimensions},
    }


def _group_view(group: Workers) -> dict[str, Any]:
    return {"tier": group.first.tier.value, "reason": group.first.reason, "workers": group.ids}


def _skipped_view(skipped: Skipped) -> dict[str, Any]:
    return {**_class_view(skipped.waiting), "misses": [_miss_view(miss) for miss in skipped.verdict.misses]}


def _class_view(waiting: WaitingClass) -> dict[str, Any]:
    return {
        "class": waiting.class_id,
        "jobs": waiting.jobs,
        "first": waiting.first,
        "requirements": waiting.requirements.to_json(),
    }


def _miss_view(miss: Miss) -> Mapping[str, Any]:
    return {"dimension": miss.dimension, "field": miss.field, "asked": miss.asked, "offered": miss.offered}
