"""URLs as emp shows them, and where they lead."""

import ipaddress
import re
from urllib.parse import quote, urlsplit

_SECRET_IN_QUERY = re.compile(r"((?:password|secret|token|key|sig)[^=&]{0,200}=)[^&]*", re.IGNORECASE)


def masked(url: str) -> str:
    """A URL, or what was meant as one, without the user, the password and the tokens in it."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    userinfo, _, place = rest.rpartition("@")
    shown = _SECRET_IN_QUERY.sub(r"\1***", place)
    return f"{scheme}{separator}{'***@' if userinfo else ''}{shown}"


def host_in_url(host: str) -> str:
    """A host as a URL has it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def redis_url_of(host: str, port: int, database: int, password: str) -> str:
    """The URL of a Redis that is named by its parts."""
    login = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{login}{host_in_url(host)}:{port}/{database}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_on_this_machine(redis_url: str) -> bool:
    """Whether all hosts of a Redis URL are this one."""
    parts = urlsplit(redis_url)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return parts.scheme == "unix" or all(is_loopback(urlsplit(f"//{host}").hostname or "") for host in hosts)
