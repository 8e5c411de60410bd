"""Where a URL leads: one server, sentinels, a cluster."""

from collections.abc import Mapping
from typing import Any

import pytest

from emp_core.errors import Misconfigured
from emp_core.store.connection import DEFAULT_PREFIX, build_client


@pytest.mark.parametrize(
    ("url", "kind", "wanted"),
    [
        ("redis://h:7000/3", "Connection", {"host": "h", "port": 7000, "db": 3}),
        ("redis://user:pa%20ss@h", "Connection", {"host": "h", "username": "user", "password": "pa ss"}),
        ("rediss://h:7001", "SSLConnection", {"host": "h", "port": 7001}),
        ("unix:///run/redis.sock?db=2", "UnixDomainSocketConnection", {"path": "/run/redis.sock", "db": 2}),
    ],
)
def test_the_urls_of_one_server(url: str, kind: str, wanted: Mapping[str, Any]) -> None:
    pool = build_client(url, DEFAULT_PREFIX).connection_pool
    assert kind in [base.__name__ for base in pool.connection_class.__mro__]
    assert {name: pool.connection_kwargs[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("url", "hosts", "wanted"),
    [
        ("redis+sentinel://a:26380,b/mymaster", [("a", 26380), ("b", 26379)], {"db": 0}),
        ("redis+sentinel://u:p@a/mymaster/4", [("a", 26379)], {"db": 4, "username": "u", "password": "p"}),
        ("redis+sentinel://:p%40ss@a/mymaster", [("a", 26379)], {"username": None, "password": "p@ss"}),
    ],
)
def test_the_urls_of_sentinels(url: str, hosts: list[tuple[str, int]], wanted: Mapping[str, Any]) -> None:
    pool = build_client(url, DEFAULT_PREFIX).connection_pool
    assert pool.service_name == "mymaster"
    asked = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]
    assert [(kwargs["host"], kwargs["port"]) for kwargs in asked] == hosts
    assert {name: pool.connection_kwargs[name] for name in wanted} == wanted


def test_sentinels_without_a_service_are_a_setting() -> None:
    with pytest.raises(Misconfigured, match="names no service"):
        build_client("redis+sentinel://a:26379", DEFAULT_PREFIX)


def test_a_cluster_url() -> None:
    client = build_client("redis+cluster://h:7000", DEFAULT_PREFIX)
    assert [(node.host, node.port) for node in client.get_nodes() or client.nodes_manager.startup_nodes.values()] == [
        ("h", 7000)
    ]
