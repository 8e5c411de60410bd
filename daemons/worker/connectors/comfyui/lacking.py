"""Reads from ComfyUI's refusal of a graph what the server lacks: node classes and model files that another may have."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from daemons.worker.connectors.comfyui.answers import mapping, sequence, text

UNKNOWN_NODE = re.compile(r"node (.{1,200}?) does not exist", re.IGNORECASE)
"""Of `Cannot execute because node Foo does not exist.`"""

MODEL_INPUTS = frozenset(
    {"ckpt_name", "unet_name", "vae_name", "lora_name", "control_net_name", "style_model_name", "gligen_name"}
    | {
        "clip_name",
        "clip_name1",
        "clip_name2",
        "clip_name3",
        "clip_name4",
        "hypernetwork_name",
        "photomaker_model_name",
    }
    | {"model_name", "model_path", "audio_encoder_name"}
)
"""Inputs of ComfyUI's own loaders that name a model."""

MODEL_FILE = re.compile(r".\.(safetensors|sft|ckpt|pt|pt2|pth|bin|pkl|gguf|onnx|engine|model|patch)$", re.IGNORECASE)
"""Names of model files, for the loaders of custom nodes."""


def lacks(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """What is lacking, in words; empty if anything else is wrong with the graph, which no other server could mend."""
    unknown = UNKNOWN_NODE.search(text(mapping(answer.get("error")).get("message")))
    if unknown is not None:
        return (f"the node class {unknown[1]!r}",)
    return missing_models(mapping(answer.get("node_errors")))


def missing_models(node_errors: Mapping[str, Any]) -> tuple[str, ...]:
    """The models that nodes ask for and the server does not list; empty if there is any other problem."""
    found = list(_models(node_errors))
    return () if None in found else tuple(dict.fromkeys(name for name in found if name is not None))


def _models(node_errors: Mapping[str, Any]) -> Iterator[str | None]:
    """One entry for each problem; None for what is no missing model."""
    for about in node_errors.values():
        for error in map(mapping, sequence(mapping(about).get("errors"))):
            details = mapping(error.get("extra_info"))
            name, value = text(details.get("input_name")), text(details.get("received_value"))
            is_model = bool(value) and (name in MODEL_INPUTS or MODEL_FILE.search(value) is not None)
            yield f"the model {value!r:.200}" if is_model and error.get("type") == "value_not_in_list" else None
