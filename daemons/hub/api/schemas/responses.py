"""The answers that are not a JSON object with status 200 or 201, as the API's document shows them."""

from collections.abc import Mapping
from typing import Any

BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
ANY_BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
"""A file has the media type that it was stored with."""


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


ETAG = _header("The version; `If-None-Match` with it gets 304 while nothing has changed.")
RANGE = _header("Which bytes of how many.")
RETRY = {"description": "Seconds until it may work.", "schema": {"type": "integer"}}

RESPONSES: Mapping[str, Mapping[str, Any]] = {
    "get_job": {
        "200": {"headers": {"ETag": ETAG}},
        "304": {"description": "Nothing has changed.", "headers": {"ETag": ETAG}},
    },
    "get_artifact": {
        "200": {"description": "The file.", "content": ANY_BYTES, "headers": {"ETag": ETAG}},
        "206": {
            "description": "The bytes that `Range` asks for.",
            "content": ANY_BYTES,
            "headers": {"ETag": ETAG, "Content-Range": RANGE},
        },
        "304": {"description": "The caller has this file.", "headers": {"ETag": ETAG}},
        "416": {"description": "The file ends before the range begins.", "headers": {"Content-Range": RANGE}},
    },
    "get_payload": {"200": {"description": "The payload, as JSON text.", "content": BYTES}},
    "put_payload": {"204": {"description": "It is kept."}},
}
"""Operation -> status -> what is said of the answer beside its schema."""

REFUSALS: Mapping[str, Mapping[str, str]] = {
    "submit_job": {
        "409": "The id or the idempotency key names another job.",
        "413": "Over a limit.",
        "415": "The body is not JSON by its content type.",
        "422": "A field has a wrong value.",
        "429": "Too many jobs wait.",
    },
    "get_artifact": {"404": "No such file.", "416": "The file ends before the range begins."},
    "get_job": {"404": "No such job.", "409": "Several jobs begin so."},
}
"""Operation -> status -> why it is refused; every other refusal is a problem too."""
