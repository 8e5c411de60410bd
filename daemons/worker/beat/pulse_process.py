"""The pulse as a process: it obeys JSON lines on its standard input and answers in JSON lines on its standard output.

It ends with the agent: at the end of its input, or when it has become somebody else's child. While the agent is stopped
(SIGSTOP) it does not beat, since nobody works.
"""

import asyncio
import dataclasses
import json
import os
import signal
import sys
from typing import Any

import psutil

from daemons.worker.beat.pulse import Answer, Held, Pulse
from emp_core.clock import SystemClock
from emp_core.store import Life, open_broker

MAX_LINE_BYTES = 1 << 20
"""1,024 slots with something to say of each are 60 KB."""

STOPPED = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


def main() -> None:
    """The process. The signals of a terminal or a service manager are the agent's business."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(serve(os.getppid()))


async def serve(agent: int) -> None:
    """Beat until the agent, a process id, is gone."""
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    writer, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    queue = json.loads(await reader.readline())["queue"]
    broker, link = open_broker(queue["url"], queue["prefix"])
    pulse = Pulse(broker, SystemClock(), lambda answer: _send(writer, answer))
    try:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(pulse.run(lambda: _works(agent)))
            async for line in reader:
                _obey(pulse, json.loads(line))
            beating.cancel()
    finally:
        await link.close()


def _works(agent: int) -> bool:
    """Whether the agent runs. Ends this process if the agent is gone and another child of it keeps the pipe open."""
    if os.getppid() != agent:
        os._exit(0)
    return psutil.Process(agent).status() not in STOPPED


def _obey(pulse: Pulse, message: dict[str, Any]) -> None:
    pulse.keep((Held(*claim) for claim in message.get("hold", ())), message.get("drop", ()))
    if "services" in message:
        pulse.tell(message["services"])
    if "memory" in message:
        pulse.tell_memory(message["memory"])
    if message.get("life"):
        pulse.live(Life(**message["life"]))


def _send(writer: asyncio.WriteTransport, answer: Answer) -> None:
    """An agent that does not read has a full pipe: it misses answers, and gets the like with a later beat."""
    if writer.get_write_buffer_size() == 0:
        writer.write(json.dumps(dataclasses.asdict(answer)).encode() + b"\n")
