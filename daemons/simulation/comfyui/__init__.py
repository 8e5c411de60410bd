"""A simulated ComfyUI: an HTTP and WebSocket server that behaves as the real one does, its silences included.

It makes real, small PNG files and needs no GPU, no models and next to no CPU. What goes wrong is ordered by `Faults`.
"""

from daemons.simulation.comfyui.faults import Answer, Fault, Faults
from daemons.simulation.comfyui.options import Options
from daemons.simulation.comfyui.server import SimulatedComfyUI

__all__ = ["Answer", "Fault", "Faults", "Options", "SimulatedComfyUI"]
