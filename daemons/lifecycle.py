"""How a daemon runs and is asked to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_daemon(main: Coroutine[Any, Any, T]) -> T:
    """Run a daemon to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@contextmanager
def on_stop(act: Callable[[int], None]) -> Iterator[None]:
    """While this lasts SIGTERM and Ctrl-C do not end the process: they call `act` with 1, then with 2, ..."""
    loop = asyncio.get_running_loop()
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        act(asked)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, ask)
    try:
        yield
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
