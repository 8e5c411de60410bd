"""Exports and imports in one line each."""

import json
from typing import Any

from emp_core.artifacts import open_artifacts
from emp_core.client.redis_queue import RedisQueue
from emp_core.client.transfer.exporting import Export
from emp_core.client.transfer.importing import Header, Import
from emp_core.domain.json_text import dump_json
from emp_core.errors import EmpError


async def exported(queue: RedisQueue, where: str = "", files_url: str = "") -> list[bytes]:
    """The whole file."""
    export = Export(queue=queue, where=where, files_url=files_url)
    lines = [dump_json(await export.header())]
    async for some in export.lines():
        lines += some
    return [*lines, export.last_line()]


async def imported(
    queue: RedisQueue, lines: list[bytes], orphans: str = "", *, dry_run: bool = False
) -> tuple[Import, list[tuple[int, EmpError]]]:
    """The import, and the lines that were refused."""
    refused: list[tuple[int, EmpError]] = []
    run = Import(
        queue=queue,
        open_files=_files,
        refuse=lambda number, error: refused.append((number, error)),
        orphans=orphans,
        dry_run=dry_run,
    )
    await run.run(lines)
    return run, refused


def _files(header: Header) -> Any:
    return open_artifacts(header["files"]["url"], header["files"]["queue"])


def read(lines: list[bytes]) -> dict[str, dict[str, Any]]:
    """The jobs of a file by id."""
    return {line["id"]: line for line in map(json.loads, lines) if "id" in line}
