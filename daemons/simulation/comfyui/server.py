"""The simulated server as a whole: it lives, crashes, and comes back on the same port."""

import asyncio
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from daemons.simulation.comfyui.disk import Disk
from daemons.simulation.comfyui.faults import Fault, Faults
from daemons.simulation.comfyui.listener import Listener, bind
from daemons.simulation.comfyui.machine import Machine, Sleep
from daemons.simulation.comfyui.options import Options
from daemons.simulation.comfyui.process import Process
from daemons.simulation.comfyui.routes import Routes
from emp_core.clock import Clock, SystemClock


class SimulatedComfyUI:
    """A ComfyUI in this process: `async with SimulatedComfyUI() as server: server.url`.

    Enter and leave it in the same task. Files survive a crash; queue, history and cache do not.
    """

    def __init__(
        self,
        options: Options | None = None,
        faults: Faults | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        seed: int = 0,
        new_uuid: Callable[[], uuid.UUID] = uuid.uuid4,
    ) -> None:
        self.options = options or Options()
        self.faults = faults or Faults()
        self.disk = Disk()
        self._host = host
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._chance = random.Random(seed)
        self._new_uuid = new_uuid
        self._reserved = bind(host, port)  # bound and not listening: keeps the port from others while down
        self._group = asyncio.TaskGroup()
        self._lives: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._wanted = asyncio.Event()
        self._machine, self._process, self._listener = self._new_life()

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._reserved.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._lives = self._group.create_task(self._live())
        await self._up.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lives is not None:
            self._lives.cancel()
        try:
            await self._group.__aexit__(None, None, None)  # the body's own error is none of the group's
        finally:
            self._reserved.close()

    async def crash(self) -> None:
        """Die now, and stay down for as long as the faults say."""
        self._machine.die()
        await self._down.wait()

    async def start(self) -> None:
        """Come back after a crash, also one that is not over yet."""
        if self._machine.ended.is_set():
            await self._down.wait()
        self._wanted.set()
        await self._up.wait()

    def release(self) -> None:
        """End whatever waits, hangs, hogs, stalls or is silent."""
        self._process.sockets.flowing.set()
        self._machine.release()

    def lose_sockets(self) -> None:
        """Reset every WebSocket."""
        self._listener.reset(sockets_only=True)

    def submit(
        self, graph: dict[str, Any], *, extra: dict[str, Any] | None = None, prompt_id: str | None = None
    ) -> str:
        """Queue a prompt of somebody who does not listen, so that everybody hears of it; its id."""
        body = {"prompt": graph, "extra_data": extra or {}, "prompt_id": prompt_id or str(self._new_uuid())}
        return str(self._process.submit(body)["prompt_id"])

    def delete(self, prompt_id: str) -> None:
        """Take a waiting prompt out, as a person at the server would."""
        self._process.prompts.delete(prompt_id)

    @property
    def is_up(self) -> bool:
        """Whether it takes connections."""
        return self._up.is_set()

    @property
    def running(self) -> str | None:
        """The id of the prompt that runs."""
        item = self._process.prompts.running
        return None if item is None else item[1]

    @property
    def node(self) -> str | None:
        """The node that runs."""
        return self._machine.node

    @property
    def client(self) -> str | None:
        """The client id of the prompt that runs, or ran last."""
        return self._machine.client

    @property
    def interrupted(self) -> bool:
        """Whether somebody interrupted what runs."""
        return self._machine.interrupted

    @property
    def sockets_opened(self) -> int:
        """How many event sockets were opened in this life."""
        return self._process.sockets.opened

    @property
    def pending(self) -> list[str]:
        """The ids of those that wait, next first."""
        return [item[1] for item in sorted(self._process.prompts.pending, key=lambda item: item[:2])]

    @property
    def history(self) -> dict[str, dict[str, Any]]:
        """What ended, by id; may be tampered with."""
        return self._process.prompts.history

    async def _live(self) -> None:
        while True:
            await self._live_once()
            self._up.clear()
            self._down.set()
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.faults.down):
                    await self._wanted.wait()
            self._down.clear()
            self._machine, self._process, self._listener = self._new_life()

    async def _live_once(self) -> None:
        self.disk.wipe_temp()
        listener = self._listener
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(listener.serve([bind(*self._reserved.getsockname()[:2])]))
            await listener.listening.wait()
            self._up.set()
            try:
                await self._process.run()
            finally:
                self._machine.die()
                listener.close()
                serving.cancel()

    def _new_life(self) -> tuple[Machine, Process, Listener]:
        machine = Machine(
            options=self.options,
            disk=self.disk,
            faults=self.faults,
            clock=self._clock,
            sleep=self._sleep,
            chance=self._chance,
        )
        process = Process(machine, self._strike, self._new_uuid)
        return machine, process, Listener(Routes(process, self._new_uuid).app())

    async def _strike(self, fault: Fault) -> None:
        """What happens to the process as a node begins."""
        match fault:
            case Fault.WAIT:
                await self._machine.waited()
            case Fault.HANG:
                await self._machine.held()
            case Fault.HOG:
                await self._hog()
            case Fault.STALL:
                self._stall()
            case Fault.LOSE_SOCKETS:
                self.lose_sockets()
            case Fault.INTERRUPT:
                self._machine.interrupt()
            case Fault.STRANGER:
                self.submit({"1": {"class_type": "TBText", "inputs": {"text": "a stranger's", "size": 0}}})
            case Fault.CRASH:
                self._machine.die()
                await asyncio.Event().wait()

    async def _hog(self) -> None:
        self._machine.awake.clear()
        self._listener.freeze()
        try:
            await self._machine.held()
        finally:
            self._machine.awake.set()
            self._listener.thaw()

    def _stall(self) -> None:
        flowing = self._process.sockets.flowing
        flowing.clear()
        if self.faults.lasts is not None:
            asyncio.get_running_loop().call_later(self.faults.lasts, flowing.set)
