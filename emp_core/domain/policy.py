"""The contract's numbers, each explained here and nowhere else; the store's library of Lua functions has them too."""

from dataclasses import dataclass

KB = 1024
MB = 1024 * KB


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The defaults that docs/delivery.md names. Times in ms, sizes in bytes."""

    max_failures: int = 3
    """Runs that fail, in total, before the job fails."""

    max_losses: int = 3
    """Leases that run out before a job counts as poison."""

    max_releases: int = 20
    """Times that a job may be given back; the next one fails it as `rejected`."""

    backoff_base_ms: int = 5_000
    """The pause after the first failed run; each further one doubles it. The formula is `backoff_ms` below."""

    backoff_cap_ms: int = 300_000
    """The longest pause, before it is drawn half as long to half as long again."""

    pick_first: int = 8
    pick_near: int = 40
    """Heads that a claim looks at from the top if more than `pick_near` rose since the last claim of its profile."""

    pick_budget: int = 1_000
    """Heads that one call looks at; the search goes on with the next one."""

    parked_a_call: int = 50
    """Classes at a limit that one claim puts aside; it goes on with the next call."""

    unparked_a_step: int = 8
    """Classes that come back at once when their limit leaves room for a job."""

    shortlist_ms: int = 60_000
    """How long it is kept which classes of a customer fit a profile that claims for it no more."""

    cursor_ms: int = 3_600_000
    """How long it is kept how far the workers of a workflow came that claim no more."""

    avoid_ms: int = 60_000
    """How long a returned job waits for another worker than those it should avoid."""

    avoid_workers: int = 3
    avoided_cap: int = 256
    """Jobs that may wait so at once; beyond it they go straight back to their class."""

    mismatch_workers: int = 3
    """Other workers that get a job after a first one lacked a node or a model that it needs; then it fails."""

    refusals_kept: int = 16
    """Classes that a worker is remembered to have refused so, until it runs a job well."""

    well_ms: int = 3_600_000
    """How long a run that went well shows that a class can be run, when other workers fail at it."""

    well_noted_ms: int = 60_000
    """A worker's good runs of one class are noted at most this often."""

    wake_ms: int = 3_600_000
    """How long the wake-ups of a process that reads none are kept."""

    workflow_back_ms: int = 3_600_000
    """How long before its first job a workflow may say that it began."""

    cancel_grace_ms: int = 15_000
    queue_ttl_ms: int = 7 * 86_400_000
    attempt_timeout_ms: int = 30 * 60_000
    stall_ms: int = 10 * 60_000
    chore_every_ms: int = 100
    """Claims and beats do the queue's chores at most this often, so that a fleet without a hub recovers too."""

    chore_batch: int = 10
    """Jobs that a claim or a beat reaps or promotes at most."""

    outage_ms: int = 3_000
    """Silence of the whole fleet that counts as an outage, or half a lease where that is longer."""

    events_kept: int = 200_000
    """About an hour, or 40 MB, of transitions."""

    event_age_ms: int = 3_600_000
    audit_kept: int = 10_000
    """Orders of people and programs that are remembered."""

    progress_kept: int = 10_000
    log_lines: int = 1_000
    job_events_kept: int = 200
    """Events that a job remembers as long as it is kept."""

    error_bytes: int = 200
    """What is kept of a failure's message beside its job; its result has the whole message."""

    watched_ms: int = 5_000
    """How long the previews of a job are asked for by one call."""

    preview_ms: int = 30_000
    """How long a preview is kept."""

    attempts_kept: int = 30
    """Ended attempts that a job remembers."""

    children_inline: int = 100
    """Children that the end of a parent resolves at once; the rest is a chore's."""

    given_back_a_call: int = 64
    """Jobs of an earlier life of a worker that one call gives back; some milliseconds of Redis."""

    idempotency_ms: int = 86_400_000
    """How long an idempotency key outlives its job."""


POLICY = Policy()

# How much one call of Redis does: a few milliseconds at most, in which no other call is answered.

JOBS_A_CALL = 64
"""Jobs that are submitted together."""

BYTES_A_CALL = 1 * MB
"""Of their payloads, which Redis copies."""

LARGE_BODY = 128 * KB
"""A job with a larger payload is submitted alone, so that small ones need not wait for it."""

BEATEN_A_CALL = 256
"""Leases that a beat renews."""

MOVED_A_CALL = 100
"""Jobs whose priority changes."""

REAPED_A_CALL = 25
"""Due leases, timeouts and waits, of each kind."""

TRANSFERRED_A_CALL = 50
"""Waiting jobs that are read for another queue, kept back for a move, or released after it."""

FORGOTTEN_A_CALL = 50
"""Ended jobs that retention deletes."""

LOOKED_AT_A_CALL = 2_000
"""Jobs of sorted lists that a search looks at."""

PATIENCE_SECONDS = 30.0
"""How long the queue may be unavailable before a waiting caller gets the error."""

SEARCHED_AT_MOST = 20_000
"""Jobs that are read for a page of a list, unless the caller asks to search all."""

INDEXED_A_CALL = 200
"""Jobs of an earlier version that are listed for filters."""

MAX_INLINE_PAYLOAD = 1 * MB
MAX_SPILLED_PAYLOAD = 64 * MB
MAX_INLINE_RESULT = 256 * KB
MAX_INLINE_RESULT_CROWDED = 4 * KB
MEMORY_CROWDED = 0.9
"""The share of Redis's memory above which larger results go to the artifact store."""

MAX_WHOLE_RESULT = 8 * MB
"""Results that are larger are streamed to the caller, never held in memory whole."""

MAX_PREVIEW = 128 * KB
MAX_DETAIL = 16 * KB
MAX_LINE = 4 * KB
MAX_MESSAGE = 64
"""Bytes of a progress message: as much as Redis keeps in a job's hash in the small form. The log takes whole lines."""

MAX_JSON_DEPTH = 64
MAX_JSON_NODES = 100_000


def backoff_ms(failures: int, jitter: float) -> float:
    """The pause after the n-th failed run; `jitter` is drawn by the caller from 0.5 to 1.5."""
    return min(POLICY.backoff_cap_ms, POLICY.backoff_base_ms * 2.0 ** (failures - 1)) * jitter
