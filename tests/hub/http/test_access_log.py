"""What is logged: one line an event, without secrets, without anything that a terminal would obey."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from daemons.logs import configure_logs, masked_text

SECRETS = [
    ("redis://user:hunter2@host:6379/0", "redis://***@host:6379/0"),
    ("rediss://:hunter2@host", "rediss://***@host"),
    ("Authorization: Bearer hunter2.x-y", "Authorization: Bearer ***"),
    ("GET /ws?token=hunter2&x=1", "GET /ws?token=***&x=1"),
    ("GET /ws?a=1&auth_token=hunter2", "GET /ws?a=1&auth_token=***"),
    ("emp_client_ab12_" + "hunter2hunter2hunter2hunter2", "emp_***"),
    ("nothing to hide: http://host/a@b", "nothing to hide: http://host/a@b"),
]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_secrets_are_masked(text: str, shown: str) -> None:
    assert masked_text(text) == shown


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_form_shows_a_secret_or_obeys_a_text(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("DEBUG", form)  # type: ignore[arg-type]
    log = structlog.get_logger()
    for text, _ in SECRETS:
        log.info("event", text=text, token="hunter2", authorization="hunter2", nonce="hunter2")
        logging.getLogger("library").warning("said %s", text)
    log.info("event", text="a\x1b[31m\r\nb\x9b\u202e")
    log.error("event", exc_info=ValueError("redis://:hunter2@host\x1b[31m"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "hunter2" not in shown.err
    assert "ValueError" in shown.err
    assert not set(shown.err) & set("\x1b\r\x9b\u202e")


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", "json")
    structlog.get_logger().info("job.claimed", job="abc", worker="gpu1:0", attempt=2)
    structlog.get_logger().debug("not.shown")
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "job.claimed", "level": "info", "job": "abc", "worker": "gpu1:0", "attempt": 2}


def test_the_libraries_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("DEBUG", "console")
    for name in ("uvicorn.error", "httpx", "httpcore.http11"):
        logging.getLogger(name).info("a line for each request")
    logging.getLogger("uvicorn.error").warning("worth a line")
    assert "a line" not in capsys.readouterr().err.replace("worth a line", "")
