"""What an agent asks the queue for: the profile, the number of jobs, the customers, the nonces."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daemons.worker.agent.options import AgentOptions
from daemons.worker.services.board import ServiceBoard
from emp_core.domain.capabilities import Capabilities
from emp_core.ids import new_nonce
from emp_core.store import Claimed, Life, Wish

TURN_JOBS = 16
"""Jobs that one call claims or settles at most: it holds Redis for a millisecond, and others run meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A profile and the life that claims under it."""

    life: Life
    capabilities: Capabilities


class Intake:
    """Decides what to claim."""

    def __init__(self, options: AgentOptions, board: ServiceBoard, tokens: deque[str]) -> None:
        self._options = options
        self._board = board
        self._tokens = tokens
        self._nonces: list[str] = []
        """Drawn, and in no call."""

        self._asked = 0
        """Nonces in calls that are under way or whose answer was lost: each may be a job."""

        self._unsure: list[tuple[str, ...]] = []
        """Those of each call whose answer was lost: it may have claimed with them."""

        self._may_be_more = False
        """The last call that asked for jobs got all that it asked for."""

        self._left: dict[frozenset[str], Offer] = {}
        self.opened: set[str] = set()
        """Profiles that the queue knows since the last registration."""

        self.whole = self._offer(options.capabilities)
        self.told: Mapping[str, Any] = {}
        """What services said of themselves, for people: `versions`, and `probed`, those that listed their models."""

    def _offer(self, capabilities: Capabilities) -> Offer:
        options = self._options
        life = Life(
            worker=options.worker_id,
            boot=options.boot,
            profile=capabilities.profile_id,
            lease_ms=options.lease_ms,
        )
        return Offer(life=life, capabilities=capabilities)

    def refresh(self) -> bool:
        """Take what services say of themselves; of their models, unless these are declared. True if that changed."""
        declared, states = self._options.capabilities, self._board.states
        said = {name: state.probe.models for name, state in states.items() if state.probe is not None}
        models = {
            name: tuple(sorted(set(names)))
            for name, names in said.items()
            if names is not None and name not in self._options.all_models
        }
        capabilities = replace(declared, models=dict(sorted({**models, **declared.models}.items())))
        told: Mapping[str, Any] = {
            "versions": {name: state.version for name, state in states.items() if state.version},
            "probed": [name for name in models if name not in declared.models],
        }
        changed = capabilities != self.whole.capabilities
        if changed:
            self.whole = self._offer(capabilities)
            self._left.clear()
        told, self.told = self.told, told
        return changed or told != self.told

    def left(self) -> Offer:
        """The offer without the services that are down or full; the whole offer if none is left."""
        out = self._board.without_room()
        if not out or len(out) == len(self._board.states):
            return self.whole
        if out not in self._left:
            self._left[out] = self._offer(self.whole.capabilities.without_services(out))
        return self._left[out]

    def room(self, running: Sequence[str | None]) -> int:
        """Jobs that one more call may claim, given the customers of those that run."""
        room = min(min(self._options.slots - len(running), self._board.least_room()) - self._asked, TURN_JOBS)
        limit = self._options.max_customers
        customers = {customer for customer in running if customer}
        return room if limit is None or len(customers) >= limit else min(room, limit - len(customers))

    def wish(self, running: Sequence[str | None], *, may_claim: bool) -> Wish:
        """What one call asks for. A call whose answer was lost is made again with its nonces, and so are its claims."""
        if self._unsure:
            nonces = self._unsure.pop(0)
        else:
            nonces = self._draw(self.room(running)) if may_claim else ()
            self._asked += len(nonces)
            self._may_be_more = self._may_be_more and not nonces
        return Wish(
            nonces=nonces,
            token=self._tokens.popleft() if self._tokens else "",
            workflow=self._options.workflow,
            customers=self._only_customers(running),
        )

    def goes_beside(self, other: Wish, running: Sequence[str | None]) -> bool:
        """Whether a call that claims may be made while this one is under way.

        A call that claims nothing takes the worker out of the idle ones, so it is made alone. So is one whose answer
        was lost, and each of a worker with a limit of customers, since any job may bring a new one.
        """
        alone = self._unsure or self._options.max_customers is not None or not other.nonces
        return not alone and self.room(running) > 0

    @property
    def is_unsure(self) -> bool:
        """Whether a call without an answer may have claimed jobs."""
        return bool(self._unsure)

    def _draw(self, count: int) -> tuple[str, ...]:
        count = max(count, 0)
        self._nonces += [new_nonce() for _ in range(count - len(self._nonces))]
        drawn, self._nonces = tuple(self._nonces[:count]), self._nonces[count:]
        return drawn

    def _only_customers(self, running: Iterable[str | None]) -> tuple[str, ...]:
        """At its limit of customers a worker goes on with those it has."""
        limit = self._options.max_customers
        if limit is None:
            return ()
        customers = {customer for customer in running if customer}
        return tuple(sorted(customers)) if len(customers) >= limit else ()

    def answered(self, wish: Wish, claimed: Sequence[Claimed]) -> None:
        """The call got through."""
        used = {claim.nonce for claim in claimed}
        self._nonces += [nonce for nonce in wish.nonces if nonce not in used]
        self._asked -= len(wish.nonces)
        self._may_be_more = self._may_be_more or (bool(wish.nonces) and len(used) == len(wish.nonces))

    def unanswered(self, wish: Wish) -> None:
        """The call failed, and may have been carried out all the same."""
        if wish.token:
            self._tokens.appendleft(wish.token)
        if wish.nonces:
            self._unsure.append(wish.nonces)

    def wants_more(self, running: Sequence[str | None]) -> bool:
        """Whether a call should follow at once: a token waits, or more jobs may, for slots that are free."""
        return bool(self._tokens) or (self._may_be_more and self.room(running) > 0)
