"""Worker processes, and what can happen to a process."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from emp_core.domain.worker import LIVE
from emp_core.errors import NotFound
from emp_core.store import Store
from tests.faults import connector
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.generated import ROOT
from tests.support.waiting import poll_until

LEASE_SECONDS = 30
"""As long as by default: no pause of a busy machine ends one. Where the end of a lease is the subject, it is short."""

SHOWN = 6_000
"""Characters of a process's output that are shown where a test fails."""


class Process:
    """A process whose output is a file of JSON lines."""

    def __init__(self, name: str, module: str, directory: Path, variables: dict[str, str]) -> None:
        self.name = name
        self._output = directory / f"{name}.log"
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=directory,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "EMP_TEST_SETTINGS": "true", **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal that ended it."""
        return self._process.poll()

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def said(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one event."""
        whole, _, _ = self.output.rpartition("\n")  # it may be in the middle of a line
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGSTOP, and wait until it stands still, or has ended by itself."""
        self._process.send_signal(signal.SIGSTOP)
        poll_until(lambda: self.exit_code is not None or self._is_stopped(), f"{self.name} stands still")

    def _is_stopped(self) -> bool:
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def resume(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.terminate()

    async def ended(self) -> int:
        """Its exit code, once it has one."""
        await eventually(lambda: self.exit_code is not None, f"{self.name} ends")
        assert self.exit_code is not None
        return self.exit_code


class WorkerProcess(Process):
    """A worker: the agent, and the process that beats for it."""

    @property
    def pulse(self) -> psutil.Process | None:
        """The process that beats, where there is one."""
        children = psutil.Process(self.pid).children() if self.exit_code is None else []
        return next((child for child in children if any("pulse_process" in word for word in _words(child))), None)


def is_alive(process: psutil.Process) -> bool:
    """Whether it still does anything: an orphan may stay a zombie for a second."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class HubProcess(Process):
    """A hub; it does the chores and answers clients."""

    @property
    def url(self) -> str:
        """Where it listens; empty before it does."""
        lines = self.said("hub.listening")
        return str(lines[-1]["urls"][0]) if lines else ""


class Fleet:
    """Workers and hubs of one queue, on one machine."""

    def __init__(self, store: Store, journal: Journal, directory: Path) -> None:
        self._store = store
        self._journal = journal
        self._directory = directory
        self.workers: dict[str, WorkerProcess] = {}
        self.hubs: list[HubProcess] = []
        self._past: list[Process] = []

    async def start(self, *names: str, **options: Any) -> list[WorkerProcess]:
        """Start workers and wait until they are ready. The options are those of `launch`."""
        started = [self.launch(name, **options) for name in names]
        for worker in started:
            ready = functools.partial(self._is_ready, worker)
            await eventually(ready, f"{worker.name} registers")
        return started

    def launch(
        self,
        name: str,
        *,
        url: str | None = None,
        lease: int = LEASE_SECONDS,
        slots: int = 1,
        build: Callable[..., object] = connector.witness,
        **variables: str,
    ) -> WorkerProcess:
        """Start a worker; a worker of that name must be gone."""
        assert name not in self.workers or self.workers[name].exit_code is not None
        settings = {
            "WORKER_ID": name,
            "MACHINE_ID": "here",
            "REDIS_URL": url or self._store.url,
            "SERVICES": f"{connector.__file__}:{build.__name__}",
            "LEASE_SECONDS": str(lease),
            "CONCURRENT_JOBS": str(slots),
            "EMP_DATA_DIR": str(self._directory / "data"),
            "WORKER_DASHBOARD_ENABLED": "false",
            connector.JOURNAL: str(self._journal.path),
        }
        worker = WorkerProcess(name, "tests.faults.worker_process", self._directory, {**settings, **variables})
        self._past.append(worker)
        self.workers[name] = worker
        return worker

    async def start_hub(self, name: str = "hub", *, lease: int = LEASE_SECONDS) -> HubProcess:
        """Start a hub and wait until it listens."""
        hub = self.launch_hub(name, lease=lease)
        await eventually(lambda: hub.url or hub.exit_code is not None, "the hub listens")
        assert hub.url, hub.output
        return hub

    def launch_hub(self, name: str = "hub", *, lease: int = LEASE_SECONDS, port: int = 0) -> HubProcess:
        """Start a hub; the one before it on this output must be gone."""
        variables = {
            "REDIS_URL": self._store.url,
            "HUB_PORT": str(port),
            "LEASE_SECONDS": str(lease),
            "EMP_DATA_DIR": str(self._directory / "data"),
            "LOG_FORMAT": "json",
        }
        hub = HubProcess(name, "daemons.hub", self._directory, variables)
        self._past.append(hub)
        self.hubs.append(hub)
        return hub

    async def _is_ready(self, worker: WorkerProcess) -> bool:
        assert worker.exit_code is None, f"{worker.name} ended:\n{worker.output}"
        try:
            found = await self._store.inspector.worker(worker.name)
        except NotFound:
            return False
        beats = found.beat_at > found.started_at
        return beats and found.info.get("pid") == worker.pid and found.state in LIVE

    def close(self) -> None:
        """End them all; none is left, not even one that stands still."""
        for process in self._past:
            pulse = process.pulse if isinstance(process, WorkerProcess) else None
            process.kill()
            if pulse is not None:
                with suppress(psutil.NoSuchProcess):
                    pulse.kill()
        for name in sorted({process.name for process in self._past}):
            text = (self._directory / f"{name}.log").read_text(errors="replace")
            sys.stdout.write(f"--- {name}\n{text[-SHOWN:]}\n")
