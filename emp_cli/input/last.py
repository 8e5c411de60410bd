"""`@last`: the job that was submitted last from here, kept in a file of the data directory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emp_cli.output import terminal
from emp_cli.output.clean import one_line
from emp_core.errors import EmpError, NotFound

LAST = "@last"


def with_last(value: Any) -> Any:
    """An argument or a list of them, with the id in the place of `@last`. Raises `NotFound` if there is none."""
    if isinstance(value, list):
        return [_id() if word == LAST else word for word in value]
    return _id() if value == LAST else value


def remember(job_ids: Sequence[str]) -> None:
    """Keep the last one. The jobs are stored, so what goes wrong here is only a warning."""
    if not job_ids:
        return
    try:
        place = _place()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(job_ids[-1], encoding="ascii")
    except (OSError, EmpError) as error:
        terminal.warn(f"{LAST} does not know this job: {one_line(str(error))}")


def _id() -> str:
    place = _place()
    if not place.exists():
        raise NotFound("job", LAST, hint="no job was submitted from here yet: emp submit --help")
    return place.read_text(encoding="ascii").strip()


def _place() -> Path:
    from emp_cli.surroundings import read

    return read(decisive=("data_dir",)).settings.data_dir / "last-job"
