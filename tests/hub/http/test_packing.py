"""Long answers are packed for callers that take gzip; files, short answers and other callers get them as they are."""

import gzip
import json

import httpx
import pytest

from daemons.hub.http.packing import takes_gzip
from emp_core.store import Store
from tests.hub.conftest import body_of
from tests.support.builders import register, submit

PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}


async def raw(hub: httpx.AsyncClient, path: str, headers: dict[str, str]) -> tuple[httpx.Headers, bytes]:
    async with hub.stream("GET", path, headers=headers) as answer:
        return answer.headers, b"".join([chunk async for chunk in answer.aiter_raw()])


@pytest.mark.parametrize("jobs", [2, 200])
async def test_long_answer_is_packed_for_a_caller_that_takes_it(
    hub: httpx.AsyncClient, store: Store, jobs: int
) -> None:
    for number in range(jobs):
        await submit(store, id=f"job-{number:03}")
    headers, packed = await raw(hub, "/api/jobs?limit=200", GZIP)
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(headers["content-length"]) == len(packed)
    plain_headers, plain = await raw(hub, "/api/jobs?limit=200", PLAIN)
    assert "content-encoding" not in plain_headers
    assert plain_headers["vary"] == "Accept-Encoding"
    assert json.loads(gzip.decompress(packed))["jobs"] == json.loads(plain)["jobs"]
    assert len(packed) < len(plain) / 2


async def test_short_answer_is_not_packed(hub: httpx.AsyncClient) -> None:
    headers, text = await raw(hub, "/api/limits", GZIP)
    assert "content-encoding" not in headers
    assert json.loads(text)["limits"] == {}


async def test_file_is_not_packed(hub: httpx.AsyncClient) -> None:
    kept = await hub.put("/api/jobs/abcd/attempts/1/artifacts?name=a&kind=input", content=b"z" * 100_000)
    headers, data = await raw(hub, f"/api/artifacts/{kept.json()['id']}", GZIP)
    assert ("content-encoding" in headers, data) == (False, b"z" * 100_000)


@pytest.mark.parametrize(
    ("line", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("br", False),
        ("", False),
        ("identity;q=1, *;q=0", False),
    ],
)
def test_weights_of_accept_encoding(line: str, takes: bool) -> None:
    assert takes_gzip([line]) is takes


async def test_job_that_has_not_changed_is_304(hub: httpx.AsyncClient, store: Store) -> None:
    worker, job_id = await register(store), await submit(store)
    path = f"/api/jobs/{job_id}"
    first = await hub.get(path)
    known = {"If-None-Match": first.headers["etag"]}
    for headers in (known, {"If-None-Match": f'"x", {first.headers["etag"]}'}, {"If-None-Match": "*"}):
        same = await hub.get(path, headers=headers)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await hub.head(path, headers=known)).status_code == 304
    await worker.take()
    changed = await hub.get(path, headers=known)
    assert (changed.status_code, body_of(changed)["state"]) == (200, "active")
    assert changed.headers["etag"] != first.headers["etag"]


async def test_tag_of_a_job_is_the_same_packed_and_plain(hub: httpx.AsyncClient, store: Store) -> None:
    path = f"/api/jobs/{await submit(store)}"
    tags = [(await hub.get(path, headers=headers)).headers["etag"] for headers in (GZIP, PLAIN)]
    assert tags[0] == tags[1]
    assert tags[0].startswith('W/"')
