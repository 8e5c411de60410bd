"""What this hub is: its version, and what a client may ask of it."""

from typing import Any

from fastapi import APIRouter, Response

from daemons.hub.api.answers import success
from daemons.hub.api.bulk import MAX_ORDERED
from daemons.hub.api.dependencies import CallersQueue, Route, SharedHub
from daemons.hub.api.submission import MAX_BATCH_JOBS, MAX_SUBMIT_BYTES
from daemons.hub.http.bodies import JSON, JSON_LINES
from emp_core import __version__
from emp_core.artifacts.contract import MAX_ARTIFACT_BYTES
from emp_core.client.orders import VERBS
from emp_core.domain.labels import MAX_LABELS
from emp_core.domain.policy import MAX_INLINE_PAYLOAD, MAX_JSON_DEPTH, MAX_JSON_NODES, MAX_SPILLED_PAYLOAD
from emp_core.domain.services import IMPLEMENTED_BY
from emp_core.domain.states import JobState

router = APIRouter(route_class=Route, tags=["hub"])

PROTOCOLS = {"rest": "1"}
"""Each rises when an earlier client would no longer understand it."""


@router.get("/version")
async def version(queue: CallersQueue) -> Response:
    """The version of the hub, and of the server that the queue lies in."""
    server = queue.server
    return success(
        {
            "name": "emp hub",
            "version": __version__,
            "api_version": __version__,
            "protocols": PROTOCOLS,
            "engine": server.engine,
            "engine_version": server.version,
        }
    )


@router.get("/capabilities")
async def capabilities(hub: SharedHub, queue: CallersQueue) -> Response:
    """What this hub can do: protocols, media types, job types and the services that run them, orders and limits."""
    return success(
        {
            "version": __version__,
            "protocols": PROTOCOLS,
            "submit_media_types": [JSON, *JSON_LINES],
            "job_types": {name: list(services) for name, services in IMPLEMENTED_BY.items()},
            "services": sorted({service for services in IMPLEMENTED_BY.values() for service in services}),
            "states": list(JobState),
            "orders": list(VERBS),
            "durability": queue.server.durability,
            "role": queue.caller.role.value,
            "limits": _limits(hub),
        }
    )


def _limits(hub: SharedHub) -> dict[str, Any]:
    return {
        "max_batch_jobs": MAX_BATCH_JOBS,
        "max_ordered_jobs": MAX_ORDERED,
        "max_body_bytes": MAX_SUBMIT_BYTES,
        "max_payload_bytes": MAX_SPILLED_PAYLOAD,
        "max_inline_payload_bytes": MAX_INLINE_PAYLOAD,
        "max_artifact_bytes": MAX_ARTIFACT_BYTES,
        "max_json_depth": MAX_JSON_DEPTH,
        "max_json_nodes": MAX_JSON_NODES,
        "max_labels": MAX_LABELS,
        "max_pending_jobs": hub.settings.max_pending_jobs,
        "max_job_timeout_seconds": hub.settings.max_job_timeout_minutes * 60,
    }
