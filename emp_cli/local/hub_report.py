"""A hub, asked over REST how it and its queue are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from emp_core.errors import AccessDenied, HubUnavailable, InvalidInput
from emp_core.urls import masked

if TYPE_CHECKING:
    from emp_core.client.async_emp import QueueInfo
    from emp_core.store import Summary

SECONDS = 5.0

SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HubReport:
    """What a hub says."""

    url: str
    health: Mapping[str, Any]
    stats: Mapping[str, Any] | None
    """None where it cannot reach its queue."""

    @property
    def queue(self) -> "QueueInfo | None":
        """What the hub is connected to; None where it is not."""
        from emp_core.client.async_emp import QueueInfo

        health = self.health
        if self.stats is None:
            return None
        engine = f"{health.get('engine', 'unknown')} {health.get('engine_version', '')}".rstrip()
        return QueueInfo(source=self.url, engine=engine, durability=str(health.get("durability", "unknown")), files="")

    @property
    def summary(self) -> "Summary | None":
        """The queue at a glance; what the hub leaves out is nothing."""
        from emp_core.store import Summary

        if self.stats is None:
            return None
        jobs, workers, services = (self._counts(name) for name in ("jobs", "workers", "services"))
        numbers = {
            name: self.stats.get(name) or 0
            for name in ("slots", "busy_slots", "classes_waiting", "unworkable_jobs", "held")
        }
        return Summary(
            jobs=jobs,
            workers=workers,
            services=services,
            oldest_pending_ms=self.stats.get("oldest_pending_ms"),
            oldest_pending_exact=self.stats.get("oldest_pending_exact") is not False,
            unworkable_exact=self.stats.get("unworkable_exact") is not False,
            at=self.stats.get("at") or 0,
            memory=None,
            **numbers,
        )

    def _counts(self, name: str) -> Mapping[str, int]:
        found = (self.stats or {}).get(name) or {}
        return {state: count for state, count in found.items() if state != "total"}


def http_url(text: str) -> str:
    """Where a hub answers, from its URL for files or for sockets."""
    problem = InvalidInput("hub", f"must be a URL such as http://hub-host:3001, not {masked(text)!r}")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise problem from None
    if parts.scheme not in SCHEMES or not host or any(char.isspace() for char in text):
        raise problem
    return parts._replace(scheme=SCHEMES[parts.scheme], query="", fragment="").geturl().rstrip("/")


async def report(url: str, token: str, *, named_by: str, direct: bool = False) -> HubReport:
    """What the hub there says; `direct` goes by no proxy. Raises `HubUnavailable` or `AccessDenied`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=not direct) as client:
            # Whoever answers there is shown the token only once it has said that it is a hub.
            health = _health(await client.get("/health"), url)
            well = health["status"] == "ok"
            stats = _stats(await client.get("/api/stats", headers=headers), url) if well else None
    except httpx.RequestError as error:
        raise HubUnavailable(
            f"the hub at {masked(url)} does not answer: {str(error) or type(error).__name__}",
            hint=f"{named_by} names it; is it running, and does its HUB_HOST allow other machines?",
        ) from error
    return HubReport(url=masked(url), health=health, stats=stats)


def _health(response: httpx.Response, url: str) -> Mapping[str, Any]:
    """A hub without its queue says so, with 503."""
    content = _content(response)
    if response.status_code in (401, 403):
        raise _denied(url, content)
    if response.status_code not in (200, 503) or not isinstance(content.get("status"), str):
        raise HubUnavailable(
            f"what answers at {masked(url)} is not a hub: it answers {response.status_code} to /health",
            hint="see HUB_HOST and HUB_PORT on its machine",
        )
    return content


def _stats(response: httpx.Response, url: str) -> Mapping[str, Any]:
    content = _content(response)
    if response.status_code in (401, 403):
        raise _denied(url, content)
    if not response.is_success:
        why = content.get("detail") or f"it answers {response.status_code} to /api/stats"
        raise HubUnavailable(f"the hub at {masked(url)} cannot report on its queue: {why}")
    return content


def _denied(url: str, content: Mapping[str, Any]) -> AccessDenied:
    why = content.get("detail") or "it needs another token"
    return AccessDenied(f"the hub at {masked(url)} refuses: {why}", hint="set HUB_AUTH_TOKEN to the hub's own token")


def _content(response: httpx.Response) -> Mapping[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
