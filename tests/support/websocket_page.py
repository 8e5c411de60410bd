"""The page of the docs on the hub's WebSockets, made from the messages."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemons.hub.ws.messages import MESSAGES, TOLD, TOPICS

_WORDS = {str: "text", int: "number", float: "number", bool: "true or false", dict: "object", NoneType: "null"}


def websocket_page() -> str:
    """The text of `docs/websocket-api.md`."""
    asked = "\n".join(
        [
            *(_section(name, model) for name, model in MESSAGES.items()),
            *(_section(f"subscribe, topic {topic}", model) for topic, model in TOPICS.items()),
        ]
    )
    told = "\n".join(_section(get_args(model.model_fields["type"].annotation)[0], model) for model in TOLD)
    return f"{_INTRODUCTION}\n## To the hub\n\n{_REF}\n\n{asked}\n## From the hub\n\n{told}"


def _section(title: str, model: type[BaseModel]) -> str:
    fields = {name: field for name, field in model.model_fields.items() if name not in ("type", "topic", "ref")}
    if title == "submitted":
        fields = {"…": FieldInfo(annotation=str, description="what `POST /api/jobs` answers")}
    rows = "\n".join(f"| `{name}` | {_kind(field.annotation)} | {_help(field)} |" for name, field in fields.items())
    table = f"\n| field | value | what it is |\n|---|---|---|\n{rows}\n" if fields else ""
    return f"### {title}\n\n{_flat(model.__doc__ or '')}\n{table}"


def _help(field: FieldInfo) -> str:
    required = field.is_required()
    default = "" if required or field.default in (None, False) else f"; default: `{field.default!r}`".replace("'", '"')
    return _flat(field.description or "").rstrip("." if default else "") + default


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_kind(each) for each in get_args(annotation))
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in get_args(annotation))
    if origin is list:
        return f"list of {_kind(get_args(annotation)[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"{annotation.__name__.lower()}, as in `GET /api/{annotation.__name__.lower()}s`"
    return _WORDS[origin or annotation]


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_REF = """\
Each message may have a `ref`, any text: the answer to it, or the error, has the same."""

_INTRODUCTION = """\
# WebSockets

Generated from `daemons/hub/ws/messages.py`.

The hub takes WebSockets at `/ws`, `/ws/client/NAME` and `/ws/monitor/NAME` of its port, and of `WS_PORT` too if that is
set; the name stands in the hub's log. A client asks for the subprotocol `emp.v1`. Each frame is one JSON object with a
`type`. A client that asks for no subprotocol is taken for one of Python emp-redis, and gets the words of that system.

The token goes into the header `Authorization: Bearer TOKEN`. A web page, which cannot set that header, asks for two
subprotocols, `emp.v1` and `emp.bearer.` with the token in base64url without `=` behind it. A wrong token is answered
with 401 before the socket opens.

```python
import asyncio
import json

from websockets.asyncio.client import connect


async def main() -> None:
    async with connect("ws://localhost:3001/ws/client/me", subprotocols=["emp.v1"]) as socket:
        job = {"service": "simulation", "payload": {"seconds": 2}}
        await socket.send(json.dumps({"type": "submit", "ref": "mine", "job": job}))
        async for text in socket:
            message = json.loads(text)
            print(message)
            if message["type"] == "submitted":
                follow = {"type": "subscribe", "topic": "job", "job_id": message["job_id"], "log": True}
                await socket.send(json.dumps(follow))
            if message["type"] == "job" and message["job"]["ended_at"]:
                return


asyncio.run(main())
```

**What is promised.** A subscription begins with a snapshot. What changes after it is told at least once, in order for
each job: an event may come that the snapshot has already, so compare `version`. No end of a job is left out; of
`progress`, `preview`, `stats` and `queue` a slow client gets the latest only. After a reconnect, subscribe again with
`after`, the last `cursor` that arrived: what was missed follows. If the hub does not know that cursor any more, as it
keeps the last 10,000 events, a snapshot or `resync` comes instead. Any hub of the queue will do.

**What closes a socket.** 1012: the hub stops, connect to another. 1009: a message was larger than
`MAX_WS_MESSAGE_SIZE_MB`. 4408: the client reads too slowly, more than 1 MiB or 2,000 messages wait for it. 1011: the
client does not answer pings, which the hub sends every 20 s, or the hub has a bug. A message that is wrong closes
nothing: the answer is an `error`. If Redis is away, sockets stay open, `queue` says so, and so it does when it is back.
"""
