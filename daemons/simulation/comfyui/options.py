"""What a simulated server is: its version, its models, how long its work takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MEBIBYTE = 1 << 20


def _models() -> Mapping[str, tuple[str, ...]]:
    return {
        "checkpoints": ("sd_xl_base_1.0.safetensors", "v1-5-pruned-emaonly.safetensors"),
        "loras": ("detail.safetensors",),
        "vae": ("sdxl_vae.safetensors",),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Fixed for the life of a server. The defaults take no time at all."""

    version: str = "0.3.64"
    """The ComfyUI whose ways are followed."""

    models: Mapping[str, tuple[str, ...]] = field(default_factory=_models)
    """Folder -> file names; folders that ComfyUI knows and this lacks are empty."""

    step_seconds: float = 0.0
    """What one sampling step takes."""

    node_seconds: float = 0.0
    """What a node without steps takes."""

    load_seconds: float = 0.0
    """What loading a checkpoint takes."""

    history_lag: float = 0.0
    """Seconds between `execution_success` and the entry in the history."""

    previews: bool = False
    """`--preview-method`: whether samplers send pictures of each step."""

    max_upload_bytes: int = 100 * MEBIBYTE
    """`--max-upload-size`: over it, a body is refused with 413."""

    memory_bytes: int = 24_000_000_000
    """What `system_stats` says of the one device."""

    gpu: str = ""
    """The device's name; empty: it is the CPU."""

    history_size: int = 1_000
    """Entries kept; a real server keeps 10,000."""

    def _at_least(self, *version: int) -> bool:
        parts = (int(part) for part in self.version.split(".")[:3])
        return tuple(parts) >= version

    @property
    def knows_prompt_ids(self) -> bool:
        """Whether a client may name its prompt, and events say which prompt they are about."""
        return self._at_least(0, 3, 45)

    @property
    def interrupts_one(self) -> bool:
        """Whether `/interrupt` heeds a prompt id; without, it hits whatever runs."""
        return self._at_least(0, 3, 57)

    @property
    def has_jobs(self) -> bool:
        """Whether `/api/jobs` exists, with its cancel calls, and prompt ids must be UUIDs.

        They came one by one in the versions before; the simulation takes the step at once.
        """
        return self._at_least(0, 38)
