"""Reads workers for people."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from emp_core.domain.worker import Worker
from emp_core.store.codec import fields_of, worker_of
from emp_core.store.connection import DAMAGED, Link, undamaged
from emp_core.store.steps import Steps


async def worker_names(link: Link, *, gone: bool = False) -> list[str]:
    """The ids of live workers, sorted; with `gone` those remembered too."""
    return await link.follow(name_steps(link, gone=gone))


async def read_workers(link: Link, names: Sequence[str]) -> list[Worker]:
    """Those of the workers that are remembered, in the order given."""
    return await link.follow(worker_steps(link, names))


def fleet_steps(link: Link, *, gone: bool = False, capabilities: bool = True) -> Steps[list[Worker]]:
    """Live workers by id, in three round trips; with `gone` those remembered too.

    Without `capabilities` they have none, which saves a round trip and most of the time that reading takes.
    """
    names = yield from name_steps(link, gone=gone)
    return (yield from worker_steps(link, names, capabilities=capabilities))


def name_steps(link: Link, *, gone: bool = False) -> Steps[list[str]]:
    """As `worker_names`, in one round trip."""
    lists = ("workers", "workers.gone") if gone else ("workers",)
    answers = yield [("ZRANGE", link.key(name), 0, -1) for name in lists]
    return sorted({name.decode() for names in answers for name in undamaged(names)})


def worker_steps(link: Link, names: Sequence[str], *, capabilities: bool = True) -> Steps[list[Worker]]:
    """As `read_workers`, in two round trips."""
    hashes = [("HGETALL", link.key(f"worker:{name}")) for name in names]
    active = [("HVALS", link.key(f"jobs:active:{name}")) for name in names]
    until = [("ZMSCORE", link.key("workers"), *names)] if names else []
    answers = yield [*hashes, *active, *until]
    times = undamaged(answers[-1]) if names else []
    found = [
        (name, {} if flat is DAMAGED else fields_of(flat), _names(jobs), int(float(at)) if at else None)
        for name, flat, jobs, at in zip(names, answers[: len(names)], answers[len(names) : -1], times, strict=True)
        if flat
    ]
    profiles = list({fields.get("profile", "") for _, fields, _, _ in found} if capabilities else ())
    answers = (yield [("HGET", link.key(f"profile:{name}"), "capabilities") for name in profiles]) if profiles else []
    texts = dict(zip(profiles, answers, strict=True))
    return [
        worker_of(name, fields, _text(texts.get(fields.get("profile", ""))), jobs, at)
        for name, fields, jobs, at in found
    ]


def jobs_of(worker: Worker) -> list[str]:
    """The jobs that a worker's record names."""
    return [*worker.active, *([worker.last_failure.job] if worker.last_failure else [])]


def without_others(worker: Worker, own: Collection[str]) -> Worker:
    """A worker whose record names no job but `own`: a `-` stands for each other one that it runs."""
    failure = worker.last_failure if worker.last_failure and worker.last_failure.job in own else None
    active = tuple(job_id if job_id in own else "-" for job_id in worker.active)
    return replace(worker, active=active, last_failure=failure)


def _names(jobs: Any) -> list[str]:
    return [] if jobs is DAMAGED else [job_id.decode("utf-8", "replace") for job_id in jobs]


def _text(value: Any) -> str:
    """Capabilities as text: empty if their key is damaged, and `{}` if there is none."""
    return "" if value is DAMAGED else value.decode("utf-8", "replace") if value else "{}"
