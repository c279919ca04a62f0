"""What a test makes in a cloud, with names of its own, and deleted after it.

The pytest fixtures `boot`, `made` and `unique` are of a `Made`; a `unittest` case has one as
`self.made` (see `of_case`).
"""

from __future__ import annotations

import functools
import os
import re
import unittest
from collections.abc import Callable
from typing import Any, TypeVar

from . import _smog
from ._smog import Cloud, Guest
from .errors import Fault, NotFound, Timeout

__all__ = ["Made", "missing", "of_case"]

T = TypeVar("T")


class Made:
    """What was made, newest last; `clean()` deletes it, newest first.

    >>> made = Made(cloud)
    >>> flavor = made(cloud.create_flavor(made.unique("small"), ram_mib=64))
    >>> guest = made.boot(made.unique("web"), flavor=flavor)
    >>> made.clean()
    """

    def __init__(self, cloud: Cloud, base: str = "test") -> None:
        self.cloud = cloud
        self._base = base
        self._undo: list[Callable[[], object]] = []

    def unique(self, name: str | None = None) -> str:
        """A name that nothing else has: `name`, and a few random digits."""
        plain = re.sub(r"[^\w.-]", "-", name or self._base)[:40].strip("-")
        return f"{plain}-{os.urandom(3).hex()}" if plain.startswith("smog-") else f"smog-{plain}-{os.urandom(3).hex()}"

    def boot(self, name: str | None = None, **options: Any) -> Guest:
        """Boot a guest as `Cloud.boot` does; it is deleted with the rest."""
        name = name or self.unique()
        try:
            guest = self.cloud.boot(name, **options)
        except (Fault, Timeout):
            # A server there is, is kept for a look; a test keeps none.
            for server in self.cloud.servers():
                if server.name == name:
                    self(self.cloud.guest(server.id))
            raise
        return self(guest)

    def __call__(self, thing: T) -> T:
        """Remember a thing of the cloud, delete it with the rest, and give it back.

        A tuple is taken apart. What has `clean`, `close` or `__exit__` is ended by it.
        """
        for one in thing if isinstance(thing, tuple) else (thing,):
            undo = self._undo_of(one)
            if undo is not None:
                self._undo.append(undo)
        return thing

    def _undo_of(self, thing: Any) -> Callable[[], object] | None:
        by_type: dict[type[Any], Callable[[Any], object]] = {
            _smog.Aggregate: lambda one: self.cloud.delete_aggregate(one),
            _smog.ServerGroup: lambda one: self.cloud.delete_server_group(one),
            _smog.Image: lambda one: self.cloud.delete_image(one),
            _smog.Project: lambda one: self.cloud.delete_project(one),
            _smog.User: lambda one: self.cloud.delete_user(one),
            _smog.KeyPair: lambda one: self.cloud.delete_key_pair(one.name),
            _smog.Resource: lambda one: self.cloud.delete_security_group(one.id),
            _smog.Environment: lambda one: one.__exit__(None, None, None),
        }
        for kind, undo in by_type.items():
            if isinstance(thing, kind):
                return functools.partial(undo, thing)
        for name in ("clean", "delete", "close"):
            method = getattr(thing, name, None)
            if callable(method):
                return method  # type: ignore[no-any-return]
        return None

    def clean(self) -> None:
        """Delete all of it. What is gone already is fine; the first error is raised at the end."""
        first: BaseException | None = None
        while self._undo:
            try:
                self._undo.pop()()
            except NotFound:
                pass
            except Exception as why:
                first = first or why
        if first is not None:
            raise first


def missing(cloud: Cloud, *, hosts: int = 0, admin: bool = False, dedicated: int = 0, pages: bool = False) -> str | None:
    """What of these needs the cloud has not, or `None`.

    `hosts`: compute hosts that are up and enabled; `admin`: the admin role; `dedicated`: CPUs that one
    host can dedicate (placement's PCPU); `pages`: whether a host has free huge pages.
    """
    if admin and not cloud.is_admin:
        return "needs the admin role"
    if not (hosts or dedicated or pages):
        return None
    there = [one.host for one in cloud.hypervisors() if (one.state, one.status) == ("up", "enabled")]
    if len(there) < hosts:
        return f"needs {hosts} compute hosts that are up and enabled, there are {len(there)}"
    if dedicated:
        most = max((_dedicated(cloud, host) for host in there), default=0)
        if most < dedicated:
            return f"needs {dedicated} dedicated CPUs on one host, the most is {most}"
    if pages and not any(free for host in there for _, free in cloud.host(host).facts().huge_pages.values()):
        return "needs free huge pages on a compute host, there are none"
    return None


def _dedicated(cloud: Cloud, host: str) -> int:
    """How many CPUs of a host may be dedicated, whether they are in use or not."""
    rows = [row.to_dict() for row in cloud.inventory(host)]
    return sum(int(row.get("total", 0)) for row in rows if row.get("resource_class") == "PCPU" or row.get("resource") == "PCPU")


def of_case(case: unittest.TestCase, cloud: Cloud, needs: dict[str, Any] | None = None) -> Made:
    """A `Made` that is cleaned after a `unittest` case; the case is skipped when a need is not met."""
    why = missing(cloud, **{key: value for key, value in (needs or {}).items() if key != "alone"})
    if why is not None:
        case.skipTest(why)
    made = Made(cloud, case.id().rpartition(".")[2])
    case.addCleanup(made.clean)
    return made
