"""`/api/jobs`, which newer servers have beside the queue and the history."""

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemons.simulation.comfyui.process import UUID, Process
from daemons.simulation.comfyui.prompts import Item
from daemons.simulation.comfyui.replies import Json

Job = dict[str, Any]
ENDINGS = ("execution_success", "execution_error", "execution_interrupted")


def _queued(item: Item, status: str) -> Job:
    return {"id": item[1], "status": status, "priority": item[0], "outputs_count": 0}


def _ended(entry: Mapping[str, Any], *, whole: bool) -> Job:
    number, prompt_id, graph, extra, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    kind = next((kind for kind in ENDINGS if kind in messages), "")
    status = {"execution_success": "completed", "execution_interrupted": "cancelled"}.get(kind, "failed")
    files = [file for ui in entry["outputs"].values() for files in ui.values() for file in files]
    job: Job = {
        "id": prompt_id,
        "status": status,
        "priority": number,
        "execution_start_time": messages.get("execution_start", {}).get("timestamp"),
        "execution_end_time": messages.get(kind, {}).get("timestamp"),
        "outputs_count": len(files),
    }
    if "execution_error" in messages:
        job["execution_error"] = messages["execution_error"]
    if whole:
        more = {"outputs": entry["outputs"], "execution_status": entry["status"]}
        job |= {**more, "workflow": {"prompt": graph, "extra_data": extra}}
    return job


class Jobs:
    """The endpoints."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def routes(self) -> list[Route]:
        """They exist under `/api` only."""
        return [
            Route("/api/jobs", self.list, methods=["GET"]),
            Route("/api/jobs/cancel", self.cancel_many, methods=["POST"]),
            Route("/api/jobs/{prompt_id}", self.show, methods=["GET"]),
            Route("/api/jobs/{prompt_id}/cancel", self.cancel, methods=["POST"]),
        ]

    def _all(self) -> Iterator[Job]:
        prompts = self._process.prompts
        if prompts.running is not None:
            yield _queued(prompts.running, "in_progress")
        yield from (_queued(item, "pending") for item in prompts.pending)
        yield from (_ended(entry, whole=False) for entry in prompts.history.values())

    async def list(self, request: Request) -> Response:
        """A page of jobs, newest numbers first."""
        query = request.query_params
        wanted = set(query.get("status", "").split(",")) - {""}
        jobs = [job for job in self._all() if not wanted or job["status"] in wanted]
        jobs.sort(key=lambda job: job["priority"], reverse=query.get("sort_order", "desc") == "desc")
        offset = int(query.get("offset", 0))
        limit = int(query.get("limit", len(jobs)))
        page = {"offset": offset, "limit": limit, "total": len(jobs), "has_more": offset + limit < len(jobs)}
        return Json({"jobs": jobs[offset : offset + limit], "pagination": page})

    async def show(self, request: Request) -> Response:
        """One job with its outputs."""
        prompt_id = request.path_params["prompt_id"]
        entry = self._process.prompts.history.get(prompt_id)
        if entry is not None:
            return Json(_ended(entry, whole=True))
        found = next((job for job in self._all() if job["id"] == prompt_id), None)
        return Json({"error": "Job not found"}, 404) if found is None else Json(found)

    async def cancel(self, request: Request) -> Response:
        """Interrupt it if it runs, take it out if it waits."""
        return Json({"cancelled": self._process.cancel(request.path_params["prompt_id"])})

    async def cancel_many(self, request: Request) -> Response:
        """The same for several."""
        ids = (await request.json()).get("job_ids", [])
        if not all(isinstance(each, str) and UUID.fullmatch(each) for each in ids):
            return Json({"error": "job_ids must be UUIDs"}, 400)
        return Json({"cancelled": [each for each in ids if self._process.cancel(each)]})
