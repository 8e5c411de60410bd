"""emp hub status --hub: a hub that another machine runs, asked over REST."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.conftest import Command, Shell, free_port

TOKEN = "a-l0ng-text"
UNAVAILABLE = {"status": "unavailable", "detail": "cannot reach Redis", "code": "redis_unavailable", "version": "0.1.0"}
WELL = {"status": "ok", "engine": "valkey", "engine_version": "9.1.2", "durability": "everysec", "version": "0.1.0"}


@pytest.fixture
def elsewhere(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has neither hub nor queue."""
    monkeypatch.delenv("REDIS_URL")


@pytest.fixture
def hub(shell: Shell) -> Iterator[str]:
    """A hub of another data directory, which asks for a token."""
    port = free_port()
    own = {"EMP_DATA_DIR": shell.environ["EMP_DATA_DIR"] + "-of-the-hub", "WS_AUTH_TOKEN": TOKEN}
    start = Shell({**shell.environ, **own}, Path(shell.environ["EMP_DATA_DIR"]).parent)
    started = start("hub", "start", "--detach", "--port", str(port))
    assert started.code == 0, started.err
    yield f"http://127.0.0.1:{port}"
    start("hub", "stop")


@contextmanager
def answering(status: int, body: object) -> Iterator[str]:
    """A server that says one thing to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = body if isinstance(body, str) else json.dumps(body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.timeout(180)
def test_it_says_how_the_hub_and_its_queue_are(
    hub: str, emp: Command, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = emp("hub", "status", "--hub", hub)
    assert (refused.code, refused.out) == (4, "")
    assert "HUB_AUTH_TOKEN" in refused.err
    monkeypatch.setenv("HUB_AUTH_TOKEN", TOKEN)
    said = emp("hub", "status", "--hub", hub)
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].startswith(f"hub         {hub}, well, version ")
    assert "jobs        none" in said.lines
    view = json.loads(emp("hub", "status", "--hub", hub.replace("http", "ws"), "-o", "json").out)
    assert (view["hubs"][0]["url"], view["hubs"][0]["answers"]) == (hub, True)
    assert (view["hubs"][0]["health"]["status"], view["hubs"][0]["stats"]["slots"]) == ("ok", 0)
    monkeypatch.setenv("HUB_WS_URL", hub.replace("http", "ws"))
    assert emp("hub", "status").out == said.out


@pytest.mark.usefixtures("elsewhere")
def test_a_hub_that_does_not_answer_is_exit_code_5_and_a_next_step(
    emp: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = emp("hub", "status", "--hub", "http://127.0.0.1:1", "-o", "json")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith("error: the hub at http://127.0.0.1:1 does not answer: ")
    assert "\nhint: --hub names it; " in said.err
    monkeypatch.setenv("HUB_WS_URL", "ws://127.0.0.1:1")
    assert "\nhint: HUB_WS_URL names it; " in emp("hub", "status").err


@pytest.mark.usefixtures("elsewhere")
def test_a_hub_without_its_redis_is_shown_and_is_exit_code_5(emp: Command) -> None:
    with answering(503, UNAVAILABLE) as url:
        said = emp("hub", "status", "--hub", url)
        assert said.code == 5
        assert said.err.startswith("error: the hub cannot reach its queue\nhint: ")
        assert said.lines == [f"hub         {url}, unavailable: cannot reach Redis, version 0.1.0"]
        view = json.loads(emp("hub", "status", "--hub", url, "-o", "json").out)
        assert (view["hubs"][0]["answers"], view["hubs"][0]["stats"], view["queue"]) == (True, None, None)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("status", "body"), [(404, "<h1>nginx</h1>"), (200, "<h1>nginx</h1>"), (200, []), (200, {}), (502, {"a": 1})]
)
def test_what_is_no_hub_is_told_so(emp: Command, status: int, body: object) -> None:
    with answering(status, body) as url:
        said = emp("hub", "status", "--hub", url)
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith(f"error: what answers at {url} is not a hub")


@pytest.mark.usefixtures("elsewhere")
def test_an_older_hub_that_leaves_figures_out_is_shown_without_them(emp: Command) -> None:
    with answering(200, {**WELL, "jobs": {"pending": 2, "total": 2}, "oldest_pending_ms": None}) as url:
        said = emp("hub", "status", "--hub", url)
    assert (said.code, said.err) == (0, "")
    assert "jobs        2 pending" in said.lines


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("url", ["redis://x", "http://", "http://[", "http://a:b", "nope nope"])
def test_what_is_no_url_of_a_hub(emp: Command, url: str) -> None:
    said = emp("hub", "status", "--hub", url)
    assert (said.code, said.out) == (2, "")
    assert "hub: must be a URL such as http://hub-host:3001" in said.err
