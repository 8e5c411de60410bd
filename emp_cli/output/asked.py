"""What a job asks of a worker, in words."""

from collections.abc import Collection

from emp_core.domain.requirements import Requirements


def asked(requirements: Requirements, *, but: Collection[str] = ()) -> str:
    """What a job asks, on one line: `comfyui, gpu_memory_gb 24, customer_id acme`."""
    return ", ".join(_words(name, value) for name, value in requirements.to_json().items() if name not in but)


def _words(name: str, value: object) -> str:
    if isinstance(value, tuple | list):
        text = " or ".join(map(str, value)) if name == "services" else " ".join(map(str, value))
    elif isinstance(value, dict):
        text = " ".join(f"{path}={each}" for path, each in value.items())
    else:
        text = str(value)
    return text if name == "services" else f"{name} {text}"
