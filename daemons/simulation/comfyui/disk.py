"""The server's folders, in memory: what survives a crash, but for `temp`."""

import hashlib
import posixpath
from collections import OrderedDict
from collections.abc import Mapping

FOLDERS = ("output", "input", "temp")


class Escapes(ValueError):
    """A path leads out of its folder."""


def _inside(subfolder: str, name: str) -> str:
    path = posixpath.normpath(posixpath.join(subfolder, name))
    if path.startswith(("/", "..")):
        raise Escapes(path)
    return path


class Disk:
    """Files by folder and path; the oldest outputs are forgotten beyond `max_bytes`."""

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self._files: Mapping[str, OrderedDict[str, bytes]] = {folder: OrderedDict() for folder in FOLDERS}
        self._counters: dict[tuple[str, str], int] = {}
        self._room = max_bytes

    def read(self, folder: str, path: str) -> bytes | None:
        """A file's bytes. Raises `Escapes`; KeyError where there is no such folder."""
        return self._files[folder].get(_inside("", path))

    def names(self, folder: str) -> list[str]:
        """The files at the top of a folder."""
        return sorted(path for path in self._files[folder] if "/" not in path)

    def delete(self, folder: str, path: str) -> None:
        """Take a file away, as a person would."""
        self._room += len(self._files[folder].pop(path))

    def wipe_temp(self) -> None:
        """What a server does as it starts."""
        for path in list(self._files["temp"]):
            self.delete("temp", path)

    def save(self, folder: str, prefix: str, data: bytes) -> tuple[str, str]:
        """Store under the prefix's next number; the name and its subfolder. Raises `Escapes`."""
        base = _inside("", prefix)
        number = self._counters[folder, base] = self._counters.get((folder, base), 0) + 1
        path = f"{base}_{number:05}_.png"
        self._store(folder, path, data)
        subfolder, name = posixpath.split(path)
        return name, subfolder

    def upload(self, folder: str, subfolder: str, name: str, data: bytes, overwrite: bool) -> str:
        """Store an upload; the name it got: another where that one is taken by other bytes. Raises `Escapes`."""
        files, chosen, number = self._files[folder], name, 0
        stem, suffix = posixpath.splitext(name)
        while not overwrite and files.get(_inside(subfolder, chosen), data) != data:
            number += 1
            chosen = f"{stem} ({number}){suffix}"
        self._store(folder, _inside(subfolder, chosen), data)
        return chosen

    def _store(self, folder: str, path: str, data: bytes) -> None:
        files = self._files[folder]
        self._room += len(files.pop(path, b"")) - len(data)
        files[path] = data
        outputs = self._files["output"]
        while self._room < 0 and len(outputs) > 1:
            self._room += len(outputs.popitem(last=False)[1])

    def etag(self, data: bytes) -> str:
        """A quoted name of the bytes."""
        return f'"{hashlib.sha256(data).hexdigest()[:24]}"'


def locate(name: str, default: str = "input") -> tuple[str, str]:
    """Folder and path of what a graph calls `sub/name [temp]`."""
    for folder in FOLDERS:
        if name.endswith(f"[{folder}]"):
            return folder, name.removesuffix(f"[{folder}]").removesuffix(" ")
    return default, name
