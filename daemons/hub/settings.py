"""What a hub's operator can set; `.env.hub.example` is generated from here."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import AliasChoices, Field, model_validator

from emp_core.settings import FileSettings, Host, ListenPort, RedisSettings, Settings, Token, between, is_loopback


class ListenSettings(Settings):
    """Where the hub listens, and who may call it."""

    hub_host: Host = "127.0.0.1"
    """The address of the REST API, the WebSockets and the monitor. One that others can reach needs a token."""

    hub_port: ListenPort = 3001
    """The hub's port; 0 is any that is free."""

    ws_host: Host | None = Field(default=None, examples=["127.0.0.1"])
    """The address of the second port; unset: HUB_HOST."""

    ws_port: ListenPort | None = Field(default=None, examples=[3002])
    """A second port that serves the same, for programs that look for WebSockets there; unset: none."""

    ws_auth_token: Token = Field(
        default=None,
        validation_alias=AliasChoices("WS_AUTH_TOKEN", "HUB_AUTH_TOKEN"),
        examples=["a-long-random-text"],
    )
    """The token that workers, monitors and clients show; unset: none is asked for, and only this machine can call."""

    hub_allow_query_token: bool = False
    """Take the token from a URL's query too, as the predecessors' programs send it."""

    @model_validator(mode="after")
    def _token_unless_loopback(self) -> Self:
        for variable, host in (("HUB_HOST", self.hub_host), ("WS_HOST", self.ws_host)):
            if host and not is_loopback(host) and self.ws_auth_token is None:
                raise ValueError(f"{variable}={host} can be reached by others: set WS_AUTH_TOKEN too")
        return self


class JobSettings(Settings):
    """What a job may ask, and how long it is kept."""

    default_job_priority: Annotated[int, between(0, 100)] = 50
    """The priority of a job that names none: 0 to 100, higher first."""

    max_job_timeout_minutes: Annotated[float, between(0.01, 10_080)] = 30
    """The longest that one attempt may run; a job can ask for less."""

    max_pending_jobs: Annotated[int, between(1, 100_000_000)] = 1_000_000
    """How many jobs may wait; further ones are refused."""

    completed_job_ttl_hours: Annotated[float, between(0, 87_600)] = 24
    """How long a completed job can be looked up."""

    failed_job_ttl_days: Annotated[float, between(0, 3_650)] = 7
    """How long a failed or cancelled job can be looked up."""

    max_finished_jobs: Annotated[int, between(0, 100_000_000)] = 100_000
    """How many finished jobs are kept; the oldest go first."""


class HubSettings(ListenSettings, JobSettings, FileSettings, RedisSettings):
    """Settings of the hub."""

    env_file: ClassVar[Path | None] = Path(".env.hub")
