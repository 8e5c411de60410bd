"""How a daemon runs and is asked to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def run_daemon(main: Coroutine[Any, Any, T]) -> T:
    """Run a daemon to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@contextmanager
def on_stop(act: Callable[[int], None]) -> Iterator[None]:
    """While this lasts SIGTERM, Ctrl-C and a closed terminal do not end the process: they call `act` with 1, 2, ...

    A closed terminal is told of by the kernel and by the shell, so it never counts as the second one; under `nohup`
    it does not count at all.
    """
    loop = asyncio.get_running_loop()
    asked = 0

    def ask(number: int) -> None:
        nonlocal asked
        if number == signal.SIGHUP and asked:
            return
        asked += 1
        act(asked)

    heard = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in heard:
        loop.add_signal_handler(number, ask, number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
