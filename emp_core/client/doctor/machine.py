"""Checks of the machine on which the command runs: its disks and its GPUs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emp_core.client.doctor.check import Check, fail, ok, warn
from emp_core.domain.sizes import size

LOW = 5_000_000_000
"""Bytes: a few hundred results, or one model."""

FULL = 500_000_000
"""Bytes: Redis's append-only file needs some of them to be written anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskReading:
    """The disk of a directory."""

    holds: str
    """What emp keeps there."""

    path: Path
    free: int
    """Bytes that this user may write."""

    total: int
    setting: str
    """The variable that chooses another place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReading:
    """What was found on this machine."""

    disks: Sequence[DiskReading]
    files_elsewhere: str = ""
    """Where the files of jobs are if they are on no disk of this machine; empty: they are."""

    gpus: Sequence[str]
    """A line for each card."""


def check_machine(found: MachineReading) -> Iterator[Check]:
    """All of them."""
    for disk in found.disks:
        yield _disk(disk)
    if found.files_elsewhere:
        yield ok("disk", f"job files are not on this machine: {found.files_elsewhere}")
    yield ok("gpus", "; ".join(found.gpus) or "the NVIDIA driver shows none here: workers that need one run elsewhere")


def _disk(disk: DiskReading) -> Check:
    text = f"{size(disk.free)} of {size(disk.total)} free for {disk.holds} in {disk.path}"
    fix = (
        f"delete ended jobs: emp job delete --where 'status:completed ended>1d'; or set {disk.setting} to another disk"
    )
    if disk.free < FULL:
        return fail("disk", text, fix)
    return warn("disk", text, fix) if disk.free < LOW else ok("disk", text)
