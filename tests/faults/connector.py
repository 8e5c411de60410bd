"""The connector of these tests: `SERVICES=.../connector.py:witness`. It writes down every start and every effect.

The payload says what else happens, see `Plan`. `black_hole` builds one that fails everything at once.
"""

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemons.worker.connector import Assignment, Build, Interrupted, JobContext, JobFailed, Probe
from daemons.worker.connectors.simulation import hold_the_interpreter
from emp_core.domain.outcome import Blame, Failure, Result
from tests.faults.journal import Journal

JOURNAL = "FAULTS_JOURNAL"
"""The variable that names the journal's file."""

STEP_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job does. By default it is done at once."""

    seconds: float = 0.0
    until: str = ""
    """A file; the job runs until there is one."""

    failures: int = 0
    """As many attempts fail."""

    crash: bool = False
    """Kills its worker."""

    hog: float = 0.0
    """Seconds for which it holds the interpreter."""

    deaf: bool = False
    """Does not hear that it should stop."""

    note: Any = None
    """Anything; the whole payload is written down with the start where there is one."""


class Witness:
    """Runs what `Plan` says."""

    service = "witness"
    reports_progress = True
    concurrency = 64

    def __init__(self, journal: Journal, worker: str) -> None:
        self._journal = journal
        self._worker = worker

    async def probe(self) -> Probe:
        return Probe(version="witness")

    async def sweep(self, owned: frozenset[str]) -> int:
        return 0

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        plan = Plan(**assignment.payload)
        self._note("start", assignment, dict(assignment.payload) if plan.note is not None else None)
        if plan.crash:
            os.kill(os.getpid(), signal.SIGKILL)
        if plan.hog:
            hold_the_interpreter(plan.hog)
        await self._work(plan, assignment, context)
        if assignment.attempt <= plan.failures:
            self._note("stopped", assignment)
            raise JobFailed(Failure(message="told to fail", blame=Blame.WORKER))
        self._note("effect", assignment)
        return Result(data={"attempt": assignment.attempt, "worker": self._worker})

    async def _work(self, plan: Plan, assignment: Assignment, context: JobContext) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        context.log(f"attempt {assignment.attempt} on {self._worker}")
        while loop.time() - begun < plan.seconds or (plan.until and not Path(plan.until).exists()):
            context.progress(min(99.0, loop.time() - begun), f"attempt {assignment.attempt}")
            if context.cancelled.is_set() and not plan.deaf:
                self._note("stopped", assignment)
                raise Interrupted
            await asyncio.sleep(STEP_SECONDS)

    def _note(self, what: str, assignment: Assignment, payload: Any = None) -> None:
        self._journal.note(what, assignment.job_id, assignment.attempt, self._worker, payload)


class BlackHole(Witness):
    """Fails everything, and blames nobody but its machine."""

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        self._note("start", assignment)
        self._note("stopped", assignment)
        raise JobFailed(Failure(message="this machine is broken", blame=Blame.BACKEND))


def witness(build: Build) -> Witness:
    return Witness(_journal(), build.worker_id)


def black_hole(build: Build) -> BlackHole:
    return BlackHole(_journal(), build.worker_id)


def _journal() -> Journal:
    return Journal(Path(os.environ[JOURNAL]))
