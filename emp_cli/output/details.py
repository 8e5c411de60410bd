"""One job or one worker on the screen: what is known of it, a line each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emp_cli.output import terminal
from emp_cli.output.asked import asked
from emp_cli.output.clean import one_line
from emp_cli.output.columns import (
    ARTIFACT_COLUMNS,
    WORKER_STYLES,
    failures_of,
    gpu_memory,
    hardware,
    labels_of,
    loaded_models,
    remark,
    reservations,
    service_of,
    services_up,
    state_of,
    state_style,
)
from emp_cli.output.facts import write_facts
from emp_cli.output.formats import write_table
from emp_cli.output.layout import Column
from emp_cli.output.units import clock, since
from emp_core.domain.durations import duration
from emp_core.domain.job import Job
from emp_core.domain.outcome import Artifact
from emp_core.domain.states import WAITING, JobState
from emp_core.domain.worker import Worker

if TYPE_CHECKING:
    from emp_core.store import Attempt

DETAIL = 300
"""Characters of a failed attempt's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails:
    """All that `emp job show` shows."""

    job: Job
    outcome: Mapping[str, Any] | None
    attempts: tuple["Attempt", ...]

    @property
    def artifacts(self) -> list[Artifact]:
        """The files of the outcome."""
        return [Artifact(**entry) for entry in (self.outcome or {}).get("artifacts", ())]


def write_job(details: JobDetails, now: int) -> None:
    """Write one job."""
    job = details.job
    code = f" ({job.failure_code})" if job.state is JobState.FAILED and job.failure_code else ""
    terminal.headline(f"job {job.id}  {state_of(job)}{code}", state_style(job))
    write_facts(job_facts(job, details.outcome, now))
    if details.attempts:
        terminal.data("\nattempts")
        write_table(details.attempts, ATTEMPT_COLUMNS, now)
    if details.artifacts:
        terminal.data(f"\nfiles (emp job result {job.id} --output-dir DIR saves them)")
        write_table(details.artifacts, ARTIFACT_COLUMNS, now)


def job_facts(job: Job, outcome: Mapping[str, Any] | None, now: int) -> Iterable[tuple[str, str]]:
    """What is known of a job: labels and texts, which are empty where nothing is known."""
    yield "service", service_of(job)
    yield "needs", asked(job.requirements, but=("services", "customer_id"))
    yield "priority", str(job.priority)
    yield "customer", job.customer_id or ""
    yield "workflow", job.workflow_id or ""
    yield "labels", labels_of(job)
    yield "key", job.idempotency_key or ""
    yield "waits for", ", ".join(job.depends_on) if job.state is JobState.BLOCKED else ""
    yield "submitted", _moment(job.created_at, now)
    yield "due", clock(job.due_at) if job.state is JobState.DELAYED and not job.held else ""
    yield "deadline", clock(job.deadline)
    yield "started", _moment(job.started_at, now)
    yield "ended", _moment(job.ended_at, now)
    yield "last on" if job.state in WAITING else "worker", f"{job.worker}, attempt {job.attempt}" if job.worker else ""
    yield "progress", remark(job, now) if job.state is JobState.ACTIVE else ""
    yield "took", remark(job, now).removeprefix("in ") if job.state is JobState.COMPLETED else ""
    yield "counted", _counters(job)
    yield "code", job.code or ""
    yield "failure", str((outcome or {}).get("message", "")) if job.state is JobState.FAILED else ""
    yield "workers", f"no live worker can run it (emp explain {job.id})" if job.unworkable else ""
    yield "workers", f"all that can run it are {reservations(job)}" if job.reserved_for else ""


def _moment(time_ms: int | None, now: int) -> str:
    return f"{clock(time_ms)} ({since(time_ms, now)} ago)" if time_ms else ""


def _counters(job: Job) -> str:
    failed = [failures_of(job)] if job.failures else []
    counts = {"lost its worker": job.losses, "given back": job.releases, "retried": job.gen}
    times = [f"{words} {'once' if count == 1 else f'{count} times'}" for words, count in counts.items() if count]
    return ", ".join([*failed, *times])


def words_of(detail: str) -> str:
    """A failure is kept as JSON, of which its message matters; the rest is text."""
    from emp_core.domain.json_text import load_json

    if not detail.startswith("{"):
        return detail
    try:
        return str(load_json(detail).get("message", detail))
    except ValueError:
        return detail


def result_of(attempt: "Attempt") -> str:
    """How an attempt ended: `failed (out_of_memory)`."""
    more = attempt.code not in ("", attempt.outcome)
    return f"{attempt.outcome} ({attempt.code})" if more else attempt.outcome


ATTEMPT_COLUMNS: tuple[Column["Attempt"], ...] = (
    Column("ATTEMPT", lambda attempt, now: str(attempt.number), "right"),
    Column("WORKER", lambda attempt, now: attempt.worker),
    Column("RESULT", lambda attempt, now: result_of(attempt)),
    Column("TOOK", lambda attempt, now: duration((attempt.ended_at - attempt.claimed_at) / 1000), "right"),
    Column("WHY", lambda attempt, now: one_line(words_of(attempt.detail), DETAIL), shrinks=True),
)


def write_worker(worker: Worker, now: int) -> None:
    """Write one worker."""
    terminal.headline(f"worker {worker.id}  {worker.state.value}", WORKER_STYLES[worker.state])
    write_facts([*worker_facts(worker, now), *_offers(worker), *worker_times(worker, now)])


def worker_facts(worker: Worker, now: int) -> Iterable[tuple[str, str]]:
    """What a worker is, and what it does."""
    from emp_core.domain.standing import down, outages_in_words  # which the details of a job do not need

    yield "reason", worker.reason
    yield "machine", worker.machine
    yield "services", services_up(worker)
    yield "outage", outages_in_words(worker, down(worker), now)
    yield "reserved", f"for workflow {worker.workflow}" if worker.workflow else ""
    yield "customers", f"at most {worker.max_customers} at once" if worker.max_customers else ""
    yield "hardware", hardware(worker)
    yield "vram", gpu_memory(worker)
    yield "loaded", loaded_models(worker)
    yield "busy", f"{len(worker.active)} of {worker.slots} slots"
    yield "jobs", ", ".join(worker.active)


def _offers(worker: Worker) -> Iterable[tuple[str, str]]:
    offers = worker.capabilities.to_json()
    for name, value in offers.items():
        if name not in ("services", "gpu_count", "gpu_memory_gb", "gpu_model"):
            yield name.replace("_", " "), offer_in_words(value)


def worker_times(worker: Worker, now: int) -> Iterable[tuple[str, str]]:
    """When a worker started, failed last, and was seen last."""
    yield "started", _moment(worker.started_at, now)
    if worker.last_failure:
        failure = worker.last_failure
        yield "last failed", f"job {failure.job} ({failure.code}), {since(failure.at, now)} ago"
    yield "last seen", f"{since(worker.beat_at, now)} ago" if worker.beat_at else ""


def offer_in_words(value: Any) -> str:
    """A capability on one line."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {offer_in_words(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple | list) else str(value)
