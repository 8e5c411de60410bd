"""The files that are made from code: `python -m tests.generated` writes them, `--check` only compares."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from daemons.hub.api.openapi import document_text
from daemons.hub.app import bare_app
from daemons.hub.settings import HubSettings
from daemons.worker.catalog import models_of
from daemons.worker.settings import WorkerSettings
from emp_cli.commands.completion import Shell, script
from emp_core.domain.filter.page import filters_page
from emp_core.domain.states import states_page
from emp_core.env_file import example
from emp_core.settings import Settings
from tests.cli.tui.pictures import dashboard_picture
from tests.support.help_of_emp import help_of_emp
from tests.support.job_fields_page import job_fields_page
from tests.support.json_page import json_page
from tests.support.redis_data import redis_data_page
from tests.support.websocket_page import websocket_page

ROOT = Path(__file__).resolve().parent.parent

PROGRAMS: Sequence[type[Settings]] = (HubSettings, WorkerSettings)

# One line makes a file: its name, and what returns its text.
GENERATED: Mapping[str, Callable[[], str]] = {
    ".env.hub.example": lambda: example(HubSettings),
    ".env.worker.example": lambda: example(WorkerSettings, *models_of(())),
    "docs/openapi.json": lambda: document_text(bare_app()),
    "completions/emp.bash": lambda: script(Shell.BASH),
    "completions/_emp": lambda: script(Shell.ZSH),
    "completions/emp.fish": lambda: script(Shell.FISH),
    "emp_cli/help.txt": help_of_emp,
    "docs/dashboard.svg": dashboard_picture,
    "docs/filters.md": filters_page,
    "docs/job-fields.md": job_fields_page,
    "docs/json.md": json_page,
    "docs/states.md": states_page,
    "docs/redis-data.md": redis_data_page,
    "docs/websocket-api.md": websocket_page,
}


def stale() -> list[str]:
    """The files that are not what their generator would write now."""
    return [name for name, make in GENERATED.items() if _read(ROOT / name) != make()]


def main() -> int:
    """Write what is stale, or only say so."""
    names = stale()
    if "--check" in sys.argv:
        print("\n".join(f"{name} is stale: run `make generated`" for name in names), end="\n" if names else "")
        return 1 if names else 0
    for name in names:
        path = ROOT / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(GENERATED[name](), encoding="utf-8")
        print(f"wrote {name}")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
