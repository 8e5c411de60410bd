"""The variables of this process: the one place that reads them, and how a mistake in one is told."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from emp_core.domain.values import did_you_mean

OUR_PREFIX = "EMP_"
"""What begins so is nobody else's, so a name that we do not know is a typing error."""

CONTEXT = "EMP_CONTEXT"
IMPORT_FROM = "EMP_IMPORT_FROM"
OF_THE_COMMAND = (CONTEXT, "EMP_READ_ONLY", IMPORT_FROM)
"""Variables of the `emp` command itself; no program has them in its settings or its file."""

# Kubernetes tells every container where the services beside it are: for a service `emp-hub` it sets EMP_HUB_PORT to a
# URL, and EMP_HUB_SERVICE_HOST, EMP_HUB_SERVICE_PORT_HTTP, EMP_HUB_PORT_3001_TCP_ADDR and the like.
_LINK_NAME = re.compile(r".*_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A variable that cannot be used."""

    place: str
    """`.env.hub, line 3`; empty if it is in no file."""

    name: str
    problem: str
    shown: str = ""
    """Its value, if it is wrong and no secret."""

    def text(self) -> str:
        """One line: the place, the name of the setting, and the problem."""
        place = f"{self.place}: " if self.place else ""
        name = f"{self.name} " if self.name else ""
        return f"{place}{self.name}={self.shown}: {self.problem}" if self.shown else f"{place}{name}{self.problem}"


def not_a_setting(name: str, known: Sequence[str]) -> str:
    """What is wrong with a name that nobody reads, and the nearest that somebody reads."""
    return f"is not a setting{did_you_mean(name, known)}"


def unknown_names(environ: Mapping[str, str], known: Sequence[str]) -> list[Mistake]:
    """The names that look like ours, and that no program reads."""
    return [
        Mistake(place="", name=name, problem=not_a_setting(name, known))
        for name, text in environ.items()
        if name.startswith(OUR_PREFIX) and name not in known and not is_link(name, text)
    ]


def is_link(name: str, text: str) -> bool:
    """Whether Kubernetes says by it where a service is."""
    return bool(_LINK_NAME.fullmatch(name) or (name.endswith("_PORT") and _LINK_VALUE.fullmatch(text)))


def printable(text: str, width: int = 80) -> str:
    """A value on one line of an error, short and harmless."""
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return line if len(line) <= width else f"{line[: width - 1]}…"


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def variable(name: str) -> str:
    """A variable of the machine that is no setting of ours, such as PAGER; empty if it is not set."""
    return os.environ.get(name, "")


def environment_with(redis_url: str | None) -> dict[str, str]:
    """The environment of a process that is to use this queue, or that of this process."""
    if redis_url is None:
        return dict(os.environ)
    return {name: text for name, text in os.environ.items() if name != "HUB_REDIS_URL"} | {"REDIS_URL": redis_url}


def environment_without(names: Collection[str]) -> dict[str, str]:
    """The environment of this process without some variables."""
    return {name: text for name, text in os.environ.items() if name not in names}


def environment_of_host(redis_url: str | None) -> dict[str, str]:
    """What a library reads of its host program's environment; if a URL is given, nothing else about Redis."""
    return {name: text for name, text in os.environ.items() if redis_url is None or not name.startswith("REDIS_")}
