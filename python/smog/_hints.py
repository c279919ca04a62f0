"""Hints in Python: the core names commands and flags of `smog`, a prompt has methods and keywords."""

from __future__ import annotations

import re
import shlex

#: Commands that are something else in Python than a method of a guest.
_COMMANDS = {
    "discover": "cloud.discover()",
    "guest list": "cloud.guests()",
    "flavor list": "cloud.flavors()",
    "image list": "cloud.images()",
    "network list": "cloud.networks()",
    "host list": "cloud.hosts()",
    "service list": "cloud.services()",
    "aggregate list": "cloud.aggregates()",
    "keypair list": "cloud.key_pairs()",
    "server-group list": "cloud.server_groups()",
    "security-group list": "cloud.security_groups()",
    "hypervisor list": "cloud.hypervisors()",
    "project list": "cloud.projects()",
    "placement providers": "cloud.providers()",
    "quota show": "cloud.quotas()",
    "config show": "cloud.settings()",
    "restore": "cloud.environment().restore(all=True)",
    "audit": "cloud.audit()",
    "logs": "cloud.watch(follow=False)",
}

#: Methods of a guest that have another name than the subcommand.
_GUEST = {
    "resize-confirm": "confirm_resize()",
    "resize-revert": "revert_resize()",
    "cold-migrate": "migrate()",
    "pins": "compare()",
    "xml": "domain().xml",
    "show": "get()",
    "moving": "running_migrations()",
}

#: Commands at the root that are methods of a guest.
_OF_GUESTS = {"delete", "migrate", "explain", "pins", "xml", "trace"}

#: Flags whose keyword has another name, or that are an argument of `smog.connect`.
_FLAGS = {
    "os-cloud": 'smog.connect("{}")',
    "rc": 'smog.connect(rc="{}")',
    "config": 'smog.connect(config="{}")',
    "suite": 'smog.connect(suite="{}")',
    "set": "smog.connect(settings={{…}})",
    "host": "host={}",
    "flavor": "flavor={}",
    "network": "network={}",
    "timeout": "timeout={}",
}

#: Flags that are on or off.
_SWITCHES = {
    "allow-unread", "at-boot", "failed", "hard", "keep", "partly", "prepare", "force",
}  # fmt: skip


def in_python(hint: str) -> str:
    """The same hint for a Python prompt.

    >>> in_python("`smog guest unlock web`, as an administrator")
    "`cloud.guest('web').unlock()`, as an administrator"
    """
    return re.sub(r"`([^`]+)`", lambda found: f"`{_one(found[1])}`", hint)


def _one(code: str) -> str:
    if code.startswith("smog "):
        return _command(code)
    flag = re.fullmatch(r"--([a-z-]+)(?:[ =](\S+))?", code)
    return _flag(flag[1], flag[2], code) if flag else code


def _flag(name: str, value: str | None, code: str) -> str:
    keyword = name.replace("-", "_")
    if name in _SWITCHES:
        return f"{keyword}=True"
    known = _FLAGS.get(name)
    if known is None:
        return code
    if value is None and known.startswith("smog.connect"):
        value = name.upper()
    return known.format(value or "…")


def _command(code: str) -> str:
    try:
        words = shlex.split(code)[1:]
    except ValueError:
        return code
    names = [word for word in words if not word.startswith("-")]
    switches = [word[2:].replace("-", "_") for word in words if re.fullmatch(r"--[a-z-]+", word)]
    for length in (2, 1):
        known = _COMMANDS.get(" ".join(names[:length]))
        if known and len(names) == length:
            return known
    if names[:2] == ["flavor", "delete"] and len(names) == 3:
        return f"cloud.flavor({names[2]!r}).delete()"
    if names[:1] == ["guest"] and len(names) == 3:
        return _guest(names[1], names[2], switches)
    if names and names[0] in _OF_GUESTS and len(names) == 2:
        return _guest(names[0], names[1], switches)
    # What has no method says where it is typed.
    return code


def _guest(action: str, guest: str, switches: list[str]) -> str:
    if action == "migrate":
        action = "live_migrate"
    method = _GUEST.get(action, action.replace("-", "_") + "({})")
    return f"cloud.guest({guest!r})." + method.format(", ".join(f"{one}=True" for one in switches))
