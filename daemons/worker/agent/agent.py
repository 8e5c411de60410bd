"""The agent: pulls jobs for its free slots, runs them, and reports, until it is told to stop.

It does so in turns (`turns.py`). Between turns it sleeps until something happens: a slot ends, a token wakes it, a
service comes back, or the safety net's timer runs out.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from daemons.outage import UNAVAILABLE
from daemons.worker.agent.attempt import AttemptContext
from daemons.worker.agent.contact import Backoff, Contact
from daemons.worker.agent.files import Files
from daemons.worker.agent.intake import Intake
from daemons.worker.agent.options import AgentOptions
from daemons.worker.agent.room import Room
from daemons.worker.agent.slot import STOPPING, Slot, Stop
from daemons.worker.agent.takeover import take_id
from daemons.worker.agent.turns import Ended, Turns
from daemons.worker.beat.heart import Heart
from daemons.worker.beat.pulse import Answer, Held
from daemons.worker.connector import Connector
from daemons.worker.services.board import ServiceBoard
from emp_core.artifacts import ArtifactStore
from emp_core.clock import Clock
from emp_core.domain.outcome import Failure
from emp_core.domain.policy import POLICY
from emp_core.domain.requirements import Requirements
from emp_core.domain.worker import WorkerState
from emp_core.errors import EmpError, NotFound, Refused
from emp_core.store import Claimed, Settlement, Store, Turn, failed, released

log = structlog.get_logger()

FIRST_PROBE_SECONDS = 5.0
"""Services that say nothing for longer count as down at first."""

GIVE_BACK_SECONDS = 1.0
"""How long a connector has to stop before its job is given back all the same."""

LEAVE_SECONDS = 2.0
IN_USE = "worker_id_in_use"
REGISTER_AGAIN_SECONDS = 0.1
"""A queue that was emptied hears from its whole fleet; not all at once."""

KNOWN_CLASSES = 10_000


class Agent:
    """One worker."""

    def __init__(
        self,
        store: Store,
        connectors: Sequence[Connector],
        artifacts: ArtifactStore,
        clock: Clock,
        options: AgentOptions,
        heart: Callable[[Callable[[Answer], None]], Heart],
    ) -> None:
        self._store = store
        self._clock = clock
        self._room = Room(store.upkeep.memory_share, clock)
        self._log = log.bind(worker=options.worker_id)
        self.options = options
        self.state = WorkerState.STOPPED
        self.slots: dict[str, Slot] = {}
        """Claim nonce -> what runs."""

        self.board = ServiceBoard(connectors, self.wake, options.probe_seconds, clock, gpus=options.gpus)
        self._files = Files(artifacts, options.spool, self.board.bar)
        self.contact = Contact(store, clock, options, self.slots, self.board.text, self._hear, self.wake)
        self._intake = Intake(options, self.board, self.contact.tokens)
        self._turns = Turns(
            store.broker, self._intake, self.contact, self._running, self._is_plain, self._apply, self._begin_task
        )
        self._heart = heart(self.contact.on_beat)
        self.board.on_memory = self._heart.tell_memory
        self._claimed: deque[Claimed] = deque()
        self._beginning = asyncio.Lock()
        self._known: dict[str, Requirements] = {}
        self._event = asyncio.Event()
        self._registered = False
        self._board_seen = -1
        self._stopping = ""
        self._told_to_stop = asyncio.Event()
        self._told_of_stopping = False
        self._working: asyncio.Task[None] | None = None
        self._stuck: list[asyncio.Task[None]] = []
        self.ready = asyncio.Event()
        """Registered, beating, and it has asked for work once."""

    # -- life

    async def run(self, *beside: Coroutine[Any, Any, None]) -> None:
        """Register, work, and leave; `beside` runs until then. Raises `Refused` if another process has the id."""
        link = self._store.blocking_link()
        watches = [*(self.board.watch(name) for name in self.board.states), self.board.watch_memory()]
        try:
            async with asyncio.TaskGroup() as group:
                talks = (self._heart.run(), self.contact.listen(link), self.contact.report(), self._files.watch())
                tasks = [group.create_task(job) for job in (*talks, *watches, *beside)]
                if await self._enter():
                    self._group = group
                    self._working = group.create_task(self._work())
                    await asyncio.wait([self._working])
                    await self._turns.stop()
                    await self._leave()
                for task in (*tasks, *self._stuck, *(slot.task for slot in self.slots.values())):
                    task.cancel()
        except BaseExceptionGroup as failures:
            raise _cause(failures) from None
        finally:
            await link.close()
            await self.board.close()

    async def _enter(self) -> bool:
        """Begin the life of this worker. False if it was told to stop before it had its id."""
        await self.board.first_answers(FIRST_PROBE_SECONDS)
        await self._files.look()
        if not await take_id(self._register, self._told_to_stop, waits=self.options.waits_for_id):
            return False
        await self.board.sweep()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.options.lease_ms / 1000):
                await self.contact.beaten.wait()
        return True

    async def _register(self) -> None:
        self._intake.refresh()
        options, offer, services = self.options, self._intake.whole, self.board.text()
        registered = await self._store.registry.register(
            offer.life,
            offer.capabilities,
            machine=options.machine,
            waiter=options.boot,
            slots=options.slots,
            info={**options.introduction, **self._intake.told, "clock": self._clock.now_ms()},
            services=services,
            dead_boot=options.dead_boot,
        )
        self.state = registered.state
        self._intake.opened = {offer.life.profile}
        self.contact.registered(offer.life)
        self._heart.tell(services)  # before its first beat, which would erase what was registered
        self._heart.live(offer.life)
        await self._store.registry.judge(offer.life, offer.capabilities, registered.profile_number)
        await self.contact.take_up()
        self._registered = True
        given_back = len(registered.given_back)
        self._log.info("worker.registered", state=self.state, services=self.board.words(), given_back=given_back)

    async def _leave(self) -> None:
        for ended in self._turns.done:
            self._log.warning("job.unreported", job=ended.claim.job_id, attempt=ended.claim.attempt)
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                life = self._intake.whole.life
                await self._store.registry.steer(life.worker, WorkerState.STOPPED, boot=life.boot)
        except (EmpError, TimeoutError) as error:
            self._log.warning("worker.left_silently", why=str(error) or "no answer")

    # -- work

    def wake(self) -> None:
        """Take a turn soon."""
        self._event.set()

    def _hear(self, state: WorkerState | None) -> None:
        """What the queue has this worker in; None: it does not know it."""
        if state is None or state is WorkerState.LOST:
            self._registered = False
            self.wake()
        elif state is not self.state:
            self._log.info("worker.state", state=state, before=self.state)
            self.state = state
            self.wake()

    @property
    def _is_over(self) -> bool:
        left = self.slots or self._claimed or self.awaits_the_queue or self.contact.tokens
        return bool(self._stopping) and not left

    async def _work(self) -> None:
        backoff = Backoff(self.contact.outage)
        while not self._is_over:
            self._event.clear()
            try:
                again = await self._turn()
            except UNAVAILABLE as error:
                await backoff.wait(error)
                again = True
            except Refused as error:
                await self._refused(error)
                again = True
            else:
                backoff.over()
                self.ready.set()
            if not again and not self._is_over:
                await self._sleep()

    async def _refused(self, error: Refused) -> None:
        """The queue does not know this worker any more, or knows another process by its id."""
        if error.reason == IN_USE:
            await self._lose_all()
            raise error
        self._registered = False
        await asyncio.sleep(random.uniform(0, REGISTER_AGAIN_SECONDS))

    async def _sleep(self) -> None:
        net = self.options.safety_net_seconds * random.uniform(0.5, 1.5)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(net or None):
                await self._event.wait()

    async def _turn(self) -> bool:
        """One turn. True if the next should follow at once."""
        await self._turns.wait_for_room()
        await self._prepare()
        offer = self._intake.left()
        if offer.life.profile not in self._intake.opened:
            await self._store.registry.open_profile(offer.capabilities)
            self._intake.opened.add(offer.life.profile)
        return await self._turns.take(may_claim=self._may_claim)

    @property
    def _may_claim(self) -> bool:
        return self.state is WorkerState.READY and not self._stopping

    def _is_plain(self) -> bool:
        """Whether a turn claims, and nothing is to be done before it."""
        is_known = self._registered and self._board_seen == self.board.changes
        return is_known and self._may_claim and not self._claimed and not self.contact.is_cut_off

    async def _prepare(self) -> None:
        """What must be so before the queue is asked for anything."""
        if self._board_seen != self.board.changes:
            self._board_seen = self.board.changes
            self._heart.tell(self.board.text())
            if self._intake.refresh():
                self._registered = False
        if not self._registered:
            await self._register()
        if self._stopping and not self._told_of_stopping:
            await self._tell_of_stopping()
        if self.slots and self.contact.is_cut_off:
            await self.contact.take_up()
        await self._begin_claimed()

    async def _tell_of_stopping(self) -> None:
        life = self._intake.whole.life
        with contextlib.suppress(NotFound):
            await self._store.registry.steer(life.worker, WorkerState.DRAINING, reason=self._stopping, boot=life.boot)
        self._told_of_stopping = True

    def _running(self) -> list[str | None]:
        """The customers of all that is claimed and not over."""
        claims = [slot.claim.customer_id for slot in self.slots.values()]
        return claims + [claim.customer_id for claim in self._claimed] if self._claimed else claims

    async def _apply(self, done: Sequence[Ended], turn: Turn) -> None:
        self._claimed.extend(turn.claimed)
        self._heart.keep(map(Held.of, turn.claimed), [ended.claim.nonce for ended in done])
        reported = [ended.claim for ended in done if ended.settlement is not None]
        for claim, answer in zip(reported, turn.answers, strict=True):
            if answer not in ("ok", "already"):
                self._log.info("job.report_refused", job=claim.job_id, attempt=claim.attempt, answer=answer)
        self._hear(WorkerState(turn.state))
        await self._begin_claimed()

    # -- jobs

    async def _begin_claimed(self) -> None:
        """Start what was claimed. If the queue becomes unavailable meanwhile, the rest starts the next time."""
        if not self._claimed:
            return
        async with self._beginning:
            while self._claimed:
                class_id = self._claimed[0].class_id
                requirements = self._known.get(class_id) or await self._learn(class_id)
                claim = self._claimed.popleft()
                if self._stopping:
                    self._settle(Ended(claim, released(claim, STOPPING, begun=False)))
                elif requirements is None:
                    gone = Failure(message="its requirements are gone", code="corrupt")
                    self._settle(Ended(claim, failed(claim, gone)))
                else:
                    self._begin(claim, requirements)

    async def _learn(self, class_id: str) -> Requirements | None:
        try:
            requirements = await self._store.classes.requirements(class_id)
        except NotFound:
            return None
        if len(self._known) >= KNOWN_CLASSES:
            self._known.clear()
        self._known[class_id] = requirements
        return requirements

    def _begin(self, claim: Claimed, requirements: Requirements) -> None:
        state = self.board.take(requirements.services)
        connector = state.connector
        stall_ms = POLICY.stall_ms if connector.reports_progress else 0
        artifacts = self._files.store.signed(self.options.worker_id, claim.nonce)
        context = AttemptContext(claim, self._files, artifacts, self._clock, self.contact.note_news, stall_ms)
        slot = Slot(claim, requirements, connector, context, self._room)
        if claim.attempt > 1:
            self._supersede(claim)
        self.slots[claim.nonce] = slot
        self._log.info("job.started", job=claim.job_id, attempt=claim.attempt, service=connector.service)
        slot.task = self._group.create_task(self._run(slot), name=claim.job_id)

    def _supersede(self, claim: Claimed) -> None:
        """An older attempt of the same job may still run here."""
        for slot in self.slots.values():
            if slot.claim.job_id == claim.job_id:
                slot.stop(Stop.LOST)

    async def _run(self, slot: Slot) -> None:
        if slot.claim.job_id in self.contact.early:
            await self.contact.catch_up(slot.claim.job_id)
        settlement = await slot.run()
        self.board.leave(slot.connector.service, slot.service_down, busy=slot.service_busy)
        self._end(slot, settlement)

    def _end(self, slot: Slot, settlement: Settlement | None) -> None:
        claim = slot.claim
        if self.slots.pop(claim.nonce, None) is None:
            return
        code = {"code": settlement.code} if settlement and settlement.code else {}
        how = settlement.verb if settlement else "lost"
        self._log.info("job.ended", job=claim.job_id, attempt=claim.attempt, how=how, **code)
        self._settle(Ended(claim, settlement, slot))

    def _begin_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._group.create_task(work)

    def _settle(self, ended: Ended) -> None:
        self._turns.add(ended)
        self.wake()

    # -- the end

    def drain(self, reason: str = STOPPING) -> None:
        """Claim nothing more; the run ends with the last job."""
        self._stopping = self._stopping or reason
        self._told_to_stop.set()
        self.wake()

    @property
    def leaving(self) -> bool:
        """Whether it was asked to end."""
        return bool(self._stopping)

    @property
    def awaits_the_queue(self) -> bool:
        """Whether a result is not reported yet, or a call without an answer may have claimed jobs."""
        return self._turns.are_unheard or self._intake.is_unsure

    async def give_back(self) -> None:
        """Stop all jobs and give them to other workers. Their slots are free after a second."""
        slots = list(self.slots.values())
        if not slots:
            return
        for slot in slots:
            slot.stop(Stop.GIVE_BACK)
        _, deaf = await asyncio.wait([slot.task for slot in slots], timeout=GIVE_BACK_SECONDS)
        self._stuck += deaf
        for slot in slots:
            if slot.task in deaf:
                lost = slot.stop_reason is Stop.LOST
                self._end(slot, None if lost else released(slot.claim, STOPPING))

    async def _lose_all(self) -> None:
        slots = list(self.slots.values())
        for slot in slots:
            slot.stop(Stop.LOST)
        if slots:
            await asyncio.wait([slot.task for slot in slots], timeout=GIVE_BACK_SECONDS)

    def abandon(self) -> None:
        """End now, whatever is not reported."""
        if self._working is not None:
            self._working.cancel()


def _cause(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of ours in a group of failures, or the group."""
    for failure in failures.exceptions:
        cause = _cause(failure) if isinstance(failure, BaseExceptionGroup) else failure
        if isinstance(cause, EmpError):
            return cause
    return failures
