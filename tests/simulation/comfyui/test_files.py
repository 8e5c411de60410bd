"""Uploads, downloads, and the pictures themselves."""

import struct
import zlib

import pytest

from daemons.simulation.comfyui import Options
from tests.simulation.comfyui.client import Client, talking
from tests.support.comfyui import image, node, samples, saved, workflow

SAMPLES = samples()


async def upload(client: Client, data: bytes, **fields: str) -> tuple[int, dict[str, str]]:
    answer = await client.http.post("/upload/image", files={"image": ("tb.png", data)}, data=fields)
    return answer.status_code, answer.json() if answer.status_code == 200 else {}


async def test_an_upload_whose_name_is_taken_by_other_bytes_gets_another_name() -> None:
    async with talking() as client:
        names = [(await upload(client, data))[1]["name"] for data in (b"a", b"b", b"a", b"c", b"b")]
        assert names == ["tb.png", "tb (1).png", "tb.png", "tb (2).png", "tb (1).png"]
        assert (await upload(client, b"new", overwrite="true"))[1]["name"] == "tb.png"


async def test_uploads_go_to_the_folder_that_is_asked_for_and_never_outside_it() -> None:
    async with talking() as client:
        status, body = await upload(client, b"a", subfolder="jobs/42", type="temp")
        assert (status, body) == (200, SAMPLES["POST /upload/image subfolder+type=temp"]["body"])
        assert (await upload(client, b"a", subfolder="../.."))[0] == 400
        assert (await upload(client, b"a", type="nonsense"))[0] == 500
        assert (await client.http.post("/upload/image", data={"other": "x"})).status_code == 400


async def test_a_file_can_be_seen_whole_in_part_and_by_its_head() -> None:
    async with talking() as client:
        await client.run(workflow("a_multistep"))
        params = {"filename": "multi_00001_.png", "subfolder": "sub/dir", "type": "output"}
        whole = await client.http.get("/view", params=params)
        seen = SAMPLES["GET /view"]["headers"]
        assert whole.headers["content-type"] == seen["content-type"]
        assert whole.headers["content-disposition"] == 'filename="multi_00001_.png"'
        assert {"etag", "accept-ranges", "content-length"} <= set(whole.headers)
        part = await client.http.get("/view", params=params, headers={"range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, whole.content[:10])
        assert part.headers["content-range"] == f"bytes 0-9/{len(whole.content)}"
        head = await client.http.head("/view", params=params)
        assert (head.headers["content-length"], head.content) == (str(len(whole.content)), b"")


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"filename": "no.png", "type": "output"}, 404),
        ({"filename": "no.png", "subfolder": "../..", "type": "output"}, 403),
        ({"filename": "no.png", "type": "nonsense"}, 400),
        ({"filename": "../no.png", "type": "output"}, 400),
    ],
)
async def test_files_that_are_not_there_or_not_allowed(params: dict[str, str], status: int) -> None:
    async with talking() as client:
        answer = await client.http.get("/view", params=params)
        assert (answer.status_code, answer.content) == (status, b"")


def chunks(png: bytes) -> dict[bytes, bytes]:
    found, at = {}, 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        found[kind] = png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size)[0] == zlib.crc32(kind + found[kind])
        at += size + 12
    return found


async def test_a_saved_picture_is_a_valid_png_of_the_right_size_and_color_with_its_graph_inside() -> None:
    async with talking() as client:
        await client.run(workflow("a_fast"))
        png = (await client.http.get("/view", params={"filename": "fast_00001_.png"})).content
        parts = chunks(png)
        width, height, depth, kind = struct.unpack_from(">IIBB", parts[b"IHDR"])
        assert (width, height, depth, kind) == (64, 64, 1, 3)
        assert parts[b"PLTE"] == (0xFFFFFF - 13114910).to_bytes(3, "big")
        assert len(zlib.decompress(parts[b"IDAT"])) == 64 * 9
        assert parts[b"tEXt"].startswith(b'prompt\0{"1": {"class_type": "EmptyImage"')


async def test_an_uploaded_picture_can_be_loaded_by_name_subfolder_or_folder() -> None:
    async with talking() as client:
        await upload(client, b"any bytes", subfolder="jobs/42", type="temp")
        graph = saved(node("LoadImage", image="jobs/42/tb.png [temp]"), "loaded")
        prompt_id, _ = await client.run(graph)
        outputs = (await client.history(prompt_id))[prompt_id]["outputs"]
        assert outputs["2"]["images"][0]["filename"] == "loaded_00001_.png"
        refused = await client.post(saved(node("LoadImage", image="absent.png")))
        assert refused.json()["node_errors"]["1"] == (
            SAMPLES["POST /prompt LoadImage of an absent file"]["body"]["node_errors"]["1"]
            | {"dependent_outputs": ["2"]}
        )


async def test_a_prefix_cannot_leave_the_output_folder() -> None:
    async with talking() as client:
        prompt_id, _ = await client.run(saved(image(), "../../evil"))
        status = (await client.history(prompt_id))[prompt_id]["status"]
        assert status["messages"][-1][1]["exception_type"] == "Exception"


async def test_bodies_over_the_limit_are_refused_with_413() -> None:
    async with talking(Options(max_upload_bytes=10_000)) as client:
        big = b"x" * (client.server.options.max_upload_bytes + 1)
        for path in ("/prompt", "/upload/image"):
            answer = await client.http.post(path, content=big)
            assert (answer.status_code, answer.headers["content-type"]) == (413, "text/plain; charset=utf-8")


async def test_a_page_of_another_site_is_refused() -> None:
    async with talking() as client:
        foreign = await client.http.get("/prompt", headers={"origin": "http://evil.example"})
        own = await client.http.get("/prompt", headers={"origin": client.server.url})
        assert (foreign.status_code, own.status_code) == (403, 200)
