"""What an agent asks the queue for: the profile, the number of jobs, the customers, the nonces."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daemons.worker.agent.options import AgentOptions
from daemons.worker.services.board import ServiceBoard
from emp_core.domain.capabilities import Capabilities
from emp_core.ids import new_nonce
from emp_core.store import Claimed, Life, Turn, Wish

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
        self._unsure: tuple[str, ...] = ()
        """Sent in a call whose answer was lost: it may have claimed with them."""

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
        """Jobs that may be claimed in one call, given the customers of those that run."""
        room = min(self._options.slots - len(running), TURN_JOBS, self._board.least_room())
        limit = self._options.max_customers
        customers = {customer for customer in running if customer}
        return room if limit is None or len(customers) >= limit else min(room, limit - len(customers))

    def wish(self, running: Sequence[str | None], *, may_claim: bool) -> Wish:
        """What to ask for. A call whose answer was lost is made again with its nonces, and so are its claims."""
        token = self._tokens[0] if self._tokens else ""
        nonces = self._unsure or (self._draw(self.room(running)) if may_claim else ())
        self._unsure = nonces
        return Wish(
            nonces=nonces, token=token, workflow=self._options.workflow, customers=self._only_customers(running)
        )

    @property
    def is_unsure(self) -> bool:
        """Whether a call without an answer may have claimed jobs."""
        return bool(self._unsure)

    def _draw(self, count: int) -> tuple[str, ...]:
        self._nonces += [new_nonce() for _ in range(count - len(self._nonces))]
        return tuple(self._nonces[: max(count, 0)])

    def _only_customers(self, running: Iterable[str | None]) -> tuple[str, ...]:
        """At its limit of customers a worker goes on with those it has."""
        limit = self._options.max_customers
        if limit is None:
            return ()
        customers = {customer for customer in running if customer}
        return tuple(sorted(customers)) if len(customers) >= limit else ()

    def answered(self, wish: Wish, claimed: Iterable[Claimed]) -> None:
        """The call got through."""
        if wish.token:
            self._tokens.popleft()
        used = {claim.nonce for claim in claimed}
        self._nonces = [nonce for nonce in self._nonces if nonce not in used]
        self._unsure = ()

    def wants_more(self, wish: Wish, turn: Turn, running: Sequence[str | None]) -> bool:
        """Whether another call should follow at once: a token waits, or all nonces were used and slots are free."""
        all_used = bool(wish.nonces) and len(turn.claimed) == len(wish.nonces)
        return bool(self._tokens) or (all_used and self.room(running) > 0)
