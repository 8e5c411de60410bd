"""From the options of `emp submit` to requests. Reads files and stdin; knows no queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emp_cli.arguments import read_stdin
from emp_cli.graph import read_graph, set_input
from emp_cli.output.units import read_duration, read_time
from emp_core.domain.json_text import parse_json
from emp_core.domain.requirements import REQUIREMENT_FIELDS
from emp_core.domain.values import did_you_mean
from emp_core.errors import InvalidInput

Body = dict[str, Any]

LISTS = ("services", "models", "components", "workflows", "regions", "compliance", "tiers")
"""Requirements that are lists: `models=a,b`."""


TYPED = {"source": "requests as JSON", "workflow": "a workflow", "payload": "a payload as JSON"}
"""What a person is asked for who has said `-` on a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options said; each field is an option of `emp submit`."""

    source: str | None = None
    service: str | None = None
    job_type: str | None = None
    workflow: str | None = None
    payload: str | None = None
    template: str | None = None
    settings: Sequence[str] | None = None
    files: Sequence[str] | None = None
    priority: int | None = None
    customer: str | None = None
    workflow_id: str | None = None
    requirements: str | None = None
    require: Sequence[str] | None = None
    depends_on: Sequence[str] | None = None
    run_at: str | None = None
    delay: str | None = None
    deadline: str | None = None
    max_failures: int | None = None
    job_timeout: str | None = None
    idempotency_key: str | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One request, and where it stands in the input."""

    number: int
    body: Body = field(default_factory=dict[str, Any])


def read_texts(asked: Asked) -> Mapping[str, str]:
    """What the files hold that options name, and stdin. Raises `InvalidInput` with the option's name."""
    places = {name: getattr(asked, name) for name in ("source", "workflow", "payload")}
    if not any((*places.values(), asked.service, asked.job_type, asked.template)):
        raise InvalidInput(
            "service",
            "is missing: name the service that runs the job",
            hint="emp submit --service simulation; emp submit --help has more",
        )
    given = [name for name in ("workflow", "payload", "template") if getattr(asked, name)]
    if asked.source and given:
        raise InvalidInput(given[0], "cannot be combined with a file of requests")
    if asked.workflow and (asked.payload or asked.template):
        raise InvalidInput("workflow", "cannot be combined with --payload or --template")
    return {name: _text(name, place) for name, place in places.items() if place}


def requests(asked: Asked, texts: Mapping[str, str], now: int) -> list[Line]:
    """The requests, options put over what the input says. Raises `InvalidInput` with the option's name."""
    options = _options(asked, texts, now)
    if asked.source is None:
        return [Line(1, options)]
    return [Line(line.number, {**line.body, **options}) for line in _lines(asked.source, texts["source"])]


def read_inputs(asked: Asked) -> dict[str, Path]:
    """`--file name=path` as a map; a path alone is named as its file."""
    pairs = [entry.partition("=") for entry in asked.files or ()]
    return {name if equals else Path(name).name: Path(path if equals else name) for name, equals, path in pairs}


def _lines(source: str, text: str) -> list[Line]:
    """One JSON object, a list of them, or one on each line."""
    if not text.strip():
        raise InvalidInput(source, "is empty: a request is a JSON object")
    if text.lstrip().startswith("["):
        values = enumerate(parse_json(source, text), start=1)
        return [Line(number, _request(f"{source}[{number}]", value)) for number, value in values]
    try:
        return [Line(1, _request(source, parse_json(source, text)))]
    except InvalidInput:
        if len(text.splitlines()) < 2 or not text.splitlines()[0].rstrip().endswith("}"):
            raise
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return [Line(number, _request(f"line {number}", parse_json(f"line {number}", line))) for number, line in numbered]


def _object(where: str, value: Any) -> Body:
    if not isinstance(value, dict):
        raise InvalidInput(where, "must be a JSON object: the request of one job")
    return value


def _request(where: str, value: Any) -> Body:
    body = _object(where, value)
    if body and all(isinstance(node, dict) and "class_type" in node for node in body.values()):
        raise InvalidInput(where, "is a ComfyUI workflow, not a job request", hint="emp submit --workflow FILE")
    return body


def _options(asked: Asked, texts: Mapping[str, str], now: int) -> Body:
    run_at = read_time("run_at", asked.run_at, now) if asked.run_at else None
    if asked.delay:
        run_at = now + round(read_duration("delay", asked.delay) * 1000)
    body = {
        "id": asked.job_id,
        "service": asked.service or ("comfyui" if asked.workflow and not asked.job_type else None),
        "job_type": asked.job_type,
        "priority": asked.priority,
        "customer_id": asked.customer,
        "workflow_id": asked.workflow_id,
        "depends_on": list(asked.depends_on) if asked.depends_on else None,
        "run_at": run_at,
        "deadline": read_time("deadline", asked.deadline, now) if asked.deadline else None,
        "max_failures": asked.max_failures,
        "timeout_seconds": read_duration("job_timeout", asked.job_timeout) if asked.job_timeout else None,
        "idempotency_key": asked.idempotency_key,
        "requirements": _requirements(asked) or None,
        **_work(asked, texts),
    }
    return {name: value for name, value in body.items() if value is not None}


def _work(asked: Asked, texts: Mapping[str, str]) -> Body:
    """What the job is to do: a graph, a payload, or a template with params."""
    settings = [_pair("set", entry) for entry in asked.settings or ()]
    if asked.workflow:
        graph = read_graph(parse_json("workflow", texts["workflow"]))
        for path, value in settings:
            set_input(graph, path, value)
        return {"payload": {"workflow": graph}}
    values: Body = {}
    if asked.payload:
        values = _object("payload", parse_json("payload", texts["payload"]))
    for path, value in settings:
        _set(values, path, value)
    if asked.template:
        return {"template": asked.template, "params": values}
    return {"payload": values} if values else {}


def _set(values: Body, path: str, value: Any) -> None:
    """`a.b=1` is `{"a": {"b": 1}}`."""
    *parents, name = path.split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise InvalidInput("set", f"{path}: {parent} is not an object")
        values = inner
    values[name] = value


def _requirements(asked: Asked) -> Body:
    body = _object("requirements", parse_json("requirements", asked.requirements)) if asked.requirements else {}
    for entry in asked.require or ():
        name, text = _split("require", entry)
        first, _, rest = name.partition(".")
        if first in ("custom", "exclude") and rest:
            body[first] = {**body.get(first, {}), rest: _value("require", text)}
        elif name in REQUIREMENT_FIELDS:
            body[name] = text.split(",") if name in LISTS else text
        else:
            raise InvalidInput("require", f"{name} is not a requirement{did_you_mean(name, REQUIREMENT_FIELDS)}")
    return body


def _pair(option: str, entry: str) -> tuple[str, Any]:
    name, text = _split(option, entry)
    return name, _value(option, text)


def _split(option: str, entry: str) -> tuple[str, str]:
    name, equals, text = entry.partition("=")
    if not equals or not name:
        raise InvalidInput(option, f"must be name=value, not {entry!r}")
    return name, text


def _value(option: str, text: str) -> Any:
    """JSON where it can be read so, else text."""
    try:
        return parse_json(option, text)
    except InvalidInput:
        return text


def _text(option: str, place: str) -> str:
    """What a file holds, or stdin for `-`."""
    try:
        return read_stdin(TYPED[option]) if place == "-" else Path(place).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InvalidInput(option, f"{place} cannot be read: {why}") from error
