"""The list of chores, each with its period. All are safe to do twice: every hub does them, none needs a leader."""

from daemons.hub.chores.periodic import Periodic
from daemons.hub.chores.reaping import Reap
from daemons.hub.chores.retention import Forget, Sweep, retention_of
from daemons.hub.chores.server_check import CheckServer
from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import Clock
from emp_core.domain.policy import FORGOTTEN_A_CALL, POLICY
from emp_core.store import Store

__all__ = ["Periodic", "chores_of"]


def chores_of(store: Store, artifacts: ObjectArtifacts, settings: HubSettings, clock: Clock) -> list[Periodic]:
    """What a hub does besides answering."""
    upkeep, retention = store.upkeep, retention_of(settings)
    forget = Forget(upkeep, artifacts, retention, clock)
    sweep = Sweep(store.inspector, artifacts, retention, clock)
    return [
        Reap(upkeep, settings.lease_seconds * 1000),
        Periodic("resolve children", 1.0, upkeep.resolve_children, batch=1),
        Periodic("review the fleet", 0.5, upkeep.review_fleet),
        Periodic("judge forgotten classes", 2.0, upkeep.judge_waiting),
        Periodic("forget ended jobs", 10.0, forget.run_once, batch=FORGOTTEN_A_CALL),
        Periodic("drop classes", 30.0, upkeep.drop_classes, batch=200),
        Periodic("close profiles", 30.0, upkeep.close_profiles, batch=1),
        Periodic("repair quarantined jobs", 60.0, upkeep.repair_quarantine),
        Periodic("patrol the lists", 10.0, upkeep.patrol),
        Periodic("list jobs of an earlier version", 10.0, upkeep.index_jobs),
        Periodic("check the server", 30.0, CheckServer(store).run_once),
        Periodic("trim events", 60.0, lambda: upkeep.trim_events(POLICY.event_age_ms)),
        Periodic("forget workers", 300.0, upkeep.forget_workers, batch=100),
        Periodic("sweep files", 3600.0, sweep.run_once),
    ]
