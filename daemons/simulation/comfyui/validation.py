"""What `/prompt` checks before it queues a graph, with ComfyUI's own words.

A malformed graph (a string, the editor's format) raises TypeError, KeyError or AttributeError here as it does there:
the server then answers 500.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daemons.simulation.comfyui.catalog import NodeClass
from daemons.simulation.comfyui.disk import Disk, Escapes, locate

Problem = dict[str, Any]
CONVERTERS: Mapping[str, type] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
LISTED = 20
"""Longer lists of choices are not sent back."""


def problem(kind: str, message: str, details: str = "", **extra: Any) -> Problem:
    """An error as ComfyUI words it."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


@dataclass(slots=True)
class Verdict:
    """What came out: outputs to run, or an error for all; `node_errors` may come with either."""

    outputs: list[str] = field(default_factory=list[str])
    error: Problem | None = None
    node_errors: dict[str, Any] = field(default_factory=dict[str, Any])


class Validation:
    """One graph against the classes of a server."""

    def __init__(self, graph: Any, classes: Mapping[str, NodeClass], disk: Disk) -> None:
        self._graph = graph
        self._classes = classes
        self._disk = disk
        self._judged: dict[str, list[Problem] | None] = {}
        """Node -> its own problems (none where only what it takes is bad); None: good."""

    def run(self, targets: list[str] | None = None) -> Verdict:
        """Judge the whole graph."""
        unknown = self._unknown_class()
        if unknown is not None:
            return Verdict(error=unknown)
        outputs = [node for node in self._graph if self._class(node).output and (targets is None or node in targets)]
        if not outputs:
            return Verdict(error=problem("prompt_no_outputs", "Prompt has no outputs"))
        return self._judge_outputs(outputs)

    def _class(self, node: str) -> NodeClass:
        return self._classes[self._graph[node]["class_type"]]

    def _unknown_class(self) -> Problem | None:
        for node in self._graph:
            if "class_type" not in self._graph[node]:
                message = "Cannot execute because a node is missing the class_type property."
                return problem("invalid_prompt", message, f"Node ID '#{node}'")
            name = self._graph[node]["class_type"]
            if name not in self._classes:
                return problem(
                    "invalid_prompt", f"Cannot execute because node {name} does not exist.", f"Node ID '#{node}'"
                )
        return None

    def _judge_outputs(self, outputs: list[str]) -> Verdict:
        verdict = Verdict()
        found: list[Problem] = []
        for output in outputs:
            if self._good_output(output):
                verdict.outputs.append(output)
                continue
            found += self._judged[output] or []
            self._report(output, verdict.node_errors)
        if not verdict.outputs:
            details = "\n".join(f"{each['message']}: {each['details']}" for each in found)
            verdict.error = problem("prompt_outputs_failed_validation", "Prompt outputs failed validation", details)
        return verdict

    def _report(self, output: str, node_errors: dict[str, Any]) -> None:
        for node, problems in self._judged.items():
            if problems:
                class_type = self._graph[node]["class_type"]
                entry = {"errors": problems, "dependent_outputs": [], "class_type": class_type}
                node_errors.setdefault(node, entry)["dependent_outputs"].append(output)

    def _good_output(self, output: str) -> bool:
        try:
            return self._good(output)
        except KeyError as error:
            more = {"exception_type": "KeyError", "traceback": []}
            found = problem("exception_during_validation", "Exception when validating node", str(error), **more)
            self._judged[output] = [found]
            return False

    def _good(self, node: str) -> bool:
        if node not in self._judged:
            problems, sound = self._judge(node)
            self._judged[node] = None if sound and not problems else problems
        return self._judged[node] is None

    def _judge(self, node: str) -> tuple[list[Problem], bool]:
        """A node's own problems, and whether all that it takes is good."""
        entry = self._class(node)
        inputs = self._graph[node]["inputs"]
        problems: list[Problem] = []
        sound = True
        for name, config in [*entry.required.items(), *entry.optional.items()]:
            if name not in inputs:
                if name in entry.required:
                    problems.append(
                        problem("required_input_missing", "Required input is missing", name, input_name=name)
                    )
                continue
            if isinstance(inputs[name], list):
                found, good = self._judge_link(name, config, inputs[name])
                sound = sound and good
            else:
                found = self._judge_value(entry.name, name, config, inputs)
            problems += [found] if found else []
        return problems, sound

    def _judge_link(self, name: str, config: list[Any], link: list[Any]) -> tuple[Problem | None, bool]:
        about = {"input_name": name, "input_config": config}
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return problem("bad_linked_input", message, name, **about, received_value=link), True
        received = self._class(link[0]).returns[link[1]]
        if config[0] not in (received, "*"):
            details = f"{name}, received_type({received}) mismatch input_type({config[0]})"
            message = "Return type mismatch between linked nodes"
            more = {"received_type": received, "linked_node": link}
            return problem("return_type_mismatch", message, details, **about, **more), True
        try:
            return None, self._good(link[0])
        except KeyError as error:
            self._judged[link[0]] = [self._inner(str(error), about, link)]
            return None, False

    @staticmethod
    def _inner(text: str, about: dict[str, Any], link: list[Any]) -> Problem:
        more = {"exception_message": text, "exception_type": "KeyError", "traceback": [], "linked_node": link}
        message = "Exception when validating inner node"
        return problem("exception_during_inner_validation", message, text, **about, **more)

    def _judge_value(self, class_type: str, name: str, config: list[Any], inputs: dict[str, Any]) -> Problem | None:
        kind, options = config[0], config[1] if len(config) > 1 else {}
        try:
            value = inputs[name] = CONVERTERS.get(kind, _same)(inputs[name]) if isinstance(kind, str) else inputs[name]
        except (TypeError, ValueError) as error:
            message = f"Failed to convert an input value to a {kind} value"
            more = {"received_value": inputs[name], "exception_message": str(error)}
            details = f"{name}, {inputs[name]}, {error}"
            return problem("invalid_input_type", message, details, input_name=name, input_config=config, **more)
        if class_type == "LoadImage":
            return self._judge_file(name, value)
        return _judge_limits(name, config, options, value)

    def _judge_file(self, name: str, value: str) -> Problem | None:
        try:
            missing = self._disk.read(*locate(value)) is None
        except Escapes:
            missing = True
        details = f"{name} - Invalid image file: {value}"
        message = "Custom validation failed for node"
        return problem("custom_validation_failed", message, details, input_name=name) if missing else None


def _same(value: Any) -> Any:
    return value


def _judge_limits(name: str, config: list[Any], options: Mapping[str, Any], value: Any) -> Problem | None:
    about = {"input_name": name, "input_config": config, "received_value": value}
    if "min" in options and value < options["min"]:
        return problem("value_smaller_than_min", f"Value {value} smaller than min of {options['min']}", name, **about)
    if "max" in options and value > options["max"]:
        return problem("value_bigger_than_max", f"Value {value} bigger than max of {options['max']}", name, **about)
    choices = config[0]
    if isinstance(choices, list) and value not in choices:
        long = len(choices) > LISTED
        shown = f"(list of length {len(choices)})" if long else str(choices)
        about["input_config"] = None if long else config
        return problem("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {shown}", **about)
    return None
