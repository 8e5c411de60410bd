"""Checks of the workers and the hubs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from shlex import quote

from emp_core import __version__
from emp_core.client.doctor.check import Check, count, fail, ok, some, warn
from emp_core.client.doctor.server import check_clock
from emp_core.domain.worker import Worker, WorkerState
from emp_core.errors import EmpError
from emp_core.store.readings import Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class HubReading:
    """What a hub answered."""

    url: str
    version: str = ""
    clock_ahead_ms: int | None = None
    """Ahead of this machine's clock."""

    queue_id: str | None = None
    """None: it does not say."""

    warnings: Sequence[str] = field(default_factory=list[str])
    problem: EmpError | None = None
    """Why it is of no use."""


def check_fleet(found: Contents, at: int) -> Iterator[Check]:
    """The workers, as they were at a time."""
    yield _workers(found, at)
    yield from _services(found.workers)
    yield _versions(found.workers)
    yield from _clocks(found.workers)


def check_hubs(hubs: Sequence[HubReading], clock_ahead_ms: int | None, queue_id: str | None) -> Iterator[Check]:
    """The hubs; `clock_ahead_ms` is how far this machine's clock is ahead of Redis's, None if that is not known."""
    others = [hub for hub in hubs if queue_id and hub.queue_id and hub.queue_id != queue_id]
    if len(others) == len(hubs):
        besides = " of this queue" if others else ""
        yield warn("hub", f"no hub{besides} runs on this machine, and HUB_WS_URL names none", "emp hub start")
    for hub in hubs:
        yield _hub(hub, other=hub in others)
        if hub.clock_ahead_ms is not None and clock_ahead_ms is not None:
            yield check_clock("clock", f"the hub at {hub.url}", hub.clock_ahead_ms + clock_ahead_ms)


def _hub(hub: HubReading, *, other: bool) -> Check:
    if hub.problem is not None:
        return fail("hub", hub.problem.message, hub.problem.hint or "emp hub start")
    if other:
        text = f"{hub.url} serves another queue (id {hub.queue_id}): another Redis, or another EMP_KEY_PREFIX"
        fix = "give its queue with --redis, --context or EMP_KEY_PREFIX; or restart it with these settings"
        return warn("hub", text, fix)
    if hub.warnings:
        return warn("hub", f"{hub.url} warns: {'; '.join(hub.warnings)}", f"emp hub status --hub {hub.url}")
    if hub.version != __version__:
        text = f"{hub.url} is of version {hub.version}, this command of {__version__}"
        return warn("hub", text, "install the same version of emp on both machines")
    return ok("hub", f"{hub.url} is well, version {hub.version}")


def _workers(found: Contents, at: int) -> Check:
    workers = found.workers
    if not workers:
        return warn("workers", "no worker is running", "emp worker start --services comfyui")
    fenced = [worker.id for worker in workers if worker.state is WorkerState.FENCED]
    if fenced:
        text = f"{count(len(fenced), 'worker is', 'workers are')} fenced after failures: {some(fenced)}"
        return warn(
            "workers",
            text,
            f"emp worker show {quote(fenced[0])}; when it is mended: emp worker resume {quote(fenced[0])}",
        )
    silent = [worker.id for worker in workers if worker.is_silent(at)]
    if silent:
        text = f"{count(len(silent), 'worker')} missed a beat: {some(silent)}"
        return warn("workers", text, f"emp worker show {quote(silent[0])}; is its machine up?")
    if found.lost:
        text = f"{count(len(workers), 'live worker')}; {count(len(found.lost), 'lost one')}: {some(found.lost)}"
        return warn("workers", text, f"emp worker show {quote(found.lost[0])}; start it again on its machine")
    states = [worker.state.value for worker in workers]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    return ok("workers", f"{count(len(workers), 'live worker')}: {counts}")


def _services(workers: Sequence[Worker]) -> Iterator[Check]:
    """A check for each service."""
    offering, down = defaultdict[str, int](int), defaultdict[str, list[Worker]](list)
    for worker in workers:
        for name in worker.capabilities.services:
            offering[name] += 1
            if worker.services.get(name, "up") == "down":
                down[name].append(worker)
    for name in sorted(offering):
        without = down[name]
        if not without:
            yield ok("service", f"{name} is up on {count(offering[name], 'worker')}")
            continue
        first = without[0]
        why = first.outages[name].why if name in first.outages else "no reason given"
        text = f"{name} is down on {len(without)} of {count(offering[name], 'worker')}: {first.id}: {why}"
        bad = fail if len(without) == offering[name] else warn
        yield bad("service", text, f"emp worker show {quote(first.id)}; start {name} on machine {first.machine}")


def _versions(workers: Sequence[Worker]) -> Check:
    others = [worker for worker in workers if worker.info.get("version", __version__) != __version__]
    if others:
        named = some([f"{worker.id} ({worker.info['version']})" for worker in others])
        text = f"{count(len(others), 'worker is', 'workers are')} of another version than {__version__}: {named}"
        return warn("versions", text, f"install emp {__version__} on machine {others[0].machine}, restart its workers")
    return ok("versions", f"all programs are of version {__version__}")


def _clocks(workers: Sequence[Worker]) -> Iterator[Check]:
    """A check for each machine whose clock is off."""
    checks = {
        worker.machine: check_clock("clock", f"machine {worker.machine}", worker.clock_ahead_ms)
        for worker in workers
        if worker.clock_ahead_ms is not None
    }
    off = [check for check in checks.values() if check.fix]
    if off:
        yield from off
    elif checks:
        yield ok("clock", f"the clocks of {count(len(checks), 'machine')} agree with Redis's")
