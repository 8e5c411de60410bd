"""Several workers from one command: what each is called and which GPU it has, and how they run in one terminal."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A worker that is started in a process of its own."""

    arguments: tuple[str, ...]
    """What a person would type behind `emp`."""

    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that only this worker has."""


def counted(arguments: Sequence[str], worker_id: str | None, count: int) -> list[Program]:
    """Workers that are alike. Without an id they take the first free ids of the machine."""
    indexed = worker_id and count > 1
    ids = [f"{worker_id}:{index}" for index in range(count)] if indexed else [worker_id] * count
    return [Program(arguments=(*arguments, *_id(name))) for name in ids]


def on_gpus(arguments: Sequence[str], worker_id: str | None, machine: str, gpus: int) -> list[Program]:
    """A worker for each GPU; several have the GPU's number in their ids."""
    ids = [worker_id] if gpus == 1 else [f"{worker_id or machine}:{index}" for index in range(gpus)]
    return [
        Program(arguments=(*arguments, *_id(name)), environ={VISIBLE: str(index), "GPU_COUNT": "1"})
        for index, name in enumerate(ids)
    ]


def _id(name: str | None) -> tuple[str, ...]:
    return ("--id", name) if name else ()


async def run_side_by_side(programs: Sequence[Program], environ: Mapping[str, str]) -> int:
    """Run workers until all have ended, and hand on every request to stop. The first exit code that is not 0."""
    from daemons.lifecycle import on_stop  # not at the top: Windows has no uvloop

    processes: list[asyncio.subprocess.Process] = []
    asked = 0

    def stop(number: int) -> None:
        nonlocal asked
        asked = number
        for process in processes:
            _hand_on(process, number)

    with on_stop(stop):
        for program in programs:
            if not asked:
                processes.append(await _start(program, environ))
        # One that started while the request came has not heard it.
        if asked:
            stop(asked)
        codes = await asyncio.gather(*(process.wait() for process in processes))
    return next((code for code in codes if code), 0)


async def _start(program: Program, environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "emp_cli", *program.arguments),
        env={**environ, **program.environ},
        stdin=asyncio.subprocess.DEVNULL,
        # Else each would hear Ctrl-C from the terminal, and again from here.
        start_new_session=True,
    )


def _hand_on(process: asyncio.subprocess.Process, number: int) -> None:
    """The second signal is another one: the kernel would merge it with a first one that waits to be delivered."""
    if process.returncode is None:
        os.kill(process.pid, signal.SIGTERM if number == 1 else signal.SIGINT)
