"""Leaving a piece of work that was cancelled or is out of time."""

import asyncio

import pytest

from daemons.worker.connectors.comfyui.scope import Stopped, until_stopped
from tests.support.contexts import RecordingContext


async def test_a_cancel_leaves_it() -> None:
    context = RecordingContext()
    context.cancelled.set()
    with pytest.raises(Stopped):
        async with until_stopped(context):
            await asyncio.Event().wait()


async def test_a_cancel_that_comes_on_the_way_out_changes_nothing() -> None:
    """The queue ends an attempt of which the time is over in the same second."""
    context = RecordingContext()
    context.seconds = 0.0

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            context.cancelled.set()
            for _ in range(5):
                await asyncio.sleep(0)

    with pytest.raises(Stopped):
        async with until_stopped(context):
            await work()
