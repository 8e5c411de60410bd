"""`emp doctor`: is the queue well, and what mends it?"""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from emp_cli.context import Session, session_of
from emp_cli.exits import ExitCode, code_of, hint_of
from emp_cli.input.shaping import shows
from emp_cli.local.roster import HUB, Roster
from emp_cli.output import formats
from emp_cli.output.checkup import CHECKS, write_checks
from emp_cli.output.layout import Layout
from emp_cli.run import leave, run_alone
from emp_core.clock import SystemClock
from emp_core.errors import AccessDenied, EmpError, HubUnavailable, Misconfigured, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.client.client_settings import ClientSettings
    from emp_core.client.doctor import HubReading
    from emp_core.client.locate import Location
    from emp_core.store.readings import Readings


@shows(CHECKS)
def doctor(ctx: typer.Context, *, layout: Layout) -> None:
    """Check Redis, the queue, the hubs and the workers, and say what mends each fault.

    It looks at the disks and the GPUs of this machine too, and changes nothing. Exit code 1: a check failed. If the
    queue cannot be read, the exit code is that of every command: 5 if Redis does not answer, 4 if it refuses the
    password.

    Examples:
    emp doctor
    emp doctor --format json
    """
    leave(run_alone(ctx, _doctor(session_of(ctx), layout)))


async def _doctor(session: Session, layout: Layout) -> ExitCode:
    from emp_cli.local.machine import look_around
    from emp_cli.surroundings import read
    from emp_core.client.doctor import State, findings

    told = read(session.redis, session.context).settings
    (queue, location), hubs = await asyncio.gather(_queue(session), _hubs(told))
    machine = await asyncio.to_thread(look_around, told.data_dir, location.artifacts if location else None)
    checks = list(findings(queue, hubs, machine))
    if layout == Layout():
        write_checks(checks)
    else:
        formats.write(checks, CHECKS, layout)
    if isinstance(queue, EmpError):
        return code_of(queue)
    return ExitCode.FAILED if any(check.state is State.FAIL for check in checks) else ExitCode.OK


async def _queue(session: Session) -> "tuple[Readings | EmpError, Location | None]":
    """What is read of the queue, or why it cannot be read; and where it is, if that is known."""
    from emp_cli.surroundings import locate
    from emp_core.client.doctor import examine

    location = None
    try:
        location = await locate(session.redis, session.context)
        return await examine(location, SystemClock()), location
    except (QueueUnavailable, Misconfigured) as error:
        error.hint = hint_of(error)
        return error, location


async def _hubs(told: "ClientSettings") -> "list[HubReading]":
    """What the hubs of this machine say, and the one that HUB_WS_URL names."""
    from emp_cli.local.hub_report import http_url

    found = {hub.url: "the data directory" for hub in Roster(told.data_dir, HUB).living()}
    asked = [_hub(url, told.hub_auth_token, source, direct=True) for url, source in found.items()]
    elsewhere = http_url(told.hub_ws_url) if told.hub_ws_url else None
    if elsewhere is not None and elsewhere not in found:
        asked.append(_hub(elsewhere, told.hub_auth_token, "HUB_WS_URL", direct=False))
    return list(await asyncio.gather(*asked))


async def _hub(url: str, token: str, named_by: str, *, direct: bool) -> "HubReading":
    from emp_cli.local.hub_report import report
    from emp_core.client.doctor import HubReading
    from emp_core.urls import masked

    clock = SystemClock()
    before = clock.now_ms()
    try:
        found = await report(url, token, named_by=named_by, direct=direct)
    except (HubUnavailable, AccessDenied) as error:
        return HubReading(url=masked(url), problem=error)
    health = found.health
    if found.queue is None:
        why = f"the hub at {found.url} cannot reach its queue: {health.get('detail', health['status'])}"
        return HubReading(url=found.url, problem=HubUnavailable(why, hint="see the log of the hub: emp hub status"))
    return HubReading(
        url=found.url,
        version=str(health.get("version", "unknown")),
        queue_id=(found.stats or {}).get("queue_id"),
        clock_ahead_ms=_ahead(health.get("timestamp"), (before + clock.now_ms()) // 2),
        warnings=[str(warning) for warning in health.get("warnings") or ()],
    )


def _ahead(timestamp: object, now: int) -> int | None:
    """How far a hub's clock is ahead; None if what it says is no time."""
    try:
        return round(datetime.fromisoformat(str(timestamp)).timestamp() * 1000) - now
    except ValueError:
        return None
