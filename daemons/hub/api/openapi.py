"""The API's document: `docs/openapi.json`, and what the hub serves at `/openapi.json`."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from daemons.hub.api.schemas import ANSWERS
from daemons.hub.api.schemas.base import Problem
from emp_core.domain.job import JobRequest

ABOUT = """Every path works without `/api` too. Where a token is set it is shown as `Authorization: Bearer TOKEN`.

Older names are read as well as these: `service_type`, `service_required`, `type`, `params` and the like."""

SCHEMAS = "#/components/schemas/"

_JSON = "application/json"
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_REASON = {"type": "object", "properties": {"reason": {"type": "string"}}}
_PRIORITY = {
    "type": "object",
    "properties": {"priority": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["priority"],
}


def describe(app: FastAPI) -> None:
    """Have an app describe itself."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def document_text(app: FastAPI) -> str:
    """The document as a file."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    shapes, definitions = _schemas()
    bodies = _bodies(shapes)
    for operation in _operations(document):
        name = operation["operationId"]
        if name in shapes:
            for status, response in operation["responses"].items():
                if status.startswith("2"):
                    response["content"] = {_JSON: {"schema": shapes[name]}}
        if name in bodies:
            operation["requestBody"] = bodies[name]
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = {
            "description": "A problem",
            "content": {"application/problem+json": {"schema": shapes["problem"]}},
        }
    document["components"] = {
        "schemas": definitions,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{"token": []}, {}]
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of each operation's answer, and what they share."""
    answers = {**ANSWERS, "problem": Problem}
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (name, "serialization", TypeAdapter(shape)) for name, shape in answers.items()
    ]
    wanted.append(("request", "validation", TypeAdapter(JobRequest)))
    found, shared = TypeAdapter.json_schemas(wanted, ref_template=SCHEMAS + "{model}")
    shared["$defs"]["JobRequest"]["properties"].pop("sent")  # set while reading, no part of a request
    return {name: schema for (name, _), schema in found.items()}, shared["$defs"]


def _bodies(shapes: dict[str, Any]) -> dict[str, Any]:
    job = shapes["request"]
    jobs = {"anyOf": [job, {"type": "array", "items": job, "description": "A batch, answered line by line."}]}
    orders = {name: _body({_JSON: {"schema": _REASON}}) for name in ("pause_worker", "resume_worker", "drain_worker")}
    return {
        "submit_job": _body({_JSON: {"schema": jobs}}, required=True),
        "set_priority": _body({_JSON: {"schema": _PRIORITY}}, required=True),
        "put_artifact": _body(_BYTES, required=True),
        "put_payload": _body(_BYTES, required=True),
        **orders,
    }


def _body(content: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"required": required, "content": content}
