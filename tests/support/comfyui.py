"""Graphs, and a ComfyUI connector on a simulated server, for tests."""

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemons.simulation.comfyui import Faults, Options, SimulatedComfyUI
from daemons.worker.connector import Assignment
from daemons.worker.connectors.comfyui import ComfyUI, ComfyUISettings
from emp_core.clock import SystemClock
from emp_core.domain.outcome import Result
from tests.support.contexts import RecordingContext
from tests.support.waiting import wait_until

DATA = Path(__file__).parent.parent / "data" / "comfyui"
Graph = dict[str, dict[str, Any]]

QUICK: Mapping[str, Any] = {
    "poll_seconds": 0.02,
}
"""Settings that keep tests short; limits stay long, so that a busy machine fails no test."""


def samples() -> dict[str, Any]:
    """What was recorded from a real server."""
    return dict(json.loads((DATA / "samples.json").read_text()))


def workflow(name: str) -> Graph:
    """One of the reference workflows."""
    return dict(json.loads((DATA / "workflows" / f"{name}.json").read_text()))


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def image(color: int = 0xC81E1E, count: int = 1) -> dict[str, Any]:
    return node("EmptyImage", width=64, height=64, batch_size=count, color=color)


def saved(body: dict[str, Any], prefix: str = "out", *, by: str = "SaveImage") -> Graph:
    """A node and an output for it."""
    inputs = {"filename_prefix": prefix} if by == "SaveImage" else {}
    return {"1": body, "2": node(by, images=["1", 0], **inputs)}


def sleeping(steps: int = 5, *, preview: bool = False, seed: int = 0) -> Graph:
    return saved(node("TBSleep", seconds=0.0, steps=steps, preview=preview, seed=seed), "slow")


def failing(kind: str = "runtime", message: str = "boom") -> Graph:
    return saved(node("TBFail", kind=kind, message=message))


def txt2img(steps: int = 4, seed: int = 1) -> Graph:
    return {
        "4": node("CheckpointLoaderSimple", ckpt_name="v1-5-pruned-emaonly.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=512, batch_size=1),
        "6": node("CLIPTextEncode", text="a quiet harbour", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="noise", clip=["4", 1]),
        "3": node(
            "KSampler",
            seed=seed,
            steps=steps,
            cfg=8,
            sampler_name="euler",
            scheduler="normal",
            denoise=1,
            model=["4", 0],
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="ComfyUI"),
    }


@dataclass
class Rig:
    """A connector and the server that it drives."""

    server: SimulatedComfyUI
    connector: ComfyUI
    context: RecordingContext

    async def run(self, payload: Mapping[str, Any], job: str = "job", attempt: int = 1) -> Result:
        return await self.connector.run(
            Assignment(job_id=job, attempt=attempt, service="comfyui", payload=payload), self.context
        )

    async def until_running(self, at: str = "") -> None:
        """Until the server works, at a certain node if one is named."""
        await wait_until(
            lambda: self.server.running is not None and (not at or self.server.node == at), f"work at node {at}"
        )


@asynccontextmanager
async def rig(options: Options | None = None, faults: Faults | None = None, **settings: Any) -> AsyncIterator[Rig]:
    async with SimulatedComfyUI(options, faults) as server:
        chosen = ComfyUISettings(**{"url": server.url, **QUICK, **settings})
        connector = ComfyUI(chosen, worker_id="box:0", clock=SystemClock(), new_uuid=uuid.uuid4)
        try:
            yield Rig(server, connector, RecordingContext())
        finally:
            await connector.close()
