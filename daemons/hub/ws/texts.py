"""The messages that many sockets get, written once each: whoever writes one again soon gets the same text."""

import base64
from collections.abc import Mapping
from typing import Any

from daemons.hub.api.answers import job_answer
from daemons.hub.live.jobs import News
from emp_core.client import results
from emp_core.client.queue import Preview
from emp_core.domain.events import Event, Reported
from emp_core.domain.job import Job
from emp_core.domain.json_text import dump_json
from emp_core.domain.states import JobState
from emp_core.domain.views import event_view

MAX_RESULT_BYTES = 64 * 1024
"""A larger result is told by its URL."""


def text_of(message: str, /, **fields: Any) -> str:
    """A message, by its type."""
    return dump_json({"type": message, **fields}).decode()


class Texts:
    """All sockets are told of one thing after the other, so the last text of each kind is what most of them need."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[object, str]] = {}

    def of_event(self, event: Event) -> str:
        """`event`."""
        return self._kept("event", event, lambda: text_of("event", **event_view(event)))

    def of_report(self, reported: Reported) -> str:
        """`progress`."""
        return self._kept(
            "report",
            reported,
            lambda: text_of(
                "progress",
                job_id=reported.job,
                attempt=reported.attempt,
                percent=reported.percent,
                message=reported.message,
            ),
        )

    def of_news(self, news: News, *, outcome: bool) -> str:
        """`job`; with what came of it if the caller may read that."""
        return self._kept(f"news {outcome}", news, lambda: news_text(news, outcome=outcome))

    def of_lines(self, job_id: str, lines: tuple[str, ...]) -> str:
        """`log`."""
        return self._kept("lines", lines, lambda: text_of("log", job_id=job_id, lines=list(lines)))

    def of_preview(self, job_id: str, preview: Preview) -> str:
        """`preview`."""
        return self._kept("preview", preview, lambda: preview_text(job_id, preview))

    def _kept(self, kind: str, thing: object, write: Any) -> str:
        last, text = self._last.get(kind, (None, ""))
        if last is not thing:
            text = write()
            self._last[kind] = (thing, text)
        return text


TEXTS = Texts()
"""Those of a hub."""


def news_text(
    news: News, *, outcome: bool = False, left: bool = False, ref: str | None = None, cursor: str = ""
) -> str:
    """A job as it is now, and what happened to it."""
    return text_of(
        "job",
        **({"ref": ref} if ref is not None else {}),
        job_id=news.job_id,
        job=job_answer(news.job) if news.job else None,
        events=[event_view(event) for event in news.events],
        cursor=news.events[-1].cursor if news.events else cursor,
        **({"left": True} if left else {}),
        **(_came(news.job, news.outcome) if outcome and news.job and news.outcome else {}),
    )


def preview_text(job_id: str, preview: Preview) -> str:
    """A picture."""
    return text_of(
        "preview",
        job_id=job_id,
        media_type=preview.media_type,
        image=base64.b64encode(preview.image).decode(),
        too_large=preview.too_large,
    )


def _came(job: Job, outcome: results.Outcome) -> Mapping[str, Any]:
    if job.state is JobState.FAILED:
        return {"failure": outcome.value}
    if job.state is not JobState.COMPLETED:
        return {}
    whole = outcome.value
    if outcome.file is None and len(dump_json(whole)) <= MAX_RESULT_BYTES:
        return {"result": whole}
    kept = {"data": None, "artifacts": whole["artifacts"]} if whole and "artifacts" in whole else None
    return {"result": kept, "result_url": f"/api/jobs/{job.id}/result"}
