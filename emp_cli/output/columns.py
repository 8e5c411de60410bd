"""The columns of the lists of jobs, workers and the rest, as data."""

from emp_cli.output.layout import Column, Sheet
from emp_cli.output.units import moment, since
from emp_core.domain import json_fields, views
from emp_core.domain.durations import duration
from emp_core.domain.events import Event, Order
from emp_core.domain.job import Job
from emp_core.domain.outcome import Artifact
from emp_core.domain.sizes import size
from emp_core.domain.states import WAITING, JobState
from emp_core.domain.worker import Worker, WorkerState

STATE_STYLES = {
    JobState.ACTIVE: "green",
    JobState.CANCELLING: "yellow",
    JobState.PENDING: "cyan",
    JobState.DELAYED: "blue",
    JobState.BLOCKED: "blue",
    JobState.COMPLETED: "dim",
    JobState.FAILED: "red",
    JobState.CANCELLED: "dim",
}

WORKER_STYLES = {
    WorkerState.READY: "green",
    WorkerState.PAUSED: "yellow",
    WorkerState.DRAINING: "yellow",
    WorkerState.FENCED: "red",
    WorkerState.LOST: "red",
    WorkerState.STOPPED: "dim",
}


def state_of(job: Job) -> str:
    """A job's state as it is shown."""
    return job.shown_state


def state_style(job: Job) -> str:
    """The colour of a job's state."""
    return "red" if job.state is None or job.unworkable else STATE_STYLES[job.state]


def event_style(event: Event) -> str:
    """The colour of the state that an event led to."""
    if event.state in list(JobState):
        return STATE_STYLES[JobState(event.state)]
    return WORKER_STYLES[WorkerState(event.state)] if event.state in list(WorkerState) else ""


def ago(at: int | None, now: int) -> str:
    """How long ago something was: `5m ago`; empty if it was not."""
    return f"{since(at, now)} ago" if at else ""


def remark(job: Job, now: int) -> str:
    """The one thing worth saying about a job in its state."""
    match job.state:
        case JobState.ACTIVE:
            percent = "" if job.progress is None else f"{job.progress:.0f}%"
            return f"{percent} {job.message or ''}".strip()
        case JobState.FAILED:
            return job.failure_code or ""
        case JobState.COMPLETED:
            return f"in {duration((job.ended_at - job.claimed_at) / 1000)}" if job.ended_at and job.claimed_at else ""
        case JobState.PENDING | JobState.DELAYED | JobState.BLOCKED:
            return _why_waiting(job, now)
    return ""


def _why_waiting(job: Job, now: int) -> str:
    if job.unworkable:
        return "no worker can run it"
    if job.reserved_for:
        return f"all workers that can run it are {reservations(job)}"
    if job.state is JobState.DELAYED and not job.held and job.due_at:
        due = f"due in {duration((job.due_at - now) / 1000)}" if job.due_at > now else "due"
        return f"{due}{_failures(job)}"
    return _failures(job).removeprefix(", ")


def reservations(job: Job) -> str:
    """For which workflows the workers are reserved that a job would need: `reserved for workflow film`."""
    first, *others = job.reserved_for
    return f"reserved for workflow {first}{f' and {len(others)} others' if others else ''}"


def failures_of(job: Job) -> str:
    """How often a job's runs failed, and the last one's code: `failed 1 of 3 times (out_of_memory)`."""
    code = f" ({job.cause})" if job.cause else ""
    return f"failed {job.failures} of {job.max_failures} times{code}"


def _failures(job: Job) -> str:
    if job.failures:
        return f", {failures_of(job)}"
    return ", lost its worker" if job.losses else ""


def service_of(job: Job) -> str:
    """The service that a job asks for, or those that would do."""
    return " or ".join(job.requirements.services) or job.requirements.job_type or ""


def labels_of(job: Job) -> str:
    """A job's labels: `batch=42, user=ann`."""
    return ", ".join(f"{name}={value}" for name, value in job.labels.items())


def worker_of(job: Job) -> str:
    """Who has a job, or had it at its end; one that waits again is nobody's."""
    return "" if job.state in WAITING else job.worker or ""


JOB_COLUMNS: tuple[Column[Job], ...] = (
    Column("JOB", lambda job, now: job.id),
    Column("STATE", lambda job, now: state_of(job), style=state_style),
    Column("PRI", lambda job, now: str(job.priority), "right", sorts="-priority"),
    Column("SERVICE", lambda job, now: service_of(job), shrinks=True),
    Column("TYPE", lambda job, now: job.requirements.job_type or "", shrinks=True, optional=True, wide=True),
    Column("CUSTOMER", lambda job, now: job.customer_id or "", shrinks=True, optional=True),
    Column("WORKFLOW", lambda job, now: job.workflow_id or "", shrinks=True, optional=True, wide=True),
    Column("WORKER", lambda job, now: worker_of(job), shrinks=True, optional=True),
    Column("ATTEMPT", lambda job, now: str(job.attempt or ""), "right", optional=True, wide=True, sorts="-attempt"),
    Column("FAILURES", lambda job, now: str(job.failures or ""), "right", optional=True, wide=True, sorts="-failures"),
    Column("AGE", lambda job, now: since(job.created_at, now), "right", sorts="created_at"),
    Column("ENDED", lambda job, now: ago(job.ended_at, now), "right", optional=True, sorts="ended_at"),
    Column("CREATED", lambda job, now: moment(job.created_at, now), wide=True, sorts="created_at"),
    Column("STARTED", lambda job, now: moment(job.started_at, now), optional=True, wide=True, sorts="started_at"),
    Column("LABELS", lambda job, now: labels_of(job), shrinks=True, optional=True),
    Column("NOTE", remark, shrinks=True),
)


def services_up(worker: Worker) -> str:
    """The services of a worker, with what is down or busy marked."""
    marks = {"up": "", "busy": " (busy with other clients' prompts)"}
    states = worker.services
    return ", ".join(name + marks.get(states.get(name, "up"), " (down)") for name in worker.capabilities.services)


def hardware(worker: Worker) -> str:
    """The GPUs of a worker, or what it has in their place."""
    has = worker.capabilities
    if not has.gpu_count and not has.gpu_memory_gb and not has.gpu_model:
        return f"{has.cpu_cores} cores" if has.cpu_cores else ""
    count = f"{has.gpu_count} x " if has.gpu_count and has.gpu_count > 1 else ""
    memory = f" {has.gpu_memory_gb} GB" if has.gpu_memory_gb else ""
    return f"{count}{has.gpu_model or 'GPU'}{memory}"


def silence(worker: Worker, now: int) -> str:
    """What is said of a worker that has missed a beat: one comes every third of a lease."""
    if worker.lost_at is None or not worker.is_silent(now):
        return ""
    return f"not seen for {since(worker.beat_at, now)}, lost in {duration(max(0, worker.lost_at - now) / 1000)}"


def worker_note(worker: Worker, now: int) -> str:
    """The one thing worth saying about a worker: who stopped it, that it is silent, or why a service is down."""
    from emp_core.domain.standing import down, outages_in_words  # which lists of jobs do not need

    return worker.reason or silence(worker, now) or outages_in_words(worker, down(worker), now)


def models_of(worker: Worker) -> str:
    """The models that a worker offers."""
    return ", ".join(dict.fromkeys(model for models in worker.capabilities.models.values() for model in models))


def gpu_memory(worker: Worker) -> str:
    """The free memory of a worker's GPUs: `3.1 of 24.0 GB free`; empty if nothing tells."""
    memory = worker.memory
    return f"{memory.free / 1e9:.1f} of {memory.total / 1e9:.1f} GB free" if memory.gpus else ""


def loaded_models(worker: Worker) -> str:
    """The models that a worker's services have loaded; empty if none tells."""
    return ", ".join(dict.fromkeys(model for models in worker.memory.loaded.values() for model in models))


WORKER_COLUMNS: tuple[Column[Worker], ...] = (
    Column("WORKER", lambda worker, now: worker.id),
    Column("STATE", lambda worker, now: worker.state.value, style=lambda worker: WORKER_STYLES[worker.state]),
    Column("BUSY", lambda worker, now: f"{len(worker.active)}/{worker.slots}", "right"),
    Column("MACHINE", lambda worker, now: worker.machine, shrinks=True, wide=True),
    Column("SERVICES", lambda worker, now: services_up(worker), shrinks=True),
    Column("HARDWARE", lambda worker, now: hardware(worker), shrinks=True, optional=True),
    Column("MODELS", lambda worker, now: models_of(worker), shrinks=True, optional=True, wide=True),
    Column("VRAM", lambda worker, now: gpu_memory(worker), shrinks=True, optional=True, wide=True),
    Column("LOADED", lambda worker, now: loaded_models(worker), shrinks=True, optional=True, wide=True),
    Column("VERSION", lambda worker, now: str(worker.info.get("version", "")), shrinks=True, wide=True),
    Column("LAST SEEN", lambda worker, now: since(worker.beat_at, now), "right", sorts="-beat_at"),
    Column("UPTIME", lambda worker, now: since(worker.started_at, now), "right", sorts="started_at"),
    Column("NOTE", lambda worker, now: worker_note(worker, now), shrinks=True),
)


def event_note(event: Event) -> str:
    """Why it happened, and who gave the order: `late_result, by ada@node1`."""
    return ", ".join(word for word in (event.code, f"by {event.actor}" if event.actor else "") if word)


def outcome_of(order: Order) -> str:
    """What came of an order: `pending -> held`, or `refused: completed`."""
    return f"{order.before} -> {order.after}" if order.result == "done" else f"{order.result}: {order.after}"


EVENT_COLUMNS: tuple[Column[Event], ...] = (
    Column("TIME", lambda event, now: moment(event.at, now), sorts="at"),
    Column("EVENT", lambda event, now: event.name, style=event_style),
    Column("JOB", lambda event, now: event.job),
    Column("STATE", lambda event, now: event.state),
    Column("WORKER", lambda event, now: event.worker, shrinks=True, optional=True),
    Column("CUSTOMER", lambda event, now: event.customer_id, shrinks=True, optional=True, wide=True),
    Column("ATTEMPT", lambda event, now: str(event.attempt or ""), "right", optional=True, sorts="attempt"),
    Column("NOTE", lambda event, now: event_note(event), shrinks=True),
)

ORDER_COLUMNS: tuple[Column[Order], ...] = (
    Column("TIME", lambda order, now: moment(order.at, now), sorts="at"),
    Column("WHO", lambda order, now: order.actor, shrinks=True),
    Column("ORDER", lambda order, now: order.verb),
    Column("SUBJECT", lambda order, now: f"{order.kind} {order.subject}".removeprefix("limit ")),
    Column("CUSTOMER", lambda order, now: order.customer_id, shrinks=True, optional=True, wide=True),
    Column("OUTCOME", lambda order, now: outcome_of(order)),
    Column("REASON", lambda order, now: order.reason, shrinks=True, optional=True),
)


ARTIFACT_COLUMNS: tuple[Column[Artifact], ...] = (
    Column("FILE", lambda artifact, now: artifact.id),
    Column("NAME", lambda artifact, now: artifact.name, shrinks=True),
    Column("SIZE", lambda artifact, now: size(artifact.size), "right", sorts="size"),
    Column("TYPE", lambda artifact, now: artifact.media_type),
)

JOBS = Sheet(JOB_COLUMNS, views.job_view, lambda job: job.id, json_fields.JOB)
WORKERS = Sheet(WORKER_COLUMNS, views.worker_view, lambda worker: worker.id, json_fields.WORKER)
EVENTS = Sheet(EVENT_COLUMNS, views.event_view, lambda event: event.job, json_fields.EVENT)
ORDERS = Sheet(ORDER_COLUMNS, views.order_view, lambda order: order.subject, json_fields.ORDER)
ARTIFACTS = Sheet(ARTIFACT_COLUMNS, views.artifact_view, lambda artifact: artifact.id, json_fields.ARTIFACT)
