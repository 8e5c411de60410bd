"""From the options of `emp submit` to requests. Reads files and stdin; knows no queue."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from emp_cli.input.arguments import read_stdin
from emp_cli.output.units import read_duration, read_time
from emp_cli.submit.graph import read_graph, set_input
from emp_cli.submit.payload import with_settings
from emp_core.domain.job import JobRequest
from emp_core.domain.json_text import parse_json, read_json, sorted_json
from emp_core.domain.requirements import REQUIREMENT_FIELDS
from emp_core.domain.values import did_you_mean, read_mapping
from emp_core.errors import InvalidInput, LimitExceeded
from emp_core.ids import digest

Body = dict[str, Any]

MAX_INPUT = 1024**3
"""Characters of a file or of stdin, which are read whole: a batch's id needs the digest of all its requests."""

LISTS = ("services", "models", "components", "workflows", "regions", "compliance", "tiers")
"""Requirements that are lists: `models=a,b`."""


TYPED = {"source": "requests as JSON", "graph": "a ComfyUI graph", "payload": "a payload as JSON"}
"""What a person is asked for who has said `-` on a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options said; each field is an option of `emp submit`."""

    source: str | None = None
    service: str | None = None
    job_type: str | None = None
    graph: str | None = None
    payload: str | None = None
    template: str | None = None
    settings: Sequence[str] | None = None
    set_new: bool = False
    files: Sequence[str] | None = None
    priority: int | None = None
    customer: str | None = None
    workflow_id: str | None = None
    labels: Sequence[str] | None = None
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
    """One request and its place in the input. It stays text until it is submitted, to save memory."""

    number: int
    where: str
    value: Any = None
    text: str = ""
    """The value as JSON, if it is not read yet."""

    options: Body = field(default_factory=dict[str, Any])
    typed: Body = field(default_factory=dict[str, Any])
    """Times as they were typed: a repeated `--delay 10m` is the same request."""

    settings: Sequence[tuple[str, Any]] = ()
    """What `--set` puts into its payload, or into the parameters of its template."""

    set_new: bool = False

    @property
    def body(self) -> Body:
        """The request, options put over what the input says. Raises `InvalidInput`."""
        value = parse_json(self.where, self.text) if self.text else self.value
        body = _request(self.where, value)
        more = dict(self.options)
        if "labels" in more and body.get("labels") is not None:
            more["labels"] = {**read_mapping("labels", body["labels"]), **more["labels"]}
        if self.settings:
            name = "params" if body.get("template") else "payload"
            values = {} if body.get(name) is None else read_mapping(name, body[name])
            more[name] = with_settings(values, self.settings, may_add=self.set_new)
        return {**body, **more}

    def request(self, job_id: str | None = None) -> JobRequest:
        """The same, read; with an id, unless it brings its own. Raises `InvalidInput`."""
        body = self.body
        if body.get("id") is None:
            body["id"] = job_id
        return JobRequest.parse(body, sent={**body, **self.typed}, checked=True)


def read_texts(asked: Asked) -> Mapping[str, str]:
    """What the files hold that options name, and stdin. Raises `InvalidInput` with the option's name."""
    places = {name: getattr(asked, name) for name in ("source", "graph", "payload")}
    if not any((*places.values(), asked.service, asked.job_type, asked.template)):
        raise InvalidInput(
            "service",
            "is missing: name the service that runs the job",
            hint="emp submit --service simulation; emp submit --help has more",
        )
    given = [name for name in ("graph", "payload", "template") if getattr(asked, name)]
    if asked.source and given:
        raise InvalidInput(given[0], "cannot be combined with a file of requests")
    if asked.graph and (asked.payload or asked.template):
        raise InvalidInput("graph", "cannot be combined with --payload or --template")
    return {name: _text(name, place) for name, place in places.items() if place}


def requests(asked: Asked, texts: Mapping[str, str], now: int) -> list[Line]:
    """The requests. Raises `InvalidInput` with the option's name; what is wrong with a line is told by the line."""
    options = _options(asked, texts, now)
    times = {"run_at": asked.delay or asked.run_at, "deadline": asked.deadline}
    typed = {name: text for name, text in times.items() if text}
    if asked.source is None:
        return [Line(1, "request", {}, options=options, typed=typed)]
    settings = _settings(asked)
    lines = [
        Line(*place, options=options, typed=typed, settings=settings, set_new=asked.set_new)
        for place in _lines(asked.source, texts["source"])
    ]
    if len(lines) > 1:
        for name, value in (("id", asked.job_id), ("idempotency_key", asked.idempotency_key)):
            if value:
                raise InvalidInput(name, "works with one job only", hint="lines may bring their own")
    return lines


def digest_of(asked: Asked, texts: Mapping[str, str]) -> str:
    """Tells the requests of a batch from others: the lines, and the options that are put over them."""
    options = {
        name: value
        for name, value in asdict(asked).items()
        if value is not None and value is not False and name != "source"
    }
    return digest(sorted_json(options) + b"\n" + texts["source"].encode("utf-8", "surrogatepass"), 10)


def read_inputs(asked: Asked) -> dict[str, Path]:
    """`--file name=path` as a map; a path alone is named as its file."""
    pairs = [entry.partition("=") for entry in asked.files or ()]
    return {name if equals else Path(name).name: Path(path if equals else name) for name, equals, path in pairs}


def _lines(source: str, text: str) -> list[tuple[int, str, Any, str]]:
    """One JSON object, a list of them, or one on each line: number, place, value or text of each."""
    if not text.strip():
        raise InvalidInput(source, "is empty: a request is a JSON object")
    if text.lstrip().startswith("["):
        values = enumerate(parse_json(source, text), start=1)
        return [(number, f"{source}[{number}]", value, "") for number, value in values]
    first, _, more = text.partition("\n")
    may_be_lines = bool(more.strip()) and first.rstrip().endswith("}")
    if not (may_be_lines and _is_json(first)):
        try:
            return [(1, source, _object(source, parse_json(source, text)), "")]
        except InvalidInput:
            if not may_be_lines:
                raise
    numbered = enumerate(text.split("\n"), start=1)
    return [(number, f"line {number}", None, line) for number, line in numbered if line.strip()]


def _is_json(text: str) -> bool:
    try:
        read_json("line 1", text)
    except InvalidInput:
        return False
    return True


def _object(where: str, value: Any) -> Body:
    if not isinstance(value, dict):
        raise InvalidInput(where, "must be a JSON object: the request of one job")
    return value


def _request(where: str, value: Any) -> Body:
    body = _object(where, value)
    if body and all(isinstance(node, dict) and "class_type" in node for node in body.values()):
        raise InvalidInput(where, "is a ComfyUI graph, not a job request", hint="emp submit --graph FILE")
    return body


def _options(asked: Asked, texts: Mapping[str, str], now: int) -> Body:
    run_at = read_time("run_at", asked.run_at, now) if asked.run_at else None
    if asked.delay:
        run_at = now + round(read_duration("delay", asked.delay) * 1000)
    body = {
        "id": asked.job_id,
        "service": asked.service or ("comfyui" if asked.graph and not asked.job_type else None),
        "job_type": asked.job_type,
        "priority": asked.priority,
        "customer_id": asked.customer,
        "workflow_id": asked.workflow_id,
        "labels": _labels(asked),
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
    settings = _settings(asked)
    if asked.graph:
        graph = read_graph(parse_json("graph", texts["graph"]))
        for path, value in settings:
            set_input(graph, path, value)
        return {"payload": {"workflow": graph}}
    if asked.source:
        return {}
    values = _object("payload", parse_json("payload", texts["payload"])) if asked.payload else {}
    values = with_settings(values, settings, may_add=asked.set_new)
    if asked.template:
        return {"template": asked.template, "params": values}
    return {"payload": values} if values else {}


def _settings(asked: Asked) -> list[tuple[str, Any]]:
    return [_pair("set", entry) for entry in asked.settings or ()]


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


def _labels(asked: Asked) -> Body | None:
    pairs = [_split("label", entry) for entry in asked.labels or ()]
    for name, count in Counter(name for name, _ in pairs).items():
        if count > 1:
            raise InvalidInput("label", f"{name} is given {count} times")
    return dict(pairs) or None


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
        text = read_stdin(TYPED[option], MAX_INPUT + 1) if place == "-" else _read_file(place)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise InvalidInput(option, f"{place} cannot be read: {why}") from error
    if len(text) > MAX_INPUT:
        raise LimitExceeded(option, "max_input_characters", len(text), MAX_INPUT, hint="split it into several files")
    return text


def _read_file(place: str) -> str:
    with Path(place).open(encoding="utf-8-sig") as file:
        return file.read(MAX_INPUT + 1)
