"""The shapes of answers, as aiohttp gives them."""

import json
from typing import Any

from starlette.responses import PlainTextResponse, Response

TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


class Json(Response):
    """JSON with aiohttp's content type."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def empty(status: int = 200) -> Response:
    """A status and nothing else."""
    return Response(status_code=status)


def trouble() -> Response:
    """What aiohttp says of a handler that raised."""
    return PlainTextResponse(TROUBLE, 500)


def too_large(size: int, limit: int) -> Response:
    """What aiohttp says of a body that is over `--max-upload-size`."""
    return PlainTextResponse(f"Maximum request body size {limit} exceeded, actual body size {size}", 413)
