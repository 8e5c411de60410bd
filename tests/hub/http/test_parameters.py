"""Every path refuses parameters that nobody reads, and those that are given twice, in one way."""

import httpx
import pytest

from tests.hub.conftest import body_of
from tests.hub.operations import DOCUMENT

OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_unknown_parameter_is_400_on_every_path(hub: httpx.AsyncClient, method: str, path: str) -> None:
    for way in (path, path.removeprefix("/api")):
        answer = await hub.request(method, way, params={"colour": "red"})
        assert (answer.status_code, body_of(answer)["code"], body_of(answer)["field"]) == (400, "bad_query", "colour")
        assert "colour is not a parameter of" in body_of(answer)["detail"]


REPEATABLE = [
    (method, path, parameter["name"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    for parameter in operation.get("parameters", ())
    if parameter["in"] == "query"
]


@pytest.mark.parametrize(("method", "path", "name"), REPEATABLE)
async def test_repeated_parameter_is_400_on_every_path(
    hub: httpx.AsyncClient, method: str, path: str, name: str
) -> None:
    answer = await hub.request(method, path, params=[(name, "1"), (name, "1")])
    assert (answer.status_code, body_of(answer)["field"]) == (400, name)
    assert body_of(answer)["detail"] == f"{name} is given more than once"


async def test_two_names_of_one_parameter_are_400(hub: httpx.AsyncClient) -> None:
    answer = await hub.get("/api/jobs?status=active&state=failed")
    assert (answer.status_code, body_of(answer)["field"]) == (400, "state")
    assert (await hub.get("/api/jobs?state=failed")).status_code == 200


async def test_unknown_parameter_is_told_with_a_near_one(hub: httpx.AsyncClient) -> None:
    assert "did you mean status?" in body_of(await hub.get("/api/jobs?satus=active"))["detail"]


async def test_long_name_is_cut(hub: httpx.AsyncClient) -> None:
    answer = await hub.get("/api/stats", params={"x" * 5_000: "1"})
    assert answer.status_code == 400
    assert len(answer.content) < 2_000
