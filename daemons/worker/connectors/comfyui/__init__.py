"""ComfyUI: graphs in, pictures and other files out."""

from daemons.worker.connectors.comfyui.connector import ComfyUI, build
from daemons.worker.connectors.comfyui.settings import ComfyUISettings

__all__ = ["ComfyUI", "ComfyUISettings", "build"]
