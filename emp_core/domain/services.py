"""Which services implement a job type, for jobs that name only the type."""

from collections.abc import Mapping

IMPLEMENTED_BY: Mapping[str, tuple[str, ...]] = {
    "image_generation": ("a1111", "comfyui"),
    "text_to_image": ("a1111", "comfyui"),
    "txt2img": ("a1111", "comfyui"),
    "image_to_image": ("a1111", "comfyui"),
    "img2img": ("a1111", "comfyui"),
    "workflow": ("comfyui",),
    "text_generation": ("ollama", "openai"),
    "chat": ("ollama", "openai"),
    "embedding": ("ollama", "openai"),
}


def services_of(job_type: str) -> tuple[str, ...]:
    """The services that implement a job type; an unknown one is the name of its own service."""
    return IMPLEMENTED_BY.get(job_type, (job_type,))
