"""Waiting jobs that no worker may take because those that fit are reserved for other workflows.

Redis marks the classes that no live worker's profile fits; a profile knows of no reservation.
"""

from collections.abc import Sequence
from dataclasses import replace

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import Job
from emp_core.domain.standing import may_ever_take
from emp_core.domain.states import WAITING
from emp_core.errors import InvalidInput
from emp_core.store.codec import json_of
from emp_core.store.connection import DAMAGED, Link


async def with_reservations(link: Link, jobs: Sequence[Job]) -> list[Job]:
    """The jobs, with `unworkable` set on those that no live worker may take."""
    waiting = {(job.class_id, job.workflow_id): job for job in jobs if job.state in WAITING and not job.unworkable}
    kinds = await _kinds(link) if waiting else set()
    if not any(workflow for _, workflow in kinds):
        return list(jobs)
    offers = await _capabilities(link, [profile for profile, _ in kinds])
    fleet = [(offers[profile], workflow) for profile, workflow in kinds if profile in offers]
    closed = {
        kind
        for kind, job in waiting.items()
        if not any(may_ever_take(offered, workflow, job.requirements, job.workflow_id) for offered, workflow in fleet)
    }
    return [
        replace(job, unworkable=True) if job.state in WAITING and (job.class_id, job.workflow_id) in closed else job
        for job in jobs
    ]


async def _kinds(link: Link) -> set[tuple[str, str]]:
    """Profile and workflow ('': not reserved) of the live workers. Much cheaper than reading the fleet."""
    names = await link.call("ZRANGE", link.key("workers"), 0, -1)
    reads = [("HMGET", link.key(f"worker:{name.decode()}"), "profile", "info") for name in names]
    found = [words for words in await link.read_many(reads) if words is not DAMAGED and words[0]]
    return {(profile.decode(), _workflow(info or b"")) for profile, info in found}


def _workflow(info: bytes) -> str:
    said = json_of(info) if b'"workflow"' in info else None
    workflow = said.get("workflow") if isinstance(said, dict) else None
    return workflow if isinstance(workflow, str) else ""


async def _capabilities(link: Link, profiles: Sequence[str]) -> dict[str, Capabilities]:
    """What the profiles offer; without those that are damaged."""
    names = list(dict.fromkeys(profiles))
    texts = await link.read_many([("HGET", link.key(f"profile:{name}"), "capabilities") for name in names])
    offers = {name: _offer(text) for name, text in zip(names, texts, strict=True) if isinstance(text, bytes)}
    return {name: offer for name, offer in offers.items() if offer is not None}


def _offer(text: bytes) -> Capabilities | None:
    offer = json_of(text)
    try:
        return Capabilities.parse(offer) if isinstance(offer, dict) else None
    except InvalidInput:
        return None
