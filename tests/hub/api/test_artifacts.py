"""Files up and down: only the holder of a claim adds some, and what comes down is harmless."""

import hashlib
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from daemons.hub.api import artifacts as routes
from emp_core.artifacts.contract import in_chunks
from emp_core.artifacts.hub import HubArtifacts
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.errors import Conflict, NotFound
from emp_core.store import Claimed, Store
from tests.hub.conftest import body_of
from tests.support.builders import WorkerDriver, register, submit

PICTURE = bytes(range(256)) * 4


def fence(claim: Claimed, **other: str) -> dict[str, str]:
    return {"X-Emp-Worker": "gpu1:0", "X-Emp-Nonce": claim.nonce, **other}


@pytest.fixture
async def worker(store: Store) -> WorkerDriver:
    return await register(store)


@pytest.fixture
async def claim(store: Store, worker: WorkerDriver) -> Claimed:
    await submit(store)
    return await worker.take()


async def put(
    hub: httpx.AsyncClient, claim: Claimed, headers: Mapping[str, str], name: str = "a.png", **params: str
) -> httpx.Response:
    path = f"/api/jobs/{claim.job_id}/attempts/{claim.attempt}/artifacts"
    params = {"name": name, **params}
    return await hub.put(path, params=params, headers={"Content-Type": "image/png", **headers}, content=PICTURE)


async def test_the_holder_of_a_claim_adds_files(hub: httpx.AsyncClient, claim: Claimed) -> None:
    answer = await put(hub, claim, fence(claim))
    assert answer.status_code == 201
    made = body_of(answer)
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert made == {
        "id": f"{claim.job_id}/1/1",
        "name": "a.png",
        "size": len(PICTURE),
        "sha256": digest,
        "media_type": "image/png",
        "kind": "output",
    }
    assert (await hub.get(f"/api/jobs/{claim.job_id}/artifacts")).json() == [made]


async def test_nobody_else_does(hub: httpx.AsyncClient, claim: Claimed, store: Store) -> None:
    strangers = [
        {},
        fence(claim, **{"X-Emp-Nonce": "guessed"}),
        fence(claim, **{"X-Emp-Worker": "gpu2:0"}),
        {"X-Emp-Worker": "gpu1:0"},
    ]
    for headers in strangers:
        answer = await put(hub, claim, headers)
        assert (answer.status_code, body_of(answer)["code"]) == (409, "conflict")
    path = f"/api/jobs/{claim.job_id}/attempts/2/artifacts"
    assert (await hub.put(path, params={"name": "a"}, headers=fence(claim), content=b"x")).status_code == 409
    waiting = await submit(store)
    path = f"/api/jobs/{waiting}/attempts/1/artifacts"
    assert (await hub.put(path, params={"name": "a"}, headers={"X-Emp-Nonce": ""}, content=b"x")).status_code == 409
    assert (await hub.get(f"/api/jobs/{claim.job_id}/artifacts")).json() == []


@pytest.mark.parametrize("end", ["complete", "cancel", "release"])
async def test_nor_does_who_held_it_once(
    hub: httpx.AsyncClient, worker: WorkerDriver, claim: Claimed, store: Store, end: str
) -> None:
    if end == "cancel":
        await store.broker.cancel(claim.job_id)
    elif end == "complete":
        await worker.complete(claim)
    else:
        await worker.release(claim)
    assert (await put(hub, claim, fence(claim))).status_code == 409


async def test_a_claim_lost_in_the_middle_of_an_upload_keeps_nothing(
    hub: httpx.AsyncClient, claim: Claimed, store: Store, artifacts: ObjectArtifacts
) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield PICTURE
        await store.broker.requeue(claim.job_id)
        yield PICTURE

    path = f"/api/jobs/{claim.job_id}/attempts/1/artifacts"
    answer = await hub.put(path, params={"name": "a.png"}, headers=fence(claim), content=slow())
    assert answer.status_code == 409
    assert await artifacts.list(claim.job_id) == ()


async def test_inputs_come_before_their_job(hub: httpx.AsyncClient, store: Store) -> None:
    path = "/api/jobs/new-job/attempts/1/artifacts"
    params = {"name": "photo.png", "kind": "input"}
    assert (await hub.get("/api/jobs/new-job/artifacts")).status_code == 404
    made = body_of(await hub.put(path, params=params, content=PICTURE))
    assert (made["kind"], made["id"]) == ("input", "new-job/1/1")
    assert (await hub.get("/api/jobs/new-job/artifacts")).json() == [made]
    await submit(store, id="new-job", payload={"files": {"photo.png": made["id"]}})
    assert (await hub.put(path, params=params, content=PICTURE)).status_code == 409


@pytest.mark.parametrize(
    ("params", "field"),
    [({}, "name"), ({"name": "x" * 1025}, "name"), ({"name": "a", "kind": "odd"}, "kind")],
)
async def test_a_bad_upload_names_the_field(
    hub: httpx.AsyncClient, claim: Claimed, params: dict[str, str], field: str
) -> None:
    path = f"/api/jobs/{claim.job_id}/attempts/1/artifacts"
    answer = await hub.put(path, params=params, headers=fence(claim), content=b"x")
    assert answer.status_code in (413, 422)
    assert body_of(answer)["field"] == field


@pytest.mark.timeout(20)  # what takes quadratic time on these takes minutes
@pytest.mark.parametrize("media_type", [b"a/b;" + b" " * 50_000 + b"\xe9", b"a/" + b"b" * 254])
async def test_a_media_type_has_a_limit(hub: httpx.AsyncClient, claim: Claimed, media_type: bytes) -> None:
    path = f"/api/jobs/{claim.job_id}/attempts/1/artifacts"
    headers = {name.encode(): value.encode() for name, value in fence(claim).items()} | {b"Content-Type": media_type}
    answer = await hub.put(path, params={"name": "a"}, headers=headers, content=b"x")
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_media_type_length")


async def test_an_upload_has_a_limit(
    hub: httpx.AsyncClient, claim: Claimed, artifacts: ObjectArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MAX_ARTIFACT_BYTES", 512)
    answer = await put(hub, claim, fence(claim))
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_artifact_bytes")
    path = f"/api/jobs/{claim.job_id}/attempts/1/artifacts"
    answer = await hub.put(path, params={"name": "a"}, headers=fence(claim), content=in_chunks(PICTURE))
    assert answer.status_code == 413
    assert await artifacts.list(claim.job_id) == ()


HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows",
    "a\r\nSet-Cookie: x=1",
    '"; filename="b.html',
    "a\x00b",
    "ż" * 99,
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_is_never_a_path(hub: httpx.AsyncClient, claim: Claimed, name: str) -> None:
    made = body_of(await put(hub, claim, fence(claim), name))
    assert (made["id"], made["name"]) == (f"{claim.job_id}/1/1", name)
    answer = await hub.get(f"/api/artifacts/{made['id']}")
    assert answer.content == PICTURE
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''")
    assert set(disposition) & set('/\\\r\n"\x00') == set()
    assert "set-cookie" not in answer.headers


TRAVERSALS = [
    "/api/artifacts/..%2F..%2Fetc/1/1",
    "/api/artifacts/../../etc/passwd",
    "/api/artifacts/%2e%2e/%2e%2e/1",
    "/api/artifacts/job/1/..",
    "/api/artifacts/job/1/1.json",
    "/api/artifacts/job/0/1",
    "/api/artifacts/job/-1/1",
    "/api/artifacts/job/1/1/",
    "/api/artifacts/job/payload",
    "/api/artifacts/job%00/1/1",
    "/api/artifacts/nobody/1/1",
    "/api/jobs/..%2F..%2Fetc/artifacts",
    "/api/jobs/%2e%2e/payload",
    "/api/jobs/.hidden/payload",
    "/api/jobs/nobody/payload",
]


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_no_path_leads_out(hub: httpx.AsyncClient, path: str) -> None:
    assert (await hub.get(httpx.URL("http://localhost").copy_with(raw_path=path.encode()))).status_code in (404, 422)
    for way in ("/attempts/1/artifacts?name=x&kind=input", "/payload"):
        url = httpx.URL("http://localhost").copy_with(raw_path=f"/api/jobs/..%2F..%2Fetc{way}".encode())
        assert (await hub.put(url, content=b"x")).status_code == 404


@pytest.fixture
async def picture(hub: httpx.AsyncClient, claim: Claimed) -> str:
    return f"/api/artifacts/{body_of(await put(hub, claim, fence(claim)))['id']}"


async def test_a_file_comes_down_as_a_download(hub: httpx.AsyncClient, picture: str) -> None:
    answer = await hub.get(picture)
    assert answer.content == PICTURE
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(PICTURE))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["etag"] == f'"{hashlib.sha256(PICTURE).hexdigest()}"'


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"other",W/{tag} , "more"', 304),
        ("*", 304),
        ('"other"', 200),
        ('W/"other", "more"', 200),
        ("", 200),
    ],
)
async def test_who_has_a_file_is_not_sent_it_again(
    hub: httpx.AsyncClient, picture: str, asked: str, status: int
) -> None:
    tag = f'"{hashlib.sha256(PICTURE).hexdigest()}"'
    answer = await hub.get(picture, headers={"If-None-Match": asked.format(tag=tag)})
    assert (answer.status_code, answer.content) == (status, b"" if status == 304 else PICTURE)
    assert answer.headers["etag"] == tag


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-99999", 1000, 1024),
        ("bytes=0-1023", 0, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-99999", 0, 1024),
    ],
)
async def test_a_part_of_a_file(hub: httpx.AsyncClient, picture: str, asked: str, start: int, end: int) -> None:
    answer = await hub.get(picture, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, PICTURE[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=2000-3000", "bytes=-0"])
async def test_a_part_behind_the_end_is_416(hub: httpx.AsyncClient, picture: str, asked: str) -> None:
    answer = await hub.get(picture, headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */1024")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=0-1,4-5", "bytes=-", "lines=1-2", "bytes=a-b", "bytes=٣-"])
async def test_an_unclear_range_is_the_whole_file(hub: httpx.AsyncClient, picture: str, asked: str) -> None:
    answer = await hub.get(picture, headers={b"Range": asked.encode()})
    assert (answer.status_code, answer.content) == (200, PICTURE)


async def test_a_part_of_another_version_is_the_whole_file(hub: httpx.AsyncClient, picture: str) -> None:
    answer = await hub.get(picture, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert answer.status_code == 200


async def test_an_empty_file(hub: httpx.AsyncClient, claim: Claimed) -> None:
    path = f"/api/jobs/{claim.job_id}/attempts/1/artifacts"
    made = body_of(await hub.put(path, params={"name": "empty"}, headers=fence(claim)))
    assert made["size"] == 0
    answer = await hub.get(f"/api/artifacts/{made['id']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert (await hub.get(f"/api/artifacts/{made['id']}", headers={"Range": "bytes=0-"})).status_code == 416


async def test_the_client_of_the_artifacts_and_the_hub_understand_each_other(
    hub: httpx.AsyncClient, claim: Claimed
) -> None:
    client = HubArtifacts("http://localhost", "", transport=hub._transport)
    with pytest.raises(Conflict):
        await client.put(claim.job_id, 1, "a", in_chunks(PICTURE))
    made = await client.signed("gpu1:0", claim.nonce).put(claim.job_id, 1, "a", in_chunks(PICTURE))
    assert await client.list(claim.job_id) == (made,)
    assert await client.list("nobody") == ()
    assert await client.get(made.id) == made
    assert b"".join([chunk async for chunk in await client.open(made.id, start=10, end=20)]) == PICTURE[10:20]
    await client.put_payload("large", b"{}")
    assert await client.get_payload("large") == b"{}"
    with pytest.raises(Conflict):
        await client.put_payload("large", b"[]")
    with pytest.raises(NotFound):
        await client.get_payload("nobody")
    await client.aclose()
