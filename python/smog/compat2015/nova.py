"""Nova, by the original's names.

`nc`, the nova client of the original, is here the `smog.Cloud` (`numa.nova` is one). What
waits returns `True` or `False` as it did; the modern way, `guest.wait_for("ACTIVE")`, raises
with the reason instead.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .._numbers import seconds, whole
from .._smog import Cloud, Flavor, Guest, Hypervisor, Image, KeyPair, Server, ServerGroup
from ..errors import Fault, NotFound, SmogError, Timeout

__all__ = [
    "add_keypair",
    "add_sg_rule",
    "boot_instance",
    "create_flavor",
    "create_nova_client",
    "delete_server",
    "filter_by",
    "get_by_id",
    "get_by_name",
    "list_flavors",
    "list_hypervisors",
    "list_instances",
    "poll_instance",
    "poll_status",
    "rescue_alt_image",
    "server_group_create",
]

T = TypeVar("T")
_log = logging.getLogger("smog.nova")


def poll_status(
    instance: Guest,
    status: str,
    block: bool = True,
    poll_interval: float | str = 3,
    timeout: float | str = 300,
    log: bool = False,
) -> bool:
    """Wait up to `timeout` seconds for a status, "ACTIVE" or "deleted"; whether it came.

    A guest in ERROR ends the wait at once (`True` only if ERROR was waited for): `instance.fault`
    then says why. `block=False` looks once. `poll_interval` is accepted and not used: smog
    looks twice per second.

    >>> if not smog.nova.poll_status(instance, "ACTIVE"):
    ...     print(instance.fault)
    """
    wanted = status.upper()
    timeout = seconds("timeout", timeout)
    if not block:
        return _is(instance, wanted)
    if log:
        _log.info("waiting for %s to become %s", instance.name, wanted)
    try:
        instance.wait_for(wanted, timeout=timeout)
    except (Fault, Timeout, NotFound) as why:
        _log.info("%s", why)
        _is(instance, wanted)
        return False
    return True


#: The introduction calls it by this name too.
poll_instance = poll_status


def _is(instance: Guest, wanted: str) -> bool:
    """Look once; a guest that is gone is "DELETED"."""
    try:
        instance.refresh()
    except NotFound:
        return wanted == "DELETED"
    return instance.status == wanted


def create_nova_client(key_cl: Cloud | None = None, creds: dict[str, Any] | None = None) -> Cloud:
    """The cloud itself, or a login with these credentials."""
    from .keystone import create_keystone

    return key_cl if key_cl is not None else create_keystone(**(creds or {}))


def boot_instance(
    nc: Cloud,
    server_name: str,
    server_image: str | Image,
    flavor: str | Flavor,
    **kwargs: Any,
) -> Guest | None:
    """Order a guest; returns when Nova has taken the order, and `None` when it did not."""
    try:
        return nc.boot(server_name, image=server_image, flavor=flavor, wait=False, **kwargs)
    except SmogError as why:
        _log.error("%s", why)
        return None


def delete_server(nova_cl: Cloud, compute_instance: Guest | str) -> bool:
    """Delete a guest and wait until it is gone; whether it is."""
    guest = compute_instance if isinstance(compute_instance, Guest) else nova_cl.guest(compute_instance)
    try:
        guest.delete()
    except NotFound:
        return True
    except (Fault, Timeout) as why:
        _log.error("%s", why)
        return False
    return True


def add_keypair(nc: Cloud, name: str, pubkey: str) -> KeyPair:
    """Register a public key: its text, or the path of a file with it. One API call."""
    path = os.path.expanduser(pubkey)
    if os.path.exists(path):
        with open(path) as file:
            pubkey = file.read()
    return nc.import_key_pair(name, pubkey.strip())


def add_sg_rule(
    nc: Cloud,
    parent: str = "default",
    proto: str = "tcp",
    from_port: int | str = 22,
    to_port: int | str = 22,
    cidr: str | None = None,
    group_id: str | None = None,
) -> str:
    """Let something in: a rule of the security group `parent`; the rule's id. Two API calls."""
    if group_id is not None:
        raise NotImplementedError("rules between groups: cloud.call('network', 'POST', '/v2.0/security-group-rules')")
    ports = None if proto == "icmp" else (whole("from_port", from_port), whole("to_port", to_port))
    return nc.add_security_rule(parent, protocol=proto, ports=ports, cidr=cidr)


def rescue_alt_image(ks: Cloud, server_id: str, admin_pw: str | None = None, rescue_id: str | None = None) -> Guest:
    """Boot a server from another image for rescue, and wait until it is; the guest.

    `admin_pw` is not passed on: Nova makes a password of its own.
    """
    guest = ks.guest(server_id)
    guest.rescue(rescue_id)
    return guest


def filter_by(
    fn: Callable[..., Iterable[T]], sort_fn: Callable[[T], Any] | None = None
) -> Callable[..., list[T]]:
    """A function that lists, with a predicate as its last argument.

    >>> filter_by(list_flavors)(cloud, lambda flavor: flavor.vcpus > 1)
    """

    def filtered(*args: Any) -> list[T]:
        *rest, keep = args
        found = [item for item in fn(*rest) if keep(item)]
        return found if sort_fn is None else sorted(found, key=sort_fn)

    return filtered


def list_flavors(nc: Cloud, filt: Callable[[Flavor], bool] | None = None) -> list[Flavor]:
    """All flavors, or those for which `filt` holds. One API call."""
    return _kept(nc.flavors(), filt)


def list_instances(nc: Cloud, fn: Callable[[Server], bool] | None = None) -> list[Server]:
    """All servers, or those for which `fn` holds. One API call."""
    return _kept(nc.servers(), fn)


def list_hypervisors(nc: Cloud, fn: Callable[[Hypervisor], bool] | None = None) -> list[Hypervisor]:
    """All hypervisors, or those for which `fn` holds. One API call."""
    return _kept(nc.hypervisors(), fn)


def _kept(items: list[T], keep: Callable[[T], bool] | None) -> list[T]:
    return items if keep is None else [item for item in items if keep(item)]


def get_by_name(name: str) -> Callable[[Any], bool]:
    """A predicate: things of this name."""
    return lambda thing: bool(thing.name == name)


def get_by_id(id: str) -> Callable[[Any], bool]:
    """A predicate: the thing of this id."""
    return lambda thing: bool(thing.id == id)


def server_group_create(nc: Cloud, name: str, policies: str = "affinity") -> ServerGroup:
    """Make a server group. Nova takes one policy since 2018: the first of a list is used."""
    return nc.create_server_group(name, policies.split(",")[0].strip())


def create_flavor(
    nc: Cloud, name: str, ram: int | str, num_vcpus: int | str, disksize: int | str
) -> Flavor:
    """Make a flavor: memory in MiB, disk in GiB; numbers may be text. One API call."""
    return nc.create_flavor(
        name,
        vcpus=whole("num_vcpus", num_vcpus),
        ram_mib=whole("ram", ram),
        disk_gib=whole("disksize", disksize),
    )


