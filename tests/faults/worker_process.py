"""A worker as its own process, as `emp worker start` runs it, with its log as JSON lines."""

import asyncio

import structlog

from daemons.worker.run import run_worker
from daemons.worker.settings import WorkerSettings
from emp_core.environment import load_settings


def main() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    settings = load_settings(WorkerSettings)
    assert settings.url is not None
    asyncio.run(run_worker(settings, settings.url))


if __name__ == "__main__":
    main()
