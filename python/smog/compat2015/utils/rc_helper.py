"""Reading a keystonerc on a host, by the original's name.

For one on this machine: `smog.connect(rc="keystonerc_admin")`.
"""

from __future__ import annotations

import shlex

from ..._smog import Host
from ...errors import ConfigException

__all__ = ["read_rc_file"]


def read_rc_file(host: str, rcpath: str) -> dict[str, str]:
    """The login in a host's keystonerc: auth_url, username, tenant_name, password. One command.

    `NUMA(**read_rc_file("ctl", "/root/keystonerc_admin"))` logs in with it. Raises
    `ConfigException` when one is missing.
    """
    wanted = {
        "OS_AUTH_URL": "auth_url",
        "OS_USERNAME": "username",
        "OS_PROJECT_NAME": "tenant_name",
        "OS_TENANT_NAME": "tenant_name",
        "OS_PASSWORD": "password",
    }
    found: dict[str, str] = {}
    for line in Host.at(host).read(rcpath).splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and name.strip() in wanted:
            words = shlex.split(value, comments=True)
            found[wanted[name.strip()]] = words[0] if words else ""
    missing = sorted(set(wanted.values()) - set(found))
    if missing:
        raise ConfigException(f"{rcpath} on host `{host}`: it does not set {', '.join(missing)}", host=host, place=rcpath)
    return found
