"""The settings of `client_settings` as a model: it reads files, and `emp config` and the docs are made of it."""

from pydantic import AliasChoices, Field, SecretStr

from emp_core.client.client_settings import ONLY_CHECKED, ClientSettings
from emp_core.settings import FileSettings, RedisSettings, RedisUrl, WsUrl


class ClientModel(RedisSettings, FileSettings):
    """Settings of programs that submit and look."""

    redis_url: RedisUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("REDIS_URL", "HUB_REDIS_URL"),
        repr=False,
        examples=["redis://localhost:6379/0"],
    )
    """The queue's Redis (redis, rediss, unix, redis+sentinel or redis+cluster); wins over its parts below."""

    hub_ws_url: WsUrl | None = Field(default=None, repr=False, examples=["ws://hub-host:3001"])
    """The hub that keeps the files, if no store does."""

    hub_auth_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("HUB_AUTH_TOKEN", "WS_AUTH_TOKEN"),
        examples=["a-long-random-text"],
    )
    """The token that the hub asks for."""

    def plain(self) -> ClientSettings:
        """The same as a client has them."""
        told = self.model_fields_set.difference(ONLY_CHECKED)
        values = {name: getattr(self, name) for name in told}
        texts = {name: value.get_secret_value() for name, value in values.items() if isinstance(value, SecretStr)}
        return ClientSettings(**values | texts, told=frozenset(told))


class CommandSettings(ClientModel):
    """Settings of the emp command."""

    context: str | None = Field(default=None, validation_alias="EMP_CONTEXT", examples=["prod"])
    """The context that names the queue, unless REDIS_URL does."""

    read_only: bool = Field(default=False, validation_alias="EMP_READ_ONLY")
    """Refuse every command that changes jobs, workers, hubs or the queue."""
