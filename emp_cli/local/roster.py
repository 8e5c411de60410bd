"""The hubs and workers of this machine: how `stop`, `status` and `logs` find what `start` started.

    <data_dir>/hub/                 the same for worker/
        4711-1767225600000.json     a process: how to know it again, and how it was started
        3001.log                    what a detached hub wrote; `3001.log.1` is the part, or the run, before

A process removes its entry when it ends. The entry of a killed process stays, and is not taken for another process that
was given its number since: that one began at another time.
"""

import json
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from daemons.process import about_this_process, is_alive
from emp_cli.local.log_file import LogFile
from emp_core.clock import SystemClock
from emp_core.errors import Misconfigured
from emp_core.ids import is_id

HUB = "hub"
WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalProcess:
    """A hub or a worker of this machine."""

    kind: str
    name: str
    """A worker's id, a hub's port."""

    pid: int
    pid_began: float | None
    pid_space: str
    started_at: int
    """ms since 1970."""

    machine: str
    """Several machines may share a data directory."""

    directory: str
    """In which it was started."""

    arguments: tuple[str, ...] = ()
    """What starts it again, behind `emp`."""

    log: str = ""
    """Empty: it runs in a terminal, or under a service manager."""

    url: str = ""
    """Where a hub answers."""

    @property
    def lives(self) -> bool:
        """Whether it runs. False also if it was killed, or the machine has restarted."""
        return is_alive(asdict(self))


def this_process(kind: str, name: str, **more: Any) -> LocalProcess:
    """The entry of this process."""
    return LocalProcess(
        kind=kind,
        name=name,
        started_at=SystemClock().now_ms(),
        machine=socket.gethostname(),
        directory=str(Path.cwd()),
        **about_this_process(),
        **more,
    )


class Roster:
    """The processes of one kind that use a data directory."""

    def __init__(self, data_dir: Path, kind: str) -> None:
        self.kind = kind
        self._directory = data_dir.resolve() / kind

    def entries(self) -> list[LocalProcess]:
        """All that live, and those detached ones that ended without a word; the oldest first."""
        found = [entry for path in self._directory.glob("*.json") if (entry := self._read(path))]
        return sorted(found, key=lambda entry: (entry.started_at, entry.name))

    def living(self) -> list[LocalProcess]:
        """The processes that run, the oldest first."""
        return [entry for entry in self.entries() if entry.lives]

    @contextmanager
    def announced(self, process: LocalProcess, log: LogFile | None = None) -> Iterator[None]:
        """While this lasts, others on this machine find the process. Its log gets its name."""
        self._make_directory()
        earlier = [entry for entry in self.entries() if entry.name == process.name]
        if log is not None:
            # A worker of another queue may have the same id.
            if not any(entry.lives for entry in earlier):
                log.move(self.log_path(process.name))
            process = replace(process, log=str(log.path))
        for entry in earlier:
            if not entry.lives:
                self.forget(entry)
        path = self._path(process)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(process)), encoding="utf-8")
        draft.replace(path)
        try:
            yield
        finally:
            self.forget(process)

    def forget(self, process: LocalProcess) -> None:
        """Remove the entry of a process that has ended."""
        self._path(process).unlink(missing_ok=True)

    def log_path(self, name: str) -> Path:
        """The log of the process of that name, or of the last that had it."""
        return self._directory / f"{name}.log"

    def logs(self) -> list[Path]:
        """All logs, the one that was written to last at the end."""
        return sorted(self._directory.glob("*.log"), key=lambda path: path.stat().st_mtime)

    def begin_log(self) -> Path:
        """An empty log, for a process whose name is not known yet."""
        self._make_directory()
        self._sweep()
        with tempfile.NamedTemporaryFile(prefix="starting-", suffix=".log", dir=self._directory, delete=False) as file:
            return Path(file.name)

    def _sweep(self) -> None:
        """Remove the logs of starts that were killed: no process has them, and none was written to for an hour."""
        old = [path for path in self._directory.glob("starting-*.log") if _is_old(path)]
        if not old:
            return
        import psutil

        in_use = {word for process in psutil.process_iter(["cmdline"]) for word in process.info["cmdline"] or ()}
        for path in old:
            if str(path) not in in_use:
                path.unlink(missing_ok=True)

    def _path(self, process: LocalProcess) -> Path:
        return self._directory / _file_name(process)

    def _make_directory(self) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured(
                f"EMP_DATA_DIR: cannot write to {self._directory}: {error.strerror}",
                hint="set EMP_DATA_DIR to a directory that this user can write to",
            ) from error

    def _read(self, path: Path) -> LocalProcess | None:
        """None for a process of another machine, and for one that ended in a terminal, where its end was seen."""
        try:
            entry = _entry_of(path)
        except FileNotFoundError:
            # It ended in this moment.
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise Misconfigured(f"{path} is damaged, or of another version of emp", hint=f"rm {path}") from error
        if entry.machine != socket.gethostname():
            return None
        if not entry.log and not entry.lives:
            path.unlink(missing_ok=True)
            return None
        return entry


def _entry_of(path: Path) -> LocalProcess:
    """The entry in a file. Raises `ValueError`, `TypeError` or `KeyError` if no process can have written it."""
    told = json.loads(path.read_text(encoding="utf-8"))
    entry = LocalProcess(**{**told, "arguments": tuple(told["arguments"])})
    # Its texts name files and start programs.
    texts = (entry.directory, entry.log, entry.url, *entry.arguments)
    if not all(type(text) is str for text in texts) or type(entry.pid) is not int or not is_id(entry.name):
        raise ValueError(path)
    if path.name != _file_name(entry):
        raise ValueError(path)
    return entry


def _is_old(log: Path) -> bool:
    """False also if it has got its name meanwhile. Another machine may share the directory: the time tells of it."""
    try:
        return log.stat().st_mtime * 1000 < SystemClock().now_ms() - 3_600_000
    except FileNotFoundError:
        return False


def _file_name(entry: LocalProcess) -> str:
    return f"{entry.pid}-{entry.started_at}.json"
