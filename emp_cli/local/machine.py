"""What the doctor looks at on this machine: disks and GPUs."""

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from emp_core.client.doctor import DiskReading, MachineReading
from emp_core.domain.sizes import size
from emp_core.urls import masked


def look_around(data_dir: Path, files: str | None) -> MachineReading:
    """The disks of the data directory and of the file store, and the GPUs; `files` is the URL of the file store."""
    from daemons.worker.services.gpu import find_gpus

    data_dir = data_dir.resolve()
    disks = [_disk(data_dir, "the data directory", "EMP_DATA_DIR")]
    local = Path(unquote(urlsplit(files).path)) if files and files.startswith("file:") else None
    if local is not None and not local.is_relative_to(data_dir):
        disks.append(_disk(local, "job files", "ARTIFACTS_URL"))
    return MachineReading(
        disks=disks,
        files_elsewhere=masked(files) if files and local is None else "",
        gpus=[f"GPU {number}: {card.name}, {size(card.memory_bytes)}" for number, card in enumerate(find_gpus())],
    )


def _disk(path: Path, holds: str, setting: str) -> DiskReading:
    """The disk of a directory that may not be there yet."""
    there = next(each for each in (path, *path.parents) if each.exists())
    usage = shutil.disk_usage(there)
    return DiskReading(holds=holds, path=path, free=usage.free, total=usage.total, setting=setting)
