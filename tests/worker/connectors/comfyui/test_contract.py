"""The ComfyUI connector keeps the contract of all connectors, with servers old and new."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from daemons.simulation.comfyui import Fault, Faults, Options
from daemons.worker.connectors.comfyui import ComfyUI
from tests.support.comfyui import Rig, failing, image, node, rig, saved, txt2img
from tests.worker.connectors.contract import ConnectorContract, Payload

LIMIT = 1_500
"""Bytes of a file; ordinary pictures are smaller."""


class ComfyUIRig:
    """Endless: a node that waits. Oversize: a picture in which a long graph is embedded."""

    def __init__(self, inner: Rig) -> None:
        self._inner = inner
        self.good: Payload = {"workflow": txt2img()}
        self.failing: Payload = {"workflow": failing()}
        self.endless: Payload = {"workflow": saved(node("TBSleep", seconds=0.0, steps=1, preview=False))}
        self.oversize: Payload = {"workflow": saved(image(), "x" * LIMIT)}

    @property
    def connector(self) -> ComfyUI:
        return self._inner.connector

    def busy(self) -> bool:
        return self._inner.server.running is not None

    async def take_down(self) -> None:
        await self._inner.server.crash()


@asynccontextmanager
async def prepared(version: str) -> AsyncIterator[ComfyUIRig]:
    faults = Faults(at={"TBSleep": Fault.WAIT})
    async with rig(Options(version=version), faults, max_file_bytes=LIMIT) as inner:
        yield ComfyUIRig(inner)


class TestComfyUI(ConnectorContract):
    @pytest.fixture(autouse=True, params=["0.3.40", "0.3.64", "0.38.1"])
    def _version(self, request: pytest.FixtureRequest) -> None:
        self.version = str(request.param)

    def rig(self) -> AbstractAsyncContextManager[ComfyUIRig]:
        return prepared(self.version)
