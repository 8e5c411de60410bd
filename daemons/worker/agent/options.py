"""Who an agent is and how it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.gpu_memory import Gpu

SAFETY_NET_SECONDS = 5.0
PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """Fixed for the life of an agent."""

    worker_id: str
    machine: str
    boot: str
    """New at each start; also names the list on which it is woken."""

    capabilities: Capabilities
    """As declared. What services say of their models is added if nothing is declared."""

    found: tuple[str, ...] = ()
    """The capabilities that no setting declares, as they were found on its machine."""

    gpus: Callable[[], Sequence[Gpu]] = tuple
    """Asks the driver for the memory of the machine's GPUs."""

    slots: int = 1
    lease_ms: int = 30_000
    all_models: frozenset[str] = frozenset()
    """Services that are said to have every model, whatever they list."""

    workflow: str = ""
    """The only workflow whose jobs it takes."""

    max_customers: int | None = None
    orphan_run_seconds: float | None = None
    """How long jobs run on without contact. None: to the end of their time, or a minute if they must not run twice."""

    safety_net_seconds: float = SAFETY_NET_SECONDS
    """How often it claims without having been woken; 0 is never, for tests of waking."""

    probe_seconds: float = PROBE_SECONDS
    """How often its services are asked how they are."""

    spool: Path | None = None
    """Where outputs wait while the file store is unavailable; None: the system's temporary directory."""

    info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What it says of itself, for people."""

    waits_for_id: bool = False
    """Whether it waits while an earlier process may still have its id; otherwise the id is refused at once."""

    dead_boot: str = ""
    """Of this id's earlier life, if its process is certainly gone."""

    @property
    def introduction(self) -> Mapping[str, Any]:
        """What it registers with: its name, its version, what it found, and the jobs that it is reserved for."""
        limits = {"workflow": self.workflow, "max_customers": self.max_customers, "found": list(self.found)}
        return {**self.info, **{name: value for name, value in limits.items() if value}}
