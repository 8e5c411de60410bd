"""Where the queue is, in the order in which places are looked at."""

from pathlib import Path

import pytest

from emp_core import embedded
from emp_core.client import locate as module
from emp_core.client.locate import find, locate
from emp_core.errors import AccessDenied, Misconfigured, QueueUnavailable
from emp_core.store import Store
from emp_core.store.connection import open_link
from tests.support.redis_server import Server

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable, no embedded server, nobody at the usual port."""
    for name in ("REDIS_URL", "HUB_REDIS_URL", "REDIS_HOST", "ARTIFACTS_URL", "HUB_WS_URL", "HUB_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EMP_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(module, "USUAL", NOBODY)
    return tmp_path


async def test_what_is_given_wins_over_the_environment(nothing_known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", NOBODY)
    assert (await locate("redis://other:1/0")).url == "redis://other:1/0"
    assert (await locate()).url == NOBODY


async def test_then_the_embedded_server(nothing_known: Path) -> None:
    server = embedded.start(nothing_known)
    try:
        found = await locate()
        assert (found.url, found.source) == (server.url, "the embedded server")
        assert found.artifacts == (nothing_known / "artifacts").as_uri()
    finally:
        embedded.stop(server)


async def test_then_the_usual_port_if_it_holds_a_queue(
    nothing_known: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "USUAL", server.url)
    assert await find() is None
    link = await open_link(server.url)
    await link.call("SET", link.key("schema"), "1")
    await link.close()
    found = await find()
    assert found is not None
    assert found.url == server.url


async def test_else_it_says_what_to_do(nothing_known: Path) -> None:
    with pytest.raises(QueueUnavailable) as told:
        await locate()
    assert "emp hub start" in told.value.hint


async def test_files_go_where_somebody_said_or_stay_where_the_queue_is(
    nothing_known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await locate("redis://elsewhere:6379/0")).artifacts is None
    monkeypatch.setenv("HUB_WS_URL", "wss://hub:3001")
    monkeypatch.setenv("HUB_AUTH_TOKEN", "t0ken")
    through_hub = await locate("redis://elsewhere:6379/0")
    assert (through_hub.artifacts, through_hub.token) == ("https://hub:3001", "t0ken")
    monkeypatch.setenv("ARTIFACTS_URL", "s3://bucket/emp")
    assert (await locate("redis://elsewhere:6379/0")).artifacts == "s3://bucket/emp"


async def test_a_stranger_at_the_usual_port_is_no_queue(
    nothing_known: Path, server: Server, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.client.config_set("requirepass", "secret")
    try:
        monkeypatch.setattr(module, "USUAL", server.url)
        assert await find() is None
        with pytest.raises(AccessDenied):
            await (await open_link(server.url)).call("GET", "x")
    finally:
        server.client.execute_command("AUTH", "secret")
        server.client.config_set("requirepass", "")


async def test_variables_of_the_host_program_are_its_own(nothing_known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMP_SOMETHING", "of the host program")
    assert (await locate("redis://other:1/0")).url == "redis://other:1/0"
    with pytest.raises(QueueUnavailable, match="no queue found"):
        await locate()


async def test_a_url_that_is_given_is_all_that_is_said_of_redis(
    nothing_known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"REDIS_PORT": "tcp://nonsense", "REDIS_DB": "main", "REDIS_MAX_CONNECTIONS": "none"}.items():
        monkeypatch.setenv(name, text)
    assert (await locate("redis://other:1/0")).url == "redis://other:1/0"
    with pytest.raises(Misconfigured, match="REDIS_DB=main"):
        await locate()
