"""The one table of keys: what lies in Redis, in which type, and what bounds it.

A name is the kind first and the id last, so that no id can name another key. `{job}` and its like stand for ids; every
name follows the prefix, `{emp}:` unless told otherwise. The tests hold each key that they find, and each literal in the
functions and in `store`, against this table; `docs/redis-data.md` is made from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from emp_core.domain.policy import POLICY
from emp_core.domain.states import FailureCode
from emp_core.domain.trend import COUNTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One row: a key, or one key for each id."""

    name: str
    """Such as `job.payload:{job}`."""

    type: str
    """`string`, `hash`, `list`, `set`, `zset` or `stream`."""

    holds: str
    bound: str
    """What ends or limits it."""

    expires: bool = False
    """It always has a time to live."""

    at_most: int | None = None
    """Its greatest length; streams are trimmed in blocks and may be a little longer."""

    @property
    def literal(self) -> str:
        """The part of the name before the first id."""
        return self.name.partition("{")[0]

    @property
    def owner(self) -> str:
        """What its id names: `job`, `class`, `worker`, ...; empty where the key is the queue's."""
        return self.name[len(self.literal) :].strip("{}")

    def id_in(self, name: str) -> str | None:
        """The id in a key's name without the prefix; empty for the queue's own; None where it is another row's."""
        literal = self.literal
        if literal == self.name:
            return "" if name == literal else None
        return name[len(literal) :] if name.startswith(literal) and name != literal else None


def _row(name: str, kind: str, holds: str, bound: str, *, expires: bool = False, at_most: int | None = None) -> Key:
    return Key(name=name, type=kind, holds=holds, bound=bound, expires=expires, at_most=at_most)


_AS_JOB = "its job (T16)"
_AS_CLASS = "its class, dropped five minutes after its last job"
_AS_WORKER = "its worker, forgotten a day after it went"
_WAITING = "the waiting jobs"
_CLASSES = "the classes"
_PROFILES = "the profiles"
_RUNNING = "the running jobs"
_LIMITS = "what an operator limits"
_FIXED = "one number"

KEYS: Sequence[Key] = (
    _row("schema", "string", "The layout's version; another one is refused.", _FIXED),
    _row("queue", "string", "The queue's own id, drawn once: its files lie under it.", _FIXED),
    # One job.
    _row(
        "job:{job}",
        "hash",
        "State, place, counters, limits. Three fields hold several words: `spec` (class score max_failures digest), "
        "`times` (created ttl_at) and `claim` (attempt nonce claimed began).",
        "retention (T16)",
    ),
    _row(
        "job.payload:{job}", "string", "The payload as JSON, opaque to the queue; none where it was spilled.", _AS_JOB
    ),
    _row(
        "job.result:{job}", "string", "The result of a completed job, or the failure of a failed one, as JSON.", _AS_JOB
    ),
    _row("job.log:{job}", "list", "The last log lines.", _AS_JOB, at_most=POLICY.log_lines),
    _row("job.watched:{job}", "string", "Somebody asks for its previews.", "some seconds", expires=True),
    _row(
        "job.preview:{job}",
        "string",
        "The media type of its latest preview, a line feed, the picture; of one that is too large the type, a tab, "
        "its size and a line feed. Only while somebody asks for it.",
        "half a minute",
        expires=True,
    ),
    _row(
        "job.attempts:{job}",
        "list",
        "Attempts that did not complete: `attempt worker claimed ended outcome`, a line feed, the detail.",
        _AS_JOB,
        at_most=POLICY.attempts_kept,
    ),
    _row(
        "job.events:{job}",
        "list",
        "Its last events: a time, and the text of the stream's entry. None while it was only submitted, claimed and "
        "completed: its hash tells of these.",
        _AS_JOB,
        at_most=POLICY.job_events_kept,
    ),
    _row("job.children:{job}", "set", "Blocked jobs that wait for this one.", "its end, which resolves them (T18)"),
    _row(
        "job.children.left:{job/generation}",
        "set",
        "Those that the end of this generation has not resolved yet.",
        "a chore's next rounds",
    ),
    _row(
        "job.gone:{job}",
        "string",
        "The last state of a deleted job, or `moved:` and where it is now; and its customer if it had one: its id is "
        "not given again.",
        "a day",
        expires=True,
    ),
    _row(
        "ids:{first4}", "zset", "Job ids that begin so, all with score 0: finds a job by a prefix.", "their jobs (T16)"
    ),
    _row(
        "label.jobs:{label}", "zset", "Jobs with a label `name=value` by the ms of their creation.", "their jobs (T16)"
    ),
    _row("idempotency:{customer/key}", "string", "`job digest` of the first submit.", "a day after its job is deleted"),
    # Where jobs are.
    _row("jobs:pending:{class}", "zset", "The class's waiting jobs by score, highest first.", _WAITING),
    _row("jobs:active:{worker}", "hash", "Claim nonce -> job, of the worker's open attempts.", "the worker's slots"),
    _row("jobs:completed", "zset", "Completed jobs by the ms of their end.", "retention (T16)"),
    _row("jobs:failed", "zset", "Failed jobs by the ms of their end.", "retention (T16)"),
    _row("jobs:cancelled", "zset", "Cancelled jobs by the ms of their end.", "retention (T16)"),
    _row("delayed", "zset", "Jobs that wait for a time, by that ms.", _WAITING),
    _row("held", "zset", "Jobs kept back, by the ms since when.", _WAITING),
    _row("blocked", "zset", "Jobs that wait for other jobs, by the ms since when.", _WAITING),
    _row(
        "avoided",
        "zset",
        "Returned jobs that wait for another worker, by score.",
        f"{POLICY.avoided_cap} jobs, each for a minute",
        at_most=POLICY.avoided_cap,
    ),
    _row("avoided.until", "zset", "The same jobs by the ms at which they stop waiting for another.", "`avoided`"),
    _row("leases", "zset", "Running jobs by the ms at which their lease or cancel grace ends.", _RUNNING),
    _row("timeouts", "zset", "Active jobs by the ms at which their attempt or its silence lasted too long.", _RUNNING),
    _row("expiry", "zset", "Waiting jobs not yet started by the ms of their queue TTL or deadline.", _WAITING),
    _row(
        "resolving", "hash", "`job/generation` that ended -> state, while children are left.", "a chore's next rounds"
    ),
    _row("quarantine", "hash", "Damaged job -> what was wrong.", "repair, a chore"),
    _row(
        "moving",
        "hash",
        "Job on its way between two queues -> `to` or `from`, and the other queue's id.",
        "`emp import`",
    ),
    _row(
        "move.command:{queue}",
        "string",
        "The command that moves jobs to or from that queue; earlier ones move no more.",
        "a day",
        expires=True,
    ),
    _row("counts", "hash", "Waiting state -> number of jobs; other states have a list each.", "the states"),
    _row(
        "trend:{minute}",
        "hash",
        "What happened in a minute since 1970: `submitted`, `retried`, `wait N` (first starts; N says after how long), "
        "`again` (later starts), `completed`, `failed CODE`, `cancelled`, `moved` -> number.",
        "25 hours",
        expires=True,
        at_most=len(COUNTERS) + len(FailureCode),
    ),
    _row("trend.since", "string", "The ms when counting began.", _FIXED),
    _row("tick", "string", "The last place given in the order of submission.", _FIXED),
    _row(
        "indexing",
        "string",
        "The ms since when jobs of an earlier version are being listed for filters; none once all are.",
        "a chore's next rounds",
    ),
    _row("seen", "string", "The ms when the queue was last attended to: tells an outage.", _FIXED),
    # Workflows.
    _row("workflow:{workflow}", "hash", "Priority, tick, next ordinal, number of jobs.", "its last job (T16)"),
    _row("workflow.jobs:{workflow}", "zset", "Its jobs by the ms of their submit.", "its jobs (T16)"),
    _row("workflow.pending:{workflow}", "zset", "Its waiting jobs by score, for workers reserved for it.", _WAITING),
    _row(
        "workflow.cursors:{workflow}",
        "zset",
        "Profiles of workers reserved for it by the score above which none of its jobs can be claimed now.",
        "an hour after its last use",
        expires=True,
    ),
    # Classes and what fits.
    _row("class:{class}", "hash", "Requirements, customer, jobs, active jobs, who ran it well.", _AS_CLASS),
    _row("class.jobs:{class}", "zset", "Its jobs by the ms of their submit: filters find them here.", "its jobs (T16)"),
    _row("class.verdicts:{class}", "string", "Two bits for each profile number: judged, fits.", _AS_CLASS),
    _row("classes", "zset", "Classes by serial, in the order of their creation.", _CLASSES),
    _row("classes.serial", "string", "The last serial given.", _FIXED),
    _row("classes.unjudged", "zset", "New classes until their creator has judged them, by ms.", _CLASSES),
    _row("classes.unworkable", "set", "Classes that no live worker's profile fits.", _CLASSES),
    _row("classes.empty", "zset", "Classes without jobs, by the ms since when.", _CLASSES),
    _row("customer.classes:{customer}", "set", "The classes of the customer's jobs.", _CLASSES),
    _row(
        "shortlist:{profile/customer}",
        "zset",
        "Classes of the customer that fit the profile, by a score that their best job is not above.",
        "two minutes after its last use",
        expires=True,
    ),
    _row(
        "shortlist.read:{profile/customer}",
        "hash",
        "`v`: the change number that the shortlist knows; `scan`: how far the customer's classes were read.",
        "a minute after its last use",
        expires=True,
    ),
    _row("heads", "zset", "Classes with waiting jobs, not parked, by the score of their best.", _CLASSES),
    _row("improved", "zset", "Classes by the change number at which their head last rose.", _CLASSES),
    _row("changes", "string", "The last change number.", _FIXED),
    _row(
        "cursor:{number}", "hash", "`s`: no head above this score fits the profile; `v`: as of this change.", _PROFILES
    ),
    _row("profiles", "hash", "Profile -> number, its place in the verdict bits.", "ten minutes without a worker"),
    _row("profile:{profile}", "hash", "Capabilities, rank, how far it was judged.", "its profile"),
    _row("profiles.used", "zset", "Profiles by the ms of their last use.", _PROFILES),
    _row("profiles.workers", "zset", "Slots by the number of their live workers.", _PROFILES),
    _row("profiles.live", "string", "The `fits` bit of every profile number with a live worker.", "two bits a number"),
    _row(
        "profiles.closing", "hash", "Slot -> serial of the last class whose bits were cleared.", "a chore's next rounds"
    ),
    _row("profiles.free", "set", "Slots to give again.", _PROFILES),
    _row("fleet", "string", "Counts changes of the profiles and of which are live.", _FIXED),
    _row("fleet.changed", "string", "The ms of the last one.", _FIXED),
    # Limits.
    _row("limits", "hash", "`customer:<id>` or `class:<id>` -> jobs that may run at once.", _LIMITS),
    _row("customers.active", "hash", "Customer -> running jobs.", _RUNNING),
    _row("parked", "set", "Classes kept out of `heads` by a limit.", _CLASSES),
    _row(
        "parked:{whose}",
        "zset",
        "The classes that a customer's or a class's limit parks, by the score of their best.",
        _CLASSES,
    ),
    _row(
        "reopened", "zset", "Limits that leave room and still park classes, by the score of the best of these.", _LIMITS
    ),
    _row(
        "parked.workflows:{whose}",
        "zset",
        "Workflows of which a claim passed jobs because of the limit, by the score of the best of these.",
        "the next end of a job under the limit",
    ),
    # Workers.
    _row(
        "worker:{worker}",
        "hash",
        "Boot, state, profile, its number (`slot`), services, last beat, GPU memory, info for people.",
        _AS_WORKER,
    ),
    _row("worker.failures:{worker}", "list", "The classes of its last failures in a row.", _AS_WORKER, at_most=3),
    _row(
        "worker.refusals:{worker}",
        "list",
        "The classes of jobs that it lacked a node or a model for, since it last ran one well.",
        _AS_WORKER,
        at_most=POLICY.refusals_kept,
    ),
    _row(
        "worker.jobs:{claimer}",
        "zset",
        "Jobs that no other claimed after it, by the ms of their submit.",
        "its jobs (T16)",
    ),
    _row("workers.reserved", "hash", "Live worker that takes jobs of one workflow only -> the workflow.", "the fleet"),
    _row("workers.named", "set", "Workers with a record or a list of jobs.", "the fleet, and the jobs"),
    _row("workers", "zset", "Live workers by the ms at which they count as lost.", "the fleet"),
    _row("workers.gone", "zset", "Gone workers by the ms at which they went.", "a day each"),
    _row("idle.where", "hash", "Idle worker -> profile number and the names that it is reserved for.", "the fleet"),
    _row("idle.names", "set", "The names that idle workers are reserved for.", "the fleet"),
    _row("idle", "zset", "Slots with idle workers by rank: the least capable first, then the cheapest.", _PROFILES),
    _row("idle.bits", "string", "The `fits` bit of every profile number with idle workers.", "two bits a number"),
    _row("idle.workers:{number}", "zset", "The profile number's idle workers by the ms since when.", "the fleet"),
    _row(
        "idle.reserved:{whose}",
        "zset",
        "Idle workers that may take only a workflow's or a customer's jobs.",
        "the fleet",
    ),
    _row(
        "wake:{waiter}",
        "list",
        "Tokens: `claim class worker`, `cancel job worker`, `control - worker`.",
        "an hour",
        expires=True,
    ),
    # Streams.
    _row(
        "events",
        "stream",
        "One entry a transition.",
        f"an hour, or about {POLICY.events_kept:,}",
        at_most=POLICY.events_kept,
    ),
    _row(
        "audit",
        "stream",
        "One entry an order: who gave it, to what, what came of it, and why.",
        f"about {POLICY.audit_kept:,}",
        at_most=POLICY.audit_kept,
    ),
    _row(
        "progress",
        "stream",
        "What workers report of running jobs.",
        f"about {POLICY.progress_kept:,}",
        at_most=POLICY.progress_kept,
    ),
)


_ROWS = {row.literal: row for row in KEYS}


def row_of(name: str) -> Key | None:
    """The row of a key's name without the prefix: the one with the longest literal."""
    if name in _ROWS and not _ROWS[name].owner:
        return _ROWS[name]
    end = len(name) - 1
    while (end := name.rfind(":", 0, end)) >= 0:
        row = _ROWS.get(name[: end + 1])
        if row is not None:
            return row
    return None
