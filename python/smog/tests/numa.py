"""NUMA: the class to explore with, and the suites as `unittest` classes.

>>> python -i -m smog.tests.numa                # a prompt with everything in it
>>> python -m unittest smog.tests.numa.NUMALargePage.test_large_pages

>>> numa = NUMA()
>>> flavor = numa.create_vcpu_pin_flavor(flv=numa.create_large_page_flavor())
>>> guest = numa.boot_instance(flv=flavor, name="pinned")
"""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import smog.nova

from .._numbers import whole
from .._smog import Flavor, FlavorSpec, Guest, Host, Server
from ..core.commander import Command
from ..core.logger import glob_logger
from ..core.watcher import ExceptionHandler, make_watcher
from ..errors import ArgumentError, BootException
from . import base, cases
from .base import BaseStack, declare

__all__ = [
    "NUMA",
    "BaseStack",
    "BootException",
    "Command",
    "ExceptionHandler",
    "check_largepage_support_current",
    "check_largepage_support_persist",
    "declare",
    "determine_fit",
    "flavor_comp",
    "get_cpus_from_node",
    "get_nova_instance_info",
    "glob_logger",
    "make_root",
    "make_watcher",
    "setup_largepage_support",
    "smog",
]

F = TypeVar("F", bound=Callable[..., Any])


def flavor_comp(fn: F) -> F:
    """Makes a builder of extra specs composable.

    The method gives a `FlavorSpec`; with `flv=` its extra specs are added to that flavor,
    without one a new flavor is made with them. The flavor is returned in both cases, so builders
    can be put into each other.
    """

    @functools.wraps(fn)
    def built(self: NUMA, *args: Any, flv: Flavor | str | None = None, **kwargs: Any) -> Flavor:
        if args and isinstance(args[0], Flavor) and flv is None:
            # The original's first argument.
            flv, args = args[0], args[1:]
        if isinstance(flv, str):
            flv = self.get_flavor(flv)
        flavor = self.create_flavor() if flv is None else flv
        try:
            spec: FlavorSpec = fn(self, flavor, *args, **kwargs)
            # Together with what the flavor has it may contradict Nova's rules; Nova says so at
            # the boot, and tests may want to see it.
            flavor.set_keys(spec.extra_specs_unchecked())
        except BaseException:
            if flv is None:
                self.delete_flavors(lambda one: one.id == flavor.id)
            raise
        return self.get_flavor(flavor.id)

    return built  # type: ignore[return-value]


def _spec(flavor: Flavor) -> FlavorSpec:
    """An empty request with the size of a flavor."""
    return FlavorSpec(flavor.name, vcpus=flavor.vcpus, ram_mib=flavor.ram_mib, disk_gib=flavor.disk_gib)


class NUMA(BaseStack):
    """A `BaseStack` that builds flavors for NUMA, huge pages, pinning, topology and PCI.

    Each builder takes `flv=`, a flavor to go on from, and returns the flavor:

    >>> numa.create_vcpu_pin_flavor(flv=numa.create_large_page_flavor(flv=numa.create_flavor(ram=512)))
    """

    def get_all_flavors(self) -> list[Flavor]:
        """All flavors. One API call."""
        return self.cloud.flavors()

    @flavor_comp
    def create_numa_topo_extra_specs(
        self,
        flavor: Flavor,
        numa_nodes: int | str = 1,
        numa_mempolicy: str = "preferred",
        specs: dict[str, str] | None = None,
    ) -> Any:
        """NUMA nodes (`hw:numa_nodes`), and any `hw:numa_cpus.N`, `hw:numa_mem.N` in `specs`.

        `numa_mempolicy` is accepted and not set: Nova has no memory policy since 2015.
        """
        spec = _spec(flavor).numa_nodes(whole("numa_nodes", numa_nodes))
        for key, value in (specs or {}).items():
            spec = spec.extra(key, str(value))
        return spec

    @flavor_comp
    def create_pci_flavor(self, flavor: Flavor, alias_name: str, num_devs: int | str = 1) -> Any:
        """Devices of an alias of nova.conf (`pci_passthrough:alias`)."""
        return _spec(flavor).pci(alias_name, whole("num_devs", num_devs))

    @flavor_comp
    def create_large_page_flavor(self, flavor: Flavor, size: str | int = "large") -> Any:
        """The pages behind the memory: "large", "small", "any", "2MB" or KiB (`hw:mem_page_size`).

        Raises `ArgumentError` for anything else.
        """
        return _spec(flavor).pages(size)

    @flavor_comp
    def create_vcpu_topo_flavor(
        self, flavor: Flavor, cores: str = "1:", threads: str = ":", sockets: str = "1:"
    ) -> Any:
        """How the vCPUs look to the guest: "wanted:most" each, either may be left out."""
        wanted: dict[str, int | None] = {}
        for name, text in (("cores", cores), ("threads", threads), ("sockets", sockets)):
            want, _, most = str(text).partition(":")
            try:
                wanted[name] = int(want) if want else None
                wanted[f"max_{name}"] = int(most) if most else None
            except ValueError:
                raise ArgumentError(f"{name} `{text}`: not of the form wanted:most, such as 2:4") from None
        return _spec(flavor).topology(**wanted)

    @flavor_comp
    def create_vcpu_pin_flavor(
        self, flavor: Flavor, policy: str = "dedicated", thread_policy: str | None = None
    ) -> Any:
        """Pinned vCPUs (`hw:cpu_policy`), and how they are laid on threads: "prefer" (Nova's own
        choice), "isolate" or "require"."""
        spec = _spec(flavor).cpu_policy(policy)
        return spec if thread_policy is None else spec.thread_policy(thread_policy)

    def get_host_numactl(self, host: str | Host, username: str = "root") -> dict[Any, Any]:
        """The host's NUMA nodes: {cell: {"cpus", "size" and "free" in MiB}, "number": n}. One
        command; `numactl` is not needed.
        """
        machine = host if isinstance(host, Host) else Host.at(host, user=username)
        facts = machine.facts()
        cells: dict[Any, Any] = {
            cell: {
                "cpus": sorted(cpus),
                "size": facts.cell_memory_kib[cell] >> 10,
                "free": facts.cell_free_kib[cell] >> 10,
            }
            for cell, cpus in facts.cells.items()
        }
        return {**cells, "number": len(cells)}

    def dumpxml(self, uid: str, host: str | None = None, driver: str = "qemu+ssh", user: str = "root") -> str:
        """The domain XML of a guest, by id. One API call (none with `host`) and one command."""
        return self.cloud.guest(uid).dumpxml() if host is None else Host.at(host, user=user).domain(uid).xml()

    def get_large_page_info(self, bare_metal: str) -> str:
        """`vm.nr_hugepages` of a host. One command."""
        return Host.at(bare_metal).read("/proc/sys/vm/nr_hugepages").strip()

    def set_large_page_info(self, bare_metal: str, num_pages: int | str = 128) -> int:
        """Raise `vm.nr_hugepages` of a host; see `base.set_hugepages`."""
        return base.set_hugepages(bare_metal, num_pages)


def determine_fit(
    nodes: dict[Any, Any], mem_type: str, delta: str = "smaller", factor: int | str = 2, size_fmt: str = "MB"
) -> dict[Any, dict[str, float]]:
    """For each cell of `get_host_numactl`: a power of two of memory that fits, or that does not.

    The smallest power of two at or above the cell's "free" or "size" (`mem_type`), divided
    ("smaller") or multiplied ("larger") by `factor`, in KB, MB or GB. `nodes` stays as it is.

    >>> determine_fit({0: {"free": 1000}, "number": 1}, "free")
    {0: {'free': 512.0}}
    """
    if delta not in ("smaller", "larger"):
        raise ArgumentError(f"delta `{delta}`: neither smaller nor larger")
    units = {"KB": 1024.0, "MB": 1.0, "GB": 1 / 1024}
    if size_fmt not in units:
        raise ArgumentError(f"size_fmt `{size_fmt}`: not one of KB, MB, GB")
    factor = whole("factor", factor)
    fits = {}
    for cell, has in nodes.items():
        if cell == "number":
            continue
        power = 1
        while power < int(has[mem_type]):
            power *= 2
        size = power / factor if delta == "smaller" else power * factor
        fits[cell] = {mem_type: size * units[size_fmt]}
    return fits


def get_cpus_from_node(nodes: dict[Any, Any], node_num: int | str) -> int:
    """How many CPUs a cell of `get_host_numactl` has."""
    return len(nodes[whole("node_num", node_num)]["cpus"])


def make_root(xmlstring: str) -> ElementTree.Element:
    """The root element of an XML text."""
    return ElementTree.fromstring(xmlstring)


def get_nova_instance_info(instance: Guest | Server, key: str | None = None) -> Any:
    """What Nova said of a guest as a dict, or one value of it. Nothing is asked."""
    server = instance.server if isinstance(instance, Guest) else instance
    info = server.to_dict()
    return info if key is None else info[key]


def check_largepage_support_persist(host: str) -> bool:
    """Whether a host sets huge pages aside at boot: on its command line, or by sysctl. One command."""
    script = "cat /proc/cmdline; cat /etc/sysctl.conf /etc/sysctl.d/*.conf 2>/dev/null"
    text = Host.at(host).run(script, shell=True, check=False).stdout
    return "hugepages=" in text or "nr_hugepages" in text


def check_largepage_support_current(host: str) -> bool:
    """Whether a host has huge pages now. One command."""
    return any(total for total, _ in Host.at(host).facts().huge_pages.values())


def setup_largepage_support(host: str, numpages: int | str = 128) -> int:
    """Raise the number of huge pages of a host; see `base.set_hugepages`."""
    return base.set_hugepages(host, numpages)


_classes = cases.classes("numa", __name__)
globals().update(_classes, __all__=[*__all__, *_classes])  # `import *` is what test discovery needs


def __getattr__(name: str) -> NoReturn:
    from ..compat2015._gone import explain

    nested = "`smog check --nested` and `smog nested --file computes.yml`"
    names = ("check_nested_vm_support", "enable_nested_vm_support", "verify_nested_vm_support")
    explain(__name__, name, dict.fromkeys(names, nested))


if __name__ == "__main__":
    import sys

    if not sys.flags.interactive:
        import unittest

        unittest.main(module="smog.tests.numa")
    elif sys.stdin.isatty():
        from ..session import module_prompt

        module_prompt(globals(), "smog.tests.numa")
