"""The hubs of this machine: how `stop` and `status` find what `start` started.

Each hub holds a lock on a file of its own in the data directory, so what a killed hub leaves behind misleads nobody.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HubProcess:
    """A hub that lives."""

    pid: int
    url: str
    """Where it answers."""

    started_at: int
    """ms since 1970."""


@contextmanager
def announced(data_dir: Path, hub: HubProcess) -> Iterator[None]:
    """While this lasts others on this machine find the hub of this process."""
    import fcntl  # not at the top: a client on Windows imports this module

    directory = _directory(data_dir)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{hub.pid}-{hub.started_at}.json"
    unlocked = path.with_suffix(".new")
    with unlocked.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(asdict(hub), file)
        file.flush()
        # Only now: who finds it without its lock takes it for a dead hub's.
        unlocked.rename(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running(data_dir: Path) -> list[HubProcess]:
    """The hubs that live, the oldest first."""
    found = [hub for path in _directory(data_dir).glob("*.json") if (hub := _read(path))]
    return sorted(found, key=lambda hub: hub.started_at)


def stop(data_dir: Path, hub: HubProcess, seconds: float) -> bool:
    """Ask a hub to end, and wait for it; whether it is gone."""
    # Its number may be another process's by now: whoever found it may have waited for other hubs since.
    if hub not in running(data_dir):
        return True
    try:
        os.kill(hub.pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if hub not in running(data_dir):
            return True
        time.sleep(POLL_SECONDS)
    return False


def log_path(data_dir: Path) -> Path:
    """What hubs write that nobody sits in front of."""
    return _directory(data_dir) / "hub.log"


def _directory(data_dir: Path) -> Path:
    return data_dir / "hub"


def _read(path: Path) -> HubProcess | None:
    """None, and no file any more, where its process has ended."""
    import fcntl

    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return HubProcess(**json.load(file))
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        # It ended in this moment.
        return None
    return None
