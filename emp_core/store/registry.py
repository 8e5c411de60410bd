"""`Registry`: every write about workers."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

from emp_core.domain.caller import Caller, signature
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.json_text import dump_json, load_json
from emp_core.domain.worker import WorkerState
from emp_core.errors import NotFound, Refused
from emp_core.store.broker import Life
from emp_core.store.classes import ClassIndex
from emp_core.store.connection import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The answer to a registration."""

    state: WorkerState
    profile_number: int
    given_back: tuple[str, ...]
    """Jobs of an earlier life of this worker id."""


class WorkerIdInUse(Refused):
    """Another process has the worker's id and its lease has not ended."""

    def __init__(
        self, worker: str, *, boot: str, machine: str, info: Mapping[str, Any], beat_at: int, ends_at: int, now: int
    ) -> None:
        pid = info.get("pid")
        self.holder = f"pid {pid} on {machine}" if isinstance(pid, int) else f"a process on {machine}"
        super().__init__(
            "worker_id_in_use",
            f"worker {worker} is in use by {self.holder}",
            hint="stop that process, or choose another WORKER_ID",
        )
        self.worker = worker
        self.boot = boot
        self.info = info
        self.beat_at = beat_at
        """ms since 1970, Redis TIME."""

        self.lease_ms = ends_at - beat_at
        self.left_ms = ends_at - now
        """How long its lease lasts unless it is renewed."""


class Registry:
    """Registers, opens profiles, pauses, drains, stops."""

    def __init__(self, link: Link, classes: ClassIndex) -> None:
        self._link = link
        self._classes = classes
        self._caller: Caller | None = None

    def for_caller(self, caller: Caller) -> Self:
        """The same for a caller, who signs what it orders."""
        own = copy(self)
        own._caller = caller
        return own

    async def register(
        self,
        life: Life,
        capabilities: Capabilities,
        *,
        machine: str,
        waiter: str,
        slots: int,
        info: Mapping[str, Any] | None = None,
        services: str = "",
        dead_boot: str = "",
    ) -> Registered:
        """Begin a life, or come back in it with another profile. Raises `WorkerIdInUse`.

        The life of `dead_boot` is over for sure, so its lease need not end first. The new profile is not judged yet:
        see `judge`.
        """
        arguments = {
            "worker": life.worker,
            "boot": life.boot,
            "machine": machine,
            "lease": life.lease_ms,
            "profile": life.profile,
            "capabilities": capabilities.canonical(),
            "rank": str(capabilities.rank),
            "waiter": waiter,
            "slots": slots,
            "info": dump_json(info or {}),
            "workflow": str((info or {}).get("workflow") or ""),
            "services": services,
            "dead_boot": dead_boot,
        }
        return await self._register(arguments)

    async def _register(self, arguments: Mapping[str, Any]) -> Registered:
        """A call gives back only some jobs of the earlier life, so that Redis is free in between."""
        given_back: list[bytes] = []
        state = b"again"
        while state == b"again":
            state, *rest = await self._link.run("register_worker", **arguments)
            if state.startswith(b"refused:"):
                raise _in_use(arguments["worker"], *rest)
            given_back += rest[1]
        jobs = tuple(job.decode() for job in given_back)
        return Registered(state=WorkerState(state.decode()), profile_number=int(rest[0]), given_back=jobs)

    async def judge(self, life: Life, capabilities: Capabilities, number: int) -> int:
        """Judge a registered profile against the classes that it has not been judged against."""
        return await self._classes.judge_profile(life.profile, number, capabilities)

    async def open_profile(self, capabilities: Capabilities) -> int:
        """Make room for the verdicts of a profile that nobody registers, and judge it."""
        profile = capabilities.profile_id
        number: int = await self._link.run(
            "open_profile", profile=profile, capabilities=capabilities.canonical(), rank=str(capabilities.rank)
        )
        await self._classes.judge_profile(profile, number, capabilities)
        return number

    async def steer(self, worker: str, state: WorkerState, *, reason: str = "", boot: str = "") -> WorkerState:
        """Pause, resume, drain, fence or stop a worker; `boot` where it speaks itself. The state before."""
        by = signature(self._caller)
        answer = await self._link.run("steer_worker", worker=worker, boot=boot, state=state.value, reason=reason, by=by)
        word = answer.decode()
        if word == "gone":
            raise NotFound("worker", worker)
        if word.startswith("refused:"):
            raise Refused(word.removeprefix("refused:"))
        return WorkerState(word)

    async def wait_for_token(self, waiter: str, seconds: float, link: Link) -> list[str]:
        """Block until somebody wakes this waiter: `claim class worker`, `cancel job worker` or `control - worker`.

        `link` is a blocking link of its own: nothing else can use its connection meanwhile.
        """
        answer = await link.call("BLMPOP", seconds, 1, self._link.key(f"wake:{waiter}"), "LEFT", "COUNT", 1000)
        return [token.decode() for token in answer[1]] if answer else []


def _in_use(
    worker: str, boot: bytes, machine: bytes, info: bytes, beat_at: int, ends_at: int, now: int
) -> WorkerIdInUse:
    return WorkerIdInUse(
        worker,
        boot=boot.decode(),
        machine=machine.decode(),
        info=load_json(info.decode() or "{}"),
        beat_at=beat_at,
        ends_at=ends_at,
        now=now,
    )
