"""Starts hubs and workers in the background, and stops them."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer

from emp_cli.exits import ExitCode
from emp_cli.local.roster import LocalProcess, Roster
from emp_cli.output import terminal
from emp_core.errors import Conflict, HubUnavailable, Misconfigured

POLL_SECONDS = 0.05


class Launch:
    """A process that is starting in the background."""

    def __init__(
        self, roster: Roster, arguments: Sequence[str], environ: Mapping[str, str], directory: str | None = None
    ) -> None:
        self._roster = roster
        self._log = roster.begin_log()
        self._stream = self._log.open("a+b")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emp_cli", *arguments, "--log-file", str(self._log)],
            stdin=subprocess.DEVNULL,
            stdout=self._stream,
            stderr=self._stream,
            env=environ,
            cwd=directory,
            start_new_session=True,
        )

    def wait(self, seconds: float, is_ready: Callable[[LocalProcess], bool] = lambda entry: True) -> LocalProcess:
        """Return once it has announced itself and is ready.

        If it ends before, this prints what it wrote and raises `typer.Exit` with its code. Ctrl-C stops it.
        """
        give_up_at = time.monotonic() + seconds
        with self._stream:
            try:
                while self._process.poll() is None and time.monotonic() < give_up_at:
                    entry = self._entry()
                    if entry is not None and is_ready(entry):
                        return entry
                    time.sleep(POLL_SECONDS)
            except KeyboardInterrupt:
                self.cancel()
                raise
            code = self._process.poll()
            if code is not None:
                raise self._failure(code)
        entry = self._entry()
        raise HubUnavailable(
            f"{self._what} is not ready after {seconds:g} s; it goes on trying",
            hint=f"see {entry.log if entry else self._log}",
        )

    def cancel(self) -> None:
        """Stop it again."""
        self._process.terminate()
        self._log.unlink(missing_ok=True)
        terminal.note(f"stopped {self._what} again")

    @property
    def _what(self) -> str:
        return f"the {self._roster.kind} (process {self._process.pid})"

    def _entry(self) -> LocalProcess | None:
        # Its own entry says that its port, or its id, is its own: another process may answer there.
        return next((entry for entry in self._roster.living() if entry.pid == self._process.pid), None)

    def _failure(self, code: int) -> typer.Exit:
        self._stream.seek(0)
        terminal.note(self._stream.read().decode("utf-8", "replace").strip())
        self._log.unlink(missing_ok=True)
        if code < 0:
            terminal.fail(f"{self._what} was ended by {signal.Signals(-code).name}")
            return typer.Exit(ExitCode.FAILED)
        return typer.Exit(code)


def ready(launches: Sequence[Launch], seconds: float) -> Iterator[LocalProcess]:
    """Each process that is ready. Raises the first failure when all have been waited for. Ctrl-C stops the rest."""
    failed: typer.Exit | None = None
    for number, launch in enumerate(launches, start=1):
        try:
            entry = launch.wait(seconds)
        except KeyboardInterrupt:
            for other in launches[number:]:
                other.cancel()
            raise
        except typer.Exit as error:
            failed = failed or error
        else:
            yield entry
    if failed:
        raise failed


def refuse_unfit(entries: Sequence[LocalProcess]) -> None:
    """Raises `Conflict` if one could be stopped, but not started again as it was."""
    for entry in entries:
        if not entry.log:
            raise Conflict(
                f"the {entry.kind} {entry.name} (process {entry.pid}) was not started with --detach",
                hint="restart it in its terminal, or with its service manager",
            )
        if not Path(entry.directory).is_dir():
            raise Conflict(
                f"the {entry.kind} {entry.name} was started in {entry.directory}, which is not there",
                hint=f"make that directory again, or stop the {entry.kind} and start it in another one",
            )


def again(entry: LocalProcess, *more: str) -> Callable[[Roster], Launch]:
    """Starts the same process once more, with more arguments.

    Call this while it runs: its environment is gone with it. One that has died gets the environment of this command.
    """
    import psutil

    from emp_core.variables import environment_with

    environ = psutil.Process(entry.pid).environ() if entry.lives else environment_with(None)
    return lambda roster: Launch(roster, (*entry.arguments, *more), environ, entry.directory)


def ask_to_stop(process: LocalProcess, *, now: bool = False) -> None:
    """Send SIGTERM; with `now` a second signal, on which a worker gives its jobs back."""
    import psutil

    try:
        target = psutil.Process(process.pid)
        # Looked at only now: psutil sends nothing to a process that began after this one was found.
        if not process.lives:
            return
        target.send_signal(signal.SIGTERM)
        if now:
            # Another signal: the kernel would merge a second SIGTERM with the first.
            target.send_signal(signal.SIGINT)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise Misconfigured(f"process {process.pid} belongs to another user", hint="stop it as that user") from error


def endings(processes: Iterable[LocalProcess], seconds: float | None) -> Iterator[LocalProcess]:
    """Each of these as it ends, until this time is over; None waits for all."""
    left = list(processes)
    give_up_at = None if seconds is None else time.monotonic() + seconds
    while True:
        ended = [process for process in left if not process.lives]
        yield from ended
        left = [process for process in left if process not in ended]
        if not left or (give_up_at is not None and time.monotonic() >= give_up_at):
            return
        time.sleep(POLL_SECONDS)
