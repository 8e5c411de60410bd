"""The one table of a job's fields.

The store's codec, the JSON views and `docs/job-fields.md` are made from it. The tests hold everything else against it:
`JobRequest` and `Job`, `submit_jobs`, the hub's schemas, the options of `emp submit`, `emp job show`, the filters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """What a field holds. It decides how JSON and Redis write the field."""

    TEXT = "text"
    COUNT = "whole number"
    NUMBER = "number"
    TIME = "time"
    """ms since 1970; in JSON RFC 3339."""

    SECONDS = "seconds"
    """In Redis ms."""

    MARK = "true or false"
    """In Redis there or not."""

    LIST = "list of ids"
    """In Redis words."""

    LABELS = "texts by name"
    """In JSON an object, in Redis a line `name=value` each."""

    OBJECT = "object"


class SetBy(StrEnum):
    """Who gives a field its value."""

    SUBMITTER = "submitter"
    OPERATOR = "operator"
    QUEUE = "queue"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class JobField:
    """A row of the table."""

    name: str
    """In JSON, and the attribute of `JobRequest` and `Job`."""

    form: Form
    help: str
    set_by: tuple[SetBy, ...]
    sent: str = ""
    """Its name in the records of `submit_jobs.lua`; empty if it is not sent, or sent as part of another value."""

    stored: str = ""
    """Its name in the job's hash, or in `PACKED`; empty if it is kept elsewhere."""

    default: str = ""
    """The text that is neither sent nor stored."""

    option: str = ""
    """The option of `emp submit` that sets it."""

    filter: str = ""
    """The field of the filter language that reads it."""

    shown: bool = True
    """`Job` has it. If not, only `JobRequest` does."""

    @property
    def is_asked(self) -> bool:
        """Whether `JobRequest` has it."""
        return SetBy.SUBMITTER in self.set_by


_SUBMITTER, _OPERATOR, _QUEUE, _WORKER = ((setter,) for setter in SetBy)

JOB_FIELDS: Sequence[JobField] = (
    JobField(
        "id",
        Form.TEXT,
        "names the job; drawn at random if the submitter gives none",
        _SUBMITTER,
        sent="id",
        option="--id",
        filter="id",
    ),
    JobField(
        "state",
        Form.TEXT,
        "where it is in its life; null if its record is damaged",
        _QUEUE,
        stored="state",
        filter="status",
    ),
    JobField(
        "service",
        Form.TEXT,
        "the service that runs it, such as `comfyui`; the first one if several can",
        _SUBMITTER,
        option="--service",
        filter="service",
    ),
    JobField(
        "job_type",
        Form.TEXT,
        "the type of job, on any service that supports it",
        _SUBMITTER,
        option="--type",
        filter="type",
    ),
    JobField(
        "priority",
        Form.COUNT,
        "0 to 100, higher first",
        _SUBMITTER + _OPERATOR,
        sent="priority",
        stored="score",
        option="--priority",
        filter="priority",
    ),
    JobField(
        "attempt", Form.COUNT, "how often a worker claimed it; never reset", _QUEUE, stored="attempt", filter="attempt"
    ),
    JobField("gen", Form.COUNT, "how often an operator had it run anew", _OPERATOR, stored="gen"),
    JobField("version", Form.COUNT, "rises by one with each change of state", _QUEUE, stored="ver"),
    JobField("failures", Form.COUNT, "how many of its runs failed", _QUEUE, stored="failures", filter="failures"),
    JobField("losses", Form.COUNT, "how often its worker was lost", _QUEUE, stored="losses", filter="losses"),
    JobField("releases", Form.COUNT, "how often a worker gave it back", _QUEUE, stored="releases", filter="releases"),
    JobField(
        "max_failures",
        Form.COUNT,
        "how many runs may fail before the job fails",
        _SUBMITTER,
        sent="max_failures",
        stored="max_failures",
        option="--max-failures",
    ),
    JobField(
        "customer_id",
        Form.TEXT,
        "the customer who owns it",
        _SUBMITTER,
        sent="customer",
        stored="customer",
        option="--customer",
        filter="customer",
    ),
    JobField(
        "workflow_id",
        Form.TEXT,
        "the group of jobs that it belongs to",
        _SUBMITTER,
        sent="workflow",
        stored="workflow",
        option="--workflow-id",
        filter="workflow",
    ),
    JobField(
        "labels",
        Form.LABELS,
        "names and values to find it by, 16 at most",
        _SUBMITTER,
        sent="labels",
        stored="labels",
        option="--label",
        filter="label.NAME",
    ),
    JobField(
        "idempotency_key",
        Form.TEXT,
        "a name of the submit: the same one again returns the same job",
        _SUBMITTER,
        sent="idem",
        stored="idem",
        option="--idempotency-key",
        filter="key",
    ),
    JobField("worker", Form.TEXT, "the worker that runs it, or ran it last", _QUEUE, stored="worker", filter="worker"),
    JobField(
        "code",
        Form.TEXT,
        "why it failed, in the queue's words; `late_result` if it was cancelled when its result came",
        _QUEUE,
        stored="code",
        filter="code",
    ),
    JobField(
        "cause",
        Form.TEXT,
        "the connector's code for the last run that failed, such as `out_of_memory`; null if a limit ended the run",
        _WORKER,
        stored="cause",
        filter="code",
    ),
    JobField(
        "error",
        Form.TEXT,
        "the message of the last run that failed, in one line of 200 bytes at most; null once it is completed",
        _WORKER,
        stored="error",
        filter="error",
    ),
    JobField(
        "progress",
        Form.NUMBER,
        "0 to 100, of the last attempt; 100 once it is completed, null while it waits",
        _WORKER,
        stored="progress",
        filter="progress",
    ),
    JobField("message", Form.TEXT, "the worker's last progress message", _WORKER, stored="message", filter="message"),
    JobField("held", Form.MARK, "an operator holds it", _OPERATOR, stored="held", filter="held"),
    JobField("unworkable", Form.MARK, "it waits, and no live worker can run it", _QUEUE, filter="unworkable"),
    JobField(
        "reserved_for",
        Form.LIST,
        "it waits, and all live workers that can run it are reserved for these workflows",
        _QUEUE,
    ),
    JobField(
        "on_lost",
        Form.TEXT,
        "`requeue`, or `fail`: it is never run again after its worker was lost",
        _SUBMITTER,
        sent="on_lost",
        stored="on_lost",
        default="requeue",
    ),
    JobField("avoid", Form.LIST, "workers that get it only if no other worker can run it", _QUEUE, stored="avoid"),
    JobField(
        "depends_on",
        Form.LIST,
        "the jobs that must complete before it starts",
        _SUBMITTER,
        sent="parents",
        stored="parents",
        option="--depends-on",
        filter="depends_on",
    ),
    JobField("requirements", Form.OBJECT, "what it needs of its worker", _SUBMITTER, option="--require"),
    JobField(
        "timeout_seconds",
        Form.SECONDS,
        "the longest that one run may take; null is the queue's limit",
        _SUBMITTER,
        sent="timeout",
        stored="timeout",
        option="--job-timeout",
    ),
    JobField("created_at", Form.TIME, "when it was submitted", _QUEUE, stored="created", filter="created"),
    JobField("due_at", Form.TIME, "when a delayed job may start", _QUEUE, stored="due", filter="due"),
    JobField(
        "deadline",
        Form.TIME,
        "when it must have started; a job that has not fails as `expired`",
        _SUBMITTER,
        sent="deadline",
        stored="deadline",
        option="--deadline",
        filter="deadline",
    ),
    JobField("claimed_at", Form.TIME, "the start of the last attempt", _QUEUE, stored="claimed", filter="run"),
    JobField(
        "started_at", Form.TIME, "its first start since it was last retried", _QUEUE, stored="began", filter="started"
    ),
    JobField(
        "ended_at", Form.TIME, "when it completed, failed or was cancelled", _QUEUE, stored="ended", filter="ended"
    ),
    JobField("lease_until", Form.TIME, "when its worker counts as lost unless it renews the lease", _QUEUE),
    JobField("payload", Form.OBJECT, "the request to the service", _SUBMITTER, option="--payload", shown=False),
    JobField("template", Form.TEXT, "the template of the request", _SUBMITTER, option="--template", shown=False),
    JobField("params", Form.OBJECT, "the parameters of the template", _SUBMITTER, option="--set", shown=False),
    JobField(
        "workflow_datetime",
        Form.TIME,
        "the age that the first job of a workflow claims for the workflow, in ms since 1970",
        _SUBMITTER,
        sent="workflow_at",
        shown=False,
    ),
    JobField(
        "run_at",
        Form.TIME,
        "when it may start at the earliest, in ms since 1970; shown as `due_at`",
        _SUBMITTER,
        sent="run_at",
        option="--run-at",
        shown=False,
    ),
    JobField(
        "queue_ttl_seconds",
        Form.SECONDS,
        "how long it may wait for its first start",
        _SUBMITTER,
        sent="ttl",
        stored="ttl",
        shown=False,
    ),
    JobField(
        "on_dependency_failure",
        Form.TEXT,
        "`fail`, or `run`: it starts even if a job that it depends on did not complete",
        _SUBMITTER,
        sent="on_dep",
        stored="on_dep",
        default="fail",
        shown=False,
    ),
)
"""In the order in which they are shown and sent."""

PACKED: Mapping[str, Sequence[str]] = {
    "spec": ("class", "score", "max_failures", "digest"),
    "times": ("created", "ttl_at"),
    "claim": ("attempt", "nonce", "claimed", "began"),
}
"""Fields of the hash that hold several values, as words; `-` stands for none."""
