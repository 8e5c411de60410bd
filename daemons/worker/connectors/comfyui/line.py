"""The position of a prompt in ComfyUI's queue: reported as progress, given up after a long wait behind others."""

from daemons.worker.connector import JobContext, ServiceBusy
from daemons.worker.connectors.comfyui.answers import PromptQueue
from daemons.worker.connectors.comfyui.others import Others
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.clock import Clock


class Line:
    """One prompt's wait."""

    def __init__(self, settings: ComfyUISettings, clock: Clock, context: JobContext, others: Others) -> None:
        self._most = settings.foreign_wait_seconds
        self._clock = clock
        self._context = context
        self._others = others
        self._ahead: tuple[str, ...] | None = None
        self._since: float | None = None
        self._before = 0.0
        self.given_up = False
        """Whether the prompt was taken out of the queue, as far as is known."""

    @property
    def waited_seconds(self) -> float:
        """How long it has stood behind prompts of other clients."""
        return self._before + (self._clock.monotonic() - self._since if self._since is not None else 0.0)

    def leave(self) -> None:
        """The prompt runs, or waits only behind the worker's own."""
        self._before = self.waited_seconds
        self._since, self.given_up = None, False

    def stand(self, queue: PromptQueue, prompt_id: str) -> bool:
        """Report the prompt's position. True if it has waited too long: the caller then takes it out of the queue."""
        prompts = list(queue)
        ahead = prompts[: [queued.prompt_id for queued in prompts].index(prompt_id)]
        foreign = self._others.among(ahead)
        self._tell(tuple(queued.prompt_id for queued in ahead), foreign)
        if not foreign:
            self.leave()
        elif self._since is None:
            self._since = self._clock.monotonic()
        self.given_up = self._since is not None and self._clock.monotonic() - self._since >= self._most
        return self.given_up

    def _tell(self, ahead: tuple[str, ...], foreign: int) -> None:
        """Only a line that moves is a sign of life."""
        if ahead == self._ahead:
            return
        self._ahead = ahead
        self._context.alive()
        whose = f", {foreign} of other clients" if foreign else ""
        self._context.progress(0.0, f"waits in ComfyUI behind {len(ahead)}{whose}")

    def too_long(self) -> ServiceBusy:
        """The prompt was taken out before it began: the job goes to another worker."""
        self._others.make_way()
        return ServiceBusy(f"the job waited {self.waited_seconds:.0f} s in ComfyUI behind prompts of other clients")
