"""A worker as its own process, as `emp worker start` runs it, with its log as JSON lines."""

import asyncio

import structlog

from daemons.worker.configuration import load_worker
from daemons.worker.run import run_worker


def main() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    told = load_worker()
    assert told.settings.url is not None
    asyncio.run(run_worker(told, told.settings.url))


if __name__ == "__main__":
    main()
