"""The parameters of a URL: those that a route does not know, and those that are given twice, are refused."""

from collections.abc import Iterator, Mapping

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import AliasChoices, BaseModel

from daemons.hub.http.auth import QUERY_NAMES
from daemons.hub.http.problems import BadQuery
from emp_core.domain.values import cut, did_you_mean


def known_parameters(route: APIRoute) -> Mapping[str, str]:
    """Each name that a route reads from the query -> the name of the parameter, which may have several."""
    return dict(_names(route.dependant))


def _names(dependant: Dependant) -> Iterator[tuple[str, str]]:
    for field in dependant.query_params:
        shape = field.field_info.annotation
        if not (isinstance(shape, type) and issubclass(shape, BaseModel)):
            yield field.alias, field.alias
            continue
        for name, of_model in shape.model_fields.items():
            choices = of_model.validation_alias
            aliases = choices.choices if isinstance(choices, AliasChoices) else [name]
            yield from ((str(alias), name) for alias in aliases)
    for below in dependant.dependencies:
        yield from _names(below)


def check_parameters(request: Request, known: Mapping[str, str]) -> None:
    """Raises `BadQuery` if the URL has a parameter that is not known, or one twice; tokens are the gate's matter."""
    seen: dict[str, str] = {}
    for name, _ in request.query_params.multi_items():
        if name in QUERY_NAMES:
            continue
        if name not in known:
            asked = f"{request.method} {cut(request.url.path)}"
            raise BadQuery(name, f"{cut(name)} is not a parameter of {asked}{did_you_mean(name, known)}")
        if (before := seen.setdefault(known[name], name)) != name:
            raise BadQuery(name, f"{before} and {name} are two names of one parameter: give one of them")
    repeated = next((name for name in seen.values() if len(request.query_params.getlist(name)) > 1), None)
    if repeated:
        raise BadQuery(repeated, f"{repeated} is given more than once")
