"""Mixed jobs for a simulated fleet: pictures, small and large, of several customers, and some that go wrong."""

import random
from typing import Any

CUSTOMERS = ("acme", "globex", "initech")
CHECKPOINT = "v1-5-pruned-emaonly.safetensors"


def text_to_image(prompt: str, *, seed: int, steps: int = 8) -> dict[str, Any]:
    """A ComfyUI graph as its editor exports it."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
        "5": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["1", 0],
                "positive": ["2", 0],
                "negative": ["3", 0],
                "latent_image": ["4", 0],
                "seed": seed,
                "steps": steps,
                "cfg": 7.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
            },
        },
        "6": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["1", 2]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "demo"}},
    }


def mixed_jobs(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Request bodies; the same seed makes the same jobs."""
    draw = random.Random(seed)
    return [_job(draw) for _ in range(count)]


def _job(draw: random.Random) -> dict[str, Any]:
    job: dict[str, Any] = {
        "priority": draw.choice((20, 50, 50, 50, 75, 90)),
        "customer_id": draw.choice(CUSTOMERS),
        "requirements": {"gpu_memory_gb": draw.choice((8, 8, 8, 16, 24, 48))},
    }
    if draw.random() < 0.6:
        prompt = draw.choice(("a lighthouse at dusk", "a [cat:dog:0.5] in a tea cup", "mountains, (sharp:1.2)"))
        graph = text_to_image(prompt, seed=draw.getrandbits(64), steps=draw.randint(4, 12))
        return {**job, "service": "comfyui", "payload": {"workflow": graph}}
    return {**job, "service": "simulation", "payload": {"steps": draw.randint(4, 12), "outputs": 1}}


def impossible_job() -> dict[str, Any]:
    """One that no worker of the mock environment can do."""
    return {"service": "comfyui", "priority": 60, "requirements": {"gpu_memory_gb": 96}, "customer_id": CUSTOMERS[0]}


def broken_job() -> dict[str, Any]:
    """One that ComfyUI refuses."""
    graph = {"1": {"class_type": "NoSuchNode", "inputs": {}}}
    return {"service": "comfyui", "payload": {"workflow": graph}, "customer_id": CUSTOMERS[1]}
