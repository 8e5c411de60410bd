"""What the one path without a token says to whom."""

import httpx
import pytest
from pydantic import SecretStr

from daemons.hub.settings import HubSettings
from emp_core.client.redis_queue import RedisQueue
from emp_core.errors import EmpError, Misconfigured, QueueUnavailable
from tests.hub.conftest import Call, body_of

TOKEN = "correct horse battery staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

UNAVAILABLE = QueueUnavailable("redis_unavailable", "cannot connect to 10.9.8.7:6379")
ODD = Misconfigured("10.9.8.7 is a replica", hint="set REDIS_URL to another than 10.9.8.7")


@pytest.mark.parametrize(("error", "code"), [(UNAVAILABLE, "redis_unavailable"), (ODD, "misconfigured")])
async def test_only_who_shows_the_token_is_told_why_the_hub_is_ill(
    hub: httpx.AsyncClient, calling: Call, monkeypatch: pytest.MonkeyPatch, error: EmpError, code: str
) -> None:
    async def ill(_: object) -> None:
        raise error

    monkeypatch.setattr(RedisQueue, "check_server", ill)
    guarded = calling(HubSettings(ws_auth_token=SecretStr(TOKEN)))
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = await guarded.get("/health", headers=headers)
        assert (answer.status_code, body_of(answer)["code"], body_of(answer)["status"]) == (503, code, "unavailable")
        assert "10.9.8.7" not in answer.text
    for knowing in (await guarded.get("/health", headers=BEARER), await hub.get("/health")):
        assert body_of(knowing)["detail"] == error.message
