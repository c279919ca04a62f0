"""smog: explore OpenStack Nova from the API down to the kernel, and test it white-box.

Begin with a cloud; the rest is found from it by completion:

>>> import smog
>>> cloud = smog.connect()                  # OS_* variables, clouds.yaml, smog.yml
>>> cloud.discover()                        # every guest: Nova, the host, libvirt
>>> guest = cloud.boot("web", flavor=smog.FlavorSpec(ram_mib=128).pinned().pages("large"))
>>> guest.compare()                         # what the XML declares, what the kernel does
>>> guest.host.run("uname", "-r").stdout
>>> guest.live_migrate()
>>> guest.delete()
>>> print(smog.triage("job/"))             # saved logs: no cloud is asked

An attribute is what was seen last; parentheses ask. Ctrl-C stops any call within a second
and cleans up what it had begun. Errors are of `smog.SmogError`, with `.hint`, `.host` and
`.request_id`. Importing smog does nothing: no file is read, no thread is started.
"""

from __future__ import annotations

from typing import Any

try:
    from . import _smog
except ModuleNotFoundError as why:
    if why.name != "smog._smog":
        raise
    raise ModuleNotFoundError(
        "smog's extension is not built for this Python: run `pip install .` in the source folder, then start "
        "Python in another folder",
        name=why.name,
    ) from None

from . import errors
from ._actions import attach as _attach
from .compat2015._gone import explain_imports
from ._smog import (
    Aggregate,
    ApiCall,
    Case,
    CaseReport,
    Cloud,
    Compared,
    ComputeService,
    Domain,
    Environment,
    Facts,
    FailedTest,
    Flavor,
    FlavorSpec,
    Guest,
    GuestProcess,
    Guests,
    Guru,
    Host,
    HostLine,
    HostPlan,
    Hosts,
    Hypervisor,
    Image,
    KeyPair,
    MovedStacks,
    Network,
    OsloConfig,
    Output,
    Plan,
    Project,
    Record,
    Resource,
    Restored,
    SavedLogs,
    Server,
    ServerGroup,
    Stacks,
    Stop,
    Thread,
    ThrownKind,
    Topology,
    Trace,
    Triage,
    User,
    Watch,
    Watched,
    Watcher,
    WhyNot,
    cases,
    connect,
    logs,
    quote,
    read_yaml,
    records,
    run_cases,
    trace,
    triage,
    version as _version,
)
from .display import Listing
from .errors import (
    AmbiguityException,
    ApiError,
    ArgumentError,
    AuthError,
    BootException,
    CommandException,
    ConfigException,
    ExitCode,
    Fault,
    FreePageException,
    Interrupted,
    MissingProgram,
    NotFound,
    ParseError,
    ReadOnlyException,
    SmogError,
    Timeout,
    TooOld,
    Unreachable,
    Unread,
    Untrusted,
)

explain_imports()
_attach()
__version__ = _version()

__all__ = [
    "Aggregate",
    "AmbiguityException",
    "ApiCall",
    "ApiError",
    "ArgumentError",
    "AuthError",
    "BootException",
    "Case",
    "CaseReport",
    "Cloud",
    "CommandException",
    "Compared",
    "ComputeService",
    "ConfigException",
    "Domain",
    "Environment",
    "ExitCode",
    "Facts",
    "FailedTest",
    "Fault",
    "Flavor",
    "FlavorSpec",
    "FreePageException",
    "Guest",
    "GuestProcess",
    "Guests",
    "Guru",
    "Host",
    "HostLine",
    "HostPlan",
    "Hosts",
    "Hypervisor",
    "Image",
    "Interrupted",
    "KeyPair",
    "Listing",
    "MissingProgram",
    "MovedStacks",
    "Network",
    "NotFound",
    "OsloConfig",
    "Output",
    "ParseError",
    "Plan",
    "Project",
    "ReadOnlyException",
    "Record",
    "Resource",
    "Restored",
    "SavedLogs",
    "Server",
    "ServerGroup",
    "SmogError",
    "Stacks",
    "Stop",
    "Thread",
    "ThrownKind",
    "Timeout",
    "TooOld",
    "Topology",
    "Trace",
    "Triage",
    "Unreachable",
    "Unread",
    "Untrusted",
    "User",
    "Watch",
    "Watched",
    "Watcher",
    "WhyNot",
    "__version__",
    "cases",
    "connect",
    "errors",
    "info",
    "load_config",
    "logs",
    "quote",
    "read_yaml",
    "records",
    "run_cases",
    "trace",
    "triage",
]


def load_config(base_path: str, filename: str, extra_paths: list[str] | None = None) -> Any:
    """The YAML file `filename` in the folder of `base_path` (a file), or in `extra_paths` below it.

    The original's name; `smog.read_yaml(path)` is the same with a plain path.
    """
    import os

    return read_yaml(os.path.join(os.path.dirname(base_path), *(extra_paths or []), filename))


def __getattr__(name: str) -> Any:
    if name == "config":
        # The original read its one file on import; here it is what all files say together.
        import os

        named = os.environ.get("SMOG_CONFIG") or "smog.yml"
        return read_yaml(named) if os.path.exists(named) else {}
    from .compat2015._gone import explain

    explain(__name__, name, {"configure": "`smog.config`", "add_client_to_path": "nothing: smog needs no clients"})


def info() -> dict[str, str]:
    """Versions and places, for a bug report. Nothing is asked, no secret is in it.

    >>> smog.info()["smog"] == smog.__version__
    True
    """
    import os
    import platform
    import shutil
    import sys

    return {
        "smog": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "package": os.path.dirname(__file__),
        "command": shutil.which("smog") or "not in PATH",
        "cloud": os.environ.get("OS_CLOUD", "not named"),
        "config": os.environ.get("SMOG_CONFIG", "not named"),
    }
