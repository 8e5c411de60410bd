"""Logs: an event's name and its fields, one event a line on stderr, without secrets and without control characters."""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

SECRET_FIELDS = frozenset({"authorization", "nonce", "password", "secret", "token"})

_SECRETS = (
    (re.compile(r"(?<=://)[^/@\s]+@"), "***@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\"]+"), r"\1 ***"),
    (re.compile(r"(?i)([?&](?:auth_)?token=)[^&\s'\"]+"), r"\1***"),
    (re.compile(r"\bemp_[a-z]+_\w+_[\w-]{20,}"), "emp_***"),
)

# These say a line for each request, or at each start what our own log says better.
_QUIET = ("uvicorn", "httpx", "httpcore", "asyncio")


class _Handler(logging.StreamHandler[TextIO]):
    """Writes to stderr, then calls `written`, which may shorten the file that stderr goes to."""

    def __init__(self, written: Callable[[], None] | None) -> None:
        super().__init__(sys.stderr)
        self._written = written

    def emit(self, record: logging.LogRecord) -> None:
        super().emit(record)
        if self._written is None:
            return
        try:
            self._written()
        except OSError:
            self.handleError(record)


def configure_logs(level: str, form: Literal["console", "json"], written: Callable[[], None] | None = None) -> None:
    """Send our events and those of the libraries to stderr, `level` and above. `written` is called after each."""
    chain: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean,
    ]
    structlog.configure(
        processors=[*chain, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = _Handler(written)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[_drop_colours, *chain],
            processors=[ProcessorFormatter.remove_processors_meta, _renderer(form)],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _renderer(form: Literal["console", "json"]) -> Processor:
    if form == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False)


def clean(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask secrets, and write what a terminal would obey as text."""
    for name, value in event.items():
        if name in SECRET_FIELDS:
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = _printable(masked_text(value), keep="\n\t" if name == "exception" else "")
    return event


def masked_text(text: str) -> str:
    """A text without the credentials in its URLs, headers and tokens."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


def _printable(text: str, keep: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else ascii(char)[1:-1] for char in text)


def _drop_colours(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """uvicorn says its messages a second time, for terminals."""
    event.pop("color_message", None)
    return event
