"""The messages of `emp.v1`. docs/websocket-api.md is made from here, and the tests hold what is sent against it."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemons.hub.api.schemas.base import Time
from daemons.hub.api.schemas.fleet import Worker
from daemons.hub.api.schemas.jobs import Job
from daemons.hub.api.schemas.submits import Submitted as Stored
from emp_core.domain.json_text import parse_json
from emp_core.domain.values import read_choice, read_mapping
from emp_core.errors import InvalidInput

PROTOCOL = "emp.v1"
"""The subprotocol that a client asks for in its handshake."""

MAX_SNAPSHOT = 500
CURSOR = r"^[0-9]{1,15}-[0-9]{1,20}$"


class Asked(BaseModel):
    """A message to the hub."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, frozen=True)

    ref: str | None = Field(default=None, max_length=128)
    """Any text; the answer, or the error, has the same."""


class Submit(Asked):
    """Submit a job. The answer is `submitted`."""

    type: Literal["submit"] = "submit"
    job: dict[str, Any]
    """As the body of `POST /api/jobs`."""


class Get(Asked):
    """Ask how a job is. The answer is `job`."""

    type: Literal["get"] = "get"
    job_id: str


class Cancel(Asked):
    """Cancel a job. The answer is `job`, as it is afterwards; a running job ends within its grace."""

    type: Literal["cancel"] = "cancel"
    job_id: str
    reason: str = ""
    """Kept in the audit."""


class SubscribeJob(Asked):
    """Follow one job: `snapshot`, then `job` and `progress` as it changes, to its end and what came of it."""

    type: Literal["subscribe"] = "subscribe"
    topic: Literal["job"] = "job"
    job_id: str
    log: bool = False
    """Its log lines too, as `log`."""

    preview: bool = False
    """Its previews too, as `preview`."""

    after: str | None = Field(default=None, pattern=CURSOR)
    """Go on behind the message that had this `cursor`, instead of a snapshot."""


class SubscribeJobs(Asked):
    """Follow the jobs that match a filter: `snapshot`, then `job` and `progress`."""

    type: Literal["subscribe"] = "subscribe"
    topic: Literal["jobs"] = "jobs"
    where: str = ""
    """A filter such as `status:pending,active customer:acme`; empty: all jobs."""

    limit: int = Field(100, ge=0, le=MAX_SNAPSHOT)
    """How many jobs the snapshot has at most; later messages tell of every job that matches."""

    after: str | None = Field(default=None, pattern=CURSOR)
    """Go on behind the message that had this `cursor`, instead of a snapshot."""


class SubscribeEvents(Asked):
    """Follow every change of a job's or a worker's state, as `event`."""

    type: Literal["subscribe"] = "subscribe"
    topic: Literal["events"] = "events"
    after: str | None = Field(default=None, pattern=CURSOR)
    """Begin behind the event that had this `cursor`; default: with the next event."""


class SubscribeStats(Asked):
    """Follow the queue at a glance: `snapshot`, then `stats`, at most once a second."""

    type: Literal["subscribe"] = "subscribe"
    topic: Literal["stats"] = "stats"


class SubscribeWorkers(Asked):
    """Follow the live workers: `snapshot`, then `workers`, at most once a second."""

    type: Literal["subscribe"] = "subscribe"
    topic: Literal["workers"] = "workers"


class Unsubscribe(Asked):
    """End a subscription. The answer is `unsubscribed`."""

    type: Literal["unsubscribe"] = "unsubscribe"
    subscription: int


class Ping(Asked):
    """Ask whether the hub is there. The answer is `pong`. The hub sends pings of the WebSocket protocol by itself."""

    type: Literal["ping"] = "ping"


MESSAGES: Mapping[str, type[Asked]] = {
    "submit": Submit,
    "get": Get,
    "cancel": Cancel,
    "unsubscribe": Unsubscribe,
    "ping": Ping,
}
TOPICS: Mapping[str, type[Asked]] = {
    "job": SubscribeJob,
    "jobs": SubscribeJobs,
    "events": SubscribeEvents,
    "stats": SubscribeStats,
    "workers": SubscribeWorkers,
}
Subscribe = SubscribeJob | SubscribeJobs | SubscribeEvents | SubscribeStats | SubscribeWorkers


class Told(BaseModel):
    """A message from the hub."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Answer(Told):
    """A message that answers another."""

    ref: str | None
    """That of the message which it answers."""


class Welcome(Told):
    """The first message."""

    type: Literal["welcome"]
    protocol: str
    version: str
    """The hub's."""

    role: str
    """What the caller may do: `monitor`, `worker`, `client` or `operator`."""

    customer: str | None
    """The only customer whose jobs exist for the caller; null: all."""

    cursor: str
    """The place of the newest event."""

    max_message_bytes: int
    """A larger message closes the socket, with code 1009."""


class Submitted(Answer, Stored):
    """The job is in the queue."""

    type: Literal["submitted"]


class Subscribed(Answer):
    """The subscription has begun; what follows it comes after this message."""

    type: Literal["subscribed"]
    subscription: int
    topic: str
    cursor: str
    resumed: bool
    """The messages behind `after` follow, and no snapshot."""


class Unsubscribed(Answer):
    """The subscription has ended."""

    type: Literal["unsubscribed"]
    subscription: int


class Snapshot(Told):
    """How what is followed is now. If the hub missed events, it comes again, with `resync`."""

    type: Literal["snapshot"]
    subscription: int
    topic: str
    cursor: str
    """What happened until here is in it; later messages may tell some of it again."""

    resync: bool
    job: Job | None = None
    """Of `job`."""

    log: list[str] | None = None
    """Of `job` with `log`: the lines that are kept."""

    jobs: list[Job] | None = None
    """Of `jobs`."""

    total: int | None = None
    """Of `jobs`: how many match; null if only reading them all could tell."""

    more: bool | None = None
    """Of `jobs`: there are more than these."""

    stats: dict[str, Any] | None = None
    """Of `stats`: as `GET /api/stats`."""

    workers: list[Worker] | None = None
    """Of `workers`."""


class JobChanged(Told):
    """A job has changed, or it is the answer to `get` or `cancel`."""

    type: Literal["job"]
    ref: str | None = None
    job_id: str
    job: Job | None
    """As it was read after the events; null: it was deleted."""

    events: list[dict[str, Any]]
    """What happened since the last message about it, as in `event`."""

    cursor: str
    left: bool = False
    """To a subscription of `jobs`: it does not match any more."""

    result: dict[str, Any] | None = None
    """Of a completed job that is followed itself: `data` and `artifacts`."""

    failure: dict[str, Any] | None = None
    """Of a failed one: what the worker said."""

    result_url: str | None = None
    """Where the result is whole, if its data is too large for a message."""


class Progress(Told):
    """A running job goes on. If a client reads slowly, it gets the latest only."""

    type: Literal["progress"]
    job_id: str
    attempt: int
    percent: float
    message: str


class Log(Told):
    """New log lines of a job."""

    type: Literal["log"]
    job_id: str
    lines: list[str]


class Preview(Told):
    """The latest picture of a running job. If a client reads slowly, it gets the latest only."""

    type: Literal["preview"]
    job_id: str
    media_type: str
    image: str
    """Base64; empty if the picture is too large to be shown."""

    too_large: int
    """Its size in bytes then, or 0."""


class Happened(Told):
    """A job or a worker has changed its state."""

    type: Literal["event"]
    at: Time
    cursor: str
    name: str
    job: str
    """Empty for events of workers."""

    gen: int
    version: int
    """Rises by one with each event of the job."""

    state: str
    worker: str
    attempt: int
    code: str
    customer_id: str
    actor: str
    request: str


class Resync(Told):
    """Events were missed, as the cursor is older than what is kept: read again what you need, and go on from here."""

    type: Literal["resync"]
    subscription: int
    cursor: str


class Stats(Told):
    """The queue at a glance has changed."""

    type: Literal["stats"]
    stats: dict[str, Any]


class Workers(Told):
    """Workers have changed."""

    type: Literal["workers"]
    workers: list[Worker]
    """Those that are new or have changed."""

    gone: list[str]
    """The ids of those that are not live any more."""


class QueueState(Told):
    """Redis is away, or back. The socket stays open; what happened meanwhile is told when it is back."""

    type: Literal["queue"]
    available: bool
    reason: str


class Pong(Answer):
    """The hub is there."""

    type: Literal["pong"]


class Failed(Answer):
    """A message could not be understood or carried out; the socket stays open."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: Literal["error"]
    code: str
    """A stable word, as in the problems of the REST API, whose other members it has too: `field`, `hint`, …"""

    error: str


TOLD: tuple[type[Told], ...] = (
    Welcome,
    Submitted,
    Subscribed,
    Snapshot,
    JobChanged,
    Progress,
    Log,
    Preview,
    Happened,
    Stats,
    Workers,
    Resync,
    QueueState,
    Unsubscribed,
    Pong,
    Failed,
)


def read_message(text: str | bytes) -> Asked:
    """Raises `InvalidInput`, with the field."""
    body = read_mapping("message", parse_json("message", text))
    kind = read_choice("type", body.get("type"), (*MESSAGES, "subscribe"))
    model = TOPICS[read_choice("topic", body.get("topic"), TOPICS)] if kind == "subscribe" else MESSAGES[kind]
    try:
        return model.model_validate(body, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(".".join(map(str, first["loc"])) or "message", first["msg"]) from None
