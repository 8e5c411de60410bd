"""What a worker's operator can set; `.env.worker.example` is generated from here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AliasChoices, Field, SecretStr

from emp_core.ids import is_id
from emp_core.settings import (
    FileSettings,
    Host,
    HttpUrl,
    JsonObject,
    ListenPort,
    Names,
    NamesOrAll,
    NotUsedYet,
    RedisSettings,
    RedisUrl,
    Settings,
    SettingsModel,
    WsUrl,
    between,
)


def _check_id(text: str) -> str:
    if not is_id(text):
        raise ValueError("must be 1 to 128 of A-Z a-z 0-9 . _ : - and begin with a letter or a digit")
    return text


Id = Annotated[str, AfterValidator(_check_id)]
Gigabytes = Annotated[float, between(0, 1_000_000)]
Rate = Annotated[float, between(0, 1_000_000)]


class QueueSettings(RedisSettings):
    """The queue: Redis, or the hub if Redis cannot be reached."""

    redis_url: RedisUrl | None = Field(
        default=None,
        validation_alias=AliasChoices("HUB_REDIS_URL", "REDIS_URL"),
        repr=False,
        examples=["redis://hub-host:6379/0"],
    )
    """The queue's Redis: redis, rediss, unix, redis+sentinel or redis+cluster; overrides the parts below."""

    hub_ws_url: WsUrl | None = Field(default=None, repr=False, examples=["ws://hub-host:3001"])
    """The hub's URL. If Redis is set too, the hub only takes the files."""

    hub_auth_token: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("HUB_AUTH_TOKEN", "WS_AUTH_TOKEN"),
        examples=["a-long-random-text"],
    )
    """The hub's token."""


class IdentitySettings(Settings):
    """The worker's identity."""

    worker_id: Id | None = Field(default=None, examples=["gpu-worker-01"])
    """The worker's id; default: the machine's name and a number."""

    worker_type: Id | None = Field(default=None, examples=["gpu"])
    """A label that jobs can require as `worker_type`."""

    machine_id: Id | None = Field(default=None, examples=["gpu-machine-01"])
    """The machine's name; default: its host name."""


class BackendSettings(Settings):
    """The services that the worker uses. Each brings settings of its own, which follow below."""

    services: Names = Field(default=(), examples=["comfyui"])
    """The services; default: each with an address that is set, such as COMFYUI_URL."""

    a1111_url: Annotated[HttpUrl | None, NotUsedYet()] = Field(
        default=None, repr=False, examples=["http://localhost:7860"]
    )
    """The URL of A1111."""

    comfyui_models: NamesOrAll | None = Field(default=None, examples=["sd15.safetensors,sdxl.safetensors"])
    """ComfyUI's models, or `all`; default: the models that ComfyUI reports."""

    a1111_models: NamesOrAll | None = Field(default=None, examples=["sd15.safetensors"])
    """A1111's models, or `all`; default: the models that A1111 reports."""

    models: NamesOrAll | None = Field(default=None, examples=["sd15.safetensors"])
    """The models of services without a list of their own, or `all`; default: the models that the services report."""

    def models_of(self, service: str) -> NamesOrAll | None:
        """The models that a service is declared to have; None if the service is asked."""
        own = {"comfyui": self.comfyui_models, "a1111": self.a1111_models}.get(service)
        return self.models if own is None else own


class HardwareSettings(Settings):
    """The machine's hardware. Default: what emp detects. GB are 10^9 bytes, totals, rounded down."""

    gpu_count: Annotated[int, between(0, 1_024)] | None = Field(default=None, examples=[1])
    """How many GPUs a job can use."""

    gpu_memory_gb: Gigabytes | None = Field(default=None, examples=[16])
    """The memory of each GPU."""

    gpu_model: str | None = Field(default=None, examples=["RTX 4090"])
    """The model of the GPUs."""

    cpu_cores: Annotated[int, between(1, 100_000)] | None = Field(default=None, examples=[8])
    """How many cores the processor has."""

    ram_gb: Gigabytes | None = Field(default=None, examples=[32])
    """The memory of the machine."""

    disk_gb: Gigabytes | None = Field(
        default=None, validation_alias=AliasChoices("DISK_GB", "STORAGE_GB"), examples=[500]
    )
    """The size of the machine's disk."""


class OfferSettings(Settings):
    """Which jobs the worker accepts."""

    quality_levels: NamesOrAll = "all"
    """The quality levels that the worker offers, such as fast,balanced,quality."""

    max_processing_time_minutes: Annotated[float, between(0.01, 10_080)] | None = Field(default=None, examples=[60])
    """The longest job that the worker accepts, by the job's `max_minutes`; default: any."""

    components: NamesOrAll = "all"
    """The EmProps components that the worker has, or `all`."""

    components_denied: Names = Field(default=(), examples=["upscale_8k"])
    """Components that the worker refuses."""

    workflows: NamesOrAll = "all"
    """The EmProps workflow names that the worker knows, or `all`."""

    workflows_denied: Names = Field(default=(), examples=["video_long"])
    """Workflow names that the worker refuses."""

    worker_workflow_id: Id | None = Field(default=None, examples=["wf-42"])
    """Reserves the worker for the jobs of one workflow."""

    customer_isolation: Literal["strict", "loose", "none"] = "none"
    """`strict` serves only the allowed customers; `loose` and `none` serve all customers that are not denied."""

    allowed_customers: Names = Field(default=(), examples=["customer-1,customer-2"])
    """The customers that a strict worker serves; an empty list means none."""

    denied_customers: Names = Field(default=(), examples=["customer-3"])
    """The customers that the worker never serves."""

    max_concurrent_customers: Annotated[int, between(1, 1_000)] | None = Field(default=None, examples=[10])
    """The most customers whose jobs run here at once; default: any number."""

    region: str | None = Field(default=None, examples=["eu-west"])
    """The region of the worker's machine."""

    compliance: Names = Field(
        default=(), validation_alias=AliasChoices("COMPLIANCE", "COMPLIANCE_TAGS"), examples=["gdpr,hipaa"]
    )
    """The compliance rules that the worker meets."""

    cost_tier: str | None = Field(default=None, examples=["standard"])
    """The worker's price class."""

    rate_per_hour: Rate | None = Field(default=None, examples=[1.5])
    """The cost of an hour of the worker."""

    rate_per_job: Rate | None = Field(default=None, examples=[0.02])
    """The cost of a job on the worker."""

    worker_custom: JsonObject = Field(default={}, examples=[{"network": {"gbit": 10}}])
    """Other capabilities that jobs can require, as a JSON object."""


class RunSettings(Settings):
    """How jobs run."""

    concurrent_jobs: Annotated[int, between(1, 1_024)] = 1
    """How many jobs run at once."""

    drain_timeout_seconds: Annotated[int, between(0, 86_400)] = 120
    """How long a stopping worker waits for its jobs before it gives them back."""

    orphan_run_seconds: Annotated[int, between(0, 604_800)] | None = Field(default=None, examples=[600])
    """How long a job may run while its worker cannot reach the queue; default: until the attempt's timeout."""


class DashboardSettings(Settings):
    """The worker's own page."""

    worker_dashboard_enabled: Annotated[bool, NotUsedYet()] = True
    """Whether the worker serves a page about itself."""

    worker_dashboard_host: Annotated[Host, NotUsedYet()] = "127.0.0.1"
    """The page's address."""

    worker_dashboard_port: Annotated[ListenPort, NotUsedYet()] = 0
    """The page's port; 0 takes any free port."""


class WorkerSettings(
    QueueSettings,
    IdentitySettings,
    BackendSettings,
    HardwareSettings,
    OfferSettings,
    RunSettings,
    DashboardSettings,
    FileSettings,
):
    """Settings of a worker."""

    env_file: ClassVar[Path | None] = Path(".env.worker")

    @classmethod
    def neighbours(cls, texts: Mapping[str, str], *, imports: bool) -> Sequence[type[SettingsModel]] | None:
        """The settings of the connectors in SERVICES, and of all that ship with emp."""
        from daemons.worker.catalog import SHIPPED, known_connectors, models_of

        names = [name.strip() for name in texts.get("SERVICES", "").strip("[] ").replace('"', "").split(",")]
        if imports:
            return models_of(name for name in names if name)
        foreign = [name for name in names if name not in SHIPPED and (".py:" in name or name in known_connectors())]
        return None if foreign else models_of(())
