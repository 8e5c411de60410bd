"""Which process a worker is, and whether the one that had its id before still lives."""

import os
import socket
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import psutil

from emp_core import __version__
from emp_core.domain.worker import Worker
from emp_core.errors import NotFound
from emp_core.ids import is_id
from emp_core.store import Store


def machine_name() -> str:
    """The host's name, as an id."""
    name = socket.gethostname().split(".")[0]
    return name if is_id(name) else "machine"


def about_me() -> dict[str, Any]:
    """What a worker says of itself when it registers."""
    pid = os.getpid()
    return {"version": __version__, "pid": pid, "pid_began": _began(pid), "pid_space": pid_space()}


def pid_space() -> str:
    """Where process ids mean the same as here: this boot of this kernel, in this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux
        return socket.gethostname()


async def dead_boot(store: Store, worker_id: str, machine: str) -> str:
    """The life of a worker whose process ran on this machine and has ended: its lease need not be waited for."""
    try:
        worker = await store.inspector.worker(worker_id)
    except NotFound:
        return ""
    return worker.boot if worker.machine == machine and _is_dead(worker) else ""


async def free_id(store: Store, machine: str, taken: Container[str]) -> str:
    """`machine:index`, the first that no live worker has."""
    workers = {worker.id: worker for worker in await store.inspector.workers()}
    names = (f"{machine}:{index}" for index in range(100_000))
    return next(
        name
        for name in names
        if name not in taken and (name not in workers or (workers[name].machine == machine and _is_dead(workers[name])))
    )


def is_alive(info: Mapping[str, Any]) -> bool:
    """Whether the process that said this of itself runs for sure: it must be one of this machine and container."""
    began = info.get("pid_began")
    return info.get("pid_space") == pid_space() and began is not None and _began(info.get("pid", -1)) == began


def _is_dead(worker: Worker) -> bool:
    """True only if it is certain."""
    return worker.info.get("pid_space") == pid_space() and not is_alive(worker.info)


def _began(pid: int) -> float | None:
    """Seconds from the machine's start to the process's, whatever clocks do: tells it from another of its number.

    None if there is no such process, or a killed one that its parent has not reaped yet.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time() - psutil.boot_time(), 1)
    except (psutil.NoSuchProcess, ValueError):
        return None
