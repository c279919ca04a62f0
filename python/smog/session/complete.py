"""Completion at the prompt: names of guests, hosts, flavors, images and networks of the live cloud."""

from __future__ import annotations

import re
import rlcompleter
import time
from collections.abc import Callable
from typing import Any

from .._smog import Cloud
from ..errors import SmogError

__all__ = ["Completer", "names_for"]

_OPEN = re.compile(r"""([\w.]+)\s*[\[(](?:[^"'\[(]|"[^"]*"|'[^']*')*?(?:(\w+)\s*=\s*)?(["'])([^"']*)$""")
_LISTS: dict[str, Callable[[Cloud], list[str]]] = {
    "guest": lambda cloud: [one.name for one in cloud.servers()],
    "host": lambda cloud: cloud.hosts.names(),
    "flavor": lambda cloud: [one.name for one in cloud.flavors()],
    "image": lambda cloud: [one.name for one in cloud.images()],
    "network": lambda cloud: [one.name for one in cloud.networks()],
    "aggregate": lambda cloud: [one.name for one in cloud.aggregates()],
}
_OF_CALLS = {
    "guest": "guest", "guests": "guest", "server": "guest", "trace": "guest", "host": "host", "hosts": "host",
    "flavor": "flavor", "image": "image", "network": "network", "aggregate": "aggregate", "live_migrate": "host",
    "migrate": "host", "evacuate": "host", "inventory": "host", "resize": "flavor", "enable_service": "host", "disable_service": "host",
}  # fmt: skip
#: Seconds for which a list is taken as it was.
_FRESH = 10.0
_kept: dict[tuple[int, str], tuple[float, list[str]]] = {}


def names_for(line: str, names: dict[str, Any]) -> list[str]:
    """Names of the cloud that may stand in the string that is open at the end of the line."""
    found = _OPEN.search(line)
    cloud = names.get("cloud")
    if not found or not isinstance(cloud, Cloud):
        return []
    call, argument, _, begun = found.groups()
    kind = argument if argument in _LISTS else _OF_CALLS.get(call.rpartition(".")[2]) if not argument else None
    if kind is None:
        return []
    known = _kept.get((id(cloud), kind))
    if known is None or time.monotonic() - known[0] > _FRESH:
        try:
            known = (time.monotonic(), sorted(set(_LISTS[kind](cloud))))
        except SmogError:
            return []
        _kept[id(cloud), kind] = known
    return [name for name in known[1] if name.startswith(begun)]


class Completer(rlcompleter.Completer):
    """Python's own completer, and names of the cloud inside strings."""

    def __init__(self, names: dict[str, Any], line: Callable[[], str]) -> None:
        super().__init__(names)
        self._cloud_names = names
        self._line = line
        self._names: list[str] = []

    def complete(self, text: str, state: int) -> str | None:
        """The next completion of a text, or `None`."""
        if state == 0:
            line = self._line()
            found = names_for(line, self._cloud_names)
            # readline gives what is behind the last of its separators, which names may have in them.
            begun = re.split(r"[\"']", line)[-1]
            cut = len(begun) - len(text) if begun.endswith(text) else 0
            self._names = [name[cut:] for name in found]
        if self._names:
            return self._names[state] if state < len(self._names) else None
        return super().complete(text, state)
