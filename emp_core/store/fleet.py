"""Reads workers for people."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from emp_core.domain.worker import Worker
from emp_core.store.codec import fields_of, worker_of
from emp_core.store.connection import DAMAGED, Link


async def worker_names(link: Link, *, gone: bool = False) -> list[str]:
    """The ids of live workers, sorted; with `gone` those remembered too."""
    names = await link.call("ZRANGE", link.key("workers"), 0, -1)
    if gone:
        names += await link.call("ZRANGE", link.key("workers.gone"), 0, -1)
    return sorted({name.decode() for name in names})


async def read_workers(link: Link, names: Sequence[str]) -> list[Worker]:
    """Those of the workers that are remembered, in the order given."""
    hashes = await link.read_many([("HGETALL", link.key(f"worker:{name}")) for name in names])
    active = await link.read_many([("HVALS", link.key(f"jobs:active:{name}")) for name in names])
    until = await link.read_many([("ZSCORE", link.key("workers"), name) for name in names])
    found = [
        (name, {} if flat is DAMAGED else fields_of(flat), _names(jobs), int(float(at)) if at else None)
        for name, flat, jobs, at in zip(names, hashes, active, until, strict=True)
        if flat
    ]
    profiles = list({fields.get("profile", "") for _, fields, _, _ in found})
    reads = [("HGET", link.key(f"profile:{profile}"), "capabilities") for profile in profiles]
    texts = dict(zip(profiles, await link.read_many(reads), strict=True))
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
