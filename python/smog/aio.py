"""smog for `asyncio`: any call as an awaitable.

>>> cloud = await smog.aio.connect()
>>> guests = await smog.aio.call(cloud.discover)
>>> one, other = await asyncio.gather(
...     smog.aio.call(cloud.boot, "one"), smog.aio.call(cloud.boot, "other")
... )
>>> async for record in smog.aio.records(cloud.watch(duration=10)):
...     ...

Each call runs in a thread of its own while the event loop goes on. Cancelling the awaitable
is what Ctrl-C is to a plain call: what was begun is cleaned up first, then
`asyncio.CancelledError` is raised.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, ParamSpec, TypeVar

from ._smog import Cloud, Record, SavedLogs, Stop, Watch
from ._smog import connect as _connect

__all__ = ["call", "connect", "records"]

P = ParamSpec("P")
R = TypeVar("R")


async def call(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function or method of smog without holding up the event loop.

    >>> await smog.aio.call(guest.live_migrate, timeout=60)
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[R] = loop.create_future()
    ended = asyncio.Event()
    button = Stop()

    def settle(set_it: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            set_it(value)
        ended.set()

    def work() -> None:
        try:
            with button:
                value = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is handed on, whatever it is
            # A future takes no StopIteration.
            told = RuntimeError(str(error)) if isinstance(error, StopIteration) else error
            outcome = functools.partial(settle, done.set_exception, told)
        else:
            outcome = functools.partial(settle, done.set_result, value)
        try:
            loop.call_soon_threadsafe(outcome)
        except RuntimeError:
            pass  # The loop was closed meanwhile: nobody waits any more.

    threading.Thread(target=work, name="smog.aio", daemon=True).start()
    try:
        return await done
    except asyncio.CancelledError:
        button.press()
        await ended.wait()
        raise


async def connect(cloud: str | None = None, **how: Any) -> Cloud:
    """`smog.connect`, awaited."""
    return await call(_connect, cloud, **how)


async def records(watch: Watch | SavedLogs) -> AsyncIterator[Record]:
    """The records of a watch, or of `smog.logs`, as they come; it is closed at the end."""
    try:
        while True:
            record = await call(next, watch, None)
            if record is None:
                return
            yield record
    finally:
        await call(watch.close)
