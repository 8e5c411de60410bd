"""Examples of bodies and parameters for the API's document; the tests send each of them to a hub."""

from collections.abc import Mapping
from typing import Any

SUBMITS: Mapping[str, Any] = {
    "job": {
        "service": "comfyui",
        "customer_id": "acme",
        "priority": 75,
        "labels": {"batch": "42"},
        "payload": {"prompt": {"3": {"class_type": "KSampler", "inputs": {"seed": 7}}}},
        "requirements": {"gpu_memory_gb": 8},
    },
    "batch": [
        {"id": "poster-1", "service": "comfyui", "payload": {"prompt": {}}},
        {"id": "poster-2", "service": "comfyui", "payload": {"prompt": {}}, "depends_on": ["poster-1"]},
    ],
    "step of a workflow": {
        "service": "comfyui",
        "workflow_id": "film-7",
        "workflow_priority": 80,
        "workflow_datetime": 1_767_225_600_000,
        "current_step": 2,
        "total_steps": 3,
        "payload": {"prompt": {}},
    },
    "older names": {
        "type": "text_to_image",
        "priority": 50,
        "payload": {"prompt": "a beautiful landscape", "steps": 20},
        "requirements": {"service_type": "comfyui"},
    },
}

LINES = '{"service":"comfyui","payload":{"prompt":{}}}\n{"job_type":"txt2img","payload":{"prompt":"a cat"}}\n'

BODIES: Mapping[str, Mapping[str, Any]] = {
    "submit_job": SUBMITS,
    "cancel_jobs": {
        "see what would be cancelled": {"where": "customer:acme label.batch:42", "dry_run": True},
        "by a filter": {"where": "customer:acme label.batch:42", "reason": "wrong model"},
        "by ids": {"ids": ["poster-1", "poster-2"], "reason": "wrong model"},
    },
    "retry_jobs": {"by a filter": {"where": "status:failed code:out_of_memory ended<1h"}},
    "delete_jobs": {"by a filter": {"where": "status:completed ended>1d", "limit": 500}},
    "priority_jobs": {"by a filter": {"where": "customer:acme status:pending", "priority": 20}},
    "set_workflow_priority": {"a priority": {"priority": 80}},
    "set_limit": {"a limit": {"maximum": 3}},
    "cancel_job": {"a reason": {"reason": "wrong model"}},
    "set_priority": {"a priority": {"priority": 80}},
    "pause_worker": {"a reason": {"reason": "driver update"}},
}
"""Operation -> name -> body."""
