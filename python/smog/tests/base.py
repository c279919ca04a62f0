"""The original's base of everything: `BaseStack`, `Host`, `Instance`, `declare` and friends.

`BaseStack` is a thin composition of `smog.Cloud`; what differs from 2015 on purpose:

- It deletes what it made, never "all servers": `clean()`, and `delete_…()` without a filter.
- `Instance` is `smog.Guest`, and `Host` is `smog.Host`; both know more than they did.
- `numa.nova`, `.glance`, `.neutron` and `.keystone` are the one `Cloud`.
"""

from __future__ import annotations

import functools
import logging
import os
import tempfile
import unittest
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from .._numbers import whole
from .._smog import (
    Aggregate,
    Cloud,
    Domain,
    Flavor,
    Guest,
    Host,
    Hypervisor,
    Image,
    OsloConfig,
    Project,
    Server,
    ServerGroup,
    User,
    connect,
)
from ..core.commander import Command, ProcessResult
from ..core.logger import glob_logger, make_timestamped_filename
from ..core.watcher import ExceptionHandler, Handler, Watcher, make_watcher
from ..display import Listing
from ..errors import (
    ArgumentError,
    BootException,
    CommandException,
    ConfigException,
    Fault,
    FreePageException,
    InvalidInjectorError,
    NotFound,
    ReadOnlyException,
)
from ..neutron import NIC
from ..nova import poll_status
from . import cases, get_yaml_file, yaml_path

__all__ = [
    "BARE_METAL",
    "PERMISSIVE",
    "TRACE",
    "VM",
    "BaseStack",
    "BaseTest",
    "ConfigItem",
    "Discovered",
    "FilterVerifier",
    "Host",
    "Info",
    "Instance",
    "InvalidInjectorError",
    "NovaTest",
    "declare",
    "echo_proc_file",
    "get_cfg",
    "get_free_hugepages",
    "get_libvirtd_conf",
    "get_nova_conf",
    "get_remote_file",
    "get_smog_dir",
    "get_virt_connection",
    "get_yaml_file",
    "injector",
    "make_backup_file",
    "openstack_config",
    "read_proc_file",
    "safe_delete",
    "scp",
    "set_cfg",
    "set_hugepages",
]

TRACE = 5
VM = 1
BARE_METAL = 2
#: The original set SELinux to permissive; smog leaves it alone.
PERMISSIVE = False

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

#: What the original called an instance: server, host and domain, joined.
Instance = Guest


class Discovered(Listing[Guest]):
    """What `discover()` gives: a list of guests, which also answers like its single one.

    >>> simple = numa.discover(guests=[guest])
    >>> simple.host.hostname == simple[0].host.hostname
    True

    With none or several guests in it, those attributes raise `ArgumentError`.
    """

    @property
    def _only(self) -> Guest:
        if len(self) != 1:
            names = ", ".join(guest.name for guest in self[:5])
            raise ArgumentError(
                f"{len(self)} guests here; pick one" + (f": {names}" if names else ""),
                hint="`guests[0]`, `guests[\"NAME\"]`, or `discover(guests=[one])`",
            )
        return self[0]

    @property
    def host(self) -> Host:
        """The single guest's host."""
        return self._only.host

    @property
    def instance(self) -> Server:
        """What Nova says of the single guest."""
        return self._only.instance

    @property
    def server(self) -> Server:
        """The same."""
        return self._only.server

    @property
    def name(self) -> str:
        """The single guest's name."""
        return self._only.name

    @property
    def id(self) -> str:
        """The single guest's id."""
        return self._only.id

    @property
    def status(self) -> str:
        """The single guest's status when it was discovered."""
        return self._only.status

    @property
    def seen(self) -> Domain | None:
        """What libvirt said of the single guest when it was discovered."""
        return self._only.seen

    @property
    def hyper(self) -> str | None:
        """The single guest's hypervisor, by its own name."""
        return self._only.hypername

    @property
    def hypername(self) -> str | None:
        """The same."""
        return self._only.hypername

    @property
    def virt_name(self) -> str | None:
        """The name of the single guest's domain."""
        return self._only.virt_name

    def get_domain(self) -> Domain:
        """The single guest's domain, asked for now. One command."""
        return self._only.domain()

    def domain(self) -> Domain:
        """The same."""
        return self._only.domain()

    def dumpxml(self, flags: int = 0) -> str:
        """The single guest's domain XML. One command."""
        return self._only.dumpxml(flags)

    def live_migrate(self, to: str | Host | None = None, *, timeout: float = 300.0) -> None:
        """Move the single guest while it runs; `host` is the new one afterwards."""
        self._only.live_migrate(to, timeout=timeout)

    def verify_hugepage(self) -> bool:
        """Whether the single guest's memory is declared to be in huge pages, and is."""
        return self._only.verify_hugepage()

    def delete(self) -> None:
        """Delete the single guest and wait until it is gone."""
        self._only.delete()


class BaseStack:
    """A cloud as the original saw it, and what was made in it by this object.

    Without arguments the login is that of the environment (`OS_*`, clouds.yaml, smog.yml);
    nothing is asked before the first question. `numa.cloud` is the modern face.

    >>> stack = BaseStack(username="admin", tenant_name="admin", auth_url=url, password=password)
    """

    def __init__(
        self,
        logger: logging.Logger = glob_logger,
        *,
        username: str | None = None,
        password: str | None = None,
        tenant_name: str | None = None,
        auth_url: str | None = None,
        cloud: Cloud | None = None,
    ) -> None:
        self.logger = logger
        self._login: Callable[[], Cloud] = lambda: connect(username=username, password=password, tenant_name=tenant_name, auth_url=auth_url)
        self._cloud = cloud
        #: Watchers by name.
        self.monitors: dict[str, Watcher] = {}
        self._guests: list[Guest] = []
        self._flavors: list[Flavor] = []
        self._aggregates: list[Aggregate] = []
        self._groups: list[ServerGroup] = []

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("cloud", "keystone", "nova", "glance", "neutron"):
            raise ReadOnlyException(f"{name} is only read", hint="`BaseStack(cloud=…)` takes another cloud")
        super().__setattr__(name, value)

    @property
    def cloud(self) -> Cloud:
        """The cloud, logged in to when first asked for."""
        if self._cloud is None:
            super().__setattr__("_cloud", self._login())
        assert self._cloud is not None
        return self._cloud

    @property
    def keystone(self) -> Cloud:
        """The cloud."""
        return self.cloud

    @property
    def nova(self) -> Cloud:
        """The cloud."""
        return self.cloud

    @property
    def glance(self) -> Cloud:
        """The cloud."""
        return self.cloud

    @property
    def neutron(self) -> Cloud:
        """The cloud."""
        return self.cloud

    def refresh(self) -> Cloud:
        """The cloud; tokens are renewed by themselves."""
        return self.cloud

    def make_demo(
        self, tenant_name: str, tenant_kw: dict[str, Any] | None, user_name: str, user_kw: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A project, a user in it (`user_kw["password"]` is needed), and the user's own cloud."""
        user_kw = user_kw or {}
        project: Project = self.cloud.create_project(tenant_name, description=(tenant_kw or {}).get("description", ""))
        user: User = self.cloud.create_user(user_name, user_kw["password"], project=project, role="member")
        nova = connect(
            username=user_name,
            password=user_kw["password"],
            tenant_name=tenant_name,
            auth_url=self.cloud.auth_url,
        )
        return {"tenant": project, "user": user, "nova": nova}

    # Guests

    def boot_instance(
        self,
        img: str | Image | None = None,
        flv: str | Flavor | None = None,
        name: str = "test",
        nic_list: Iterable[NIC] | None = None,
        **kwargs: Any,
    ) -> Guest:
        """Order a guest; returns when Nova has taken the order (`poll_status` waits).

        Image `cirros`, the smallest flavor it fits and network `private` unless given.
        novaclient's keywords are understood: `key_name`, `userdata`, `meta`,
        `scheduler_hints`, `availability_zone`, `security_groups`, `config_drive`.
        """
        renamed = {
            "key_name": "key_pair",
            "userdata": "user_data",
            "meta": "metadata",
            "scheduler_hints": "hints",
            "block": "wait",
        }
        options = {renamed.get(key, key): value for key, value in kwargs.items()}
        if "group" in (options.get("hints") or {}):
            options["hints"] = dict(options["hints"])
            options["server_group"] = options["hints"].pop("group")
        if nic_list:
            options["nics"] = [nic.to_dict() for nic in nic_list]
        guest = self.cloud.boot(name, image=img, flavor=flv, **{"wait": False, **options})
        self._guests.append(guest)
        return guest

    def boot_instances(
        self,
        images: Iterable[str | Image | None],
        flavors: Iterable[str | Flavor | None],
        name: str = "test",
        poll: bool = True,
        **kwargs: Any,
    ) -> list[Guest]:
        """A guest for each pair of image and flavor, named NAME-0, NAME-1, …

        All are ordered first. With `poll`, waits up to 300 s for each to be ACTIVE; raises
        `BootException` for the first that is not.
        """
        pairs = zip(images, flavors)
        guests = [self.boot_instance(img, flv, f"{name}-{number}", **kwargs) for number, (img, flv) in enumerate(pairs)]
        for guest in guests if poll else []:
            if not poll_status(guest, "ACTIVE"):
                raise BootException(
                    f"boot of server `{guest.name}` failed: {guest.fault or guest.status}", fault=guest.fault or ""
                )
        return guests

    def discover(
        self, guests: Iterable[Guest | Server | str] | None = None, user: str = "root", htype: int = VM
    ) -> Discovered:
        """Every guest that has a host and is not in ERROR, or those given, each with its domain.

        One API call, and one command per host. Of guests that are given, Nova is asked one by
        one. One that is still being built is waited for, at most 300 s, so that its host and its
        domain are known. `user` and `htype` are not used: hosts are reached as smog.yml and OpenSSH say.
        """
        if guests is not None:
            guests = list(guests)
            for guest in guests:
                _until_built(guest)
        found = self.cloud.discover(None if guests is None else list(guests))
        has_host = (guest for guest in found if guest.status != "ERROR" and guest.server.host)
        discovered = Discovered(has_host if guests is None else found)
        discovered.problems = found.problems
        return discovered

    # Hosts

    def get_hypervisors(self) -> list[Hypervisor]:
        """Every hypervisor. One API call."""
        return self.cloud.hypervisors()

    def get_hypervisor_hosts(self) -> Iterator[tuple[str | None, str]]:
        """(address, name) of each hypervisor. One API call."""
        return ((one.host_ip, one.hypervisor_hostname) for one in self.cloud.hypervisors())

    # Images and flavors

    def get_image_name(self, name: str) -> Image:
        """An image by name or id. One API call. Raises `NotFound` with near names."""
        return self.cloud.image(name)

    def get_flavor(self, name: str) -> Flavor:
        """A flavor by name or id. One API call. Raises `NotFound` with near names."""
        return self.cloud.flavor(name)

    def create_flavor(
        self,
        name: str | None = None,
        ram: int | str = 1024,
        vcpus: int | str = 1,
        disksize: int | str = 0,
        specs: dict[str, str] | None = None,
    ) -> Flavor:
        """A flavor: memory in MiB, disk in GiB (0: the image's own size); numbers may be text.

        Without a name it gets one of its own: "smog-…".
        """
        name = name or f"smog-{os.urandom(4).hex()}"
        flavor = self.cloud.create_flavor(
            name,
            vcpus=whole("vcpus", vcpus),
            ram_mib=whole("ram", ram),
            disk_gib=whole("disksize", disksize),
            extra_specs=specs and {key: str(value) for key, value in specs.items()},
        )
        self._flavors.append(flavor)
        return flavor

    # Deleting: what this object made, or what a filter names

    def delete_instances(self, filt: Callable[[Guest], bool] | None = None) -> None:
        """Delete the guests made by this object, or all you may see for which `filt` holds."""
        chosen = self._guests if filt is None else [guest for guest in self.cloud.discover() if filt(guest)]
        safe_delete(list(chosen))
        self._guests = [guest for guest in self._guests if guest not in chosen]

    def delete_flavors(self, filt: Callable[[Flavor], bool] | None = None) -> None:
        """Delete the flavors made by this object, or all for which `filt` holds."""
        chosen = self._flavors if filt is None else [one for one in self.cloud.flavors() if filt(one)]
        for flavor in list(chosen):
            _unless_gone(flavor.delete)
        gone = {flavor.id for flavor in chosen}
        self._flavors = [flavor for flavor in self._flavors if flavor.id not in gone]

    def delete_server_groups(self, filt: Callable[[ServerGroup], bool] | None = None) -> None:
        """Delete the server groups made by this object, or all for which `filt` holds."""
        chosen = self._groups if filt is None else [one for one in self.cloud.server_groups() if filt(one)]
        for group in list(chosen):
            _unless_gone(self.cloud.delete_server_group, group)
        gone = {group.id for group in chosen}
        self._groups = [group for group in self._groups if group.id not in gone]

    def delete_aggregates(self, filt: Callable[[Aggregate], bool] | None = None) -> None:
        """Delete the aggregates made by this object, or all for which `filt` holds."""
        chosen = self._aggregates if filt is None else [one for one in self.cloud.aggregates() if filt(one)]
        for aggregate in list(chosen):
            _unless_gone(self.cloud.delete_aggregate, aggregate)
        gone = {aggregate.id for aggregate in chosen}
        self._aggregates = [aggregate for aggregate in self._aggregates if aggregate.id not in gone]

    def clean(self) -> None:
        """Delete everything this object made, and close its watchers."""
        for name in list(self.monitors):
            self.monitors.pop(name).close()
        self.delete_instances()
        self.delete_flavors()
        self.delete_server_groups()
        self.delete_aggregates()

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clean()

    # Watching

    def monitor(
        self,
        cmd: str,
        name: str,
        host: str | Host,
        hcls: type[Handler] = ExceptionHandler,
        *args: Any,
        log: Any = None,
        **kwargs: Any,
    ) -> Watcher:
        """Watch a command's output on a host in the background; see `make_watcher`.

        `host` is a name or an address. Raises `ArgumentError` when there is a watcher of this
        name that still watches.

        >>> numa.monitor("tail -f /var/log/nova/nova-*", "logwatcher", "ctl", ExceptionHandler)
        """
        known = self.monitors.get(name)
        if known is not None and known.poll():
            raise ArgumentError(f"the watcher `{name}`: there is one of this name", hint="close it first")
        watcher = make_watcher(cmd, hcls, *args, host=self._machine(host), log=log, name=name, **kwargs)
        self.monitors[name] = watcher
        return watcher

    def _machine(self, host: str | Host) -> Host:
        return host if isinstance(host, Host) else Host.at(host)

    # Aggregates

    def create_host_aggregate(
        self,
        name: str,
        metadata: dict[str, str] | str | None = None,
        host: str | Host | None = None,
        zone: str | None = None,
    ) -> Aggregate:
        """An aggregate with metadata (a dict, or "key=value") and perhaps a host.

        Raises `ArgumentError` for metadata of another form. `zone` makes an availability zone.
        """
        if isinstance(metadata, str):
            key, separator, value = metadata.partition("=")
            if not separator:
                raise ArgumentError(f"metadata `{metadata}`: not of the form key=value")
            metadata = {key.strip(): value.strip()}
        if metadata is not None and not isinstance(metadata, dict):
            raise ArgumentError(f"metadata {metadata!r}: neither a dict nor key=value")
        aggregate = self.cloud.create_aggregate(
            name, metadata=metadata, hosts=[] if host is None else [host], availability_zone=zone
        )
        self._aggregates.append(aggregate)
        return aggregate

    def get_aggregate_by_name(self, name: str) -> Aggregate:
        """An aggregate by name. Raises `NotFound`, `AmbiguityException`."""
        return self.cloud.aggregate(name)

    def add_host_to_aggregate(self, agg: str | Aggregate, hostname: str | Host) -> Aggregate:
        """The aggregate with one host more."""
        return self.cloud.change_aggregate(agg, hostname)

    def delete_host_from_aggregate(self, agg: str | Aggregate, hostname: str | Host) -> Aggregate:
        """The aggregate without a host."""
        return self.cloud.change_aggregate(agg, hostname, remove=True)

    def create_aggregate_groups(self, meta_name: str) -> tuple[Aggregate, Aggregate, str]:
        """A host in META_true, all others in META_false; both aggregates and the host's name.

        The original gave the host's address; `Host.at()` takes either.
        """
        chosen, others = self.cloud.create_aggregate_pair(meta_name, meta_name)
        self._aggregates += [chosen, others]
        return chosen, others, chosen.hosts[0]

    def create_server_group(self, name: str, policy: str = "affinity") -> ServerGroup:
        """A server group, deleted by `clean()`."""
        group = self.cloud.create_server_group(name, policy)
        self._groups.append(group)
        return group

    def create_new_user(self, name: str, password: str, **kwargs: Any) -> User:
        """A user; see `Cloud.create_user`."""
        return self.cloud.create_user(name, password, **kwargs)

    def __repr__(self) -> str:
        where = repr(self._cloud) if self._cloud is not None else "not logged in yet"
        return f"<{type(self).__name__}: {where}>"


def _until_built(guest: Guest | Server | str) -> None:
    """Wait while Nova builds a guest; one that ends in ERROR is shown as it is."""
    if not isinstance(guest, Guest) or guest.status != "BUILD":
        return
    glob_logger.info("waiting until %s is built", guest.name)
    try:
        guest.wait_for("ACTIVE", timeout=300)
    except Fault as why:
        glob_logger.warning("%s", why)


def _unless_gone(delete: Callable[..., None], *args: Any) -> None:
    try:
        delete(*args)
    except NotFound:
        pass


def safe_delete(instances: Iterable[Guest]) -> None:
    """Delete guests one after the other and wait until each is gone; those gone already are fine."""
    for guest in instances:
        _unless_gone(guest.delete)


# Test classes


class Info:
    """Anything as attributes: `Info(hosts=[…], master="10.0.0.1").master`."""

    def __init__(self, **kwargs: Any) -> None:
        for name in ("hosts", "controller", "master", "name", "comp_host", "instance", "orig_hostname", "hypervisor"):
            setattr(self, name, kwargs.pop(name, None))
        self.__dict__.update(kwargs)

    def __repr__(self) -> str:
        return "Info(" + ", ".join(f"{key}={value!r}" for key, value in vars(self).items() if value is not None) + ")"


def injector(deps: dict[str, Any]) -> Callable[[type[T]], type[T]]:
    """Sets `config_dir`, `config_file` and `requires` of a class.

    Raises `InvalidInjectorError` for another key.

    >>> @injector({"config_file": "numa_config.yml"})
    ... class MyTest(BaseTest): ...
    """

    def decorate(cls: type[T]) -> type[T]:
        for key, value in deps.items():
            if key not in ("config_dir", "config_file", "requires"):
                raise InvalidInjectorError(f"`{key}`: not one of config_dir, config_file, requires")
            setattr(cls, key, value)
        return cls

    return decorate


def declare(fn: F) -> F:
    """A test that says what it does while it does it.

    Before the test: its name and document are logged, `self._setup()` is called if there is
    one, and when a `BaseStack` is found on `self` (as `base`, `numa`, or any attribute) the logs of
    all hosts are watched. Records go to `LOG_DIR/TEST-TIME.log`; exceptions seen meanwhile are
    logged at the end, and never fail the test.
    """

    @functools.wraps(fn)
    def declared(self: Any, *args: Any, **kwargs: Any) -> Any:
        glob_logger.info("%s\n%s", fn.__name__, fn.__doc__ or "")
        setup = getattr(self, "_setup", None)
        if callable(setup):
            setup()
        stack = _stack_of(self)
        if stack is None:
            return fn(self, *args, **kwargs)
        path = os.path.join(_log_dir(), make_timestamped_filename(fn.__name__))
        with open(path, "w") as log:
            watcher = stack.cloud.monitor(name=fn.__name__, log=log)
            try:
                return fn(self, *args, **kwargs)
            finally:
                seen = watcher.close()
                for record in seen.kept:
                    glob_logger.warning("%s on %s: %s", record.exception, record.host, record.exception_message)
                for line in seen.unread:
                    glob_logger.warning("not read: %s", line)
                glob_logger.info("logs of this test: %s", path)

    return declared  # type: ignore[return-value]


def _stack_of(test: Any) -> BaseStack | None:
    names = ["base", "numa", *sorted(vars(test))]
    found = (getattr(test, name, None) for name in names)
    return next((one for one in found if isinstance(one, BaseStack)), None)


def _log_dir() -> str:
    from .. import config

    folder = str((config or {}).get("log_dir") or os.path.join(tempfile.gettempdir(), "smog"))
    os.makedirs(folder, exist_ok=True)
    return folder


class BaseTest(unittest.TestCase):
    """A test with a YAML file of its own: `config_file` in the folder `configs` next to `config_dir`.

    `cls.config` is its content; `{}` when the class names no file. What the file asks of hosts
    (`nova:`, `libvirt_conf:`, `live_migration:`, on the `hosts:` it lists) is checked before the
    first test: hosts that are not ready skip the class and say what is missing. With
    `prepare = True`, here or in `smog.tests.cases.options`, they are prepared, and restored after
    the last test.
    """

    config_file: str | None = None
    config_dir: str = __file__
    config: Any = {}
    prepare: bool = False

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if not cls.config_file:
            return
        cls.config = get_yaml_file(cls.config_dir, cls.config_file)
        path = yaml_path(cls.config_dir, cls.config_file)
        if not {"nova", "libvirt_conf", "live_migration"} & set(cls.config or {}):
            return
        environment = cases.cloud().environment(suite=path)
        if cls.prepare or cases.options.get("prepare"):
            environment.prepare()
            cls.addClassCleanup(environment.restore)
            return
        plan = environment.check()
        if not plan.is_ready:
            missing = [f"{host.host}: {change}" for host in plan.hosts for change in host.changes]
            lines = "\n  ".join([*missing, *plan.cannot])
            raise unittest.SkipTest(
                f"hosts are not as {cls.config_file} asks:\n  {lines}\n"
                f"`smog prepare --suite {path}` changes them, or `prepare = True` in the class"
            )

    def same_host(self, guests: Iterable[Guest], check: str | None = None) -> bool:
        """Whether all guests are on one host (on `check`, when it is given). One API call each."""
        hosts = {guest.refresh().host.name for guest in guests}
        return len(hosts) == 1 and (check is None or hosts == {check})

    def verify_config(self, host: str | Host, conf_f: str, key: str, valid: object, section: str = "DEFAULT") -> bool:
        """Whether an option of a host's file is `valid` (a value, or a predicate). One command."""
        machine = host if isinstance(host, Host) else Host.at(host)
        value = OsloConfig(machine.read(conf_f), conf_f).get(section, key)
        return bool(valid(value)) if callable(valid) else value == str(valid)


class NovaTest(BaseTest):
    """A `BaseTest` with a `BaseStack`: `self.base`, whose things are deleted after each test."""

    base: BaseStack

    def initialize(self, name: str = "base", **kwargs: Any) -> BaseStack:
        """Attach a stack under a name, as one does at the shell."""
        stack = BaseStack(**kwargs)
        setattr(self, name, stack)
        return stack

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.initialize().clean)

    def create_instance(self, base: BaseStack | None = None, **kwargs: Any) -> Guest:
        """A guest that is ACTIVE. Raises `BootException`."""
        guest = (base or self.base).boot_instance(**kwargs)
        guest.wait_for("ACTIVE")
        return guest


class FilterVerifier:
    """Whether hosts have scheduler filters. Looks only.

    >>> FilterVerifier(numa).verify_numa_topology_filter("ctl")
    True
    """

    def __init__(self, base: BaseStack) -> None:
        self.base = base

    def verify_filter_support(self, host: str, filter_name: str) -> bool:
        """Whether a scheduler's host has a filter on. Two commands."""
        return self.base.cloud.environment(filters=[filter_name], hosts=[host]).check().is_ready

    def verify_host_aggregate_support(self, host: str) -> bool:
        """AggregateInstanceExtraSpecsFilter."""
        return self.verify_filter_support(host, "AggregateInstanceExtraSpecsFilter")

    def verify_numa_topology_filter(self, host: str) -> bool:
        """NUMATopologyFilter."""
        return self.verify_filter_support(host, "NUMATopologyFilter")

    def verify_affinity_filter(self, host: str) -> bool:
        """ServerGroupAffinityFilter."""
        return self.verify_filter_support(host, "ServerGroupAffinityFilter")

    def verify_anti_affinity_filter(self, host: str) -> bool:
        """ServerGroupAntiAffinityFilter."""
        return self.verify_filter_support(host, "ServerGroupAntiAffinityFilter")


# Files of hosts


def get_smog_dir(this: str | None = None) -> str:
    """The folder of the package."""
    return os.path.dirname(os.path.dirname(os.path.abspath(this or __file__)))


def get_virt_connection(ip: str, user: str = "root", driver: str = "qemu+ssh") -> Host:
    """The host: libvirt is asked by `virsh` on it."""
    return Host.at(ip, user=user)


def scp(src: str, dest: str, options: str = "") -> ProcessResult:
    """Copy a file by the user's own `scp`. Raises `CommandException`."""
    return Command(f"scp -B {options} {src} {dest}")(throws=True)


def get_remote_file(host: str, src: str, user: str = "root", dest: str = ".") -> str:
    """A copy of a host's file in the folder `dest`; its path. One command."""
    path = os.path.join(dest, os.path.basename(src))
    content = Host.at(host, user=user).read_bytes(src)
    with open(path, "wb") as file:
        file.write(content)
    return path


def get_nova_conf(host: str, user: str = "root", dest: str = ".") -> str:
    """A copy of the host's /etc/nova/nova.conf; its path. It holds passwords: mind where it lies."""
    return get_remote_file(host, "/etc/nova/nova.conf", user, dest)


def get_libvirtd_conf(host: str, user: str = "root", dest: str = ".") -> str:
    """A copy of the host's /etc/libvirt/libvirtd.conf; its path."""
    return get_remote_file(host, "/etc/libvirt/libvirtd.conf", user, dest)


def make_backup_file(orig_f: str, backup_f: str, o_file: str | None = None) -> None:
    """A copy of a local file, and once the pristine one as FILE.orig."""
    import shutil

    pristine = (o_file or orig_f) + ".orig"
    if not os.path.exists(pristine):
        shutil.copy2(orig_f, pristine)
    shutil.copy2(orig_f, backup_f)


class ConfigItem:
    """One option of a local file: `.section`, `.key`, `.val`."""

    def __init__(self, section: str, key: str, val: str) -> None:
        self.section, self.key, self.val = section, key, val

    def __repr__(self) -> str:
        return f"ConfigItem([{self.section}] {self.key} = {self.val})"


def get_cfg(key: str, cfile: str) -> list[ConfigItem]:
    """An option of a local oslo.config file, in each section that sets it."""
    with open(cfile) as file:
        conf = OsloConfig(file.read(), cfile)
    return [ConfigItem(section, key, value) for section in conf.sections for value in conf.get_all(section, key)]


def set_cfg(
    token: str,
    value: str,
    o_file: str,
    b_file: str | None = None,
    not_found: str = "append",
    delim: str | None = None,
    section: str | None = "DEFAULT",
) -> list[ConfigItem]:
    """Set an option of a local oslo.config file; comments and order stay. The file as it was goes
    to `b_file`. `not_found` is "append", "ignore" or "fail". For hosts use `cloud.environment`.
    """
    section = section or "DEFAULT"
    with open(o_file) as file:
        conf = OsloConfig(file.read(), o_file)
    if conf.get(section, token) is None and not_found != "append":
        if not_found == "fail":
            raise ConfigException(f"{o_file}: [{section}] {token} is not set", place=o_file)
        return get_cfg(token, o_file)
    if b_file:
        make_backup_file(o_file, b_file)
    with open(o_file, "w") as file:
        file.write(conf.set(section, token, value).text)
    return get_cfg(token, o_file)


def openstack_config(
    cfile: str, section: str, key: str, value: str = "", opt: str = "get", host: str | None = None
) -> str | None:
    """Get or set an option of a file, here or on a host; its value.

    What is set on a host so is not journaled: `cloud.environment` is.
    """
    machine = Host.at(host) if host else Host.local()
    conf = OsloConfig(machine.read(cfile), cfile)
    if opt.lstrip("-") == "set":
        conf = conf.set(section, key, value)
        machine.write(cfile, conf.text)
    return conf.get(section, key)


# /proc of hosts


def read_proc_file(host: str, mfile: str) -> ProcessResult:
    """A file of /proc or /sys of a host. One command."""
    return Command(f"cat {mfile}", host=host)(throws=False)


def echo_proc_file(host: str, mfile: str, content: str, append: bool = True) -> ProcessResult:
    """Write a value into a file of /proc or /sys of a host. One command; not brought back by itself."""
    machine = Host.at(host)
    redirect = ">>" if append else ">"
    output = machine.run(f'printf "%s\\n" "$1" {redirect} "$2"', content, mfile, shell=True)
    result = ProcessResult(output.command, machine)
    result._output = output
    result._ended.set()
    return result


def get_free_hugepages(host: str, size_kib: int | None = None) -> int:
    """How many huge pages are free on a host, of one size or of the default one. One command.

    Raises `FreePageException` when the host has none of that size.
    """
    pools = Host.at(host).facts().huge_pages
    if not pools or (size_kib is not None and size_kib not in pools):
        raise FreePageException(f"host `{host}` has no huge pages of this size", host=host)
    return pools[size_kib if size_kib is not None else min(pools)][1]


def set_hugepages(host: str, num_pages: int | str = 256, persistent: bool = False) -> int:
    """Raise the number of huge pages of the default size; the number now. Never lowers it.

    It is not brought back by itself: `cloud.environment(huge_pages=["2M=256"])` is.
    """
    num_pages = whole("num_pages", num_pages)
    machine = Host.at(host)
    now = int(machine.read("/proc/sys/vm/nr_hugepages"))
    if now < num_pages:
        machine.run("sysctl", "-w", f"vm.nr_hugepages={num_pages}")
        now = int(machine.read("/proc/sys/vm/nr_hugepages"))
    if persistent:
        raise CommandException(
            f"host `{host}`: huge pages at boot are not set here", host=host, command="sysctl.conf", exit="not run",
            stderr="", hint="`smog prepare --huge-pages 2M=256 --at-boot`",
        )
    return now


