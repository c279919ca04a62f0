"""On the lab. Guests are called `py-…` and deleted; hosts are as they were afterwards."""

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest

import smog


@pytest.fixture(scope="session")
def lab() -> Iterator[smog.Cloud]:
    """The lab, logged in to once."""
    assert os.environ.get("SMOG_CONFIG"), 'the lab\'s variables are not set: eval "$(lab/env)"'
    with smog.connect() as cloud:
        yield cloud


@pytest.fixture
def small() -> smog.FlavorSpec:
    """The smallest guest."""
    return smog.FlavorSpec(f"py-{os.urandom(3).hex()}", ram_mib=64)


@pytest.fixture
def one(lab: smog.Cloud, small: smog.FlavorSpec) -> Iterator[smog.Guest]:
    """A guest, ACTIVE."""
    with lab.boot(small.name, flavor=small, wait=False) as guest:
        guest.wait_for("ACTIVE")
        yield guest


@pytest.fixture
def gone(lab: smog.Cloud) -> Iterator[Callable[[str], None]]:
    """`gone(NAME)`: nothing with this in its name is left of guests and flavors."""

    def check(name: str) -> None:
        assert [server.name for server in lab.servers() if name in server.name] == []
        assert [flavor.name for flavor in lab.flavors() if name in flavor.name] == []

    yield check


@pytest.fixture
def restored(lab: smog.Cloud) -> Iterator[None]:
    """Whatever a test prepared is taken back, also when it failed."""
    yield
    with contextlib.suppress(smog.SmogError):
        lab.environment().restore(all=False)
