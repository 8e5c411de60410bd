"""What a queue whose answers never change knows of one job."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import hypot

from emp_core.client.queue import Attempt, Preview
from emp_core.domain.events import Event
from emp_core.domain.explain import Explanation, explain
from emp_core.domain.job import Job
from emp_core.domain.standing import Line, Situation, WaitingClass
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker

RETRY_MS = 30_000
"""Between two attempts."""

PLAIN_PREVIEW = Preview("image/x-portable-pixmap", b"P6 16 9 255\n" + bytes((64, 96, 128)) * 16 * 9)
"""Of one colour, so that its cells are told in one word."""


def words_in(job: Job) -> str:
    """What the job's client wrote; hostile if the job is."""
    return job.labels.get("batch", "a lighthouse at dusk, long exposure")


def explanation_of(job: Job, jobs: Sequence[Job], workers: Sequence[Worker], now: int) -> Explanation:
    """Why the job is where it is, among these jobs."""
    pending = sorted(
        (each for each in jobs if each.state is JobState.PENDING and not each.unworkable),
        key=lambda each: (-each.priority, each.created_at),
    )
    place = pending.index(job) if job in pending else 0
    ahead: dict[str, list[Job]] = {}
    for each in pending[:place]:
        ahead.setdefault(f"{each.requirements} {each.customer_id}", []).append(each)
    classes = [
        WaitingClass(
            class_id=f"c{number}",
            requirements=replace(some[0].requirements, customer_id=some[0].customer_id),
            jobs=len(some),
            first=some[0].id,
        )
        for number, some in enumerate(ahead.values())
    ]
    return explain(Situation(job=job, fleet=workers, now=now, line=Line(classes=tuple(classes))))


def attempts_of(job: Job) -> list[Attempt]:
    """Those that failed: two of a job that runs or completed, three of a failed one."""
    if job.claimed_at is None or job.state not in (JobState.ACTIVE, JobState.FAILED):
        return []
    count = 3 if job.state is JobState.FAILED else 1
    last = job.ended_at or job.claimed_at - RETRY_MS // 2
    ends = [last - RETRY_MS * (count - number) for number in range(1, count + 1)]
    return [
        Attempt(
            number=number,
            worker=f"gpu{number}:0",
            claimed_at=end - 8_000,
            ended_at=end,
            outcome="error",
            code="out_of_memory",
            detail=json.dumps(
                {
                    "message": job.error or job.message or "CUDA out of memory",
                    "detail": {"node": "KSampler", "asked_gb": 21.5, "note": words_in(job)},
                }
            ),
        )
        for number, end in enumerate(ends, 1)
    ]


def events_of(job: Job) -> list[Event]:
    """Its transitions, as far as its times and its attempts tell."""
    return [
        Event(
            cursor=f"{at}-{number}",
            name=name,
            job=job.id,
            version=number + 1,
            state=state,
            worker=worker,
            attempt=attempt,
            code=code,
            customer_id=job.customer_id or "",
        )
        for number, (at, name, state, worker, attempt, code) in enumerate(_happened(job))
    ]


def _happened(job: Job) -> Iterator[tuple[int, str, str, str, int, str]]:
    attempts = attempts_of(job)
    begin = attempts[0].claimed_at - RETRY_MS if attempts else job.created_at
    yield min(begin, job.created_at), "submitted", "pending", "", 0, ""
    for attempt in attempts:
        is_last = attempt is attempts[-1] and job.state is JobState.FAILED
        name, state = ("failed", "failed") if is_last else ("retrying", "delayed")
        yield attempt.claimed_at, "claimed", "active", attempt.worker, attempt.number, ""
        yield attempt.ended_at, name, state, attempt.worker, attempt.number, attempt.code
        if not is_last:
            yield attempt.ended_at + 10_000, "promoted", "pending", "", 0, ""
    if job.claimed_at and job.state is not JobState.FAILED:
        yield job.claimed_at, "claimed", "active", job.worker or "", len(attempts) + 1, ""
    if job.ended_at and job.state and job.state is not JobState.FAILED:
        yield job.ended_at, job.state.value, job.state.value, job.worker or "", len(attempts) + 1, ""


def payload_of(job: Job) -> bytes:
    """A small graph of ComfyUI."""
    nodes = {
        "3": {"class_type": "KSampler", "inputs": {"seed": 2**64 - 59, "steps": 20, "cfg": 7.0, "model": ["4", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "flux1-dev.safetensors"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": words_in(job), "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "lighthouse", "images": ["8", 0]}},
    }
    return json.dumps({"payload": {"prompt": nodes}}, ensure_ascii=False).encode()


def log_of(job: Job) -> list[str]:
    """What its service said."""
    if job.claimed_at is None:
        return []
    steps = [f"KSampler: step {step} of 20, {2.1 + step % 3 / 10:.1f} it/s" for step in range(1, 14)]
    return ["loading flux1-dev.safetensors", "loaded in 8.4 s", f"prompt: {words_in(job)}", *steps]


def files_of(job: Job) -> list[dict[str, object]]:
    """The files of its result."""
    if job.state is not JobState.COMPLETED:
        return []
    name = "lighthouse" if words_in(job).startswith("a ") else words_in(job)
    return [
        {
            "id": f"{job.id}/1/{number}",
            "name": f"out/{name}_{number:05}_.png",
            "size": 1_480_000 + 31_337 * number,
            "sha256": "ab" * 32,
            "media_type": "image/png",
        }
        for number in range(1, 5)
    ]


def preview_picture(width: int = 96, height: int = 54) -> Preview:
    """A sun that sets behind the sea, as a portable pixmap."""
    horizon = height * 0.62
    pixels = bytes(
        channel for y in range(height) for x in range(width) for channel in _pixel(x - width / 2, y, horizon, height)
    )
    return Preview("image/x-portable-pixmap", b"P6 %d %d 255\n" % (width, height) + pixels)


def _pixel(x: float, y: int, horizon: float, height: int) -> tuple[int, int, int]:
    if y > horizon:
        depth = (y - horizon) / (height - horizon)
        glow = max(0.0, 1 - abs(x) / (6 + 12 * depth)) * (0.9 if y % 3 else 0.5)
        return int(24 + 200 * glow), int(44 + 110 * glow), int(84 - 30 * depth + 20 * glow)
    if hypot(x, y - horizon + 6) < 11:
        return 255, 214, 120
    up = 1 - y / horizon
    return int(236 - 150 * up), int(120 - 60 * up), int(84 + 50 * up)


def events_of_all(jobs: Sequence[Job]) -> Iterator[Event]:
    """What happened to jobs, as far as they tell."""
    for number, job in enumerate(jobs):
        times = {"submitted": job.created_at, "claimed": job.claimed_at, job.state or "": job.ended_at}
        for name, at in times.items():
            if at:
                yield Event(
                    cursor=f"{at}-{number}",
                    name=name,
                    job=job.id,
                    state={"submitted": "pending", "claimed": "active"}.get(name, name),
                    worker="" if name == "submitted" else job.worker or "",
                    attempt=0 if name == "submitted" else job.attempt,
                    code=(job.cause or "") if name == "failed" else "",
                    customer_id=job.customer_id or "",
                )
