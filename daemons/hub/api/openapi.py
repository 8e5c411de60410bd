"""The API's document: `docs/openapi.json`, and what the hub serves at `/openapi.json`."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from daemons.hub.api.schemas import ANSWERS, examples
from daemons.hub.api.schemas.base import Problem
from daemons.hub.api.schemas.fleet import IllHealthAnswer
from daemons.hub.api.schemas.requests import BODIES, OF_A_JOB
from daemons.hub.api.schemas.responses import BYTES, REFUSALS, RESPONSES
from daemons.hub.api.schemas.submits import SubmittedAnswer
from daemons.hub.http.bodies import JSON, JSON_LINES
from emp_core.domain.job import JobRequest

ABOUT = """Every path works without `/api` too. Where a token is set it is shown as `Authorization: Bearer TOKEN`.

Older names are read as well as these: `service_type`, `service_required`, `type`, `params` and the like."""

SCHEMAS = "#/components/schemas/"

_PROBLEM = "application/problem+json"


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
        operation["responses"] = _responses(name, operation["responses"], shapes)
        if name in bodies:
            operation["requestBody"] = bodies[name]
    document["components"] = {
        "schemas": definitions,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{"token": []}, {}]
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _responses(name: str, found: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in sorted({*found, *RESPONSES.get(name, ())} - {"422"}):
        response: dict[str, Any] = {"description": "Done."} | found.get(status, {})
        if name in shapes and status.startswith("2"):
            response["content"] = {JSON: {"schema": shapes[name]}}
        responses[status] = response | RESPONSES.get(name, {}).get(status, {})
    refused = {"content": {_PROBLEM: {"schema": shapes["problem"]}}}
    for status, why in REFUSALS.get(name, {}).items():
        responses[status] = {**responses.get(status, {}), "description": why, **refused}
    if name in ("health", "ready"):
        ill = shapes["ill_health"] if name == "health" else shapes[name]
        responses["503"] = {"description": "It cannot now: why.", "content": {JSON: {"schema": ill}}}
    if name == "submit_job":
        responses["201"]["content"] = {JSON: {"schema": shapes["submitted"]}}
    return {**responses, "default": {"description": "A problem", **refused}}


def _schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of each operation's answer and body, and what they share."""
    answers = {**ANSWERS, "problem": Problem, "ill_health": IllHealthAnswer, "submitted": SubmittedAnswer}
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (name, "serialization", TypeAdapter(shape)) for name, shape in answers.items()
    ]
    wanted.append(("request", "validation", TypeAdapter(JobRequest)))
    wanted += [(f"body of {name}", "validation", TypeAdapter(shape)) for name, (shape, _) in BODIES.items()]
    found, shared = TypeAdapter.json_schemas(wanted, ref_template=SCHEMAS + "{model}")
    of_a_job = shared["$defs"]["JobRequest"]["properties"]
    of_a_job.pop("sent")  # set while reading, no part of a request
    for name, bounds in OF_A_JOB.items():
        of_a_job[name] |= bounds
    return {name: schema for (name, _), schema in found.items()}, shared["$defs"]


def _bodies(shapes: dict[str, Any]) -> dict[str, Any]:
    job = shapes["request"]
    jobs = {"anyOf": [job, {"type": "array", "items": job, "description": "A batch, answered line by line."}]}
    lines = {"schema": {"type": "string", "description": "A job on each line."}, "example": examples.LINES}
    submits = {JSON: {"schema": jobs, **_examples("submit_job")}, **dict.fromkeys(JSON_LINES, lines)}
    orders = {
        name: _body({JSON: {"schema": shapes[f"body of {name}"], **_examples(name)}}, required=required)
        for name, (_, required) in BODIES.items()
    }
    return {
        "submit_job": _body(submits, required=True),
        "put_artifact": _body(BYTES, required=True),
        "put_payload": _body(BYTES, required=True),
        **orders,
    }


def _examples(name: str) -> dict[str, Any]:
    shown = examples.BODIES.get(name)
    return {"examples": {title: {"value": body} for title, body in shown.items()}} if shown else {}


def _body(content: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": content}
