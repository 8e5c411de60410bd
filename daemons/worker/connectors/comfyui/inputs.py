"""The files that a job takes, brought to the server before the prompt."""

from pathlib import PurePosixPath

from daemons.worker.connector import JobContext, JobFailed, ServiceDown
from daemons.worker.connectors.comfyui import outcome
from daemons.worker.connectors.comfyui.answers import FileRef
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi, ErrorAnswer
from daemons.worker.connectors.comfyui.graph import Request, names_used, with_inputs
from emp_core.domain.file_names import safe_name
from emp_core.domain.graph import Graph
from emp_core.domain.outcome import Blame
from emp_core.errors import NotFound


async def with_files(api: ComfyUIApi, request: Request, context: JobContext) -> Graph:
    """The graph with each file's name replaced by what the server called it."""
    used = names_used(request.graph)
    replaced: dict[str, str] = {}
    for name, artifact in request.files.items():
        if name in used:
            replaced[name] = _reference(await _send(api, name, artifact, context))
        else:
            context.log(f"files: no input of the workflow is {name!r:.100}; not sent")
    return with_inputs(request.graph, replaced) if replaced else request.graph


async def _send(api: ComfyUIApi, name: str, artifact: str, context: JobContext) -> FileRef:
    """Upload one, under a name made from its content: so the server gets the same file once, whatever jobs call it."""
    try:
        about = await context.about(artifact)
        suffix = PurePosixPath(safe_name(name)).suffix.lower()
        ref = FileRef(f"emp-{about.sha256[:32]}{suffix}", "", "input")
        if await api.size_of(ref) == about.size:
            return ref
        return await api.upload(ref.filename, context.download(artifact))
    except NotFound as error:
        message = f"files: there is no artifact {artifact!r:.100}"
        raise outcome.failed(message, "missing_input", retryable=False, blame=Blame.JOB) from error
    except ErrorAnswer as error:
        raise _refused(name, error) from error
    except ApiError as error:
        raise ServiceDown(str(error)) from error


def _refused(name: str, error: ErrorAnswer) -> JobFailed:
    code = "too_large" if error.status == 413 else "validation"
    message = f"ComfyUI does not take the file {safe_name(name)} (HTTP {error.status})"
    return outcome.failed(message, code, retryable=False, blame=Blame.JOB)


def _reference(ref: FileRef) -> str:
    """How a graph names a file: with its folder, unless that is `input`."""
    path = f"{ref.subfolder}/{ref.filename}" if ref.subfolder else ref.filename
    return path if ref.folder == "input" else f"{path} [{ref.folder}]"
