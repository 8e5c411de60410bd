"""The services' board: who is up, who has room, when they are asked again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from daemons.worker.connector import Probe
from daemons.worker.services import board as services
from daemons.worker.services.board import ServiceBoard
from emp_core.clock import SystemClock
from emp_core.domain.gpu_memory import Gpu, GpuMemory, memory_of
from tests.support.fakes import FrozenClock, ScriptedConnector
from tests.support.waiting import wait_until


class Board(ServiceBoard):
    def __init__(
        self, *connectors: ScriptedConnector, probe_seconds: float = 60.0, gpus: tuple[Gpu, ...] | None = None
    ) -> None:
        self.told = 0
        self.memory: list[GpuMemory] = []
        super().__init__(
            connectors,
            self._tell,
            probe_seconds,
            SystemClock(),
            on_memory=lambda text: self.memory.append(memory_of(text)),
            gpus=lambda: gpus or (),
        )

    def _tell(self) -> None:
        self.told += 1


@asynccontextmanager
async def watched(board: ServiceBoard, name: str = "comfyui") -> AsyncIterator[None]:
    task = asyncio.ensure_future(board.watch(name))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_service_is_down_until_it_was_asked() -> None:
    board = Board(ScriptedConnector("comfyui"), ScriptedConnector("ollama"))
    assert board.text().startswith("comfyui=down ollama=down\n")
    await board.probe("ollama")
    assert board.text().startswith("comfyui=down ollama=up\n")
    assert board.told == 1


async def test_one_silence_is_no_outage_and_two_are() -> None:
    connector = ScriptedConnector()
    board = Board(connector)
    await board.probe("comfyui")
    connector.up = False
    await board.probe("comfyui")
    assert board.states["comfyui"].up
    await board.probe("comfyui")
    assert (board.states["comfyui"].up, board.states["comfyui"].why) == (False, "told to be down")
    connector.up = True
    await board.probe("comfyui")
    assert board.states["comfyui"].up


async def test_only_changes_are_told() -> None:
    connector = ScriptedConnector(models=("a",))
    board = Board(connector)
    for _ in range(3):
        await board.probe("comfyui")
    assert (board.told, board.changes) == (1, 1)
    connector.models = ("a", "b")
    await board.probe("comfyui")
    assert (board.told, board.changes) == (2, 2)


async def test_room_is_what_is_not_taken_of_what_is_up() -> None:
    small, large = ScriptedConnector("comfyui", concurrency=1), ScriptedConnector("ollama", concurrency=3)
    board = Board(small, large)
    assert (board.least_room(), board.without_room()) == (0, frozenset({"comfyui", "ollama"}))
    await board.probe("comfyui")
    await board.probe("ollama")
    assert (board.least_room(), board.without_room()) == (1, frozenset())
    assert board.take(["comfyui", "ollama"]).connector is large
    assert board.take(["comfyui"]).connector is small
    assert (board.least_room(), board.without_room()) == (2, frozenset({"comfyui"}))
    board.leave("comfyui")
    assert board.without_room() == frozenset()


async def test_a_job_for_services_that_are_not_here_gets_the_one_with_room() -> None:
    board = Board(ScriptedConnector("comfyui"))
    assert board.take(["nobody"]).connector.service == "comfyui"


async def test_what_a_run_finds_down_is_down_at_once() -> None:
    board = Board(ScriptedConnector())
    await board.probe("comfyui")
    board.take(["comfyui"])
    board.leave("comfyui", "refused")
    state = board.states["comfyui"]
    assert (state.up, state.why, state.busy) == (False, "refused", 0)


async def test_a_probe_that_was_under_way_does_not_hide_what_a_run_has_found() -> None:
    class Slow(ScriptedConnector):
        def __init__(self) -> None:
            super().__init__()
            self.answer = asyncio.Event()
            self.answer.set()

        async def probe(self) -> Probe:
            self.probes += 1
            await self.answer.wait()
            return Probe()

    connector = Slow()
    board = Board(connector)
    await board.probe("comfyui")
    connector.answer.clear()
    probing = asyncio.ensure_future(board.probe("comfyui"))
    await wait_until(lambda: connector.probes == 2, "a probe under way")
    board.take(["comfyui"])
    board.leave("comfyui", "refused")
    connector.answer.set()
    await probing
    assert not board.states["comfyui"].up


async def test_it_is_asked_at_once_and_again_and_again() -> None:
    connector = ScriptedConnector()
    board = Board(connector, probe_seconds=0.001)
    async with watched(board):
        await wait_until(lambda: connector.probes >= 5, "probes")
        connector.up = False
        await wait_until(lambda: not board.states["comfyui"].up, "it is down")
        connector.up = True
        await wait_until(lambda: board.states["comfyui"].up, "it is up")


async def test_runs_that_find_it_down_again_and_again_make_the_pause_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may answer probes and refuse every job; each job can be given back only so often."""
    monkeypatch.setattr(services, "FIRST_PAUSE", 0.001)
    pauses: list[float] = []
    waits = services._is_set_within

    async def noted(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        return await waits(event, seconds)

    monkeypatch.setattr(services, "_is_set_within", noted)
    board = Board(ScriptedConnector(), probe_seconds=60)
    state = board.states["comfyui"]
    async with watched(board):
        for _ in range(4):
            await wait_until(lambda: state.up, "it is up")
            board.take(["comfyui"])
            board.leave("comfyui", "refused")
        await wait_until(lambda: state.up, "it is up")
        assert [pause for pause in pauses if 0 < pause < 60] == [0.001, 0.002, 0.004, 0.008]
        board.take(["comfyui"])
        board.leave("comfyui")
        assert state.strikes == 0


async def test_a_service_may_be_struck_for_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "LONGEST_PAUSE", 0.0)
    board = Board(ScriptedConnector())
    state = board.states["comfyui"]
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        watch = tasks.create_task(board.watch("comfyui"))
        for strikes in range(1_000, 1_100):
            await wait_until(lambda: state.up, "it is up again")
            state.strikes = strikes
            board.take(["comfyui"])
            board.leave("comfyui", "HTTP 403")
        watch.cancel()
    assert state.strikes == 1_100


async def test_many_runs_that_find_the_same_outage_count_once() -> None:
    board = Board(ScriptedConnector())
    await board.probe("comfyui")
    for _ in range(10):
        board.take(["comfyui"])
    for _ in range(10):
        board.leave("comfyui", "refused")
    assert board.states["comfyui"].strikes == 1


async def test_a_probe_that_never_ends_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(ScriptedConnector):
        async def probe(self) -> Probe:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(services, "PROBE_TIMEOUT", 0.01)
    board = Board(Hanging())
    await board.probe("comfyui")
    assert board.states["comfyui"].why == "no answer"


async def test_a_bug_in_a_probe_is_logged_and_means_down() -> None:
    class Broken(ScriptedConnector):
        async def probe(self) -> Probe:
            raise KeyError("oops")

    board = Board(Broken())
    with capture_logs() as logs:
        await board.probe("comfyui")
    assert "connector.bug" in [entry["event"] for entry in logs]
    assert board.states["comfyui"].why == "KeyError: 'oops'"


async def test_the_first_answers_are_waited_for_no_longer_than_told() -> None:
    board = Board(ScriptedConnector("comfyui"), ScriptedConnector("ollama"))
    await board.probe("comfyui")
    await board.first_answers(0.001)
    await board.probe("ollama")
    await board.first_answers(60)


async def test_a_sweep_reaches_those_that_are_up_and_later_those_that_come_up() -> None:
    up, down = ScriptedConnector("comfyui"), ScriptedConnector("ollama")
    down.up = False
    up.strays = 2
    board = Board(up, down)
    await board.probe("comfyui")
    await board.probe("ollama")
    with capture_logs() as logs:
        await board.sweep()
    assert [(entry["service"], entry["stopped"]) for entry in logs] == [("comfyui", 2)]
    assert (up.sweeps, down.sweeps) == (1, 0)
    down.up = True
    await board.probe("ollama")
    assert down.sweeps == 1


async def test_a_service_that_goes_down_while_it_is_swept_is_swept_the_next_time() -> None:
    connector = ScriptedConnector()
    board = Board(connector)
    await board.probe("comfyui")
    connector.up = False
    await board.sweep()
    assert not board.states["comfyui"].up
    connector.up = True
    await board.probe("comfyui")
    assert (board.states["comfyui"].up, connector.sweeps) == (True, 2)


async def test_a_bug_while_it_closes_is_logged_and_the_others_are_closed() -> None:
    class Broken(ScriptedConnector):
        async def close(self) -> None:
            raise KeyError("oops")

    broken, sound = Broken("comfyui"), ScriptedConnector("ollama")
    with capture_logs() as logs:
        await Board(broken, sound).close()
    assert sound.closed
    assert "service.not_closed" in [entry["event"] for entry in logs]


async def test_a_busy_service_has_no_room_until_a_probe_finds_it_free() -> None:
    connector = ScriptedConnector()
    board = Board(connector)
    connector.busy = "works on 1 prompt of other clients"
    with capture_logs() as logs:
        await board.probe("comfyui")
        await board.probe("comfyui")
    assert (board.states["comfyui"].word, board.without_room()) == ("busy", frozenset({"comfyui"}))
    assert board.states["comfyui"].why == connector.busy
    assert [entry["event"] for entry in logs] == ["service.busy"]
    connector.busy = ""
    await board.probe("comfyui")
    assert (board.text(), board.states["comfyui"].why) == ("comfyui=up", "")


async def test_a_run_that_finds_the_service_busy_does_not_lengthen_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    connector = ScriptedConnector()
    board = Board(connector)
    await board.probe("comfyui")
    wait = services._is_set_within

    async def note(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        return await wait(event, 0 if seconds <= 1 else seconds)

    monkeypatch.setattr(services, "_is_set_within", note)
    async with watched(board):
        for _ in range(5):
            await wait_until(lambda: board.states["comfyui"].up, "the next probe")
            board.take(["comfyui"])
            board.leave("comfyui", "works on 1 prompt of other clients", busy=True)
            assert board.states["comfyui"].word == "busy"
    assert max(pause for pause in pauses if pause != 60.0) <= 1.0


async def test_the_text_says_why_and_since_when_a_service_is_closed() -> None:
    clock, connector = FrozenClock(1.0), ScriptedConnector()
    board = ServiceBoard([connector, ScriptedConnector("ollama")], lambda: None, 60.0, clock)
    await board.probe("comfyui")
    await board.probe("ollama")
    assert board.text() == "comfyui=up ollama=up"
    clock.advance(1)
    connector.busy = "works on\n1 prompt"
    await board.probe("comfyui")
    clock.advance(1)
    board.bar("the file store is unavailable: no answer")
    assert board.text().split("\n") == [
        "comfyui=down ollama=down",
        "comfyui 2000 the file store is unavailable: no answer",
        "ollama 3000 the file store is unavailable: no answer",
    ]
    board.bar("")
    assert board.text() == "comfyui=busy ollama=up\ncomfyui 2000 works on 1 prompt"


async def test_another_reason_of_a_closed_service_is_told() -> None:
    connector = ScriptedConnector()
    connector.busy = "works on 1 prompt"
    board = Board(connector)
    await board.probe("comfyui")
    connector.busy = "works on 2 prompts"
    await board.probe("comfyui")
    assert board.text().endswith("works on 2 prompts")
    assert board.told == 2


@asynccontextmanager
async def memory_watched(board: ServiceBoard) -> AsyncIterator[None]:
    task = asyncio.ensure_future(board.watch_memory())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_each_probe_tells_the_memory_of_the_service_that_knows_it() -> None:
    silent, telling = ScriptedConnector("comfyui"), ScriptedConnector("ollama")
    telling.loaded, telling.gpus = ("llama\n\udc80",), (Gpu(8 * 10**9, 10**9),)
    board = Board(silent, telling, gpus=(Gpu(1, 1),))
    async with memory_watched(board):
        await board.probe("comfyui")
        await wait_until(lambda: board.memory == [GpuMemory(gpus=(Gpu(1, 0),))], "what the driver says")
        await board.probe("ollama")
        await wait_until(lambda: len(board.memory) == 2, "what the service says")
        assert board.memory[-1] == GpuMemory(gpus=telling.gpus, loaded={"ollama": ("llama ?",)})


async def test_a_service_that_is_down_has_nothing_in_memory() -> None:
    connector = ScriptedConnector()
    connector.loaded = ("flux",)
    board = Board(connector)
    async with memory_watched(board):
        await board.probe("comfyui")
        await wait_until(lambda: board.memory[-1:] == [GpuMemory(loaded={"comfyui": ("flux",)})], "a model")
        connector.up = False
        for _ in range(2):
            await board.probe("comfyui")
        await wait_until(lambda: board.memory[-1] == GpuMemory(), "none")
        assert board.told == 2
