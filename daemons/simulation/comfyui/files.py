"""`/upload/image` and `/view`."""

import mimetypes
import posixpath
import re

from starlette.requests import Request
from starlette.responses import Response

from daemons.simulation.comfyui.disk import FOLDERS, Disk, Escapes, locate
from daemons.simulation.comfyui.multipart import parse_form
from daemons.simulation.comfyui.process import Process
from daemons.simulation.comfyui.replies import Json, empty, too_large, trouble

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
NEVER_SHOWN = {"text/html", "application/xhtml+xml", "text/javascript", "text/css"}
"""Types that a browser would run."""


class Files:
    """The two endpoints that move bytes."""

    def __init__(self, process: Process) -> None:
        self._disk: Disk = process.machine.disk
        self._limit = process.machine.options.max_upload_bytes

    async def upload(self, request: Request) -> Response:
        """Store an image under the name asked for, or the next free one."""
        body = await request.body()
        if len(body) > self._limit:
            return too_large(len(body), self._limit)
        form = parse_form(request.headers.get("content-type", ""), body)
        fields = {name: part.text for name, part in form.items() if part.filename is None}
        folder, subfolder = fields.get("type", "input"), fields.get("subfolder", "")
        if folder not in FOLDERS:
            return trouble()
        image = form.get("image")
        if image is None or not image.filename:
            return empty(400)
        overwrite = fields.get("overwrite") in ("true", "1")
        try:
            name = self._disk.upload(folder, subfolder, image.filename, image.data, overwrite)
        except Escapes:
            return empty(400)
        return Json({"name": name, "subfolder": subfolder, "type": folder})

    async def view(self, request: Request) -> Response:
        """A file, or a part of it. Pictures are never converted: a preview is the picture itself."""
        query = request.query_params
        folder, name = locate(query.get("filename", ""), query.get("type", "output"))
        if not name or name.startswith("/") or ".." in name or folder not in FOLDERS:
            return empty(400)
        path = posixpath.join(query.get("subfolder", ""), posixpath.basename(name))
        try:
            data = self._disk.read(folder, path)
        except Escapes:
            return empty(403)
        if data is None:
            return empty(404)
        return self._part(request, posixpath.basename(name), data)

    def _part(self, request: Request, name: str, data: bytes) -> Response:
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {
            "content-disposition": f'filename="{UNPRINTABLE.sub("?", name)}"',
            "content-type": "application/octet-stream" if kind in NEVER_SHOWN else kind,
            "accept-ranges": "bytes",
            "etag": self._disk.etag(data),
        }
        asked = RANGE.fullmatch(request.headers.get("range", ""))
        if asked is None:
            return Response(data, headers=headers)
        first = int(asked[1]) if asked[1] else max(0, len(data) - int(asked[2] or 0))
        last = min(int(asked[2]), len(data) - 1) if asked[1] and asked[2] else len(data) - 1
        if first > last:
            return Response(status_code=416, headers={"content-range": f"bytes */{len(data)}"})
        headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
        return Response(data[first : last + 1], 206, headers=headers)
