"""Makes an environment for each peer, with pinned versions, in a folder that git ignores."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from benchmarks.peers.peers import Peer

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "peers"


class Missing(Exception):
    """A tool that a peer needs is not on this machine."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to run a peer's driver."""

    arguments: tuple[str, ...]
    folder: Path
    """Its working directory."""


def prepare(peer: Peer) -> Command:
    """Make the peer's environment, unless it is there. Raises `Missing`."""
    if not peer.environment:
        return _python(Path(sys.executable), peer)
    if peer.requirements.is_dir():
        return Command((_tool("node"), str(peer.path)), _made(peer, _install_node))
    return _python(_made(peer, _install_python) / "bin" / "python", peer)


def version(peer: Peer) -> str:
    """The pinned version of a peer."""
    if not peer.environment:
        return str(metadata.version(peer.distribution))
    if peer.requirements.is_dir():
        return str(json.loads((peer.requirements / "package.json").read_text())["dependencies"][peer.distribution])
    pins: dict[str, str] = dict(re.findall(r"^([\w.-]+)==(\S+)$", peer.requirements.read_text(), re.MULTILINE))
    return pins[peer.distribution]


def _python(interpreter: Path, peer: Peer) -> Command:
    return Command(("env", f"PYTHONPATH={ROOT}", str(interpreter), str(peer.path)), ROOT)


def _made(peer: Peer, install: Callable[[Path, Path], None]) -> Path:
    """The folder of an environment; a change of the pinned versions makes another one."""
    pinned = peer.requirements / "package-lock.json" if peer.requirements.is_dir() else peer.requirements
    folder = CACHE / f"{peer.requirements.stem}-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    done = folder / "installed"
    if not done.exists():
        print(f"{peer.name}: installs its environment in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(peer.requirements, folder)
        done.touch()
    return folder


def _install_python(requirements: Path, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--no-deps", "--requirement", str(requirements)]
    subprocess.run(pip, check=True, stdout=sys.stderr)


def _install_node(requirements: Path, folder: Path) -> None:
    npm = _tool("npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(requirements / name, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([npm, "ci", *options], cwd=folder, check=True, stdout=sys.stderr)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not on PATH")
    return found
