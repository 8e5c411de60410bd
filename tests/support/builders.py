"""Valid by default, one field changed per test; and a worker that does as it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emp_core.artifacts import ArtifactStore
from emp_core.artifacts.contract import in_chunks
from emp_core.domain.caller import Caller, Role
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.domain.json_text import dump_json
from emp_core.domain.outcome import Artifact, Blame, Failure, Result
from emp_core.ids import new_nonce
from emp_core.store import (
    Claimed,
    Life,
    Report,
    Settlement,
    Store,
    Turn,
    Wish,
    completed,
    failed,
    released,
    stopped,
)

LEASE_MS = 300_000
"""The longest that there is, so that a busy machine loses none by itself."""


def make_request(**changes: Any) -> JobRequest:
    return JobRequest.parse({"service": "comfyui", "payload": {"prompt": {}}, **changes})


def make_capabilities(**changes: Any) -> Capabilities:
    return Capabilities.parse({"services": ["comfyui"], "gpu_memory_gb": 24, "gpu_count": 1, **changes})


def make_caller(role: Role = Role.OPERATOR, customer: str | None = None) -> Caller:
    return Caller(role=role, customer=customer, actor="ada@node1", request_id="r1")


def seen_by(store: Store, customer: str) -> Store:
    """The queue as a client of one customer sees it."""
    return store.for_caller(make_caller(Role.CLIENT, customer))


async def submit(store: Store, **changes: Any) -> str:
    """The id of a new job."""
    return (await store.broker.submit(make_request(**changes))).id


@dataclass(slots=True)
class WorkerDriver:
    """A registered worker without an agent: each of its calls is one of a test's lines."""

    store: Store
    life: Life
    capabilities: Capabilities
    profile_number: int
    waiter: str

    @property
    def id(self) -> str:
        return self.life.worker

    async def turn(self, *settled: Settlement, claims: int = 0, nonces: Sequence[str] = (), **wish: Any) -> Turn:
        wanted = tuple(nonces) or tuple(new_nonce() for _ in range(claims))
        return await self.store.broker.turn(self.life, self.capabilities, Wish(nonces=wanted, **wish), settled)

    async def claim(self, **wish: Any) -> Claimed | None:
        """One job, or none."""
        return next(iter((await self.turn(claims=1, **wish)).claimed), None)

    async def take(self, **wish: Any) -> Claimed:
        """One job; there must be one."""
        claimed = await self.claim(**wish)
        assert claimed is not None, f"{self.id} found nothing to claim"
        return claimed

    async def drain(self) -> list[str]:
        """All jobs that it can do, completed one after the other: the order of their claims."""
        done: list[str] = []
        while (claimed := await self.claim()) is not None:
            done.append(claimed.job_id)
            await self.complete(claimed)
        return done

    async def settle(self, settlement: Settlement) -> str:
        """The answer to one settlement."""
        return (await self.turn(settlement)).answers[0]

    async def complete(self, claim: Claimed, **data: Any) -> str:
        return await self.settle(completed(claim, Result(data=data)))

    async def complete_in_a_file(self, files: ArtifactStore, claim: Claimed, data: Any) -> Artifact:
        """Complete with a result that is too large for Redis, and with a picture. The result's file."""
        text = dump_json(data)
        file = await files.put(claim.job_id, claim.attempt, "result.json", in_chunks(text))
        picture = await files.put(claim.job_id, claim.attempt, "a.png", in_chunks(b"picture"))
        await self.settle(completed(claim, Result(data={"result_artifact": file.id}, artifacts=(picture, file))))
        return file

    async def fail(
        self, claim: Claimed, *, retryable: bool = True, blame: Blame = Blame.JOB, code: str = "error"
    ) -> str:
        failure = Failure(message="it broke", retryable=retryable, blame=blame, code=code)
        return await self.settle(failed(claim, failure))

    async def release(self, claim: Claimed, reason: str = "drain") -> str:
        return await self.settle(released(claim, reason))

    async def stop(self, claim: Claimed) -> str:
        return await self.settle(stopped(claim))

    async def beat(self, *claims: Claimed) -> list[str]:
        """The answer for each job."""
        _, answers = await self.store.broker.beat(self.life, "comfyui=up", claims)
        return [answers[claim.nonce] for claim in claims]

    async def report(self, claim: Claimed, **fields: Any) -> str:
        report = Report(job_id=claim.job_id, attempt=claim.attempt, nonce=claim.nonce, **fields)
        return (await self.store.broker.report(self.id, [report]))[0]

    async def tokens(self) -> list[str]:
        """Takes the wake-ups that wait for it."""
        found = await self.store.link.call("LPOP", self.store.link.key(f"wake:{self.waiter}"), 100)
        return [token.decode() for token in found or ()]


async def register(
    store: Store,
    worker: str = "gpu1:0",
    *,
    boot: str = "boot-1",
    machine: str = "gpu1",
    lease_ms: int = LEASE_MS,
    dead_boot: str = "",
    judge: bool = True,
    slots: int = 1,
    probed: str = "comfyui=up",
    info: Mapping[str, Any] | None = None,
    capabilities: Capabilities | None = None,
    **changes: Any,
) -> WorkerDriver:
    """A worker with its profile judged; `changes` are of its capabilities."""
    offered = capabilities or make_capabilities(**changes)
    life = Life(worker=worker, boot=boot, profile=offered.profile_id, lease_ms=lease_ms)
    waiter = f"{worker}-{boot}"
    answer = await store.registry.register(
        life,
        offered,
        machine=machine,
        waiter=waiter,
        slots=slots,
        info=info,
        services=probed,
        dead_boot=dead_boot,
    )
    if judge:
        await store.registry.judge(life, offered, answer.profile_number)
    return WorkerDriver(store, life, offered, answer.profile_number, waiter)
