"""Neutron, by the original's names; `net_cl` is the `smog.Cloud`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._smog import Cloud
from ..errors import AmbiguityException, NotFound

__all__ = ["NIC", "create_neutron_client", "get_network_uuid", "has_network_field", "list_neutron_nets"]


class NIC:
    """A network card to boot with: on a network, perhaps with an address, or an existing port.

    >>> NIC(net_id="5f1c", v4="10.0.0.7").to_dict()
    {'net-id': '5f1c', 'v4-fixed-ip': '10.0.0.7', 'v6-fixed-ip': None, 'port-id': None}
    """

    def __init__(
        self,
        net_id: str | None = None,
        v4: str | None = None,
        v6: str | None = None,
        port_id: str | None = None,
    ) -> None:
        self.net_id, self.v4, self.v6, self.port_id = net_id, v4, v6, port_id

    def to_dict(self) -> dict[str, str | None]:
        """As novaclient wanted it; `cloud.boot(nics=[…])` takes it."""
        return {
            "net-id": self.net_id,
            "v4-fixed-ip": self.v4,
            "v6-fixed-ip": self.v6,
            "port-id": self.port_id,
        }

    def __repr__(self) -> str:
        said = ", ".join(f"{key}={value}" for key, value in self.to_dict().items() if value)
        return f"<NIC {said}>"


def create_neutron_client(key_cl: Cloud | None = None, creds: dict[str, Any] | None = None) -> Cloud:
    """The cloud itself, or a login with these credentials."""
    from .nova import create_nova_client

    return create_nova_client(key_cl, creds)


def list_neutron_nets(
    net_cl: Cloud, filter_fn: Callable[[dict[str, Any]], bool] | None = None
) -> list[dict[str, Any]]:
    """All networks as dicts, or those for which `filter_fn` holds. One API call."""
    networks = [network.to_dict() for network in net_cl.networks()]
    return networks if filter_fn is None else [network for network in networks if filter_fn(network)]


def has_network_field(value: Any, key: str = "name") -> Callable[[dict[str, Any]], bool]:
    """A predicate: networks whose `key` is `value`."""
    return lambda network: bool(network.get(key) == value)


def get_network_uuid(net_cl: Cloud, name: str = "private", no_ambiguity: bool = True) -> str:
    """The id of the network of this name. One API call.

    Raises `NotFound`, and `AmbiguityException` when several have it, unless `no_ambiguity`
    is false: then it is the first one's.
    """
    found = [str(network["id"]) for network in list_neutron_nets(net_cl, has_network_field(name))]
    if not found:
        raise NotFound(f"no network called `{name}`", what="network", name=name, near=[])
    if len(found) > 1 and no_ambiguity:
        ids = ", ".join(found)
        raise AmbiguityException(
            f"{len(found)} networks are called `{name}`: {ids}", what="network", name=name, ids=found, hint="use an id"
        )
    return found[0]
