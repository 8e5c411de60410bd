"""What the agent's end of a pulse does where a process cannot be had."""

import asyncio

import pytest
from structlog.testing import capture_logs

from daemons.worker.beat import heart as hearts
from daemons.worker.beat.heart import ProcessHeart
from tests.support.waiting import wait_until


async def test_without_a_process_it_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[object] = []

    async def refuse(*command: object, **options: object) -> None:
        tries.append(command)
        raise OSError("no more processes")

    monkeypatch.setattr(hearts, "RESPAWN_SECONDS", 0.001)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    heart = ProcessHeart("unix:///nowhere", "{emp}:", lambda _: None)
    with capture_logs() as logs:
        task = asyncio.ensure_future(heart.run())
        heart.tell("comfyui=up")
        await wait_until(lambda: len(tries) >= 3, "several tries")
        task.cancel()
        await asyncio.wait([task])
    assert heart.pid is None
    assert {(entry["event"], entry["why"]) for entry in logs} == {("pulse.not_started", "no more processes")}
