"""Every exception of smog, rooted at `SmogError`.

Each has `.hint` (what to do, or `None`; in terms of Python), `.host`, `.request_id` (to look for in the logs),
`.temporary` (asking again may help) and `.exit_code` (what the command `smog` would end
with). On Python 3.11 and later the hint is also a note, so tracebacks, pytest and unittest
show it.

Where a builtin says the same, the exception is of it as well: `except TimeoutError` and
`except LookupError` work. The names that end in "Exception" are the original's.
"""

from __future__ import annotations

import enum
from typing import Any

__all__ = [
    "AmbiguityException",
    "ApiError",
    "ArgumentError",
    "AuthError",
    "BootException",
    "CommandException",
    "ConfigException",
    "ExitCode",
    "Fault",
    "FreePageException",
    "GlanceError",
    "Interrupted",
    "InvalidInjectorError",
    "MissingProgram",
    "MonitoredException",
    "NotFound",
    "ParseError",
    "ReadOnlyException",
    "ResultException",
    "SmogError",
    "Timeout",
    "TooOld",
    "Unreachable",
    "Unread",
    "Untrusted",
]


class ExitCode(enum.IntEnum):
    """How a `smog` command ends."""

    OK = 0
    FAILED = 1
    USAGE = 2
    COULD_NOT_RUN = 3
    NOTHING_RAN = 4
    INTERRUPTED = 130


class SmogError(Exception):
    """Anything smog could not do.

    >>> try:
    ...     cloud.image("ciros")
    ... except smog.SmogError as error:
    ...     error.hint
    'did you mean `cirros`?'
    """

    #: What to do, where that is known.
    hint: str | None
    #: The host it happened on, where it is one host's.
    host: str | None
    #: The request to look for in the logs.
    request_id: str | None
    #: Whether the same, asked again a little later, may succeed.
    temporary: bool
    #: What the command `smog` would end with.
    exit_code: ExitCode

    def __init__(
        self,
        text: str = "",
        /,
        *,
        hint: str | None = None,
        host: str | None = None,
        request_id: str | None = None,
        temporary: bool = False,
        exit_code: int = ExitCode.FAILED,
        **more: Any,
    ) -> None:
        super().__init__(text)
        self.hint = hint
        self.host = host
        self.request_id = request_id
        self.temporary = temporary
        self.exit_code = ExitCode(exit_code)
        for name, value in more.items():
            setattr(self, name, value)
        # Notes came with Python 3.11.
        add_note = getattr(self, "add_note", None)
        if hint and add_note is not None:
            add_note(f"hint: {hint}")


class NotFound(SmogError, LookupError):
    """Nothing of this kind has this name or id."""

    #: The kind of thing: "image", "flavor", "host" …
    what: str
    #: The name that was asked for.
    name: str
    #: Names which look like it, best first.
    near: list[str]


class AmbiguityException(SmogError, LookupError):
    """Several things carry this name; `.ids` are theirs."""

    what: str
    name: str
    ids: list[str]


class ApiError(SmogError):
    """The cloud answered a request with an error: `.status`, `.message`, `.request_id`."""

    service: str
    method: str
    path: str
    status: int
    message: str


class AuthError(SmogError, PermissionError):
    """Keystone does not accept the credentials, or there are none."""


class TooOld(SmogError):
    """The cloud, or a program on a host, is too old: `.need` and `.have`."""

    need: str
    have: str


class Unreachable(SmogError, ConnectionError):
    """A host or an endpoint does not answer."""


class Untrusted(SmogError, ConnectionError):
    """The other side's identity is not trusted: an SSH host key, or a certificate."""


class CommandException(SmogError):
    """A command on a host ended with another exit code: `.command`, `.exit`, `.stderr`."""

    command: str
    exit: str
    stderr: str


class MissingProgram(SmogError):
    """A program that smog needs is not on a host: `.program`."""

    program: str


class Timeout(SmogError, TimeoutError):
    """A condition did not come true in time: `.waited_s` seconds, `.last` state seen."""

    waited_s: float
    last: str


class Fault(SmogError):
    """Nova (or another service) tried, and reported a fault: `.fault`."""

    fault: str


class BootException(Fault):
    """A guest went to ERROR instead of ACTIVE."""


class ConfigException(SmogError):
    """A configuration file, or an environment variable, cannot be used: `.place`."""

    place: str


class ParseError(SmogError):
    """An answer is not of the form it should have."""


class Unread(SmogError):
    """Hosts or logs that should have been read were not, or only in part: `.lines` names each."""

    lines: list[str]


class ArgumentError(SmogError, ValueError):
    """What was asked contradicts itself, or is not allowed."""


class FreePageException(SmogError):
    """A host has no huge pages of the size that was asked for."""


class ReadOnlyException(SmogError, AttributeError):
    """An attribute that is only read was assigned to."""


class Interrupted(SmogError):
    """A call was stopped by its stop button (`smog.Stop`, `smog.aio`): `.left` says what goes on."""

    left: str


class GlanceError(SmogError):
    """An image is not there after it was made."""


class ResultException(SmogError):
    """A `Result` that is not of the expected code."""


class InvalidInjectorError(SmogError):
    """`injector` was given a key it does not know."""


class MonitoredException(SmogError):
    """A watcher's handler saw what it was to fail at."""
