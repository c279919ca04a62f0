"""libvirt and the hosts below, by the original's names.

A connection is here a `smog.Host`: libvirt is asked by `virsh` on the host itself, over the
user's own SSH. A domain is a `smog.Domain`. What the original did to hosts step by step
(nested KVM, CPU modes, reboots) is an `Environment` now, which also brings back what was.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any, NoReturn

from .._numbers import seconds
from .._smog import Domain, Host
from ..errors import ConfigException

__all__ = [
    "check_kvm_file",
    "friendly_topology",
    "get_capabilities",
    "get_connection",
    "get_cpu_cap",
    "get_cpu_topology",
    "get_devices",
    "get_domain",
    "get_host_model",
    "get_topology_cap",
    "get_virt_type",
    "make_capabilities_tree",
    "pinger",
    "power_on",
    "rebooter",
    "shutdown",
    "turn_on",
    "verify_nested_kvm",
]


def get_connection(hv_ip: str, user: str = "root", driver: str = "qemu+ssh") -> Host:
    """The hypervisor's host: a handle, nothing is connected yet. `driver` is not used."""
    return Host.at(hv_ip, user=user)


def get_domain(master: str, vm_name: str, user: str = "root", driver: str = "qemu+ssh") -> Domain:
    """A domain by name or UUID. One command."""
    return get_connection(master, user).domain(vm_name)


def get_virt_type(dom: Domain) -> str:
    """"kvm" or "qemu". Nothing is asked."""
    return dom.kind


def get_capabilities(conn: Host) -> str:
    """`virsh capabilities`: XML. One command."""
    return conn.capabilities_xml()


def make_capabilities_tree(xmlstr: str) -> ElementTree.Element:
    """The root element of the XML."""
    return ElementTree.fromstring(xmlstr)


def get_cpu_cap(tree: ElementTree.Element) -> ElementTree.Element | None:
    """`<host><cpu>` of the capabilities."""
    return tree.find("./host/cpu")


def get_topology_cap(tree: ElementTree.Element) -> ElementTree.Element | None:
    """`<host><topology>` of the capabilities."""
    return tree.find("./host/topology")


def get_cpu_topology(conn: Host) -> list[dict[str, Any]]:
    """The host's NUMA nodes with memory, pages and CPUs, as libvirt reports them. One command."""
    return list(conn.capabilities()["cells"])


def friendly_topology(cells: list[dict[str, Any]]) -> dict[Any, Any]:
    """The same by cell: {"num_numa_nodes": N, cell: {"memory" (KiB), "pages", "pages_large", "cpus"}}.

    `pages` counts the base pages, `pages_large` those of the next size.
    """
    friendly: dict[Any, Any] = {"num_numa_nodes": len(cells)}
    for cell in cells:
        counts = [count for _, count in sorted(cell["pages"])]
        friendly[cell["id"]] = {
            "memory": cell["memory_kib"],
            "pages": counts[0] if counts else 0,
            "pages_large": counts[1] if len(counts) > 1 else 0,
            "cpus": [cpu["id"] for cpu in cell["cpus"]],
        }
    return friendly


def get_devices(conn: Host, dtype: str = "pci") -> list[dict[str, Any]]:
    """The PCI devices of the host (other kinds are not listed). One command."""
    if dtype != "pci":
        raise NotImplementedError(f"devices of kind {dtype!r}: host.run('virsh', 'nodedev-list', '--cap', {dtype!r})")
    return list(conn.facts().to_dict()["pci"])


def get_host_model(hyper_ip: str, dom_name: str, user: str = "root", driver: str = "qemu+ssh") -> str | None:
    """`<cpu mode=…>` of a domain. One command."""
    return get_domain(hyper_ip, dom_name, user).cpu_mode


def rebooter(host: str, timeout: float | str = 360) -> None:
    """Reboot a host and wait until it answers with a new boot id: `host.reboot()`."""
    Host.at(host).reboot(timeout=seconds("timeout", timeout))


def pinger(host: str, timeout: float | str = 300) -> None:
    """Wait until a host answers a command (not only a ping): `host.wait_until_up()`."""
    Host.at(host).wait_until_up(timeout=seconds("timeout", timeout))


def verify_nested_kvm(host: str) -> str:
    """"intel" or "amd": whose KVM module is loaded. One command. Raises `ConfigException` without one."""
    modules = Host.at(host).run("cat", "/proc/modules").stdout
    for maker in ("intel", "amd"):
        if f"kvm_{maker} " in modules:
            return maker
    raise ConfigException(f"host `{host}` has no KVM module loaded", host=host, place=host)


def check_kvm_file(host: str) -> bool:
    """Whether /dev/kvm is there. One command."""
    return Host.at(host).exists("/dev/kvm")


def turn_on(hv_ip: str, domain_name: str, ip_addr: str, wait: float | str = 300) -> Domain:
    """Start a domain on its hypervisor and wait until the machine inside answers."""
    power_on(get_domain(hv_ip, domain_name), host=hv_ip)
    pinger(ip_addr, wait)
    return get_domain(hv_ip, domain_name)


def shutdown(domain: Domain, timeout: float | str = 120, *, host: str | Host) -> str:
    """Cut a domain's power and wait until it is off; its state. `host` is its hypervisor."""
    machine = host if isinstance(host, Host) else Host.at(host)
    machine.destroy_domain(domain.name, timeout=seconds("timeout", timeout))
    return machine.domain_state(domain.name)


def power_on(domain: Domain, timeout: float | str = 30, *, host: str | Host) -> str:
    """Start a domain and wait until it runs; its state. `host` is its hypervisor."""
    machine = host if isinstance(host, Host) else Host.at(host)
    machine.start_domain(domain.name, timeout=seconds("timeout", timeout))
    return machine.domain_state(domain.name)


def __getattr__(name: str) -> NoReturn:
    from ._gone import explain

    nested = "the command `smog nested --file computes.yml`, and `smog restore`"
    explain(
        __name__,
        name,
        {
            "verify_modprobe": nested,
            "test_and_set_kvm_module": nested,
            "test_and_set_distconf": nested,
            "test_and_set_nested": nested,
            "set_nested_vm_support": nested,
            "set_host_passthrough": "`smog nested --cpu-mode host-passthrough`",
            "set_host_model": "`smog nested --cpu-mode host-model`",
        },
    )
