"""The store's library of Lua functions as a test wants it."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from emp_core.domain.policy import POLICY
from emp_core.store import Link, function_library
from emp_core.store.function_library import library as current


@contextlib.contextmanager
def changed_policy(**numbers: int) -> Iterator[None]:
    """The library has other numbers of the policy meanwhile, and with them another name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(function_library, "POLICY", replace(POLICY, **numbers))
        current.cache_clear()
        try:
            yield
        finally:
            current.cache_clear()


async def ask(link: Link, body: str, *arguments: str | float) -> Any:
    """What a function with this body answers. It is given `this` and `args`, and reaches every module."""
    probe = f"register('probe', {{}}, function(this, args) {body} end)"
    made = function_library.build([*function_library.parts(), ("probe.lua", probe)])
    await link.call("FUNCTION LOAD", "REPLACE", made.text)
    return await link.call("FCALL", f"{made.name}_probe", 1, link.key("schema"), *arguments)
