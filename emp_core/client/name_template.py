"""How downloaded files are called: `--name-template` of the command."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Formatter

from emp_core.domain.file_names import safe_path
from emp_core.domain.outcome import Artifact
from emp_core.domain.values import did_you_mean
from emp_core.errors import InvalidInput

FIELDS = ("job", "attempt", "index", "name", "folder", "stem", "ext", "node", "kind")
NUMBERS = ("attempt", "index")
WIDTH = re.compile(r"0?[0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """Text with fields, such as `{job}-{index:03}.{ext}`; a `/` in it makes folders."""

    text: str = "{name}"

    def __post_init__(self) -> None:
        """Raises `InvalidInput` for a field that there is not."""
        try:
            parts = list(Formatter().parse(self.text))
        except ValueError as error:
            raise InvalidInput("name_template", f"{self.text!r} cannot be read: {error}") from error
        for _, field, form, conversion in parts:
            if field is None:
                continue
            if field not in FIELDS:
                known = ", ".join(FIELDS)
                raise InvalidInput(
                    "name_template", f"has no field {field!r}{did_you_mean(field, FIELDS)}; known: {known}"
                )
            if conversion or (form and not (field in NUMBERS and WIDTH.fullmatch(form))):
                raise InvalidInput("name_template", f"{{{field}}} can only have a width, such as {{index:03}}")

    def path(self, artifact: Artifact, index: int, node: str) -> str:
        """A safe relative path for one file; `index` counts a job's files from 1."""
        from emp_core.artifacts.contract import Place  # pydantic and obstore take time

        name = PurePosixPath(safe_path(artifact.name))
        place = Place.parse(artifact.id)
        text = self.text.format(
            job=place.job_id.replace(":", "_"),
            attempt=place.attempt,
            index=index,
            name=str(name),
            folder=str(name.parent) if len(name.parts) > 1 else "",
            stem=name.stem,
            ext=name.suffix.removeprefix("."),
            node=node,
            kind=artifact.kind,
        )
        return safe_path(text)
