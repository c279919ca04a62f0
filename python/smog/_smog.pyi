"""
smog's core: what the package `smog` is made of.
"""
# Written by python/stubs from crates/smog-py; do not edit.
import os
from _typeshed import SupportsGetItem
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, SupportsFloat, SupportsIndex, final

from smog.display import Listing, SupportsWrite


__all__ = ["Aggregate", "ApiCall", "Case", "CaseReport", "Cloud", "Compared", "ComputeService", "Domain", "Environment", "Facts", "FailedTest", "Flavor", "FlavorSpec", "Guest", "GuestProcess", "Guests", "Guru", "Host", "HostLine", "HostPlan", "Hosts", "Hypervisor", "Image", "KeyPair", "MovedStacks", "Network", "OsloConfig", "Output", "Plan", "Project", "Record", "Resource", "Restored", "SavedLogs", "Server", "ServerGroup", "Stacks", "Stop", "Thread", "ThrownKind", "Topology", "Trace", "Triage", "User", "Watch", "Watched", "Watcher", "WhyNot", "_hints", "_preparable", "_server_actions", "cases", "connect", "core_seconds", "html_table", "logs", "near", "quote", "read_yaml", "records", "run_cases", "text_table", "trace", "triage", "version"]

@final
class Aggregate:
    """
    A host aggregate.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def availability_zone(self, /) -> str | None:
        """
        The availability zone it makes.
        """
    @property
    def hosts(self, /) -> list[str]:
        """
        Its hosts.
        """
    @property
    def id(self, /) -> str:
        """
        Its number.
        """
    @property
    def metadata(self, /) -> dict[str, str]:
        """
        What flavors are matched with.
        """
    @property
    def name(self, /) -> str:
        """
        Name.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class ApiCall:
    """
    One API call as it was made.
    """
    def __repr__(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def elapsed_s(self, /) -> float:
        """
        How long it took, in seconds.
        """
    @property
    def method(self, /) -> str:
        """
        HTTP method.
        """
    @property
    def path(self, /) -> str:
        """
        Path below the service's root.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The request id to look for in logs.
        """
    @property
    def service(self, /) -> str:
        """
        "compute", "image", "network", "placement", "identity".
        """
    @property
    def status(self, /) -> int | None:
        """
        HTTP status; none when no answer came.
        """

@final
class Case:
    """
    A bundled case, as `smog test --list` shows it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def change(self, /) -> str | None:
        """
        What hosts are changed to for it, if they are.
        """
    @property
    def doc(self, /) -> str:
        """
        What it does, why, its steps and what it proves.
        """
    @property
    def name(self, /) -> str:
        """
        "suite.Class.test_name".
        """
    @property
    def tags(self, /) -> list[str]:
        """
        Words to choose it by.
        """
    @property
    def timeout_s(self, /) -> float:
        """
        It is cancelled after so many seconds.
        """

@final
class CaseReport:
    """
    How a case ended, and everything that is reported about it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str:
        """
        Why, the table of what does not hold, what the services threw, where to look.
        """
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def checks(self, /) -> list[tuple[str, str, str, bool]]:
        """
        The checks: (what, found, expected, whether it holds).
        """
    @property
    def flaky(self, /) -> bool:
        """
        It failed, and passed when tried again.
        """
    @property
    def folder(self, /) -> Path | None:
        """
        Its folder with records, domain XML and facts.
        """
    @property
    def leaked(self, /) -> list[str]:
        """
        What it made and could not remove.
        """
    @property
    def name(self, /) -> str:
        """
        "suite.Class.test_name".
        """
    @property
    def outcome(self, /) -> str:
        """
        "passed", "failed", "skipped", "broken" or "interrupted".
        """
    @property
    def seconds(self, /) -> float:
        """
        How long it took, with its clean-up, in seconds.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything as plain data.
        """
    @property
    def why(self, /) -> str:
        """
        The sentence that goes with it: why it failed, or cannot run here.
        """

@final
class Cloud:
    """
    An authenticated session to one OpenStack: what `smog.connect()` gives.

    `cloud.guests` and `cloud.hosts` complete at the prompt; everything with parentheses asks.
    It may be used from several threads, and in a forked child, where it logs in again.

    >>> cloud = smog.connect()
    >>> for guest in cloud.discover():
    ...     print(guest.name, guest.host.name)
    """
    def environment(self, *settings: str, filters: str | Sequence[str] = (), huge_pages: str | Sequence[str] = (), at_boot: bool = False, sysctl: str | Sequence[str] = (), nested: bool = False, cpu_mode: str | Sequence[str] = (), numa_cells: str | Sequence[str] = (), kernel_words: str | Sequence[str] = (), services: str | Sequence[str] = (), vfs: str | Sequence[str] = (), hosts: Sequence[str | Host] = (), suite: str | os.PathLike[str] | None = None, journal: str | os.PathLike[str] | None = None, timeout: float = 180.0) -> Environment:
        """
        The desired state of hosts; nothing is asked before `check()`, `prepare()` or `with`.

        `settings` are options of files, `[WHO/]FILE:[SECTION.]KEY=VALUE`; when nothing is requested, what smog.yml asks
        for is wanted. WHO is a host, "computes", "controllers" or "all".

        `filters` (FILTER): scheduler filters that must be enabled.
        `huge_pages` ([WHO/]SIZE=COUNT[@NODE]): minimum number of huge pages: 2M=256, or 1G=2@0 for NUMA node 0.
        `at_boot`: reserve the huge pages at each boot as well.
        `sysctl` ([WHO/]NAME=VALUE): a kernel setting: vm.swappiness=10.
        `nested`: nested KVM on the computes.
        `cpu_mode` ([WHO/]MODE): cPU mode of computes that are guests, on their parents: host-passthrough, host-model, maximum, exact.
        `numa_cells` ([WHO/]COUNT): nUMA nodes of computes that are guests, on their parents: 2.
        `kernel_words` (WORD): a parameter of the computes' kernel command line: intel_iommu=on.
        `services` ([WHO/]UNIT=WORDS): desired state of a service: ksm=disabled,inactive.
        `vfs` ([WHO/]INTERFACE=COUNT): virtual functions of a network interface: ens3f0=4.

        `suite` (a name or a path) adds what a suite's file asks for, on the hosts it lists; `hosts` are these only.

        >>> with cloud.environment("nova.conf:libvirt.virt_type=kvm", huge_pages=["2M=256"]):
        ...     ...
        """
    def __enter__(self, /) -> Cloud: ...
    def __exit__(self, /, *exception: object) -> None: ...
    def __repr__(self, /) -> str: ...
    def _environment(self, /, settings: list[str], wanted: dict[str, Any], hosts: Sequence[str | Host], suite: str | os.PathLike[str] | None, journal: str | os.PathLike[str] | None, timeout: float) -> Environment:
        """
        What `environment` calls, which is made from the table of what can be asked of hosts.
        """
    def add_security_rule(self, /, group: str = ..., *, protocol: str | None = None, ports: tuple[int, int] | None = None, cidr: str | None = None) -> str:
        """
        Let something in: a rule of a security group (the project's default one when absent).
        Returns the rule's id.
        """
    def aggregate(self, /, name: str) -> Aggregate:
        """
        One aggregate by name or id. One API call.
        """
    def aggregates(self, /) -> Listing[Aggregate]:
        """
        All host aggregates. One API call.
        """
    def audit(self, /, *, rules: Sequence[str] = ..., severity: str | None = None, hosts: Sequence[str] = ..., baseline: dict[str, Any] | None = None, stuck_after: float = 600.0, one_look: bool = False, logs_back: float = 3600.0, known: str | None = None) -> dict[str, Any]:
        """
        Judge the whole cloud by the rules of `smog audit`: Nova, placement, libvirt and the kernel
        against each other. Nothing is changed.

        A dict with `findings` (rule, severity, subject, host, sentence, evidence, advice, command),
        `unknown` (what could not be looked at), `known` and `unused` (of `baseline`, an earlier
        answer). `rules` and `hosts` are names, `severity` is "error", "warning" or "note". The logs of
        the last `logs_back` seconds are searched for known bugs (0 reads none); `known` is the text of
        a file of your own, as `smog audit --known` reads it.

        >>> [finding["sentence"] for finding in cloud.audit()["findings"]]
        []
        """
    @property
    def auth_url(self, /) -> str:
        """
        Keystone's URL.
        """
    def availability_zones(self, /) -> Listing[Resource]:
        """
        The availability zones. One API call.
        """
    def boot(self, /, name: str, *, image: str | Image | None = None, flavor: str | Flavor | FlavorSpec | None = None, network: str | Network | None = None, host: str | Host | None = None, availability_zone: str | None = None, key_pair: str | KeyPair | None = None, server_group: str | ServerGroup | None = None, hints: dict[str, Any] | None = None, security_groups: Sequence[str] = ..., config_drive: bool = False, user_data: str | bytes | None = None, metadata: dict[str, str] | None = None, tags: Sequence[str] = ..., description: str | None = None, nics: Sequence[dict[str, str | None]] = ..., volumes: Sequence[str | int] = ..., boot_from_volume: int | None = None, wait: bool = True, keep: bool = False, timeout: float = 300.0) -> Guest:
        """
        Boot a guest and wait until it is ACTIVE (`wait=False`: until Nova has taken the order).

        `flavor` is a name, a `Flavor`, or a `FlavorSpec`: then a flavor is made for the guest
        and deleted with it. `network` is a name, or `"none"`. Ctrl-C takes everything back (`keep=True`:
        all but the server, which Nova continues to boot).

        `volumes` are attached, by name or id, or new ones by their size in GiB; `boot_from_volume` is the
        size of a new volume that it boots from. New ones are deleted with the guest.

        Raises `BootException` when it goes to ERROR (it is kept for a look), `NotFound`,
        `Timeout`.

        >>> cloud.boot("web", flavor=FlavorSpec(ram_mib=128).pinned().pages("large"))
        <Guest web ACTIVE on cmp2, 1 vCPU>
        """
    def call(self, /, service: str, method: str, path: str, *, body: Any = None, query: dict[str, str] | None = None, microversion: str | None = None) -> Any:
        """
        Any call smog has no word for; the answer's body as it came.

        `service` is "compute", "image", "network", "placement" or "identity"; the newest
        microversion both sides know is sent unless one is named.

        >>> cloud.call("compute", "GET", "/os-hypervisors/statistics", microversion="2.1")
        """
    @property
    def calls(self, /) -> list[ApiCall]:
        """
        The last 2000 API calls, the newest last. Nothing is asked.
        """
    def change_aggregate(self, /, aggregate: str | Aggregate, host: str | Host, *, remove: bool = False) -> Aggregate:
        """
        Add a host to an aggregate, or take it out (`remove=True`). Two API calls.
        """
    def clean(self, /, run: str | None = None) -> list[str]:
        """
        Remove what runs of `smog test` left behind in the cloud (`run`: only this run's), as `smog clean`
        does. Returns what was removed, one line each. A run that is still at work loses its guests.

        Raises `Fault` with what could not be removed, `NotFound` for a text that is not a run's id.
        """
    def close(self, /) -> None:
        """
        Close the connections to hosts. They are opened again when needed.
        """
    def connections(self, /) -> Listing[Resource]:
        """
        The SSH connections that are kept for later commands and prompts of this user.
        """
    def consumers(self, /, provider: str | Host) -> Listing[Resource]:
        """
        Who holds resources of a provider (a host): servers and moves.
        """
    def create_aggregate(self, /, name: str, *, metadata: dict[str, str] | None = None, hosts: Sequence[str | Host] = ..., availability_zone: str | None = None) -> Aggregate:
        """
        Create an aggregate with metadata and hosts.
        """
    def create_aggregate_pair(self, /, name: str, key: str, *, host: str | Host | None = None) -> tuple[Aggregate, Aggregate]:
        """
        One host (a random one when absent) in `NAME_true`, all others in `NAME_false`, with
        the metadata `key` = "true" and "false".
        """
    def create_flavor(self, /, spec: str | FlavorSpec, *, vcpus: int = 1, ram_mib: int = 256, disk_gib: int = 0, extra_specs: dict[str, str] | None = None, public: bool = True) -> Flavor:
        """
        Create a flavor, of a name or of a `FlavorSpec`. Two API calls.

        >>> cloud.create_flavor("small", vcpus=1, ram_mib=128, extra_specs={"hw:cpu_policy": dedicated})
        >>> cloud.create_flavor(FlavorSpec("lp").pages("large"))
        """
    def create_key_pair(self, /, name: str) -> tuple[KeyPair, str]:
        """
        Create a key pair: what Nova keeps of it, and the private key, which is kept nowhere.
        """
    def create_project(self, /, name: str, *, description: str = ...) -> Project:
        """
        Create a project. One API call.
        """
    def create_security_group(self, /, name: str, *, description: str = ...) -> Resource:
        """
        Create a security group. One API call.
        """
    def create_server_group(self, /, name: str, policy: str, *, max_per_host: SupportsIndex | None = None) -> ServerGroup:
        """
        Create a server group: affinity, "anti-affinity", "soft-affinity", "soft-anti-affinity".
        """
    def create_user(self, /, name: str, password: str, *, project: str | Project | None = None, role: str | None = None) -> User:
        """
        Make a user, in a project with a role when they are given.
        """
    def create_volume(self, /, name: str, size: int | None = None, *, volume_type: str | None = None, image: str | None = None, snapshot: str | None = None, source: str | None = None, description: str | None = None, timeout: float = 300.0) -> Resource:
        """
        Create a volume and wait until it is available: empty, or with the content of an `image`, a
        `snapshot` or a volume (`source`). Ctrl-C takes it back.

        Raises `Fault` with Cinder's reason, `NotFound`, `ArgumentError` for a size that does not fit.

        >>> cloud.create_volume("data", 1)
        """
    def delete_aggregate(self, /, aggregate: str | Aggregate) -> None:
        """
        Take the hosts out of an aggregate and delete it.
        """
    def delete_image(self, /, image: str | Image) -> None:
        """
        Delete an image. Two API calls.
        """
    def delete_key_pair(self, /, name: str) -> None:
        """
        Delete a key pair. One API call.
        """
    def delete_project(self, /, project: str | Project) -> None:
        """
        Delete a project. Two API calls.
        """
    def delete_security_group(self, /, group: str) -> None:
        """
        Delete a security group. Two API calls.
        """
    def delete_server_group(self, /, group: str | ServerGroup) -> None:
        """
        Delete a server group. Two API calls.
        """
    def delete_user(self, /, user: str | User) -> None:
        """
        Delete a user. Two API calls.
        """
    def delete_volume(self, /, volume: str, *, timeout: float = 300.0) -> None:
        """
        Delete a volume and wait until it is gone.
        """
    def delete_volume_snapshot(self, /, snapshot: str, *, timeout: float = 300.0) -> None:
        """
        Delete a snapshot of a volume and wait until it is gone.
        """
    def disable_service(self, /, host: str | Host, *, reason: str | None = None) -> ComputeService:
        """
        Disable the compute service of a host: it takes no new guests. Two API calls.
        """
    def disconnect(self, /, *hosts: str | Host) -> Listing[Resource]:
        """
        End kept SSH connections: those to these hosts, or all. Commands that run on one end first.
        """
    def discover(self, /, guests: Sequence[Guest | Server | str] | None = None) -> Listing[Guest]:
        """
        Every guest the user may see, or those given (`Guest`, `Server` or id), each joined
        with its host and domain. One API call and one command per host.

        Hosts that could not be asked are in `.problems` of the list; their guests are listed
        without a domain.

        >>> cloud.discover()
        NAME  STATUS  HOST  DOMAIN             LIBVIRT  VCPUS  RAM      PINNED TO  PAGES  ADDRESS
        web   ACTIVE  cmp2  instance-00000022  running  1      128 MiB  1          2 MiB  192.168.77.36
        """
    def download_image(self, /, image: str | Image, path: str | os.PathLike[str]) -> None:
        """
        Write an image to a file.
        """
    def enable_service(self, /, host: str | Host) -> ComputeService:
        """
        Enable the compute service of a host: it takes new guests. Two API calls.
        """
    def extend_volume(self, /, volume: str, size: int, *, timeout: float = 300.0) -> Resource:
        """
        Make a volume larger, also while a guest has it, and wait until it is.
        """
    def fetch_image(self, /, name: str, url: str, *, cache: str | os.PathLike[str], checksum: str | None = None, disk_format: str | None = None, visibility: str = ..., properties: dict[str, str] | None = None) -> Image:
        """
        Make an image of what a URL (http, https or file) has. It is kept in `cache` for the next time;
        `checksum` is `sha256:…` or `sha512:…`.
        """
    def flavor(self, /, name: str) -> Flavor:
        """
        One flavor by name or id. One API call.
        """
    def flavors(self, /) -> Listing[Flavor]:
        """
        All flavors. One API call.
        """
    def force_service_down(self, /, host: str | Host, *, down: bool = True) -> ComputeService:
        """
        Force the compute service of a host down, so that its guests can be evacuated (`down=False`: up
        again). Two API calls.
        """
    def guest(self, /, name: str) -> Guest:
        """
        One guest by name, id, or an unambiguous beginning of either. One API call.

        Raises `NotFound` with near names, `AmbiguityException` with the ids.
        """
    @property
    def guests(self, /) -> Guests:
        """
        Guests by name; called, all of them.
        """
    def host(self, /, name: str) -> Host:
        """
        One host by name. Asks Nova only for a host that is not in smog.yml.
        """
    @property
    def hosts(self, /) -> Hosts:
        """
        Hosts by name; called, all of them.
        """
    def hypervisors(self, /) -> Listing[Hypervisor]:
        """
        All hypervisors. One API call.
        """
    def image(self, /, name: str) -> Image:
        """
        One image by name or id. One API call.
        """
    def images(self, /) -> Listing[Image]:
        """
        All images. One API call per page.
        """
    def import_key_pair(self, /, name: str, public_key: str) -> KeyPair:
        """
        Register a public key. One API call.
        """
    def inventory(self, /, provider: str | Host) -> Listing[Resource]:
        """
        What a resource provider (a host) has of each resource class, and what is used. Three API calls.
        """
    @property
    def is_admin(self, /) -> bool:
        """
        Whether the user has the admin role. Nothing is asked.
        """
    def key_pairs(self, /) -> Listing[KeyPair]:
        """
        All key pairs of the user. One API call.
        """
    def leftovers(self, /, run: str | None = None) -> list[str]:
        """
        What runs of `smog test` left behind in the cloud, one line each (`run`: only this run's).
        """
    def monitor(self, /, handler: Callable[[Record], object] | None = None, *, hosts: Sequence[str | Host] = ..., files: Sequence[str] = ..., units: Sequence[str] = ..., level: str | None = None, grep: Sequence[str] = ..., requests: Sequence[str] = ..., guest: str | Guest | None = None, exceptions: bool = False, since: datetime | None = None, allow: Sequence[str] = ..., name: str = ..., command: str | None = None, stop_at: int | None = None, log: SupportsWrite | None = None, allow_unread: bool = False) -> Watcher:
        """
        Watch the logs in the background: start it, do something, close it, read what it saw.

        Without a handler it keeps the records with an exception (and stops after `stop_at` of them).
        A handler is called with each record, in another thread, and answers: `None` goes on,
        `True` keeps the record, `"stop"` keeps it and stops, any other text says why the watch
        failed. `command` follows a command's output instead of the logs (`tail -f FILES` is
        understood as these files); everything is also written to `log`, a file. A host or log that
        was wanted and not read raises `smog.Unread` at the end of a `with` block, unless
        `allow_unread`; `watcher.seen.unread` lists them.

        >>> with cloud.monitor() as watcher:
        ...     guest.live_migrate()
        >>> [record.exception for record in watcher.seen.kept]
        []
        """
    @property
    def name(self, /) -> str:
        """
        Its name in clouds.yaml, or "envvars".
        """
    def network(self, /, name: str) -> Network:
        """
        One network by name or id. One API call.
        """
    def networks(self, /) -> Listing[Network]:
        """
        All networks. One API call per page.
        """
    def ports(self, /) -> Listing[Resource]:
        """
        All ports. One API call.
        """
    @property
    def project_id(self, /) -> str | None:
        """
        The project the user is in.
        """
    def projects(self, /) -> Listing[Project]:
        """
        All projects. One API call.
        """
    def providers(self, /) -> Listing[Resource]:
        """
        The resource providers of placement. One API call.
        """
    def quotas(self, /, project: str | Project | None = None) -> Listing[Resource]:
        """
        The quotas of a project, the own one when absent: limit and use.
        """
    def remove_security_rule(self, /, rule: str) -> None:
        """
        Remove a rule of a security group, by its id. One API call.
        """
    def reset_quotas(self, /, project: str | Project) -> None:
        """
        Reset a project's quotas to the defaults.
        """
    def security_groups(self, /) -> Listing[Resource]:
        """
        All security groups. One API call.
        """
    def security_rules(self, /, group: str = ...) -> Listing[Resource]:
        """
        The rules of a security group. One API call.
        """
    def server(self, /, name: str) -> Server:
        """
        One server, of Nova alone. One API call.
        """
    def server_groups(self, /) -> Listing[ServerGroup]:
        """
        All server groups. One API call per page.
        """
    def servers(self, /, **filters: str) -> Listing[Server]:
        """
        All servers the user may see, of Nova alone. `filters` are Nova's own
        (`status="ERROR"`, `host="cmp1"` …). One API call for each thousand.
        """
    def services(self, /) -> Listing[ComputeService]:
        """
        All compute services. One API call.
        """
    def set_image_properties(self, /, image: str | Image, **properties: str) -> Image:
        """
        Set properties of an image, and keep the others it has. One API call.
        """
    def set_quotas(self, /, project: str | Project, **limits: int | None) -> Listing[Resource]:
        """
        Set quotas of a project (`None`: without limit); a wrong name sets nothing.

        >>> cloud.set_quotas("demo", instances=10, port=None)
        """
    @property
    def settings(self, /) -> list[tuple[str, str, str]]:
        """
        The settings in use: one line each, with where it comes from.
        """
    def snapshot_volume(self, /, volume: str, name: str, *, timeout: float = 300.0) -> Resource:
        """
        Make a snapshot of a volume, also while a guest has it, and wait until it is available.
        """
    def subnets(self, /) -> Listing[Resource]:
        """
        All subnets. One API call.
        """
    def topology(self, /) -> Topology:
        """
        All compute hosts with their NUMA nodes and CPUs, and where the kernel lets each guest run, as
        `smog topology` draws it. A picture in notebooks.
        """
    def trace(self, /, of: str | Guest, action: str | None = None, *, since: datetime | None = None) -> Trace:
        """
        One request, whole, from API to compute: `of` is a request ("req-…"), or a guest (also one
        that was deleted) with an `action`. A request is looked for `since` a day, or since then.

        >>> print(cloud.trace("req-e58f9672-0e0c-4390-9811-01920e26b346"))
        """
    def traits(self, /, provider: str | Host) -> list[str]:
        """
        The traits of a resource provider (a host). Two API calls.
        """
    def triage(self, /, *, since: datetime | None = None, until: datetime | None = None, hosts: Sequence[str | Host] = ..., baseline: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None, allow_unread: bool = False) -> Triage:
        """
        What the hosts threw `since` (an hour back), by type and place, and what came first. What
        `baseline`, the logs of a good run, has as well is noise. A host or log that was wanted and not
        read raises `smog.Unread`, unless `allow_unread`; `triage.unread` lists them then.

        >>> print(cloud.triage())
        """
    def upload_image(self, /, name: str, path: str | os.PathLike[str], *, disk_format: str | None = None, container_format: str | None = None, visibility: str | None = None, properties: dict[str, str] | None = None) -> Image:
        """
        Make an image from a file; `disk_format` is seen from the file when absent.
        """
    def users(self, /) -> Listing[User]:
        """
        All users. One API call.
        """
    def volume(self, /, name: str) -> Resource:
        """
        One volume by name, id, or an unambiguous beginning of either. One API call.
        """
    def volume_snapshots(self, /) -> Listing[Resource]:
        """
        The snapshots of volumes. One API call.
        """
    def volume_types(self, /) -> Listing[Resource]:
        """
        The types of volumes. One API call.
        """
    def volumes(self, /) -> Listing[Resource]:
        """
        All volumes: of all projects for administrators. One API call.
        """
    def watch(self, /, *, hosts: Sequence[str | Host] = ..., files: Sequence[str] = ..., units: Sequence[str] = ..., level: str | None = None, grep: Sequence[str] = ..., requests: Sequence[str] = ..., guest: str | Guest | None = None, exceptions: bool = False, since: datetime | None = None, allow: Sequence[str] = ..., since_request: str | None = None, until: datetime | None = None, follow: bool = True, duration: float | None = None, allow_unread: bool = False) -> Watch:
        """
        Follow the logs of all hosts as one stream, in the order of time: an iterator of
        records, each with its whole traceback.

        `level`, `grep` (regular expressions), `requests`, `guest` and `exceptions` choose
        records; `since` begins in the past, `since_request` where that request first shows (a day back
        at most), `follow=False` ends at the present (and begins an hour back, or at the guest's
        creation, unless `since` says otherwise), `duration` ends after so many seconds. `allow` names known noise: `TYPE` or `TYPE@LOGGER`. A host or log
        that was wanted and not read raises `smog.Unread` at the end of a `with` block, unless
        `allow_unread`; `watch.unread` lists them at any time.

        >>> for record in cloud.watch(exceptions=True, duration=60):
        ...     print(record.host, record.exception)
        """
    def why_not(self, /, of: str | Guest | None = None, *, flavor: str | Flavor | None = None, image: str | Image | None = None, host: str | Host | None = None, group: str | ServerGroup | None = None, availability_zone: str | None = None, network: str | Network | None = None, hints: dict[str, Any] | None = None, volume: bool = False) -> WhyNot:
        """
        Why no host takes a guest, or which one would: of a guest or a request ("req-…") that found no
        host, or of a flavor before a boot. Each compute host is judged in the order in which Nova asks.
        What could not be read is unknown, and never fits.

        >>> print(cloud.why_not(flavor="big", availability_zone="east"))
        """

@final
class Compared:
    """
    One thing declared in the domain XML, and the same thing as the kernel has it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def agrees(self, /) -> bool:
        """
        Whether the two agree.
        """
    @property
    def declared(self, /) -> str:
        """
        What the domain XML says; empty when it says nothing.
        """
    @property
    def kernel(self, /) -> str:
        """
        What `/proc` says.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def what(self, /) -> str:
        """
        "vCPU 0", "emulator", "memory".
        """

@final
class ComputeService:
    """
    A compute service: nova-compute and its like on one host.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def binary(self, /) -> str:
        """
        "nova-compute", "nova-scheduler", "nova-conductor".
        """
    @property
    def disabled_reason(self, /) -> str | None:
        """
        Why it is disabled.
        """
    @property
    def host(self, /) -> str:
        """
        The host it runs on.
        """
    @property
    def id(self, /) -> str:
        """
        UUID.
        """
    @property
    def state(self, /) -> str:
        """
        "up" or "down": whether it has reported lately.
        """
    @property
    def status(self, /) -> str:
        """
        "enabled" or "disabled": whether it takes new work.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def zone(self, /) -> str:
        """
        Its availability zone.
        """

@final
class Domain:
    """
    A libvirt domain: its XML read into values, the text kept.

    >>> domain.vcpu_pins
    {0: {1}}
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def cell_memory_kib(self, /) -> dict[int, int]:
        """
        The memory of each NUMA node in KiB.
        """
    @property
    def cells(self, /) -> dict[int, set[int]]:
        """
        The guest's NUMA nodes: its vCPUs, by cell.
        """
    @property
    def console_log(self, /) -> str | None:
        """
        The console log on the host that Nova reads.
        """
    @property
    def cpu_mode(self, /) -> str | None:
        """
        `<cpu mode=…>`: host-model, "host-passthrough", "custom".
        """
    @property
    def emulator_pin(self, /) -> set[int] | None:
        """
        The host CPUs of QEMU's own threads, where declared.
        """
    @property
    def has_huge_pages(self, /) -> bool:
        """
        Whether its memory is declared to be in huge pages.
        """
    @property
    def id(self, /) -> int | None:
        """
        libvirt's number while it runs.
        """
    @property
    def is_pinned(self, /) -> bool:
        """
        Whether every vCPU has one host CPU of its own.
        """
    @property
    def kind(self, /) -> str:
        """
        "kvm" or "qemu".
        """
    @property
    def machine(self, /) -> str | None:
        """
        The machine type: pc-q35-10.0.
        """
    @property
    def memory_kib(self, /) -> int:
        """
        Memory in KiB.
        """
    @property
    def name(self, /) -> str:
        """
        "instance-0000002a".
        """
    @staticmethod
    def parse(xml: str) -> Domain:
        """
        Read a domain's XML.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def topology(self, /) -> tuple[int, int, int] | None:
        """
        Sockets, cores of a socket, threads of a core; none when the XML does not say.
        """
    @property
    def uuid(self, /) -> str:
        """
        UUID, which is Nova's server id.
        """
    @property
    def vcpu_pins(self, /) -> dict[int, set[int]]:
        """
        The host CPUs each vCPU is declared to run on; a vCPU that may run anywhere is left out.
        """
    @property
    def vcpus(self, /) -> int:
        """
        The number of vCPUs.
        """
    def xml(self, /) -> str:
        """
        The XML it was read from, byte for byte.
        """

@final
class Environment:
    """
    The desired state of hosts: check it, prepare it, restore what was there.

    As a context manager it is prepared inside and restored outside, also after an error or
    Ctrl-C. Everything that is changed is journaled on disk first: `smog restore` brings it
    back after a crash too.

    >>> with cloud.environment("nova.conf:DEFAULT.shutdown_timeout=7", hosts=["cmp1"]):
    ...     guest = cloud.boot("web")
    """
    def __enter__(self, /) -> Environment:
        """
        Prepare it.
        """
    def __exit__(self, /, *exception: object) -> None:
        """
        Restore what was.
        """
    def __repr__(self, /) -> str: ...
    def check(self, /) -> Plan:
        """
        What would have to change. Changes nothing; one or two commands per host.
        """
    def prepare(self, /) -> Plan:
        """
        Change what has to be changed and wait until the services are ready, by evidence.
        Returns what was changed.

        Ctrl-C takes back what was changed so far. Raises `ArgumentError` when something
        cannot be had here, before anything is changed.
        """
    def restore(self, /, *, all: bool = False, run: str | None = None, break_lock: Sequence[str | Host] = ..., on_conflict: str = "stop") -> Listing[Restored]:
        """
        Bring back what was, of what was prepared by this object (`all=True`: of everything
        outstanding on its hosts; `run="…"`: of this run, which `smog restore --list` names). What
        someone else changed meanwhile is left alone and listed in `.conflicts`, unless `on_conflict` is
        "keep", "force" or "merge". The locks of the hosts in `break_lock` are broken: first make sure
        that no other smog is running there. Raises `NotFound` for a run that is not outstanding.
        """

@final
class Facts:
    """
    The facts of a host, gathered by one command.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def cell_free_kib(self, /) -> dict[int, int]:
        """
        The free memory of each NUMA node in KiB.
        """
    @property
    def cell_memory_kib(self, /) -> dict[int, int]:
        """
        The memory of each NUMA node in KiB.
        """
    @property
    def cells(self, /) -> dict[int, set[int]]:
        """
        The CPUs of each NUMA node.
        """
    @property
    def cpus_isolated(self, /) -> set[int]:
        """
        CPUs the scheduler leaves alone (`isolcpus`).
        """
    @property
    def cpus_online(self, /) -> set[int]:
        """
        CPUs that are online.
        """
    @property
    def has_kvm(self, /) -> bool:
        """
        Whether /dev/kvm is there.
        """
    @property
    def hostname(self, /) -> str:
        """
        The host's own name.
        """
    @property
    def huge_pages(self, /) -> dict[int, tuple[int, int]]:
        """
        Huge pages of each size (KiB): how many there are, and how many are free.
        """
    @property
    def kernel(self, /) -> str:
        """
        The kernel's release.
        """
    @property
    def kernel_command_line(self, /) -> str:
        """
        The kernel's command line.
        """
    @property
    def libvirt_version(self, /) -> str | None:
        """
        libvirt's version.
        """
    @property
    def memory_available_kib(self, /) -> int:
        """
        Memory that can be had now, in KiB.
        """
    @property
    def memory_kib(self, /) -> int:
        """
        Memory in KiB.
        """
    @property
    def os(self, /) -> str | None:
        """
        "Debian GNU/Linux 13 (trixie)".
        """
    @property
    def qemu_version(self, /) -> str | None:
        """
        QEMU's version.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def virtualization(self, /) -> str | None:
        """
        "kvm", "systemd-nspawn" …; none on bare metal.
        """

@final
class FailedTest:
    """
    A test that failed, as its results among the logs say.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def began(self, /) -> datetime | None:
        """
        When it began, where that is known.
        """
    @property
    def ended(self, /) -> datetime | None:
        """
        When it ended, where that is known.
        """
    @property
    def exceptions(self, /) -> list[tuple[str, int, str]]:
        """
        Exceptions that belong to it: type, how often, and why: request (of one of its requests) or
        "time" (thrown while it ran).
        """
    @property
    def message(self, /) -> str:
        """
        The last line of its traceback.
        """
    @property
    def name(self, /) -> str:
        """
        Its name.
        """
    @property
    def requests(self, /) -> list[str]:
        """
        Requests that its own output names.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Flavor:
    """
    A flavor with its extra specs.

    >>> cloud.flavor("m1.tiny").ram_mib
    512
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    def delete(self, /) -> None:
        """
        Delete it. One API call; guests made from it live on.
        """
    @property
    def disk(self, /) -> int:
        """
        Root disk in GiB, as novaclient calls it.
        """
    @property
    def disk_gib(self, /) -> int:
        """
        Root disk in GiB; 0 means the image's size.
        """
    @property
    def extra_specs(self, /) -> dict[str, str]:
        """
        Extra specs as they were seen, such as `hw:cpu_policy`.
        """
    def get_keys(self, /) -> dict[str, str]:
        """
        The extra specs Nova has now. One API call.
        """
    @property
    def id(self, /) -> str:
        """
        Id: a UUID, or what its maker chose.
        """
    @property
    def is_public(self, /) -> bool:
        """
        Whether every project sees it.
        """
    @property
    def name(self, /) -> str:
        """
        Name; unique.
        """
    @property
    def ram(self, /) -> int:
        """
        Memory in MiB, as novaclient calls it.
        """
    @property
    def ram_mib(self, /) -> int:
        """
        Memory in MiB.
        """
    def set_keys(self, /, specs: dict[str, str]) -> dict[str, str]:
        """
        Set extra specs, and keep the others it has; returns all. One API call.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    def unset_keys(self, /, keys: SupportsGetItem[int, str]) -> None:
        """
        Remove extra specs. One API call each.
        """
    @property
    def vcpus(self, /) -> int:
        """
        Virtual CPUs.
        """

@final
class FlavorSpec:
    """
    What a flavor shall be. Every step can be taken in any order, returns a new spec, and
    overrules an earlier one of its kind. Wishes that contradict each other are refused with
    Nova's rule, before Nova is asked.

    >>> FlavorSpec("lp", vcpus=4, ram_mib=1024).numa_nodes(2).pages("large").pinned().extra_specs()
    {'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': 'large', 'hw:numa_nodes': '2'}
    """
    def __new__(cls, /, name: str = ..., *, vcpus: SupportsIndex = 1, ram_mib: SupportsIndex = 128, disk_gib: SupportsIndex = 0) -> FlavorSpec:
        """
        One vCPU, 128 MiB and a disk as large as the image, unless said otherwise.
        """
    def __repr__(self, /) -> str: ...
    def cpu_policy(self, /, policy: str) -> FlavorSpec:
        """
        `hw:cpu_policy`: shared, "dedicated".
        """
    @property
    def disk_gib(self, /) -> int:
        """
        The root disk in GiB; 0 is the image's own size.
        """
    def emulator_threads(self, /, policy: str) -> FlavorSpec:
        """
        Where QEMU's own threads run: share or "isolate".
        """
    def extra(self, /, key: str, value: str) -> FlavorSpec:
        """
        Any other extra spec, not looked at; it overrules what the other steps would write.
        """
    def extra_specs(self, /) -> dict[str, str]:
        """
        The extra specs of a flavor. Raises `ArgumentError` with Nova's rule when the wishes
        contradict each other.
        """
    def extra_specs_unchecked(self, /) -> dict[str, str]:
        """
        The same without a check: for tests that want to see Nova refuse.
        """
    def image_properties(self, /) -> dict[str, str]:
        """
        The same wishes as properties of an image. Raises `ArgumentError` for what Nova takes
        from flavors only.
        """
    def locked_memory(self, /) -> FlavorSpec:
        """
        Nothing of the memory is swapped out.
        """
    def memory_encryption(self, /) -> FlavorSpec:
        """
        The memory is encrypted (AMD SEV).
        """
    def mixed(self, /, dedicated: str | int | Iterable[int]) -> FlavorSpec:
        """
        These vCPUs have a host CPU of their own, the others float.
        """
    @property
    def name(self, /) -> str:
        """
        The flavor's name.
        """
    def numa_cell(self, /, cpus: str | int | Iterable[int], ram_mib: int) -> FlavorSpec:
        """
        One more NUMA node with these vCPUs ("0-1", 0 or [0, 1]) and this memory in MiB.
        """
    def numa_nodes(self, /, nodes: SupportsIndex) -> FlavorSpec:
        """
        So many NUMA nodes, CPUs and memory divided evenly by Nova. Nova has no memory policy
        any more (`hw:numa_policy` of early releases): a guest's cell has its memory strictly
        from one cell of the host.
        """
    def pages(self, /, size: str | int) -> FlavorSpec:
        """
        The pages behind the memory: small, "large", "any", "2MB", or a number of KiB.
        """
    def pci(self, /, alias: str, count: SupportsIndex = 1) -> FlavorSpec:
        """
        So many devices of an alias of nova.conf; once more adds another alias.
        """
    def pci_numa_policy(self, /, policy: str) -> FlavorSpec:
        """
        How near the devices must be: required, "legacy", "preferred", "socket".
        """
    def pinned(self, /) -> FlavorSpec:
        """
        Each vCPU has a host CPU of its own (`hw:cpu_policy=dedicated`).
        """
    @property
    def ram_mib(self, /) -> int:
        """
        The memory in MiB.
        """
    def realtime(self, /, cpus: str | int | Iterable[int] | None = None) -> FlavorSpec:
        """
        These vCPUs are real-time, or all of them (which needs `emulator_threads`).
        """
    def thread_policy(self, /, policy: str) -> FlavorSpec:
        """
        How pinned vCPUs are laid on cores with several threads: prefer, "isolate", "require".
        """
    def topology(self, /, *, sockets: SupportsIndex | None = None, cores: SupportsIndex | None = None, threads: SupportsIndex | None = None, max_sockets: SupportsIndex | None = None, max_cores: SupportsIndex | None = None, max_threads: SupportsIndex | None = None) -> FlavorSpec:
        """
        How the vCPUs look to the guest: wished, and the most that is allowed.
        """
    @property
    def vcpus(self, /) -> int:
        """
        The number of vCPUs.
        """
    def watchdog(self, /, action: str) -> FlavorSpec:
        """
        What the watchdog does: disabled, "none", "pause", "poweroff", "reset".
        """

@final
class Guest:
    """
    A server, its host and its domain, joined.

    Attributes are what was seen last; methods ask again, and what they learn is seen in
    the attributes afterwards. `with cloud.boot("web") as guest:` deletes it at the end.

    >>> guest.name, guest.status, guest.host.name
    ('web', 'ACTIVE', 'cmp1')
    """
    def start(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Power on.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def stop(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Power off.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def pause(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Stop the vCPUs and keep the memory.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def unpause(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Let the vCPUs run again.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def suspend(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Write the memory to disk and power off.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def resume(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Resume a suspended guest.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def lock(self, *, reason: str | None = None, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Lock: only administrators may act on the guest.

        `reason`: why, for people (microversion 2.73).

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def unlock(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Unlock: the guest's users may act on it again.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def reboot(self, *, hard: bool = False, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Reboot.

        `hard`: recreate the domain instead of asking the guest.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def shelve(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Power off, save the disk as an image, and free the host.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def shelve_offload(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Free the host of a shelved guest now.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def unshelve(self, *, zone: str | None = None, host: str | Host | None = None, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Bring back a shelved guest.

        `zone`: in this availability zone (microversion 2.77).
        `host`: to this compute host (microversion 2.91).

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def rescue(self, image: str | Image | None = None, *, admin_password: str | None = None, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Boot from a rescue image, with the guest's disk as the second one.

        `image`: the rescue image: name or id [default: the guest's own].
        `admin_password`: the password of the rescue system [default: Nova makes one].

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def unrescue(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        End the rescue: boot from the guest's own disk again.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def rebuild(self, image: str | Image, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Rebuild from an image on the same host; the disk's contents are lost.

        `image`: the image: name or id.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def resize(self, flavor: str | Flavor, *, confirm: bool = False, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Move to another flavor; then confirm or revert the resize.

        `flavor`: the new flavor: name or id.
        `confirm`: confirm the move when it is done.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def confirm_resize(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Confirm a resize or cold migration.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def revert_resize(self, *, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Revert a resize or cold migration.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def migrate(self, *, host: str | Host | None = None, confirm: bool = False, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Power off and move to another host; then confirm or revert the resize.

        `host`: to this compute host, which the scheduler still checks.
        `confirm`: confirm the move when it is done.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def evacuate(self, *, host: str | Host | None = None, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Start the guest on another host, since its own is down.

        `host`: to this compute host, which the scheduler still checks.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def reset_state(self, *, active: bool = False, wait: bool = True, timeout: float = 300.0) -> None:
        """
        Set the status to ERROR in Nova's database, and change nothing else (administrators).

        `active`: set it to ACTIVE instead.

        Returns when it is done (`wait=False`: when Nova has accepted the request). Ctrl-C stops the waiting;
        Nova goes on. Raises `ApiError` when the guest's state does not allow it, `Fault` with Nova's reason
        when it fails, `Timeout` after `timeout` seconds.
        """
    def __enter__(self, /) -> Guest: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __exit__(self, /, *exception: object) -> None: ...
    def __hash__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _carry_out(self, /, action: str, given: dict[str, Any], wait: bool, timeout: float) -> None:
        """
        Carry out a server action: the methods of the actions' table call it.
        """
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    def abort_migration(self, /) -> None:
        """
        Abort its running live migration; it stays where it is. Raises `ArgumentError` when there is none.
        """
    def actions(self, /) -> Listing[Resource]:
        """
        What was done to it, by which requests, the newest first; one API call per action.
        """
    def add_tags(self, /, *tags: str) -> None:
        """
        Add tags. One API call per tag, and one to look again.
        """
    @property
    def address(self, /) -> str | None:
        """
        Its first address.
        """
    def allocations(self, /) -> Listing[Resource]:
        """
        What placement holds for it. Two API calls.
        """
    def attach_interface(self, /, network: str | Network | None = None, *, address: str | None = None, port: str | None = None) -> Resource:
        """
        Add an interface while it runs: on a network, perhaps with an address, or with an existing port.
        """
    def attach_volume(self, /, volume: str, *, delete_with_guest: bool = False, tag: str | None = None, timeout: float = 300.0) -> Resource:
        """
        Attach a volume, by name or id, and wait until both Nova and Cinder say so. Ctrl-C takes it back.

        Raises `ArgumentError` for a volume that another guest has, `Fault` when Nova gives up.

        >>> guest.attach_volume("data")
        """
    def compare(self, /) -> Listing[Compared]:
        """
        What the domain XML declares, and what the kernel does. Two commands.

        >>> guest.compare()
        WHAT      DECLARED  KERNEL  AGREES
        vCPU 0    CPU 1     CPU 1   yes
        """
    def console(self, /, lines: SupportsIndex | None = None) -> str:
        """
        The last lines of its serial console, or all that Nova kept. One API call.
        """
    @property
    def contradiction(self, /) -> str | None:
        """
        What libvirt says that contradicts Nova, as it was seen last; `None` when nothing does.
        """
    def delete(self, /, *, timeout: SupportsFloat | SupportsIndex = 300.0) -> None:
        """
        Delete it, wait until it is gone, and delete the flavor smog made for it.
        """
    def detach_interface(self, /, interface: str, *, timeout: SupportsFloat | SupportsIndex = 60.0) -> None:
        """
        Remove an interface while it runs, by its port's id, its MAC or an address, and wait until it is
        gone.
        """
    def detach_volume(self, /, volume: str, *, timeout: float = 300.0) -> None:
        """
        Take a volume away, by its name, id or device, and wait until it is free.
        """
    def diagnostics(self, /) -> dict[str, Any]:
        """
        What the hypervisor measures: CPU time, disk and network bytes. One API call.
        """
    def domain(self, /) -> Domain:
        """
        Its libvirt domain, read from the host it is on now. One command.
        """
    def dumpxml(self, /, flags: SupportsIndex = 0) -> str:
        """
        The domain XML as libvirt has it now. One command. `flags` 1 shows secrets in the
        original and is not needed: smog never shows them.
        """
    def explain(self, /, topic: str | None = None) -> dict[str, Any]:
        """
        What every layer says of it, and where they disagree: the page of `smog explain`. All layers
        are asked at once.

        A dict with `sections` (each a `topic` and its `lines`), `findings` and `unknown`; `topic`
        ("server", "placement", "cpu", "memory", "host", "network", "disk", "logs") goes deeper into
        one part.

        >>> [line["said"] for line in guest.explain("cpu")["sections"][0]["lines"] if line["wrong"]]
        []
        """
    @property
    def fault(self, /) -> str | None:
        """
        Why its status is ERROR: one sentence.
        """
    def force_complete_migration(self, /) -> None:
        """
        Force its running live migration to complete: it is paused until its memory is copied.
        """
    def get(self, /) -> Guest:
        """
        The same, by novaclient's name. One API call.
        """
    @property
    def host(self, /) -> Host:
        """
        The compute host it was on when seen last. Nothing is asked.

        Raises `ArgumentError` when Nova named none: it is not scheduled yet, or the user may
        not see hosts.
        """
    @property
    def hypername(self, /) -> str | None:
        """
        The hypervisor's own name, often the host's long name.
        """
    @property
    def id(self, /) -> str:
        """
        UUID of the server, and of the domain.
        """
    @property
    def instance(self, /) -> Server:
        """
        The same, by the original's name.
        """
    def interfaces(self, /) -> Listing[Resource]:
        """
        Its network interfaces. One API call.
        """
    @property
    def libvirt_state(self, /) -> str:
        """
        libvirt's state of the domain on the host that Nova names, as it was seen last: running,
        "shut off", "no domain", also with the other side of a move; "" when it was not asked.
        """
    def live_migrate(self, /, to: str | Host | None = None, *, block: bool | None = None, timeout: float = 300.0) -> None:
        """
        Move it while it runs, to `to` or to the scheduler's choice; returns when it is
        there, and `guest.host` is the new one.

        Raises `NotFound` for an unknown host, `Fault` with Nova's reason, `Timeout` after
        `timeout` seconds. Ctrl-C stops the waiting; the move goes on.

        >>> guest.live_migrate()
        >>> guest.host.name
        'cmp2'
        """
    @property
    def metadata(self, /) -> dict[str, str]:
        """
        The user's own key/value pairs.
        """
    def migrations(self, /) -> Listing[Resource]:
        """
        List its migrations, the newest first. One API call.
        """
    @property
    def name(self, /) -> str:
        """
        Name; not unique.
        """
    def process(self, /) -> GuestProcess:
        """
        Its QEMU process: threads with their CPUs, memory by cell and page size. Two commands.
        """
    def refresh(self, /) -> Guest:
        """
        Ask Nova again: status, host, addresses. One API call. Returns the guest itself.

        Raises `NotFound` when it is gone.
        """
    def remove_tags(self, /, *tags: str) -> None:
        """
        Remove tags. One API call per tag, and one to look again.
        """
    def running_migrations(self, /) -> Listing[Resource]:
        """
        Its live migrations that are running, with how far they are. One API call.
        """
    @property
    def seen(self, /) -> Domain | None:
        """
        What libvirt said, if it was asked.
        """
    @property
    def server(self, /) -> Server:
        """
        What Nova said.
        """
    def set_metadata(self, /, **pairs: str) -> dict[str, str]:
        """
        Set metadata, and keep what else it has; returns all. One API call.

        >>> guest.set_metadata(role="web")
        """
    @property
    def status(self, /) -> str:
        """
        "ACTIVE", "BUILD", "ERROR", "SHUTOFF" …
        """
    @property
    def tags(self, /) -> list[str]:
        """
        Its tags as seen last.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything seen of it as plain data; under `domain` what libvirt said.
        """
    def topology(self, /) -> Listing[Resource]:
        """
        Which CPUs and NUMA nodes of the host Nova gave it (microversion 2.78). One API call.
        """
    def trace(self, /, action: str | None = None) -> Trace:
        """
        What was done to it, whole: the newest action, or the newest one of this name ("create",
        "reboot" …) or request. From Nova's action record and the logs of all hosts.

        >>> print(guest.trace("create"))
        """
    def unset_metadata(self, /, *keys: str) -> None:
        """
        Remove metadata. One API call per key, and one to look again.
        """
    def verify_hugepage(self, /) -> bool:
        """
        Whether its memory is declared to be in huge pages *and* is. Two commands.
        """
    @property
    def virt_name(self, /) -> str | None:
        """
        The libvirt domain's name: instance-0000002a.
        """
    def volumes(self, /) -> Listing[Resource]:
        """
        Its volumes: for each what Nova (`nova`), Cinder (`cinder`) and the domain (`disk`) have; the row
        says whether they agree.
        """
    def wait_for(self, /, status: str, *, timeout: SupportsFloat | SupportsIndex = 300.0) -> None:
        """
        Wait for a status such as "ACTIVE", or "DELETED" until it is gone.

        Raises `Fault` when it goes to ERROR meanwhile, `Timeout` with the last state.
        """
    def why_not(self, /, *, flavor: str | Flavor | None = None, host: str | Host | None = None) -> WhyNot:
        """
        Why no host takes it, or where it could move to; with `flavor`, resized.

        >>> guest.why_not(flavor="big")
        <WhyNot guest `web`, flavor `big`: cmp2 fits>
        """

@final
class GuestProcess:
    """
    The QEMU process of a guest, as it was when it was looked at.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def accelerator(self, /) -> str | None:
        """
        "kvm" or "tcg".
        """
    @property
    def command_line(self, /) -> list[str]:
        """
        The words it was started with.
        """
    @property
    def emulator_affinity(self, /) -> set[int] | None:
        """
        The CPUs QEMU's main thread may run on.
        """
    @property
    def huge_by_size_kib(self, /) -> dict[int, int] | None:
        """
        Its huge pages in KiB by page size (KiB); none where it was not asked for.
        """
    @property
    def huge_kib(self, /) -> int:
        """
        Huge pages in KiB.
        """
    @property
    def memory_by_cell_kib(self, /) -> dict[int, int] | None:
        """
        Its memory in KiB by host NUMA node; none where it was not asked for.
        """
    @property
    def name(self, /) -> str:
        """
        The domain's name.
        """
    @property
    def pid(self, /) -> int:
        """
        The process id.
        """
    @property
    def rss_kib(self, /) -> int:
        """
        Resident memory in KiB without huge pages.
        """
    @property
    def threads(self, /) -> list[Thread]:
        """
        Its threads, the main one first.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def uuid(self, /) -> str:
        """
        The domain's UUID.
        """
    @property
    def vcpu_affinity(self, /) -> dict[int, set[int]]:
        """
        The CPUs each vCPU thread may run on: compare with `domain.vcpu_pins`.
        """

@final
class Guests:
    """
    `cloud.guests`: by name, or all of them when called.

    >>> cloud.guests()
    >>> cloud.guests["web"].dumpxml()
    """
    def __call__(self, /) -> Listing[Guest]:
        """
        Every guest the user may see, with its host and domain. One API call, one command
        per host. Hosts that could not be asked are in `.problems`.
        """
    def __getitem__(self, name: str, /) -> Guest:
        """
        One guest by name, id, or an unambiguous beginning of either. One API call.
        """
    def __iter__(self, /) -> Iterator[Guest]: ...
    def __repr__(self, /) -> str: ...
    def _ipython_key_completions_(self, /) -> list[str]: ...

@final
class Guru:
    """
    A Guru Meditation Report: what each thread of a service does.

    >>> host.guru("nova-compute")[0].stacks[0].waits_in
    'RPC messages'
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def asked_at(self, /) -> datetime | None:
        """
        When it was asked, by this machine's clock.
        """
    @property
    def configuration(self, /) -> dict[str, dict[str, str]]:
        """
        The configuration in use, by section; what is secret is masked.
        """
    def diff(self, /, later: Guru) -> Listing[MovedStacks]:
        """
        What moved between this report and a later one of the same process; what did not move and
        waits for nothing usual comes first.
        """
    @property
    def host(self, /) -> str:
        """
        The host.
        """
    @property
    def pid(self, /) -> int:
        """
        The process.
        """
    @property
    def service(self, /) -> str:
        """
        The service: nova-compute.
        """
    @property
    def stacks(self, /) -> list[Stacks]:
        """
        Equal stacks, those that wait for nothing usual first.
        """
    @property
    def text(self, /) -> str:
        """
        The report as it stands, with what is secret masked.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def version(self, /) -> str:
        """
        The service's version.
        """
    @property
    def way(self, /) -> str:
        """
        How it was asked, and where its report was read.
        """

@final
class Host:
    """
    A machine smog runs commands on: a compute or controller of a cloud, this one
    (`Host.local()`), or any other behind SSH (`Host.ssh("10.0.0.11")`).

    The object is a handle; nothing is connected before the first question.

    >>> cloud.host("cmp1").run("uname", "-r").stdout
    '6.18.44\\n'
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @staticmethod
    def at(name: str, *, user: str | None = None) -> Host:
        """
        The machine of this name or address: as smog.yml says when it is named there, this
        machine for "localhost", else as `Host.ssh`. No cloud is needed.
        """
    def capabilities(self, /) -> dict[str, Any]:
        """
        What libvirt says the host can do: `virsh capabilities`. One command.
        """
    def capabilities_xml(self, /) -> str:
        """
        The same as XML. One command.
        """
    def destroy_domain(self, /, name_or_uuid: str, *, timeout: SupportsFloat | SupportsIndex = 60.0) -> None:
        """
        Cut a domain's power and wait until it is off.
        """
    def domain(self, /, name_or_uuid: str) -> Domain:
        """
        One libvirt domain, by name or UUID. One command.
        """
    def domain_state(self, /, name_or_uuid: str) -> str:
        """
        A domain's state: running, "shut off" … One command.
        """
    def domains(self, /) -> Listing[Domain]:
        """
        Its libvirt domains. One command.
        """
    def exists(self, /, path: str) -> bool:
        """
        Whether a path is there. One command.
        """
    def facts(self, /) -> Facts:
        """
        What it is made of: CPUs, cells, memory, pages, versions. One command.
        """
    def guest_process(self, /, name_or_uuid: str) -> GuestProcess:
        """
        The QEMU process of a guest, its threads and memory. One command.
        """
    def guru(self, /, service: str = ...) -> Listing[Guru]:
        """
        Ask a service for its Guru Meditation Report: what each of its threads does now; of one with
        workers, a report of each. It is asked as it is configured; a process that does not handle the
        signal is never signalled.

        >>> first = host.guru("nova-compute")[0]
        >>> first.diff(host.guru("nova-compute")[0])
        """
    @property
    def hostname(self, /) -> str:
        """
        The same: the compute service's host name.
        """
    @staticmethod
    def local(name: str = "local") -> Host:
        """
        This machine.
        """
    def monitor(self, /, command: str, handler: Callable[[Record], object] | None = None, *, name: str = ..., stop_at: int | None = None, log: SupportsWrite | None = None) -> Watcher:
        """
        Watch a command's output in the background (`tail -f FILES` is understood as these
        files, through rotations and lost connections); see `Cloud.monitor`.

        >>> watcher = host.monitor("tail -f /var/log/nova/*.log", stop_at=1)
        """
    @property
    def name(self, /) -> str:
        """
        The name Nova and smog.yml know it by.
        """
    def read(self, /, path: str) -> str:
        """
        A file's text; bytes that are not UTF-8 are an error. One command.
        """
    def read_bytes(self, /, path: str) -> bytes:
        """
        A file's bytes. One command.
        """
    def reboot(self, /, *, timeout: SupportsFloat | SupportsIndex = 360.0) -> None:
        """
        Reboot it, and wait until it is up again.
        """
    def restart_service(self, /, unit: str, *, timeout: SupportsFloat | SupportsIndex = 60.0) -> None:
        """
        Restart a systemd unit and wait until it is active.
        """
    def run(self, /, *words: str, shell: bool = False, check: bool = True, timeout: float = 60.0, root: bool = True, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Output:
        """
        Run a command to its end. One round trip.

        Words are passed as they are, no shell looks at them; `shell=True` gives one text to
        the host's `sh`. `check=False` takes any exit code. It runs as root (`sudo -n` where
        the user is not root) unless `root=False`. Ctrl-C ends it on the host too.

        Raises `CommandException` for another exit code than 0, `Unreachable`.

        >>> host.run("cat", "/proc/loadavg").stdout
        '0.42 0.31 0.30 1/395 29833\\n'
        """
    def services(self, /, *units: str) -> dict[str, str]:
        """
        The state of systemd units: active, "failed" … by unit. One command.
        """
    @staticmethod
    def ssh(address: str, *, user: str | None = None, port: SupportsIndex | None = None) -> Host:
        """
        A machine behind SSH, reached as the user's own OpenSSH configuration says.
        """
    def start_domain(self, /, name_or_uuid: str, *, timeout: SupportsFloat | SupportsIndex = 60.0) -> None:
        """
        Start a domain and wait until it runs.
        """
    def topology(self, /) -> Topology:
        """
        What this host is made of (NUMA nodes, cores with their threads, pages, devices), what Nova may use
        each CPU for, and where the kernel lets the vCPUs of guests run. A picture in notebooks.

        >>> print(cloud.host("cmp1").topology())
        """
    def wait_until_up(self, /, *, timeout: SupportsFloat | SupportsIndex = 300.0) -> None:
        """
        Wait until it runs a command: a ping is not enough.
        """
    def write(self, /, path: str, content: str | bytes, *, mode: int | None = None) -> None:
        """
        Replace a file, whole or not at all. One command. For configuration use
        `cloud.environment()`, which brings the old file back.
        """

@final
class HostLine:
    """
    One host in the list: where it is and what Nova says of it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def address(self, /) -> str:
        """
        The address SSH connects to.
        """
    @property
    def hypervisor(self, /) -> str | None:
        """
        "QEMU", "KVM" …
        """
    @property
    def name(self, /) -> str:
        """
        The name smog and Nova know it by.
        """
    @property
    def role(self, /) -> str | None:
        """
        Its place in smog.yml; none when only Nova knows it.
        """
    @property
    def state(self, /) -> str | None:
        """
        The compute service's state: up or "down"; none on hosts without one.
        """
    @property
    def status(self, /) -> str | None:
        """
        "enabled" or "disabled", for servers to be scheduled there.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class HostPlan:
    """
    What has to change on one host.
    """
    def __repr__(self, /) -> str: ...
    @property
    def changes(self, /) -> list[str]:
        """
        The paths and units that change.
        """
    @property
    def diff(self, /) -> str:
        """
        The changes as differences; secrets are hidden.
        """
    @property
    def host(self, /) -> str:
        """
        The host.
        """
    @property
    def reboot(self, /) -> list[str]:
        """
        Why it must boot again before all of it holds.
        """
    @property
    def restarts(self, /) -> list[str]:
        """
        The services that are restarted.
        """

@final
class Hosts:
    """
    `cloud.hosts`: by name, or all of them when called.

    >>> cloud.hosts["cmp1"].facts()
    >>> cloud.hosts()
    """
    def __call__(self, /) -> Listing[HostLine]:
        """
        Every host of Nova and of smog.yml with its state. One API call.
        """
    def __getitem__(self, name: str, /) -> Host:
        """
        One host. Asks Nova only for a host that is not in smog.yml.
        """
    def __iter__(self, /) -> Iterator[Host]: ...
    def __repr__(self, /) -> str: ...
    def _ipython_key_completions_(self, /) -> list[str]: ...
    def names(self, /) -> list[str]:
        """
        The names of all hosts. At most one API call.
        """

@final
class Hypervisor:
    """
    A hypervisor: a compute host as Nova knows it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def host(self, /) -> str:
        """
        The name servers give to their host.
        """
    @property
    def host_ip(self, /) -> str | None:
        """
        The address Nova knows.
        """
    @property
    def hypervisor_hostname(self, /) -> str:
        """
        Its own name, often the long host name.
        """
    @property
    def hypervisor_type(self, /) -> str:
        """
        "QEMU", "KVM" …
        """
    @property
    def id(self, /) -> str:
        """
        UUID; also the resource provider's UUID in placement.
        """
    @property
    def state(self, /) -> str:
        """
        "up" or "down".
        """
    @property
    def status(self, /) -> str:
        """
        "enabled" or "disabled".
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def version(self, /) -> str:
        """
        QEMU's version: 10.0.13.
        """

@final
class Image:
    """
    An image of glance.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def container_format(self, /) -> str | None:
        """
        "bare", "ova" …
        """
    @property
    def disk_format(self, /) -> str | None:
        """
        "raw", "qcow2" …
        """
    @property
    def id(self, /) -> str:
        """
        UUID.
        """
    @property
    def min_disk_gib(self, /) -> int:
        """
        The least root disk a server needs, in GiB.
        """
    @property
    def min_ram_mib(self, /) -> int:
        """
        The least memory a server needs, in MiB.
        """
    @property
    def name(self, /) -> str:
        """
        Name; not unique.
        """
    @property
    def properties(self, /) -> dict[str, str]:
        """
        Its further properties: `hw_numa_nodes`, `os_distro` …
        """
    @property
    def size_bytes(self, /) -> int | None:
        """
        Size of the file in bytes.
        """
    @property
    def status(self, /) -> str:
        """
        "active", "queued" …
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def visibility(self, /) -> str:
        """
        "public", "private", "shared" or "community".
        """

@final
class KeyPair:
    """
    A key pair: what Nova keeps of it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def fingerprint(self, /) -> str:
        """
        Its fingerprint.
        """
    @property
    def name(self, /) -> str:
        """
        Name; unique for its user.
        """
    @property
    def public_key(self, /) -> str:
        """
        The public key, as in `authorized_keys`.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class MovedStacks:
    """
    Equal stacks of two reports of one process.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def stacks(self, /) -> Stacks:
        """
        The stacks.
        """
    @property
    def state(self, /) -> str:
        """
        "same": they did not move; "new": only in the second report; "gone": only in the first.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Network:
    """
    A network of neutron.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def external(self, /) -> bool:
        """
        Whether it leads outside.
        """
    @property
    def id(self, /) -> str:
        """
        UUID.
        """
    @property
    def mtu(self, /) -> int:
        """
        The largest packet, in bytes.
        """
    @property
    def name(self, /) -> str:
        """
        Name; not unique.
        """
    @property
    def shared(self, /) -> bool:
        """
        Whether other projects may use it.
        """
    @property
    def status(self, /) -> str:
        """
        "ACTIVE" …
        """
    @property
    def subnets(self, /) -> list[str]:
        """
        The ids of its subnets.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class OsloConfig:
    """
    A file of oslo.config, such as nova.conf, edited without touching the rest of it:
    comments, order and blanks stay. Each edit gives a new one.

    >>> conf = OsloConfig(host.read("/etc/nova/nova.conf"))
    >>> conf.get("libvirt", "virt_type")
    'qemu'
    >>> conf.set("libvirt", "virt_type", "kvm").text
    """
    def __new__(cls, /, text: str, place: str = "the text given") -> OsloConfig:
        """
        Read a file's text; `place` names it in errors. Raises `ConfigException` with the line
        for what oslo.config refuses too.
        """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def get(self, /, section: str, key: str) -> str | None:
        """
        An option's value, or `None` when it is not set.
        """
    def get_all(self, /, section: str, key: str) -> list[str]:
        """
        All values of an option, for multi-valued ones.
        """
    def remove(self, /, section: str, key: str) -> OsloConfig:
        """
        The same file without an option.
        """
    @property
    def sections(self, /) -> list[str]:
        """
        The sections, each once, in their order.
        """
    def set(self, /, section: str, key: str, value: str) -> OsloConfig:
        """
        The same file with an option set.
        """
    @property
    def text(self, /) -> str:
        """
        The whole text.
        """

@final
class Output:
    """
    What a command wrote, and how it ended.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def command(self, /) -> str:
        """
        The command as a person would type it.
        """
    @property
    def elapsed_s(self, /) -> float:
        """
        From the request to the end, in seconds.
        """
    @property
    def exit_code(self, /) -> int:
        """
        The exit code; a command that a signal ended has 128 + its number.
        """
    @property
    def host(self, /) -> str:
        """
        Where it ran.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether it ended with 0.
        """
    @property
    def stderr(self, /) -> str:
        """
        Standard error as text.
        """
    @property
    def stdout(self, /) -> str:
        """
        Standard output as text.
        """

@final
class Plan:
    """
    What has to change, host by host. `str(plan)` is the diff; secrets are hidden.
    """
    def __bool__(self, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    @property
    def cannot(self, /) -> list[str]:
        """
        What cannot be had, and why.
        """
    @property
    def hosts(self, /) -> list[HostPlan]:
        """
        Each host's part.
        """
    @property
    def is_ready(self, /) -> bool:
        """
        Whether nothing has to change, and everything can be had.
        """

@final
class Project:
    """
    A project of keystone.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def id(self, /) -> str:
        """
        Id.
        """
    @property
    def name(self, /) -> str:
        """
        Name; unique in its domain.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Record:
    """
    One log entry with all its lines, and what could be read from it.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def exception(self, /) -> str | None:
        """
        The full name of the exception in it.
        """
    @property
    def exception_message(self, /) -> str | None:
        """
        What the exception said.
        """
    @property
    def host(self, /) -> str:
        """
        The host it was written on.
        """
    @property
    def instance(self, /) -> str | None:
        """
        The server's UUID.
        """
    @property
    def level(self, /) -> str | None:
        """
        "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL".
        """
    @property
    def logger(self, /) -> str | None:
        """
        The Python module, or the program.
        """
    @property
    def message(self, /) -> str:
        """
        The first line without what stands before the message.
        """
    @property
    def pid(self, /) -> int | None:
        """
        The process that wrote it.
        """
    @property
    def request_id(self, /) -> str | None:
        """
        The request it belongs to: req-….
        """
    @property
    def source(self, /) -> str:
        """
        The file, "journal", or the command it came from.
        """
    @property
    def text(self, /) -> str:
        """
        All lines as they stand in the log.
        """
    @property
    def time(self, /) -> datetime | None:
        """
        When it was written (UTC); none where the log has no time.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Resource:
    """
    Something a service listed: a quota, an interface, a migration, a resource provider …

    Its fields are attributes, as `to_dict()` has them; `dir()` and completion know them.

    >>> [(quota.resource, quota.limit) for quota in cloud.quotas()]
    """
    def __dir__(self, /) -> list[str]: ...
    def __getattr__(self, name: str, /) -> Any: ...
    def __repr__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def kind(self, /) -> str:
        """
        What it is: Quota, "Interface" …
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Its fields as plain data.
        """

@final
class Restored:
    """
    What was brought back on one host.
    """
    def __repr__(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def back(self, /) -> list[str]:
        """
        Paths and units that are as they were.
        """
    @property
    def conflicts(self, /) -> list[tuple[str, str]]:
        """
        What was not touched, because someone changed it: path or unit, and the differences.
        """
    @property
    def host(self, /) -> str:
        """
        The host.
        """
    @property
    def kept(self, /) -> list[str]:
        """
        What was left to those who changed it meanwhile.
        """
    @property
    def run(self, /) -> str:
        """
        The run that was taken back.
        """

@final
class SavedLogs:
    """
    Records of saved logs in the order of time, each with its whole traceback: iterate over it.

    >>> with smog.logs("job/", level="warning") as logs:
    ...     for record in logs:
    ...         print(record.host, record.message)
    """
    def __enter__(self, /) -> SavedLogs: ...
    def __exit__(self, /, *exception: object) -> None: ...
    def __iter__(self, /) -> SavedLogs: ...
    def __next__(self, /) -> Record: ...
    def __repr__(self, /) -> str: ...
    @property
    def bytes(self, /) -> int:
        """
        How many bytes of text were read. Known at the end.
        """
    def check(self, /) -> None:
        """
        Raise `smog.Unread` when something that was wanted was not read.
        """
    def close(self, /) -> None:
        """
        End it before its end.
        """
    @property
    def hosts(self, /) -> list[str]:
        """
        The hosts, as far as the places say them.
        """
    @property
    def problems(self, /) -> list[str]:
        """
        What could not be read or judged. Known at the end.
        """
    @property
    def unread(self, /) -> list[str]:
        """
        What was wanted and not read: while this is not empty, no exception means nothing. Known at
        the end.
        """

@final
class Server:
    """
    A server as Nova showed it at one moment.

    >>> guest.server.status
    'ACTIVE'
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def addresses(self, /) -> dict[str, list[str]]:
        """
        Addresses by network name.
        """
    @property
    def availability_zone(self, /) -> str | None:
        """
        The availability zone it is in.
        """
    @property
    def created(self, /) -> str:
        """
        When it was made (UTC, ISO 8601).
        """
    @property
    def extra_specs(self, /) -> dict[str, str]:
        """
        The extra specs of its flavor, as they were when it was made.
        """
    @property
    def fault(self, /) -> str | None:
        """
        Why its status is ERROR: one sentence.
        """
    @property
    def flavor_name(self, /) -> str:
        """
        The name its flavor had when it was made.
        """
    @property
    def host(self, /) -> str | None:
        """
        The compute service's host; only administrators see it.
        """
    @property
    def hypervisor_hostname(self, /) -> str | None:
        """
        The hypervisor's own name, often the host's long name.
        """
    @property
    def id(self, /) -> str:
        """
        UUID; also the libvirt domain's UUID.
        """
    @property
    def image(self, /) -> str | None:
        """
        The image's id; none for a server that boots from a volume.
        """
    @property
    def image_properties(self, /) -> dict[str, str] | None:
        """
        The properties of its image as they were when it was made; none where Nova does not show them.
        """
    @property
    def instance_name(self, /) -> str | None:
        """
        The libvirt domain's name: instance-0000002a.
        """
    @property
    def key_name(self, /) -> str | None:
        """
        The key pair's name.
        """
    @property
    def locked(self, /) -> bool:
        """
        Whether orders of plain users are refused.
        """
    @property
    def metadata(self, /) -> dict[str, str]:
        """
        The user's own key/value pairs.
        """
    @property
    def name(self, /) -> str:
        """
        Display name; not unique.
        """
    @property
    def power_state(self, /) -> int:
        """
        1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended, 0 unknown.
        """
    @property
    def project_id(self, /) -> str:
        """
        The project it belongs to.
        """
    @property
    def ram_mib(self, /) -> int:
        """
        Memory in MiB.
        """
    @property
    def server_groups(self, /) -> list[str]:
        """
        The ids of its server groups.
        """
    @property
    def status(self, /) -> str:
        """
        "ACTIVE", "BUILD", "ERROR", "SHUTOFF" …
        """
    @property
    def tags(self, /) -> list[str]:
        """
        Tags.
        """
    @property
    def task_state(self, /) -> str | None:
        """
        What Nova is doing with it: spawning, "migrating" …
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def updated(self, /) -> str:
        """
        When Nova changed it last (UTC, ISO 8601).
        """
    @property
    def user_id(self, /) -> str:
        """
        The user who made it.
        """
    @property
    def vcpus(self, /) -> int:
        """
        Virtual CPUs.
        """
    @property
    def vm_state(self, /) -> str | None:
        """
        "active", "stopped", "rescued" …: the state below the status.
        """

@final
class ServerGroup:
    """
    A server group: who must, or must not, be together.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def id(self, /) -> str:
        """
        UUID.
        """
    @property
    def members(self, /) -> list[str]:
        """
        The ids of its servers.
        """
    @property
    def name(self, /) -> str:
        """
        Name; not unique.
        """
    @property
    def policy(self, /) -> str:
        """
        "affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity".
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Stacks:
    """
    Threads, or green threads, with equal stacks.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def count(self, /) -> int:
        """
        How many there are.
        """
    @property
    def frames(self, /) -> list[str]:
        """
        The frames, the outermost first.
        """
    @property
    def idle(self, /) -> bool:
        """
        Whether a service with nothing to do waits so.
        """
    @property
    def kind(self, /) -> str:
        """
        "thread" (of the kernel) or "green" (of eventlet).
        """
    @property
    def own_code(self, /) -> str | None:
        """
        The innermost function of the service's own code.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def waits_in(self, /) -> str:
        """
        What they wait in.
        """

@final
class Stop:
    """
    A stop button for calls made in another thread, where no signal arrives.

    Inside `with stop:` every call of the thread watches the button; `press()`, from any
    thread, is to it what Ctrl-C is to the main one: it cleans up and raises
    `smog.errors.Interrupted`.
    """
    def __enter__(self, /) -> Stop: ...
    def __exit__(self, /, *exception: object) -> None: ...
    def __new__(cls, /) -> Stop: ...
    def press(self, /) -> None:
        """
        Ask the call under way, and all later ones, to stop.
        """

@final
class Thread:
    """
    One thread of a guest's QEMU.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def cells(self, /) -> set[int]:
        """
        The NUMA nodes it may take memory from (`Mems_allowed_list`).
        """
    @property
    def cpus(self, /) -> set[int]:
        """
        The CPUs it may run on now (`Cpus_allowed_list`).
        """
    @property
    def last_cpu(self, /) -> int | None:
        """
        The CPU it ran on last.
        """
    @property
    def name(self, /) -> str:
        """
        Its name: CPU 0/KVM.
        """
    @property
    def rt_priority(self, /) -> int:
        """
        Its real-time priority, 1 to 99; 0 when it is not a real-time thread.
        """
    @property
    def tid(self, /) -> int:
        """
        The thread's id.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class ThrownKind:
    """
    Exceptions of one type, thrown at one place.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def cause(self, /) -> str | None:
        """
        What led to the first one.
        """
    @property
    def count(self, /) -> int:
        """
        How often.
        """
    @property
    def example(self, /) -> str:
        """
        The first record, whole.
        """
    @property
    def exception(self, /) -> str:
        """
        The type as written: nova.exception.NoValidHost.
        """
    @property
    def first(self, /) -> datetime | None:
        """
        The first time.
        """
    @property
    def hosts(self, /) -> dict[str, int]:
        """
        How often on each host.
        """
    @property
    def in_baseline(self, /) -> int | None:
        """
        How often a good run has it; `None` without a baseline.
        """
    @property
    def is_noise(self, /) -> bool:
        """
        Whether a good run has it as well, or all of it is known noise.
        """
    @property
    def last(self, /) -> datetime | None:
        """
        The last time.
        """
    @property
    def message(self, /) -> str:
        """
        What the first one says.
        """
    @property
    def place(self, /) -> str:
        """
        The deepest function of a service's own in the traceback, or the logger.
        """
    @property
    def requests(self, /) -> list[str]:
        """
        Requests they belong to, at most 20.
        """
    @property
    def sources(self, /) -> list[str]:
        """
        The logs, at most 20.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Topology:
    """
    Hosts with their NUMA nodes, cores, CPUs, pages and devices, and where the kernel lets the vCPUs of
    guests run.

    `print(cloud.topology())` shows it as text; a notebook shows it as a picture.

    >>> print(cloud.host("cmp1").topology())
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    @property
    def hosts(self, /) -> list[str]:
        """
        The names of the hosts that answered.
        """
    def html(self, /) -> str:
        """
        One page of HTML with everything in it.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        All of it as plain values, as `smog topology -o json` prints it.
        """
    @property
    def unknown(self, /) -> list[str]:
        """
        What could not be read, a sentence each.
        """

@final
class Trace:
    """
    One request, whole: phases that add up to it, and what it waited for. `print(trace)` is a waterfall.

    >>> guest.trace("create")
    <Trace create: success, 7.358 s, longest: spawn: disks>
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def clocks(self, /) -> dict[str, float]:
        """
        Seconds each host's clock is ahead of this machine's.
        """
    @property
    def fault(self, /) -> str | None:
        """
        Why it failed, as Nova's action record has it.
        """
    @property
    def gaps(self, /) -> list[tuple[float, float, str]]:
        """
        Silences of more than a second: seconds after the begin, seconds, what was waited for.
        """
    @property
    def notes(self, /) -> list[str]:
        """
        What is not known, or not sure.
        """
    @property
    def outcome(self, /) -> str:
        """
        "success", "error", "under way" or "unknown".
        """
    @property
    def phases(self, /) -> list[tuple[float, float, str, str, str]]:
        """
        Each phase: seconds after the begin, seconds it took, host, service, what it did.
        """
    @property
    def request_id(self, /) -> str:
        """
        The request: req-….
        """
    @property
    def seconds(self, /) -> float:
        """
        How long all of it took, in seconds.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def troubles(self, /) -> list[str]:
        """
        Exceptions and RPC time-outs it met.
        """
    @property
    def unread(self, /) -> list[str]:
        """
        Hosts and logs that were wanted and not read.
        """
    @property
    def what(self, /) -> str:
        """
        What was asked for: create, "live-migration", or the API call.
        """

@final
class Triage:
    """
    What a failed job, or the last hours of a cloud, threw: by kind, by test, and what came first.
    `print(triage)` is what the command shows.

    >>> smog.triage("job/").kinds[0].exception
    'nova.exception.NoValidHost'
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    def check(self, /) -> None:
        """
        Raise `smog.Unread` when something that was wanted was not read.
        """
    @property
    def count(self, /) -> int:
        """
        How many exceptions were thrown.
        """
    @property
    def failed_tests(self, /) -> list[FailedTest]:
        """
        Tests that failed, as their results among the logs say.
        """
    @property
    def first(self, /) -> datetime | None:
        """
        The time of the first exception.
        """
    @property
    def hosts(self, /) -> list[str]:
        """
        The hosts of the exceptions.
        """
    def html(self, /) -> str:
        """
        One page of HTML with all of it, which loads nothing.
        """
    @property
    def kinds(self, /) -> list[ThrownKind]:
        """
        Exceptions by type and place, the most frequent first, noise last.
        """
    @property
    def last(self, /) -> datetime | None:
        """
        The time of the last one.
        """
    @property
    def likely(self, /) -> str | None:
        """
        What the likely first cause says; it is a guess, and `likely_why` has its rule.
        """
    @property
    def likely_request(self, /) -> str | None:
        """
        The request of the likely first cause.
        """
    @property
    def likely_why(self, /) -> str | None:
        """
        Why it is taken for the first cause.
        """
    @property
    def news(self, /) -> list[ThrownKind]:
        """
        The same without noise.
        """
    @property
    def of(self, /) -> str:
        """
        What was looked at.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def unread(self, /) -> list[str]:
        """
        What was wanted and could not be read.
        """

@final
class User:
    """
    A user of keystone.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def id(self, /) -> str:
        """
        Id.
        """
    @property
    def name(self, /) -> str:
        """
        Name; unique in its domain.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """

@final
class Watch:
    """
    The records of all hosts in the order of time, each with its whole traceback.

    Iterate over it; Ctrl-C, `close()` or the end of a `with` block end it, on the hosts too.

    >>> with cloud.watch(level="warning") as watch:
    ...     for record in watch:
    ...         print(record.host, record.message)
    """
    def __enter__(self, /) -> Watch: ...
    def __exit__(self, /, *exception: object) -> None: ...
    def __iter__(self, /) -> Watch: ...
    def __next__(self, /) -> Record: ...
    def __repr__(self, /) -> str: ...
    def check(self, /) -> None:
        """
        Raise `smog.Unread` when something that was wanted is not read.
        """
    def close(self, /) -> None:
        """
        End it, on the hosts too.
        """
    def next(self, /, timeout: SupportsFloat | SupportsIndex = 1.0) -> Record | None:
        """
        The next record, or `None` when none came in `timeout` seconds.
        """
    @property
    def problems(self, /) -> list[str]:
        """
        Hosts that were away, files that could not be read, bytes that were lost.
        """
    def run(self, /, handler: Callable[[Record], object]) -> int:
        """
        Call `handler(record)` for each record until it returns `"stop"` or the watch ends;
        returns how many it was called for.
        """
    @property
    def unread(self, /) -> list[str]:
        """
        Hosts and logs that were wanted and are not read, or not yet: while this is not empty,
        no exception means nothing.
        """

@final
class Watched:
    """
    What a watcher saw.
    """
    def __repr__(self, /) -> str: ...
    @property
    def allowed(self, /) -> list[tuple[str, int]]:
        """
        Known noise that was let pass: what it was, and how often.
        """
    def check(self, /) -> None:
        """
        Raise `smog.Unread` when something that was wanted was not read. The end of a `with`
        block does so too, but for `allow_unread=True`.
        """
    @property
    def count(self, /) -> int:
        """
        How many records went by.
        """
    @property
    def failed(self, /) -> str | None:
        """
        Why its handler called it failed.
        """
    @property
    def kept(self, /) -> list[Record]:
        """
        The records its handler kept, in the order of time.
        """
    @property
    def problems(self, /) -> list[str]:
        """
        Hosts that were away, files that could not be read, bytes that were lost.
        """
    @property
    def stopped(self, /) -> bool:
        """
        Whether its handler stopped it.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything as plain data.
        """
    @property
    def unread(self, /) -> list[str]:
        """
        Hosts and logs that were wanted and were not read: while this is not empty, nothing kept
        means nothing.
        """

@final
class Watcher:
    """
    A watch in the background: start it, do something, close it, read what it saw.

    >>> with cloud.monitor() as watcher:
    ...     guest.live_migrate()
    >>> watcher.seen.kept
    """
    def __enter__(self, /) -> Watcher: ...
    def __exit__(self, /, *exception: object) -> None: ...
    def __repr__(self, /) -> str: ...
    def close(self, /) -> Watched:
        """
        End it, on the hosts too; what it saw. An exception its handler raised is raised here.
        """
    @property
    def is_running(self, /) -> bool:
        """
        Whether it still watches.
        """
    @property
    def name(self, /) -> str:
        """
        Its name.
        """
    @property
    def seen(self, /) -> Watched:
        """
        What it saw so far.
        """
    def wait(self, /) -> Watched:
        """
        Wait until its handler stops it; what it saw.
        """

@final
class WhyNot:
    """
    Why no host takes a guest, or which one would. `print(answer)` is what the command shows,
    `answer.to_dict()["hosts"]` has every reason with `has` and `needs`.

    >>> cloud.why_not(flavor="big").sentence
    'cmp1 and cmp2 each have 1 PCPU (dedicated CPUs) in all; flavor `big` needs 2'
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str: ...
    def _row(self, /) -> list[tuple[str, str]]: ...
    @property
    def asked(self, /) -> str:
        """
        What was asked for.
        """
    @property
    def fits(self, /) -> list[str]:
        """
        Hosts that can take it.
        """
    @property
    def helps(self, /) -> list[str]:
        """
        What would help.
        """
    @property
    def notes(self, /) -> list[str]:
        """
        What should be known about the answer.
        """
    @property
    def ruled_out(self, /) -> list[tuple[str, str]]:
        """
        Hosts that cannot, each with the first reason.
        """
    @property
    def scheduler_log(self, /) -> str | None:
        """
        What the scheduler logged of the request, in one sentence.
        """
    @property
    def sentence(self, /) -> str:
        """
        The answer in one sentence.
        """
    def to_dict(self, /) -> dict[str, Any]:
        """
        Everything in it as plain data: dicts, lists, strings, numbers.
        """
    def to_json(self, /) -> str:
        """
        The same as JSON text.
        """
    @property
    def unknown(self, /) -> list[str]:
        """
        Hosts of which it is not known.
        """

def _hints() -> list[tuple[str, str]]:
    """
    What hints of the core name: a command line or flag, and its form in Python.
    """

def _preparable() -> list[tuple[str, str, str]]:
    """
    The table of what can be asked of hosts: the keyword, its form (empty for a switch) and its help.
    """

def _server_actions() -> list[dict[str, Any]]:
    """
    The table: the method's name, the action's, its help, and its parameters (name, help, annotation,
    whether it must be given, whether its name may be left out).
    """

def cases(*patterns: str) -> Listing[Case]:
    """
    All bundled cases, or those of some patterns: a suite, a class, a test, a glob. Nothing is asked.

    >>> smog.cases("numa")
    """

def connect(cloud: str | None = None, *, rc: str | os.PathLike[str] | None = None, config: str | os.PathLike[str] | None = None, settings: dict[str, object] | None = None, suite: str | os.PathLike[str] | None = None, auth_url: str | None = None, username: str | None = None, password: str | None = None, project_name: str | None = None, tenant_name: str | None = None, user_domain_name: str | None = None, project_domain_name: str | None = None) -> Cloud:
    """
    Log in to a cloud: by its name in clouds.yaml, or as the environment says (`OS_*`
    variables, `OS_CLOUD`, smog.yml), or with a user and a password.

    `rc` is a keystonerc/openrc file, `config` the one smog.yml to read, `settings` overrules
    values of it (`{"nova.virt_type": kvm}`), and `suite` (a name or a path) lays the file of a
    suite over it, its hosts and credentials included. With `auth_url`, `username`, `password` and
    `project_name` (or `tenant_name`) nothing else decides who logs in where.

    Raises `AuthError` when keystone says no, `Unreachable`, `ConfigException`.

    >>> cloud = smog.connect("lab")
    >>> cloud
    <Cloud lab at http://10.0.0.10:5000/v3>
    """

def core_seconds() -> float:
    """
    How long the core itself worked on the last call of this thread, in seconds: the rest of
    the call's time is Python's. For benchmarks.
    """

def html_table(rows: SupportsGetItem[int, SupportsGetItem[int, tuple[str, str]]], more: SupportsIndex) -> str:
    """
    Rows as an HTML table: escaped, without script, colours or widths of its own.
    """

def logs(from_: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, hosts: Sequence[str] = ..., level: str | None = None, grep: Sequence[str] = ..., requests: Sequence[str] = ..., guest: str | None = None, exceptions: bool = False, since: datetime | None = None, until: datetime | None = None, zone: str | None = None, allow: Sequence[str] = ..., allow_unread: bool = False) -> SavedLogs:
    """
    Saved logs: the records of a folder, a tar archive, a sosreport, a must-gather, the folder of a CI
    job or a file (also several, also compressed) in the order of time. No cloud is asked.

    Records are chosen as `Cloud.watch` chooses them; `guest` is a UUID, or a name where the logs have
    it. Hosts are known by the folders; `zone` ("Europe/Berlin", "+02:00") is that of times whose place
    names none. What was wanted and not read raises `smog.Unread` at the end of a `with` block, unless
    `allow_unread`; `logs.unread` lists it at the end.

    >>> for record in smog.logs("sosreport-cmp2.tar.xz", exceptions=True):
    ...     print(record.host, record.exception)
    """

def near(asked: str, names: SupportsGetItem[int, str]) -> list[str]:
    """
    Of `names`, those that look like `asked`, best first: did you mean.
    """

def quote(word: str) -> str:
    """
    A word as a shell takes it for one word.
    """

def read_yaml(path: str | os.PathLike[str]) -> Any:
    """
    A YAML file as plain data: anchors, aliases and merge keys resolved.
    """

def records(text: str, *, host: str = "", source: str = "") -> list[Record]:
    """
    The records of a log's text, each with its whole traceback. Times without an offset are UTC.

    >>> smog.records(open("nova-compute.log").read())[-1].exception
    """

def run_cases(cloud: Cloud, *patterns: str, words: str | None = None, tags: Sequence[str] = ..., failed: bool = False, partition: tuple[int, int] | None = None, jobs: int = 4, prepare: bool = False, keep: bool = False, retries: int = 0, repeat: int = 1, max_fail: int | None = None, watch: bool = True, allow: Sequence[str] = ..., isolation: str = "run", timeout: float | None = None, log_dir: str | os.PathLike[str] | None = None, allow_unread: bool = False) -> Listing[CaseReport]:
    """
    Run bundled cases on a cloud, as `smog test` does, and wait for all of them.

    They work in a project of their own, which is removed afterwards with all that is in it.
    `words` is an expression ("pinning and not resize"), `failed` takes what failed in the last run, and
    `partition` a part of all: (1, 4). With `prepare`, hosts are changed for the cases that need it, and restored. Ctrl-C cuts cases
    off and cleans up. A case that fails raises nothing: look at the reports. A log that was not
    read raises `smog.Unread` at the end, unless `allow_unread`.

    >>> smog.run_cases(cloud, "numa.NUMALargePage", jobs=2)
    """

def text_table(rows: SupportsGetItem[int, SupportsGetItem[int, tuple[str, str]]], more: SupportsIndex) -> str:
    """
    Rows as an aligned table; columns in which no row has anything are left out, and
    `more` rows are only counted.
    """

def trace(of: str, action: str | None = None, *, from_: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], hosts: Sequence[str] = ..., zone: str | None = None) -> Trace:
    """
    One request, whole, from saved logs, as `smog.logs` takes them: `of` is a request ("req-…"), or a
    guest (its UUID, or its name where the logs have it) with an `action`. `cloud.trace()` asks the
    hosts themselves.

    >>> print(smog.trace("req-e58f9672-0e0c-4390-9811-01920e26b346", from_="job/"))
    """

def triage(from_: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, baseline: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None, hosts: Sequence[str] = ..., since: datetime | None = None, until: datetime | None = None, zone: str | None = None, allow_unread: bool = False) -> Triage:
    """
    What a failed job threw, by type and place, the tests that failed with what belongs to each, and
    the likely first cause: from saved logs, as `smog.logs` takes them. What `baseline`, the logs of a
    good run, has as well is noise. What was wanted and not read raises `smog.Unread`, unless
    `allow_unread`; `triage.unread` lists it then. `cloud.triage()` is of the hosts themselves.

    >>> print(smog.triage("job/", baseline="good-job/"))
    """

def version() -> str:
    """
    The version of the core.
    """
