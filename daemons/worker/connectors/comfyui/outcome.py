"""How an attempt failed: whether another try can help, whether job or worker is at fault, and one line for people."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from daemons.worker.connector import ConnectorError, JobFailed, Mismatch, ServiceDown
from daemons.worker.connectors.comfyui.answers import Entry, mapping, sequence, text
from daemons.worker.connectors.comfyui.api import ErrorAnswer
from daemons.worker.connectors.comfyui.lacking import lacks
from emp_core.domain.graph import Graph
from emp_core.domain.outcome import Artifact, Blame, Failure

LINE = 500
"""Characters of a message."""

PROBLEMS = 15
"""Problems of a refused graph that are kept."""

SHORT = 200
"""Characters of each word about a problem."""

TRACEBACK = 2_500
"""Characters of a traceback that are kept, from its end."""

OUT_OF_MEMORY = re.compile(r"OutOfMemory|out of memory|can't allocate memory|MemoryError", re.IGNORECASE)
DEVICE = re.compile(r"CUDA error|cuDNN|CUBLAS|CUSOLVER|HIP error|device-side assert|no kernel image", re.IGNORECASE)

DETERMINISTIC = frozenset(
    {"ValueError", "TypeError", "KeyError", "IndexError", "AttributeError", "AssertionError", "NotImplementedError"}
    | {"ZeroDivisionError", "NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "RecursionError"}
    | {"graph.DependencyCycleError"}
)
"""Exceptions that come again however often the same graph runs."""


def line(message: str, most: int = LINE) -> str:
    """A text from the server as one line of a bearable length."""
    words = " ".join(message[: 4 * most].split())
    return words if len(words) <= most else words[: most - 1] + "…"


def failed(message: str, code: str, *, retryable: bool, blame: Blame = Blame.BACKEND, **detail: Any) -> JobFailed:
    """The error to raise."""
    return JobFailed(Failure(message=line(message), retryable=retryable, blame=blame, code=code, detail=detail))


def timed_out(limit: float, waited: float) -> JobFailed:
    """The attempt took too long, `waited` seconds of it in ComfyUI's queue behind prompts of other clients."""
    behind = f", {waited:.0f} s of it spent waiting in ComfyUI behind prompts of other clients" if waited >= 1 else ""
    return failed(f"took longer than its limit of {limit:.0f} s{behind}", "timeout", retryable=True, blame=Blame.JOB)


def unreachable(seconds: float, why: Exception) -> JobFailed:
    """It has not answered for too long."""
    return failed(f"ComfyUI has not answered for {seconds:.0f} s: {why}", "backend_unreachable", retryable=True)


def lost(prompt_id: str, *, restarted: bool) -> JobFailed:
    """The prompt is in neither queue nor history."""
    if restarted:
        return failed("ComfyUI restarted and lost the prompt", "backend_restarted", retryable=True, prompt_id=prompt_id)
    message = "ComfyUI no longer knows the prompt: it was deleted, or ComfyUI restarted"
    return failed(message, "backend_lost_job", retryable=True, prompt_id=prompt_id)


def refused(error: ErrorAnswer) -> ConnectorError:
    """What an error answer to a prompt means: this server lacks something, or the graph or the address is wrong."""
    if error.status == 413:
        return failed("the workflow is larger than ComfyUI accepts", "too_large", retryable=False, blame=Blame.JOB)
    if error.status not in (400, 500):
        return ServiceDown(f"ComfyUI's address answers a prompt with HTTP {error.status}")
    answer = error.answer
    missing = lacks(answer)
    if missing:
        return Mismatch(line(", ".join(missing)))
    problems = list(islice(_problems(mapping(answer.get("node_errors"))), PROBLEMS))
    return failed(
        _summary(answer, problems) or f"ComfyUI refused the workflow with HTTP {error.status}",
        "validation",
        retryable=False,
        blame=Blame.JOB,
        status=error.status,
        problems=problems,
    )


def partly_invalid(node_errors: Mapping[str, Any]) -> JobFailed:
    """It was queued, but without the outputs that are invalid."""
    problems = list(islice(_problems(node_errors), PROBLEMS))
    message = f"some outputs are invalid: {_summary({}, problems)}"
    return failed(message, "validation", retryable=False, blame=Blame.JOB, problems=problems)


def skipped(entry: Entry, graph: Graph, over_socket: frozenset[str]) -> Iterator[str]:
    """A note for each output node that made nothing, as happens behind an ExecutionBlocker."""
    for node in entry.wanted:
        if node in graph and node not in over_socket and node not in entry.outputs:
            what = line(f"{graph[node]['class_type']} (node {node})", SHORT)
            yield f"{what} made no output: a switch or a blocker in the graph may have skipped it"


def ended_badly(entry: Entry, artifacts: tuple[Artifact, ...] = ()) -> JobFailed:
    """The history says that it did not succeed."""
    if entry.interrupted:
        code, message = "interrupted_by_other", "the prompt was interrupted in ComfyUI"
        return JobFailed(Failure(message=message, code=code, retryable=True, artifacts=artifacts))
    error = entry.error
    kind, said = text(error.get("exception_type")), text(error.get("exception_message"))
    code, retryable, blame = _judge(kind, said)
    where = f"{text(error.get('node_type'))} (node {text(error.get('node_id'))})"
    first = next(iter(said[:4000].strip().splitlines()), "")
    told = f"{where}: {kind.rpartition('.')[2]}: {first}" if error else "ComfyUI reported a failure without a reason"
    return JobFailed(
        Failure(
            message=line(told),
            retryable=retryable,
            blame=blame,
            code=code,
            detail=_detail(error),
            artifacts=artifacts,
        )
    )


def _judge(kind: str, said: str) -> tuple[str, bool, Blame]:
    if OUT_OF_MEMORY.search(kind) or OUT_OF_MEMORY.search(said):
        return "out_of_memory", True, Blame.BACKEND
    if DEVICE.search(said):
        return "device_error", True, Blame.BACKEND
    if kind == "FileNotFoundError":
        return "missing_file", True, Blame.BACKEND
    return "node_error", kind not in DETERMINISTIC, Blame.JOB


def _detail(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """What helps to find the cause. Never the inputs: they hold prompts and dumps of tensors."""
    trace = "".join(text(part) for part in sequence(error.get("traceback"))[-100:])
    kept = {key: text(error.get(key))[:SHORT] for key in ("node_id", "node_type", "exception_type")}
    return {**kept, "exception_message": text(error.get("exception_message"))[:1000], "traceback": trace[-TRACEBACK:]}


def _problems(node_errors: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    for node, about in node_errors.items():
        class_type = text(mapping(about).get("class_type"))
        for error in sequence(mapping(about).get("errors")):
            parts = mapping(error)
            said = {key: line(text(parts.get(key)), SHORT) for key in ("type", "message", "details")}
            yield {"node": text(node)[:SHORT], "class_type": class_type[:SHORT], **said}


def _summary(answer: Mapping[str, Any], problems: list[Mapping[str, str]]) -> str:
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return f"{first['class_type']} (node {first['node']}): {first['message']}: {first['details']}{more}"
    error = answer.get("error")
    message, details = text(mapping(error).get("message")), text(mapping(error).get("details"))
    return text(error) or (f"{message} ({details})" if details else message)
