"""Which process this is, and whether one that was noted down still runs."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def about_this_process() -> dict[str, Any]:
    """What tells this process from all others, also from a later one with its number."""
    pid = os.getpid()
    return {"pid": pid, "pid_began": _began(pid), "pid_space": pid_space()}


def pid_space() -> str:
    """Where process ids mean the same as here: this boot of this kernel, in this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux
        return socket.gethostname()


def is_alive(info: Mapping[str, Any]) -> bool:
    """Whether the process that said this of itself runs for sure: it must be one of this machine and container."""
    began = info.get("pid_began")
    return info.get("pid_space") == pid_space() and began is not None and _began(info.get("pid", -1)) == began


def _began(pid: int) -> float | None:
    """Seconds from the machine's start to the process's, whatever clocks do: tells it from another of its number.

    None if there is no such process, or a killed one that its parent has not reaped yet.
    """
    import psutil  # not at the top: most commands need no process

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return round(process.create_time() - psutil.boot_time(), 1)
    except (psutil.NoSuchProcess, ValueError):
        return None
