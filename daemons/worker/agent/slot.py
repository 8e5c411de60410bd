"""A slot: one claimed job, run through its connector to a settlement."""

import asyncio
from dataclasses import replace
from enum import StrEnum
from typing import Any

import structlog

from daemons.worker.agent.attempt import AttemptContext
from daemons.worker.agent.room import Room
from daemons.worker.connector import (
    Assignment,
    Connector,
    Interrupted,
    JobFailed,
    Mismatch,
    ServiceBusy,
    ServiceDown,
    StillRunning,
)
from emp_core.artifacts.contract import in_chunks
from emp_core.domain.json_text import dump_json, load_json
from emp_core.domain.outcome import Blame, Failure, Result
from emp_core.domain.policy import MAX_DETAIL, MAX_INLINE_RESULT, MAX_LINE
from emp_core.domain.requirements import Requirements
from emp_core.errors import EmpError, InvalidInput, NotFound
from emp_core.store import Claimed, Settlement, completed, failed, mismatched, released, stopped

log = structlog.get_logger()

STOP_SECONDS = 30.0
"""How long a connector has to stop before its task is cancelled: twice the cancel grace."""

STOPPING = "the worker is stopping"


class Stop(StrEnum):
    """Why a running attempt was told to stop."""

    CANCEL = "cancel"
    LOST = "lost"
    """It is not ours any more: nothing is reported."""

    GIVE_BACK = "give back"


class Slot:
    """Runs one attempt."""

    task: asyncio.Task[Any]
    """The task that runs it; the agent sets it."""

    def __init__(
        self,
        claim: Claimed,
        requirements: Requirements,
        connector: Connector,
        context: AttemptContext,
        room: Room,
    ) -> None:
        self.claim = claim
        self.requirements = requirements
        self.connector = connector
        self.context = context
        self._room = room
        self._timer: asyncio.TimerHandle | None = None
        self._was_cut = False
        self.stop_reason: Stop | None = None
        self.service_busy = False
        """Whether the connector found its service busy for others, or left it at work."""

        self.has_large_previews = False
        """Whether it was logged that its previews are too large."""

        self.service_down = ""
        """What the connector said when it found its service down."""

    def stop(self, reason: Stop) -> None:
        """Have the connector stop. The first reason stands, but a lost job stays lost."""
        if self.stop_reason is None or reason is Stop.LOST:
            self.stop_reason = reason
        if not self.context.cancelled.is_set():
            self.context.cancelled.set()
            self._timer = asyncio.get_running_loop().call_later(STOP_SECONDS, self._cut)

    def _cut(self) -> None:
        self._was_cut = True
        self.task.cancel()

    async def run(self) -> Settlement | None:
        """Run the job to its end. None if nothing may be reported."""
        try:
            settlement = await self._settlement()
        except asyncio.CancelledError:
            if self.task.cancelling() > self._was_cut:
                raise
            settlement = self._not_cancelled()
        except Exception as error:  # the boundary to a connector's code: its bug is a failed job, not a dead worker
            log.exception("connector.bug", job=self.claim.job_id, service=self.connector.service)
            settlement = self._bug(f"{type(error).__name__}: {error}")
        finally:
            if self._timer is not None:
                self._timer.cancel()
        return None if self.stop_reason is Stop.LOST else settlement

    def _not_cancelled(self) -> Settlement:
        """The task was cancelled by our timeout for deaf connectors, or by itself, and not by a stop of the worker."""
        if not self._was_cut:
            return self._bug("it cancelled itself")
        self.task.uncancel()
        log.warning("connector.deaf", job=self.claim.job_id, service=self.connector.service)
        return self._interrupted(Interrupted("did not stop after a cancel"))

    async def _settlement(self) -> Settlement:
        try:
            result = await self.connector.run(await self._assignment(), self.context)
            return await self._completed(result)
        except Interrupted as error:
            return self._interrupted(error)
        except ServiceBusy as error:
            self.service_busy, self.service_down = True, str(error)
            return released(self.claim, f"{self.connector.service} is busy: {error}", begun=False)
        except ServiceDown as error:
            self.service_down = str(error) or "down"
            return released(self.claim, f"{self.connector.service} is down", begun=False)
        except Mismatch as error:
            return mismatched(self.claim, _line(f"lacks {error}"))
        except StillRunning as error:
            self.service_busy, self.service_down = True, str(error)
            return failed(self.claim, _trimmed(error.failure))
        except JobFailed as error:
            return failed(self.claim, _trimmed(error.failure))
        except (InvalidInput, NotFound) as error:
            return self._failed(error, Blame.JOB)
        except EmpError as error:
            return self._failed(error, Blame.WORKER)

    def _interrupted(self, error: Interrupted) -> Settlement:
        if self.stop_reason is Stop.CANCEL:
            return completed(self.claim, Result()) if error.late_result else stopped(self.claim)
        if self.stop_reason is Stop.GIVE_BACK:
            return released(self.claim, STOPPING)
        message = str(error) or "interrupted in the service by another program"
        return failed(self.claim, Failure(message=message, blame=Blame.BACKEND, code="interrupted"))

    def _failed(self, error: EmpError, blame: Blame) -> Settlement:
        """The worker may be to blame for what another one could do; a job's own mistake is not tried again."""
        of_job = blame is Blame.JOB
        code = "invalid" if of_job else "worker_error"
        return failed(self.claim, Failure(message=_line(error.message), retryable=not of_job, blame=blame, code=code))

    def _bug(self, what: str) -> Settlement:
        message = _line(f"the connector failed: {what}")
        return failed(self.claim, Failure(message=message, blame=Blame.WORKER, code="connector_bug"))

    async def _assignment(self) -> Assignment:
        body = self.claim.body
        if body is None:
            body = await self._spilled()
        return Assignment(
            job_id=self.claim.job_id,
            attempt=self.claim.attempt,
            service=self.connector.service,
            job_type=self.requirements.job_type,
            payload=_payload_of(load_json(body)),
            customer_id=self.claim.customer_id,
            models=self.requirements.models,
        )

    async def _spilled(self) -> bytes:
        try:
            return await self.context.payload()
        except NotFound as error:  # by this worker: its store may not be the submitter's
            message = "the payload is not in this worker's file store"
            raise JobFailed(Failure(message=message, blame=Blame.WORKER, code="no_payload")) from error

    async def _completed(self, result: Result) -> Settlement:
        """A result that is too large for Redis becomes an artifact."""
        settlement = completed(self.claim, result)
        size = len(settlement.data)
        if await self._room.has(size):
            return settlement
        name, media_type, text = "result.json", "application/json", dump_json(result.data)
        try:
            if size > MAX_INLINE_RESULT:
                artifact = await self.context.upload(name, in_chunks(text), media_type)
            else:
                artifact = await self.context.upload_once(name, text, media_type)
        except EmpError as error:
            if size > MAX_INLINE_RESULT:
                raise
            log.warning("result.kept_in_redis", job=self.claim.job_id, why=error.message)
            return settlement
        data = {"result_artifact": artifact.id}
        return completed(self.claim, Result(data=data, artifacts=(*result.artifacts, artifact)))


def _payload_of(body: dict[str, Any]) -> dict[str, Any]:
    if "template" in body:
        message = f"this worker cannot translate the template {body['template']!r}"
        raise JobFailed(Failure(message=message, retryable=False, code="no_template"))
    payload: dict[str, Any] = body["payload"]
    return payload


def _trimmed(failure: Failure) -> Failure:
    """No longer than a failure may be."""
    fits = len(dump_json(failure.detail)) <= MAX_DETAIL
    return replace(failure, message=_line(failure.message), detail=failure.detail if fits else {"trimmed": True})


def _line(text: str) -> str:
    """One line that can be written as UTF-8, whatever a service said."""
    return " ".join(text.encode("utf-8", "replace").decode().split())[:MAX_LINE]
