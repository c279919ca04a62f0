"""Calls as awaitables."""

import asyncio
import time

import pytest

import smog
from smog import aio


def test_calls_run_beside_each_other():
    async def both() -> float:
        begun = time.monotonic()
        host = smog.Host.local()
        await asyncio.gather(*(aio.call(host.run, "sleep", "0.5") for _ in range(4)))
        return time.monotonic() - begun

    assert asyncio.run(both()) < 1.5


def test_values_and_errors_come_through():
    async def look() -> None:
        output = await aio.call(smog.Host.local().run, "echo", "hi")
        assert output.stdout == "hi\n"
        with pytest.raises(smog.CommandException):
            await aio.call(smog.Host.local().run, "false")

    asyncio.run(look())


def test_cancelling_ends_the_call():
    async def cancel() -> float:
        task = asyncio.create_task(aio.call(smog.Host.local().run, "sleep", "60"))
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(cancel()) < 1
