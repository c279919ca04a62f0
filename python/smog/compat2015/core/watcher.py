"""Watching output for what should not be in it, by the original's names.

>>> watcher = make_watcher("tail -f /var/log/nova/*.log", ExceptionHandler, host="ctl")
>>> ...
>>> watcher.close()
>>> watcher.handler.result
{'nova.exception.NoValidHost': ['No valid host was found. …']}

A handler is a class: the watcher makes one and calls it with each line until it returns
`False`. The modern way is `cloud.monitor()`, whose handlers get whole records (an exception
with its traceback, request id and time) of all hosts in one stream.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from ... import _smog
from ..._numbers import whole
from ..._smog import Cloud, Host, Record
from ...errors import MonitoredException, ReadOnlyException

__all__ = [
    "ExceptionHandler",
    "Handler",
    "JournalWatcher",
    "MonitoredException",
    "ReaderHandler",
    "Watcher",
    "catcher",
    "make_watcher",
]

H = TypeVar("H", bound="Handler")


class Handler:
    """Decides about each line: `__call__(line)` returns `False` to end the watching.

    `result` is written once. Subclasses may override `record(record)` instead, to see whole
    records.
    """

    #: How many finds end the watching.
    counts: int | None = 1

    def __init__(self, rdr: Any = None) -> None:
        self.reader = rdr
        self.found = 0
        self._result: Any = None

    @property
    def result(self) -> Any:
        """What was found; `None` until then."""
        return self._result

    @result.setter
    def result(self, value: Any) -> None:
        if self._result is not None:
            raise ReadOnlyException("the result of a handler is written once")
        self._result = value

    def __call__(self, line: str) -> bool:
        """Look at a line; `False` ends the watching."""
        return True

    def record(self, record: Record) -> object:
        """Look at a record: by default each of its lines is called. `"stop"` ends the watching."""
        for line in record.text.splitlines():
            if self(line) is False:
                return "stop"
        return None

    def check_reader(self) -> bool:
        """Whether what is read is still there: the watcher sees to that."""
        return True


class ReaderHandler(Handler):
    """Never ends: writes each line to `out`."""

    counts = None

    def __init__(self, rdr: Any = None, out: Any = None) -> None:
        super().__init__(rdr)
        self.out = out

    def __call__(self, line: str) -> bool:
        if self.out is not None:
            self.out.write(line + "\n")
        return True


class ExceptionHandler(Handler):
    """Collects exceptions: `result` is {type: [messages]}; ends after `count` of them.

    Tracebacks are seen whole, so one exception counts once, whatever number of lines it has.
    `die=False` goes on after `count`. With `fail`, `failed` says that it saw one.
    """

    def __init__(self, rdr: Any = None, fail: bool = True, count: int | str = 1, die: bool = True) -> None:
        super().__init__(rdr)
        self.fail, self.counts, self.die = fail, whole("count", count), die
        self.failed = False
        self._result = {}

    def record(self, record: Record) -> object:
        if record.exception is None:
            return None
        self._result.setdefault(record.exception, []).append(record.exception_message or record.message)
        self.found += 1
        self.failed = self.fail
        return "stop" if self.die and self.counts is not None and self.found >= self.counts else True

    def __call__(self, line: str) -> bool:
        return all(self.record(record) != "stop" for record in _smog.records(line))


class Watcher:
    """A watch that goes on in the background: `handler.result`, `poll()`, `close()`."""

    def __init__(self, native: _smog.Watcher, handler: Handler) -> None:
        self._native = native
        self._handler = handler

    @property
    def handler(self) -> Handler:
        """The handler that decides."""
        return self._handler

    @property
    def seen(self) -> _smog.Watched:
        """The records it kept, and how many went by."""
        return self._native.seen

    def poll(self) -> bool:
        """Whether it still watches."""
        return self._native.is_running

    def close(self, que: Any = None) -> _smog.Watched:
        """End it, on the host too; what it saw."""
        return self._native.close()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._native).replace("<Watcher", f"<Watcher ({type(self._handler).__name__})", 1)


def make_watcher(
    cmd_: str,
    hcls: type[Handler],
    *args: Any,
    host: str | Host | None = None,
    cmd_kw: dict[str, Any] | None = None,
    log: Any = None,
    name: str = "watch",
    **kwargs: Any,
) -> Watcher:
    """Watch a command's output on a host (here when absent) with a handler of class `hcls`.

    `args` and `kwargs` go to the handler; everything is also written to `log`, a file.
    `tail -f FILES` follows the files themselves, through rotations and lost connections.
    Returns when what is written from now on is seen.
    """
    if host is None:
        machine = Host.local()
    else:
        machine = host if isinstance(host, Host) else Host.at(host, user=(cmd_kw or {}).get("user"))
    handler = hcls(None, *args, **kwargs)
    return Watcher(machine.monitor(cmd_, handler.record, name=name, log=log), handler)


class JournalWatcher(Watcher):
    """Watches the journal of a host: `JournalWatcher("cmp1", ExceptionHandler)`."""

    def __init__(self, watched: str | Host | None = None, hcls: type[Handler] = ExceptionHandler) -> None:
        watcher = make_watcher("journalctl -f -n 0 -o short-iso-precise", hcls, host=watched)
        super().__init__(watcher._native, watcher._handler)


def catcher(cloud: Cloud, **how: Any) -> _smog.Watcher:
    """`cloud.monitor(**how)`: every exception on every host, in the background."""
    return cloud.monitor(**how)


def __getattr__(name: str) -> NoReturn:
    from .._gone import explain

    queue = "`make_watcher` or `cloud.monitor`: reader, queue and threads are the core's"
    names = ("freader", "monitor", "finish", "setup_concurrent", "_Watcher", "magic", "con_type")
    explain(__name__, name, dict.fromkeys(names, queue))
