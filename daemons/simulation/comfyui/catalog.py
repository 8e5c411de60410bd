"""The node classes of a simulated server, as `/object_info` lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemons.simulation.comfyui.disk import Disk
from daemons.simulation.comfyui.nodes import BENCH_ERRORS
from daemons.simulation.comfyui.options import Options

MAX_SIDE = 16384
SAMPLERS = ["euler", "euler_ancestral", "heun", "dpm_2", "dpmpp_2m", "dpmpp_2m_sde", "ddim", "uni_pc"]
SCHEDULERS = ["simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal"]
SCALING = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
PREFIX_TIP = (
    "The prefix for the file to save. This may include formatting information such as %date:yyyy-MM-dd% or "
    "%Empty Latent Image.width% to include values from nodes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """One entry of `/object_info`."""

    name: str
    required: Mapping[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    optional: Mapping[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    hidden: Mapping[str, str] = field(default_factory=dict[str, str])
    returns: tuple[str, ...] = ()
    output: bool = False
    title: str = ""
    about: str = ""
    category: str = "image"
    module: str = "nodes"
    fresh: bool = False
    """Whether it runs anew each time (`IS_CHANGED`)."""


def _integer(default: int, low: int, high: int, **more: Any) -> list[Any]:
    return ["INT", {"default": default, "min": low, "max": high, **more}]


def _float(default: float, low: float, high: float, step: float) -> list[Any]:
    return ["FLOAT", {"default": default, "min": low, "max": high, "step": step}]


def _link(kind: str, **options: Any) -> list[Any]:
    return [kind, options] if options else [kind]


def _images(disk: Disk) -> list[NodeClass]:
    image = {"image": _link("IMAGE")}
    side = _integer(512, 1, MAX_SIDE, step=1)
    scaled = _integer(512, 0, MAX_SIDE, step=1)
    color = _integer(0, 0, 0xFFFFFF, step=1, display="color")
    return [
        NodeClass(
            name="EmptyImage",
            required={"width": side, "height": side, "batch_size": _integer(1, 1, 4096), "color": color},
            returns=("IMAGE",),
        ),
        NodeClass(name="ImageInvert", required=image, returns=("IMAGE",), title="Invert Image"),
        NodeClass(
            name="ImageScale",
            required=image
            | {
                "upscale_method": [SCALING, {}],
                "width": scaled,
                "height": scaled,
                "crop": [["disabled", "center"], {}],
            },
            returns=("IMAGE",),
            title="Upscale Image",
            category="image/upscaling",
        ),
        NodeClass(
            name="ImageBlur",
            required=image | {"blur_radius": _integer(1, 1, 31, step=1), "sigma": _float(1.0, 0.1, 10.0, 0.1)},
            returns=("IMAGE",),
            category="image/postprocessing",
        ),
        NodeClass(
            name="LoadImage",
            required={"image": [disk.names("input"), {"image_upload": True}]},
            returns=("IMAGE", "MASK"),
            title="Load Image",
        ),
    ]


def _outputs() -> list[NodeClass]:
    hidden = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
    return [
        NodeClass(
            name="SaveImage",
            required={
                "images": _link("IMAGE", tooltip="The images to save."),
                "filename_prefix": ["STRING", {"default": "ComfyUI", "tooltip": PREFIX_TIP}],
            },
            hidden=hidden,
            output=True,
            title="Save Image",
            about="Saves the input images to your ComfyUI output directory.",
        ),
        NodeClass(
            name="PreviewImage",
            required={"images": _link("IMAGE")},
            hidden=hidden,
            output=True,
            title="Preview Image",
        ),
        NodeClass(
            name="SaveImageWebsocket",
            required={"images": _link("IMAGE")},
            output=True,
            fresh=True,
            category="api/image",
            module="custom_nodes.websocket_image_save",
        ),
    ]


def _texts() -> list[NodeClass]:
    return [
        NodeClass(
            name="PreviewAny",
            required={"source": ["*", {}]},
            output=True,
            title="Preview Any",
            category="utils",
        ),
        NodeClass(
            name="StringConcatenate",
            required={name: ["STRING", {"multiline": True}] for name in ("string_a", "string_b", "delimiter")},
            returns=("STRING",),
            category="utils/string",
        ),
    ]


def _loading(options: Options) -> list[NodeClass]:
    checkpoints = list(options.models.get("checkpoints", ()))
    side = _integer(512, 16, MAX_SIDE, step=8)
    return [
        NodeClass(
            name="CheckpointLoaderSimple",
            required={"ckpt_name": [checkpoints, {"tooltip": "The name of the checkpoint (model) to load."}]},
            returns=("MODEL", "CLIP", "VAE"),
            title="Load Checkpoint",
            category="loaders",
        ),
        NodeClass(
            name="CLIPTextEncode",
            required={"text": ["STRING", {"multiline": True, "dynamicPrompts": True}], "clip": _link("CLIP")},
            returns=("CONDITIONING",),
            title="CLIP Text Encode (Prompt)",
            category="conditioning",
        ),
        NodeClass(
            name="EmptyLatentImage",
            required={"width": side, "height": side, "batch_size": _integer(1, 1, 4096)},
            returns=("LATENT",),
            title="Empty Latent Image",
            category="latent",
        ),
    ]


def _sampling() -> list[NodeClass]:
    return [
        NodeClass(
            name="KSampler",
            required={
                "model": _link("MODEL"),
                "seed": _integer(0, 0, 0xFFFFFFFFFFFFFFFF, control_after_generate=True),
                "steps": _integer(20, 1, 10000),
                "cfg": _float(8.0, 0.0, 100.0, 0.1),
                "sampler_name": [SAMPLERS, {}],
                "scheduler": [SCHEDULERS, {}],
                "positive": _link("CONDITIONING"),
                "negative": _link("CONDITIONING"),
                "latent_image": _link("LATENT"),
                "denoise": _float(1.0, 0.0, 1.0, 0.01),
            },
            returns=("LATENT",),
            category="sampling",
        ),
        NodeClass(
            name="VAEDecode",
            required={"samples": _link("LATENT"), "vae": _link("VAE")},
            returns=("IMAGE",),
            title="VAE Decode",
            category="latent",
        ),
    ]


def _bench() -> list[NodeClass]:
    """The nodes of the test bench that the recorded samples were made with."""
    switch = ["BOOLEAN", {"default": False}]
    seed = _integer(0, 0, 0xFFFFFFFFFFFFFFFF)
    return [
        NodeClass(
            name="TBSleep",
            required={"seconds": _float(1.0, 0.0, 3600.0, 0.1), "steps": _integer(1, 0, 10000), "preview": switch},
            optional={"seed": seed, "image": _link("IMAGE")},
            returns=("IMAGE",),
            module="custom_nodes.testbench",
        ),
        NodeClass(
            name="TBFail",
            required={"kind": [[*BENCH_ERRORS, "blocked"], {}], "message": ["STRING", {"default": ""}]},
            optional={"image": _link("IMAGE")},
            returns=("IMAGE",),
            module="custom_nodes.testbench",
        ),
        NodeClass(
            name="TBText",
            required={"text": ["STRING", {"default": ""}], "size": _integer(0, 0, 1 << 30)},
            output=True,
            module="custom_nodes.testbench",
        ),
    ]


def catalog(options: Options, disk: Disk) -> dict[str, NodeClass]:
    """Every class by name, with the choices that models and uploaded files give."""
    classes = [*_images(disk), *_outputs(), *_texts(), *_loading(options), *_sampling(), *_bench()]
    return {entry.name: entry for entry in classes}


def object_info(entry: NodeClass) -> Mapping[str, Any]:
    """A class as ComfyUI describes it."""
    groups = {"required": entry.required, "optional": entry.optional, "hidden": entry.hidden}
    filled: dict[str, Mapping[str, Any]] = {group: names for group, names in groups.items() if names}
    return {
        "input": filled,
        "input_order": {group: list(names) for group, names in filled.items()},
        "output": list(entry.returns),
        "output_is_list": [False] * len(entry.returns),
        "output_name": list(entry.returns),
        "name": entry.name,
        "display_name": entry.title or entry.name,
        "description": entry.about,
        "python_module": entry.module,
        "category": entry.category,
        "output_node": entry.output,
    }
