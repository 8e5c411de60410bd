"""Which of a worker's services take work now: what their probes said, and how many jobs each of them has."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from daemons.worker.connector import Connector, Probe, ServiceDown
from emp_core.clock import Clock
from emp_core.domain.gpu_memory import Gpu, GpuMemory

log = structlog.get_logger()

T = TypeVar("T")

PROBE_TIMEOUT = 90.0
"""A service that loads a model may be silent for a minute and be well."""

CLOSE_TIMEOUT = 5.0
FIRST_PAUSE = 1.0
BUSY_PAUSE = 1.0
"""Seconds between the probes of a service that works for others."""

LONGEST_PAUSE = 60.0
"""A probe may be answered by a service that refuses every job: each run that says so doubles the pause, up to this."""

MAX_REASON = 300
"""Characters of a reason that the queue is told."""

MISSES_THAT_COUNT = 2
"""One silence is no outage."""


@dataclass(slots=True)
class ServiceState:
    """One service, as the worker sees it."""

    connector: Connector
    up: bool = False
    busy: int = 0
    misses: int = 0
    strikes: int = 0
    """Runs in a row that found it down."""

    barred: str = ""
    """Why the worker claims nothing for it though it is up; '' if nothing bars it."""

    works_for_others: bool = False
    """It answers, but is busy with other clients, so this worker claims nothing for it."""

    swept: bool = False
    probe: Probe | None = None
    why: str = "not probed yet"
    since: int = 0
    """When it opened or closed last, ms since 1970."""

    probed: asyncio.Event = field(default_factory=asyncio.Event)
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    """A run has found it down."""

    @property
    def is_open(self) -> bool:
        """Whether jobs for it may be claimed."""
        return self.up and not self.barred

    @property
    def word(self) -> str:
        """`up`, `busy` (it works for others) or `down`."""
        return "up" if self.is_open else "busy" if self.works_for_others and not self.barred else "down"

    @property
    def version(self) -> str:
        """What the service says of its version; '' if it has not answered yet, or does not say."""
        return _line(self.probe.version) if self.probe else ""

    @property
    def room(self) -> int:
        """Jobs that it would take now."""
        return max(0, self.connector.concurrency - self.busy) if self.is_open else 0


class ServiceBoard:
    """Probes the services and says which have room."""

    def __init__(
        self,
        connectors: Sequence[Connector],
        on_change: Callable[[], None],
        probe_seconds: float,
        clock: Clock,
        on_memory: Callable[[str], None] = lambda text: None,
        gpus: Callable[[], Sequence[Gpu]] = tuple,
    ) -> None:
        """`on_memory` is told the text of the GPUs' memory; `gpus` asks the driver, if no service tells of GPUs."""
        now = clock.now_ms()
        self.states = {connector.service: ServiceState(connector, since=now) for connector in connectors}
        self.changes = 0
        """Counts what may change the worker's offer or its services' text."""

        self._on_change = on_change
        self._probe_seconds = probe_seconds
        self._clock = clock
        self.on_memory = on_memory
        self._gpus = gpus
        self._news_of_memory = asyncio.Event()
        self._ours = False

    def words(self) -> str:
        """`comfyui=up ollama=busy a1111=down`."""
        return " ".join(f"{name}={state.word}" for name, state in self.states.items())

    def text(self) -> str:
        """What the queue is told: the words, and a line for each that is not up: `a1111 1767225600000 no answer`."""
        closed = [(name, state) for name, state in self.states.items() if not state.is_open]
        lines = [f"{name} {state.since} {_line(state.barred or state.why)}" for name, state in closed]
        return "\n".join([self.words(), *lines])

    async def watch_memory(self) -> None:
        """Tell of the GPUs' memory after each probe, for ever. A driver that hangs holds up nothing else."""
        while True:
            await self._news_of_memory.wait()
            self._news_of_memory.clear()
            await self._tell_memory()

    async def _tell_memory(self) -> None:
        """Tell what the services that answer say of it, and if none says anything of GPUs, what the driver says."""
        answering = {name: state for name, state in self.states.items() if state.up or state.works_for_others}
        probes = {name: state.probe for name, state in answering.items() if state.probe}
        gpus = next((probe.gpus for probe in probes.values() if probe.gpus), None)
        if gpus is None:
            gpus = tuple(await asyncio.to_thread(self._gpus))
        loaded = {name: tuple(map(_line, probe.loaded)) for name, probe in probes.items() if probe.loaded is not None}
        self.on_memory(GpuMemory(gpus=gpus, loaded=loaded).text())

    def without_room(self) -> frozenset[str]:
        """The services that are down or full."""
        return frozenset(name for name, state in self.states.items() if state.room == 0)

    def least_room(self) -> int:
        """How many jobs may be claimed at once, so that none has to be given back for want of room."""
        return min((state.room for state in self.states.values() if state.room), default=0)

    def bar(self, why: str) -> None:
        """Claim nothing for any service, for this reason; '' ends that."""
        for state in self.states.values():
            was_open, state.barred = state.is_open, why
            self._note_time(state, was_open)
        self.changes += 1
        self._on_change()

    def take(self, names: Iterable[str]) -> ServiceState:
        """A place in the service with the most room, of those named, or of all if none of them is here."""
        here = [self.states[name] for name in names if name in self.states]
        state = max(here or self.states.values(), key=lambda state: state.room)
        state.busy += 1
        return state

    def leave(self, name: str, down: str = "", *, busy: bool = False) -> None:
        """Give the place back. `down` is what the run found: then nothing is claimed before a probe is answered."""
        state = self.states[name]
        state.busy -= 1
        if not down or busy:
            state.strikes = 0
        elif state.up:
            state.strikes += 1
        if down and state.up:
            state.struck.set()
            self._set(state, up=False, why=down, busy=busy)

    async def first_answers(self, seconds: float) -> None:
        """Wait until each service was asked once, or so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for state in self.states.values():
                    await state.probed.wait()

    async def watch(self, name: str) -> None:
        """Probe for ever: now, and then as often as is fitting."""
        state = self.states[name]
        pause = 0.0
        while True:
            if await _is_set_within(state.struck, pause):
                state.struck.clear()
                pause = _pause_after(state.strikes)
                continue
            await self.probe(name)
            pause = self._pause_before_next(state, pause)

    def _pause_before_next(self, state: ServiceState, last: float) -> float:
        if state.works_for_others:
            return min(BUSY_PAUSE, self._probe_seconds)
        return self._probe_seconds if state.up else min(max(FIRST_PAUSE, last * 2), self._probe_seconds)

    async def probe(self, name: str) -> None:
        """Ask one service."""
        state = self.states[name]
        try:
            probe = await _guarded(state.connector.probe, name, PROBE_TIMEOUT)
            if self._ours and not state.swept:
                await self._sweep(state)
        except ServiceDown as error:
            self._missed(state, str(error) or "down")
        else:
            self._answered(state, probe)
        state.probed.set()
        self._news_of_memory.set()

    def _missed(self, state: ServiceState, why: str) -> None:
        state.misses += 1
        if not state.up or state.misses >= MISSES_THAT_COUNT:
            self._set(state, up=False, why=why)

    def _answered(self, state: ServiceState, probe: Probe) -> None:
        others = state.probe is None or state.probe.models != probe.models
        state.probe, state.misses = probe, 0
        struck = state.struck.is_set()  # by a run, while this probe was under way
        if struck:
            self._set(state, up=False, why=state.why, busy=state.works_for_others, also=others)
        else:
            self._set(state, up=not probe.busy, why=probe.busy, busy=bool(probe.busy), also=others)

    def _set(self, state: ServiceState, *, up: bool, why: str, busy: bool = False, also: bool = False) -> None:
        before, was_open, told = state.word, state.is_open, state.why
        state.up, state.why, state.works_for_others = up, why, busy
        self._note_time(state, was_open)
        changed = state.word != before
        if changed and busy:
            log.info("service.busy", service=state.connector.service, why=why)
        elif changed and up:
            log.info("service.up", service=state.connector.service)
        elif changed or not state.probed.is_set():
            log.warning("service.down", service=state.connector.service, why=why)
        if changed or also or why != told:
            self.changes += 1
            self._on_change()

    def _note_time(self, state: ServiceState, was_open: bool) -> None:
        if state.is_open != was_open:
            state.since = self._clock.now_ms()

    async def sweep(self) -> None:
        """Stop what an earlier life left running. From now on a service that comes up is swept before it is used."""
        self._ours = True
        async with asyncio.TaskGroup() as group:
            for state in self.states.values():
                if state.up:
                    group.create_task(self._sweep_or_miss(state))

    async def _sweep_or_miss(self, state: ServiceState) -> None:
        try:
            await self._sweep(state)
        except ServiceDown as error:
            self._set(state, up=False, why=str(error))

    async def _sweep(self, state: ServiceState) -> None:
        service = state.connector.service
        stopped = await _guarded(lambda: state.connector.sweep(frozenset()), service, PROBE_TIMEOUT)
        state.swept = True
        if stopped:
            log.info("service.swept", service=service, stopped=stopped)

    async def close(self) -> None:
        """Let go of the services' connections."""
        for name, state in self.states.items():
            try:
                await _guarded(state.connector.close, name, CLOSE_TIMEOUT)
            except ServiceDown as error:
                log.warning("service.not_closed", service=name, why=str(error))


async def _guarded(call: Callable[[], Awaitable[T]], service: str, seconds: float) -> T:
    """The boundary to a connector's code outside of runs: whatever goes wrong there means that the service is down."""
    try:
        async with asyncio.timeout(seconds):
            return await call()
    except ServiceDown:
        raise
    except TimeoutError:
        raise ServiceDown("no answer") from None
    except Exception as error:
        log.exception("connector.bug", service=service)
        raise ServiceDown(f"{type(error).__name__}: {error}") from error


def _line(text: str) -> str:
    """The text on one line, encodable and not too long."""
    return " ".join(text.encode("utf-8", "replace").decode().split())[:MAX_REASON]


def _pause_after(strikes: int) -> float:
    # A service may be struck for days, and no float has so many doublings.
    return min(FIRST_PAUSE * 2.0 ** min(max(strikes - 1, 0), 16), LONGEST_PAUSE)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
