"""What a hub's operator can set; `.env.hub.example` is generated from here."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from emp_core.settings import FileSettings, Host, ListenPort, RedisSettings, Settings, Token, between
from emp_core.urls import is_loopback


class ListenSettings(Settings):
    """The hub's address and token."""

    hub_host: Host = "127.0.0.1"
    """The address to listen on. An address that other machines can reach needs a token."""

    hub_port: ListenPort = 3001
    """The hub's port; 0 takes any free port."""

    ws_host: Host | None = Field(default=None, examples=["127.0.0.1"])
    """The address of the second port; default: HUB_HOST."""

    ws_port: ListenPort | None = Field(default=None, examples=[3002])
    """A second port with the same API, for programs that expect WebSockets on another port; default: none."""

    ws_auth_token: Token = Field(
        default=None,
        validation_alias=AliasChoices("WS_AUTH_TOKEN", "HUB_AUTH_TOKEN"),
        examples=["a-long-random-text"],
    )
    """The token that workers, monitors and clients must send; default: none, and only this machine can call the hub."""

    max_ws_message_size_mb: Annotated[int, between(1, 100)] = 10
    """The largest message that a WebSocket may send, in MiB; a larger one closes it."""

    hub_allow_query_token: bool = False
    """Accept the token in a URL's query too, as programs of older systems send it."""

    @model_validator(mode="after")
    def _token_unless_loopback(self) -> Self:
        for variable, host in (("HUB_HOST", self.hub_host), ("WS_HOST", self.ws_host)):
            if host and not is_loopback(host) and self.ws_auth_token is None:
                raise ValueError(f"{variable}={host} is reachable from other machines: set WS_AUTH_TOKEN too")
        return self


class JobSettings(Settings):
    """Limits of jobs, and how long they are kept."""

    default_job_priority: Annotated[int, between(0, 100)] = 50
    """The priority of a job that sets none: 0 to 100, higher first."""

    max_job_timeout_minutes: Annotated[float, between(0.01, 10_080)] = 30
    """The time limit of one attempt; a job can set a shorter one."""

    max_pending_jobs: Annotated[int, between(1, 100_000_000)] = 1_000_000
    """The most jobs that may wait; further submits are refused."""

    completed_job_ttl_hours: Annotated[float, between(0, 87_600)] = 24
    """How long a completed job is kept."""

    failed_job_ttl_days: Annotated[float, between(0, 3_650)] = 7
    """How long a failed or cancelled job is kept."""

    max_finished_jobs: Annotated[int, between(0, 100_000_000)] = 100_000
    """The most ended jobs that are kept; the oldest are deleted first."""

    min_finished_job_minutes: Annotated[float, between(0, 10_080)] = 15
    """How long a finished job is kept even if there are more than MAX_FINISHED_JOBS or Redis is short of memory; only
    jobs beyond ten times MAX_FINISHED_JOBS go earlier."""


class HubSettings(ListenSettings, JobSettings, FileSettings, RedisSettings):
    """Settings of the hub."""

    env_file: ClassVar[Path | None] = Path(".env.hub")
