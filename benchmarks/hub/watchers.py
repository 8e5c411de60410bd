"""500 watchers of one hub, of which 20 never read: how late the others hear, and what the hub's memory does."""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from emp_core.client.async_emp import AsyncEmp
from emp_core.clock import SystemClock
from emp_core.domain.job import JobRequest

WATCHERS = 500
STALLED = 20
SECONDS = 30
JOBS_A_SECOND = 5
FLOOD = 100
"""Subscriptions of one that does not read, so that it falls behind within seconds."""

SETTLE_SECONDS = 0.5
CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that runs, with a queue of its own."""

    process: psutil.Process
    address: str
    queue: str
    log: Path


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Start one, and stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="emp-bench-") as directory:
        environment = {"EMP_DATA_DIR": directory, "HOME": directory, "PATH": "/usr/local/bin:/usr/bin:/bin"}
        command = [sys.executable, "-m", "emp_cli", "hub"]

        def run(*words: str) -> str:
            return subprocess.run(
                [*command, *words], env=environment, check=True, capture_output=True, text=True
            ).stdout

        run("start", "--detach", "--port", "0")
        try:
            (found,) = json.loads(run("status", "-o", "json"))["hubs"]
            yield Hub(
                psutil.Process(found["pid"]), found["url"], f"unix://{directory}/redis/redis.sock", Path(found["log"])
            )
        finally:
            run("stop", "--queue")


async def measure_watchers(running: Hub) -> list[str]:
    """Each watcher follows all events; jobs are submitted and cancelled meanwhile."""
    hub = running.process
    async with AsyncExitStack() as closing:
        watchers = [await _watcher(closing, running.address) for _ in range(WATCHERS - STALLED)]
        for _ in range(STALLED):
            stalled = await _watcher(closing, running.address, topic="jobs", times=FLOOD)
            stalled.transport.pause_reading()
            closing.callback(stalled.transport.abort)
        emp = await closing.enter_async_context(await AsyncEmp.connect(running.queue))
        before, cpu = hub.memory_info().rss, sum(hub.cpu_times()[:2])
        late: list[float] = []
        hearing = [asyncio.create_task(_hear(each, late)) for each in watchers]
        began = time.monotonic()
        peak = before
        jobs = 0
        while time.monotonic() - began < SECONDS:
            for _ in range(JOBS_A_SECOND):
                answer = await emp.submit(JobRequest.parse({"service": "simulation"}))
                await emp.cancel(answer.id)
                jobs += 1
            peak = max(peak, hub.memory_info().rss)
            await asyncio.sleep(1)
        await asyncio.sleep(SETTLE_SECONDS)
        for task in hearing:
            task.cancel()
        used = sum(hub.cpu_times()[:2]) - cpu
        late.sort()
        return [
            f"watchers {WATCHERS}, of which never read {STALLED}; {2 * jobs} events, heard {len(late)} times",
            f"event to watcher   p50 {_at(late, 0.5):.0f} ms   p99 {_at(late, 0.99):.0f} ms   (must 500)",
            f"closed with 4408   {running.log.read_text().count('code=4408')} of {STALLED} that never read",
            f"hub's memory grew  {(peak - before) / 1e6:.1f} MB   (must 50)",
            f"hub's processor    {100 * used / SECONDS:.0f} % of a core",
        ]


async def _watcher(closing: AsyncExitStack, address: str, *, topic: str = "events", times: int = 1) -> ClientConnection:
    connecting = connect(
        f"{address.replace('http', 'ws', 1)}/ws/monitor/bench",
        subprotocols=[Subprotocol("emp.v1")],
        proxy=None,
        ping_interval=None,
    )
    socket = await closing.enter_async_context(connecting)
    for _ in range(times):
        await socket.send(json.dumps({"type": "subscribe", "topic": topic}))
        while json.loads(await socket.recv())["type"] != "subscribed":
            pass
    return socket


async def _hear(socket: ClientConnection, late: list[float]) -> None:
    async for text in socket:
        now = CLOCK.now_ms()
        found = re.search(r'"cursor":"(\d+)-', str(text))
        if found is not None:
            late.append(now - int(found[1]))


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]
