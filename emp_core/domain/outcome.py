"""What a worker reports of an attempt: progress, then a result or a failure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

MAX_WORD = 64
"""Characters of a failure's code that are kept beside its job; the failure itself has all of them."""

_NO_WORD = re.compile(r"[^a-z0-9_.-]+")


class Blame(StrEnum):
    """Who pays for a failure: the job's retries always, a worker's record only for `worker` and `backend`."""

    JOB = "job"
    WORKER = "worker"
    BACKEND = "backend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt is."""

    percent: float
    """0 to 100, of the whole job."""

    message: str = ""
    """One line for people; 64 bytes of it are kept."""

    node: str = ""
    """The step that runs, in the service's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file that a job took or made, as listed in its result."""

    id: str
    """Names the file in the artifact store: `<job>/<attempt>/<number>`."""

    name: str
    """What the service called it, with its folders, such as `sub/out_00001_.png`. Cleaned again before it is a path."""

    size: int
    """Bytes."""

    sha256: str
    media_type: str = "application/octet-stream"
    kind: str = "output"
    """`output`, `temp` or `input`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a completed job made."""

    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON, at most 256 KiB, or 4 KiB where Redis is nearly full; larger goes into an artifact."""

    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed."""

    message: str
    """One line, readable by the person who submitted the job."""

    retryable: bool = True
    blame: Blame = Blame.JOB
    code: str = "error"
    """The connector's own stable word, such as `out_of_memory` or `validation`."""

    detail: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """JSON for the curious: node ids, the first lines of a traceback; at most 16 KiB."""

    artifacts: tuple[Artifact, ...] = ()
    """Partial results."""

    @property
    def word(self) -> str:
        """The code as lists and logs show it: one word, whatever a connector gave."""
        return _NO_WORD.sub("_", self.code.lower())[:MAX_WORD] or "error"
