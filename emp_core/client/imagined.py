"""A job as the queue would store it, for what looks at jobs that are not there."""

from collections.abc import Mapping

from emp_core.domain.job import Job, JobRequest
from emp_core.domain.job_fields import JOB_FIELDS
from emp_core.domain.ordering import parts
from emp_core.domain.states import JobState

_COPIED = [field.name for field in JOB_FIELDS if field.shown and field.sent and field.name not in ("id", "priority")]
"""What a job takes over from its request."""


def imagined(request: JobRequest, now: int, parents: Mapping[str, str], score: int) -> Job:
    """The job of a request that is submitted now; `parents`: the state of each job that it depends on."""
    late = request.run_at is not None and request.run_at > now
    blocked = any(state not in ("completed", "failed", "cancelled") for state in parents.values())
    state = JobState.BLOCKED if blocked else JobState.DELAYED if late else JobState.PENDING
    return Job(
        id=request.id or "new",
        state=state,
        class_id=request.requirements.class_id,
        requirements=request.requirements,
        priority=parts(score)[0],
        score=score,
        gen=0,
        attempt=0,
        failures=0,
        losses=0,
        releases=0,
        version=0,
        created_at=now,
        due_at=request.run_at,
        **{name: getattr(request, name) for name in _COPIED},
    )
