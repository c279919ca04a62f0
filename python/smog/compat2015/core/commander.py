"""Commands on hosts, by the original's names.

>>> result = Command("uname -r", host="cmp1")()
>>> result.output
'6.18.44\\n'

The modern way is `host.run("uname", "-r")`: words instead of a line to be split.
"""

from __future__ import annotations

import logging
import shlex
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from ..._numbers import seconds
from ..._smog import Host, Output, Stop
from ...errors import CommandException, ResultException

__all__ = [
    "Command",
    "CommandException",
    "ProcessResult",
    "Result",
    "ResultException",
    "check_result",
    "make_proxy",
    "read_sysinfo",
    "write_sysinfo",
]

_log = logging.getLogger("smog.commander")


class Result:
    """A return code with a message and data."""

    def __init__(self, rc: int, msg: str = "", data: Any = None) -> None:
        self.rc, self.msg, self.data = rc, msg, data

    def __repr__(self) -> str:
        return f"Result(rc={self.rc}, msg={self.msg!r})"


class ProcessResult:
    """A command that runs or ran: `.output`, `.returncode`; true when it has ended.

    Comparing with a number compares the return code: `result == 0`.
    """

    def __init__(self, command: str, host: Host) -> None:
        self.command = command
        self.host = host
        self._ended = threading.Event()
        self._output: Output | None = None
        self._error: BaseException | None = None
        self._stop = Stop()

    @property
    def output(self) -> str:
        """What it wrote to standard output and error; empty while it runs."""
        return "" if self._output is None else self._output.stdout + self._output.stderr

    @property
    def error(self) -> str:
        """What it wrote to standard error."""
        return "" if self._output is None else self._output.stderr

    @property
    def returncode(self) -> int | None:
        """Its exit code; `None` while it runs."""
        return None if self._output is None else self._output.exit_code

    def wait(self, timeout: float | str | None = None) -> ProcessResult:
        """Wait until it has ended; raises what kept it from running."""
        self._ended.wait(None if timeout is None else seconds("timeout", timeout))
        if self._error is not None:
            raise self._error
        return self

    def kill(self) -> None:
        """End it, on the host too."""
        self._stop.press()
        self._ended.wait(5)

    def __bool__(self) -> bool:
        return self._ended.is_set()

    def __eq__(self, other: object) -> bool:
        return self.returncode == (other.returncode if isinstance(other, ProcessResult) else other)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        state = "running" if not self else f"exit code {self.returncode}"
        return f"<ProcessResult `{self.command}` on {self.host.name}: {state}>"


class Command:
    """A command to be called: here, or on a host (`host=`, by name or address).

    A line is split as a shell would, and no shell looks at it. `user` logs in; `pw` is not
    used: keys and agents are OpenSSH's. Failed commands are kept in `.fails`.

    >>> Command("virsh list --all", host="cmp1")()
    <ProcessResult `virsh list --all` on cmp1: exit code 0>
    """

    def __init__(
        self,
        cmd: str | None = None,
        user: str = "root",
        pw: str = "",
        logr: logging.Logger | None = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        saveout: bool = True,
        host: str | Host | None = None,
    ) -> None:
        self.cmd = cmd
        self.user = user
        self.logger = logr or _log
        self.host = host
        self.fails: dict[int, ProcessResult] = {}

    def _machine(self, remote: bool) -> Host:
        if isinstance(self.host, Host):
            return self.host
        if self.host is None or not remote:
            return Host.local()
        return Host.at(self.host, user=self.user)

    def __call__(
        self,
        cmd: str | None = None,
        showout: bool = True,
        showerr: bool = True,
        block: bool = True,
        checkresult: tuple[bool, int] = (True, 0),
        throws: bool = True,
        remote: bool = True,
        timeout: float | str | None = None,
        **popen_kw: Any,
    ) -> ProcessResult:
        """Run it. One round trip.

        `block=False` returns at once: the result turns true when it has ended. `timeout` is
        in seconds (60 unless given). Another exit code than `checkresult[1]` raises
        `CommandException` unless `throws` is false. `showout` logs the output.
        """
        line = cmd or self.cmd
        if not line:
            raise ValueError("there is no command to run")
        machine = self._machine(remote)
        result = ProcessResult(line, machine)
        checks, expected = checkresult

        def run() -> None:
            try:
                output = machine.run(*shlex.split(line), check=False, timeout=seconds("timeout", timeout or 60.0))
                if showout and output.stdout:
                    self.logger.debug("%s", output.stdout)
                if showerr and output.stderr:
                    self.logger.debug("%s", output.stderr)
                result._output = output
                if checks and output.exit_code != expected:
                    self.fails[id(result)] = result
                    if throws:
                        raise CommandException(
                            f"`{line}` on host `{machine.name}` ended with exit code {output.exit_code}: "
                            f"{output.stderr.strip()}",
                            host=machine.name,
                            command=line,
                            exit=f"exit code {output.exit_code}",
                            stderr=output.stderr,
                        )
            finally:
                result._ended.set()

        if block:
            run()
            return result

        def background() -> None:
            try:
                with result._stop:
                    run()
            except BaseException as error:  # noqa: BLE001 - wait() raises it
                result._error = error

        threading.Thread(target=background, name=f"smog {line}", daemon=True).start()
        return result

    def check_result(self, result: ProcessResult, success: int = 0, throws: bool = False) -> bool:
        """Whether a result has this exit code; raises `ResultException` with `throws`."""
        return check_result(result, success, throws)


def check_result(result: ProcessResult, success: int = 0, throws: bool = False) -> bool:
    """Whether a result has this exit code; raises `ResultException` with `throws`."""
    is_fine = result.returncode == success
    if throws and not is_fine:
        raise ResultException(f"{result!r}, expected was {success}", host=result.host.name)
    return is_fine


def read_sysinfo(path: str) -> str:
    """A file of /sys or /proc of this machine."""
    return Host.local().read(path)


def write_sysinfo(path: str, val: object) -> str:
    """Write a value into a file of /sys or /proc of this machine; the value read back."""
    with open(path, "w") as file:
        file.write(str(val))
    return read_sysinfo(path)


def make_proxy(handler: Callable[..., Any], *args: Any, **kwds: Any) -> threading.Thread:
    """A thread, not started yet, that calls a function."""
    return threading.Thread(target=handler, args=args, kwargs=kwds, daemon=True)


def __getattr__(name: str) -> NoReturn:
    from .._gone import explain

    reading = "`host.monitor(command, handler)`, which reads and hands over records"
    explain(__name__, name, {"freader": reading, "creader": reading, "stringify": "`str`"})
