"""Saves the files of a job, and says what came of it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emp_cli.output import terminal
from emp_cli.output.clean import one_line
from emp_core.domain.policy import MAX_INLINE_PAYLOAD
from emp_core.errors import ArtifactsUnavailable, Conflict, HubUnavailable, InvalidInput, Misconfigured, NotFound

if TYPE_CHECKING:
    from emp_core import AsyncEmp


@dataclass(frozen=True, slots=True)
class Saving:
    """Where files go, and under which names."""

    directory: Path
    name_template: str


def read_saving(output_dir: str | None, name_template: str | None) -> Saving | None:
    """Read both options; None if no files are wanted. Raises `InvalidInput` before anything is asked of the queue."""
    from emp_core.client.name_template import NameTemplate

    if not output_dir:
        if name_template is not None:
            raise InvalidInput("name_template", "needs --output-dir")
        return None
    template = NameTemplate() if name_template is None else NameTemplate(name_template)
    return Saving(Path(output_dir), template.text)


async def save(emp: "AsyncEmp", job_id: str, saving: Saving) -> list[Path]:
    """Save the files, with a line for each."""
    saved = await emp.download(job_id, saving.directory, saving.name_template)
    for path in saved:
        terminal.note(f"saved {path}")
    return saved


async def tell_notes(emp: "AsyncEmp", job_id: str) -> None:
    """Say what the service noted about the result, such as outputs that it lacks."""
    try:
        outcome = await emp.outcome(job_id)
    except NotFound:  # deleted since its end was read
        return
    result = outcome.value if outcome.file is None else await _read_small(emp, job_id, outcome.file.size)
    data = (result or {}).get("data")
    notes = data.get("notes") if isinstance(data, dict) else None
    for note in notes if isinstance(notes, list) else ():
        terminal.warn(f"job {job_id}: {one_line(str(note))}")


async def _read_small(emp: "AsyncEmp", job_id: str, size: int) -> dict[str, Any] | None:
    """A result whose data lies in a file; None, and a note says so, if it is large or cannot be read."""
    with suppress(NotFound, Conflict, Misconfigured, ArtifactsUnavailable, HubUnavailable):
        if size <= MAX_INLINE_PAYLOAD:
            return await emp.result(job_id)
    terminal.note(f"the result of job {job_id} may have notes: emp job result {job_id}")
    return None
