"""smog in pytest: fixtures `cloud`, `guest`, `host`, `environment`, `boot`, `made`, `unique` and `thrown`,
claims as a marker, and what the hosts logged attached to the report of a failed test.

Installed with smog, and asleep until a test uses one of its fixtures:

    @pytest.mark.smog(ram_mib=64, pages="large")          # the flavor of `guest`
    def test_backing(guest):
        assert guest.verify_hugepage()

    @pytest.mark.smog_claims(hosts=2)                      # skipped where there are fewer
    def test_moves(guest):
        before = guest.host
        guest.live_migrate()
        assert guest.host != before

`--smog-cloud NAME` takes a cloud of clouds.yaml, `--smog-no-recorder` leaves the logs alone;
`--smog-prepare` and `--smog-keep` are for the bundled cases (`pytest --pyargs smog.tests.numa`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import smog

    from smog.made import Made

# smog itself is imported by the first fixture: a pytest run that does not use it pays nothing.

_CLAIMS = ("hosts", "admin", "dedicated", "pages", "alone")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("smog")
    group.addoption("--smog-cloud", metavar="NAME", default=None, help="the cloud of clouds.yaml (default: OS_CLOUD …)")
    group.addoption("--smog-rc", metavar="FILE", default=None, help="a keystonerc or openrc file to log in with")
    group.addoption("--smog-prepare", action="store_true", help="change hosts for bundled cases that need it, and restore")
    group.addoption("--smog-keep", action="store_true", help="keep the guests of failed bundled cases for a look")
    group.addoption("--smog-no-recorder", action="store_true", help="do not watch the hosts' logs during tests")


def pytest_configure(config: pytest.Config) -> None:
    asked = {name: True for name in ("prepare", "keep") if config.getoption(f"--smog-{name}")}
    if asked:
        from .tests import cases

        cases.options.update(asked)
    config.addinivalue_line(
        "markers",
        "smog(**flavor): the flavor of the `guest` fixture: vcpus, ram_mib, pages, numa_nodes, pinned, image, host",
    )
    config.addinivalue_line(
        "markers",
        "smog_claims(hosts=N, admin=True, dedicated=N, pages=True, alone=True): what the cloud must have (skipped with the reason "
        "otherwise), and whether `smog test` runs nothing else meanwhile",
    )


def _name(request: pytest.FixtureRequest) -> str:
    """A name of its own for what a test makes: its test, and a few random digits."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return f"smog-{plain[:30].strip('-')}-{os.urandom(3).hex()}"


@pytest.fixture(scope="session")
def smog_cloud(request: pytest.FixtureRequest) -> Iterator[smog.Cloud]:
    """The login, once for all tests."""
    import smog

    try:
        cloud = smog.connect(request.config.getoption("--smog-cloud"), rc=request.config.getoption("--smog-rc"))
    except smog.SmogError as why:
        pytest.skip(f"no cloud: {why}")
    yield cloud
    request.config.stash[calls_made] = list(cloud.calls)
    cloud.close()


@pytest.fixture
def cloud(request: pytest.FixtureRequest, smog_cloud: smog.Cloud) -> smog.Cloud:
    """The cloud; the test is skipped when it has not what the test's `smog_claims` say."""
    marker = request.node.get_closest_marker("smog_claims")
    claims = marker.kwargs if marker else {}
    unknown = set(claims) - set(_CLAIMS)
    if unknown:
        raise pytest.UsageError(f"smog_claims knows {', '.join(_CLAIMS)}, not {', '.join(sorted(unknown))}")
    from smog.made import missing

    why = missing(smog_cloud, **{key: value for key, value in claims.items() if key != "alone"})
    if why is not None:
        pytest.skip(why)
    return smog_cloud


@pytest.fixture
def made(request: pytest.FixtureRequest, cloud: smog.Cloud, smog_recorder: None) -> Iterator[Made]:
    """`made(thing)` gives the thing back and deletes it after the test; see `smog.made.Made`."""
    from smog.made import Made

    of_test = Made(cloud, _name(request))
    yield of_test
    of_test.clean()


@pytest.fixture
def unique(made: Made) -> Callable[..., str]:
    """`unique("web")` is a name that nothing else in the cloud has."""
    return made.unique


@pytest.fixture
def boot(made: Made) -> Callable[..., smog.Guest]:
    """`boot(**options)` boots guests that are deleted after the test; see `Cloud.boot`."""
    return made.boot


@pytest.fixture
def thrown(request: pytest.FixtureRequest, smog_recorder: None) -> Callable[[], list[str]]:
    """`thrown()`: the exceptions that the test's own API requests caused on any host, a sentence each.

    It ends the watch of the logs. With `--smog-no-recorder` nothing is watched, and the test is skipped.
    """

    from .session.memory import calls_after

    def exceptions() -> list[str]:
        if _recorded not in request.node.stash:
            if request.config.getoption("--smog-outcome", None):
                return []  # `smog test` follows the logs, and fails the test by them.
            pytest.skip("no exceptions can be seen with --smog-no-recorder")
        watcher, cloud, before = request.node.stash[_recorded]
        seen = watcher.close()
        seen.check()
        own = {call.request_id for call in calls_after(before, cloud.calls) if call.request_id}
        found = [one for one in seen.kept if one.request_id in own]
        return [f"{one.exception} on {one.host}: {one.exception_message}" for one in found]

    return exceptions


@pytest.fixture
def guest(request: pytest.FixtureRequest, boot: Callable[..., smog.Guest]) -> smog.Guest:
    """A guest of the test's own, ACTIVE; the marker `smog` says of what flavor."""
    import smog

    marker = request.node.get_closest_marker("smog")
    wished = dict(marker.kwargs) if marker else {}
    size = {key: wished.pop(key) for key in ("vcpus", "ram_mib", "disk_gib") if key in wished}
    spec = smog.FlavorSpec(_name(request), **size)
    if "pages" in wished:
        spec = spec.pages(wished.pop("pages"))
    if "numa_nodes" in wished:
        spec = spec.numa_nodes(wished.pop("numa_nodes"))
    if wished.pop("pinned", False):
        spec = spec.pinned()
    return boot(flavor=spec, **wished)


@pytest.fixture
def host(request: pytest.FixtureRequest, cloud: smog.Cloud) -> smog.Host:
    """The host of the test's `guest` if it has one, else the first compute host that is up."""
    if "guest" in request.fixturenames:
        found: smog.Guest = request.getfixturevalue("guest")
        return found.host
    for one in cloud.hypervisors():
        if (one.state, one.status) == ("up", "enabled"):
            return cloud.host(one.host)
    pytest.skip("no compute host is up")


@pytest.fixture
def environment(cloud: smog.Cloud) -> Iterator[Callable[..., smog.Environment]]:
    """`environment(*settings, …)` prepares hosts as `Cloud.environment` says; restored after the test."""
    prepared: list[smog.Environment] = []

    def prepare(*settings: str, **wishes: Any) -> smog.Environment:
        wished = cloud.environment(*settings, **wishes)
        prepared.append(wished)
        wished.prepare()
        return wished

    yield prepare
    for wished in reversed(prepared):
        wished.__exit__(None, None, None)


@pytest.fixture
def smog_recorder(request: pytest.FixtureRequest, cloud: smog.Cloud) -> Iterator[None]:
    """Watches the logs of all hosts while the test runs; see `pytest_runtest_makereport`."""
    if request.config.getoption("--smog-no-recorder"):
        yield
        return
    before = list(cloud.calls)
    with cloud.monitor(name=request.node.name, allow_unread=True) as watcher:
        request.node.stash[_recorded] = (watcher, cloud, before)
        yield
    for line in watcher.seen.unread:
        warnings.warn(f"not read while the test ran: {line}", stacklevel=1)


#: The API calls of a run, when it has ended.
calls_made: pytest.StashKey[list[Any]] = pytest.StashKey()
_recorded: pytest.StashKey[tuple[Any, Any, list[Any]]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test's report gets what hosts threw meanwhile, and the API calls with their request ids."""
    report: pytest.TestReport = yield
    if report.when == "call" and report.failed and _recorded in item.stash:
        from .session.memory import calls_after

        watcher, cloud, before = item.stash[_recorded]
        thrown = [f"{one.host} {one.source} {one.request_id or ''}\n{one.text}" for one in watcher.seen.kept]
        if thrown:
            report.sections.append(("what the hosts threw meanwhile", "\n\n".join(thrown)))
        if watcher.seen.unread:
            report.sections.append(("what was not read meanwhile", "\n".join(watcher.seen.unread)))
        calls = [f"{one.method} {one.path} {one.status} {one.request_id or ''}" for one in calls_after(before, cloud.calls)]
        report.sections.append(("the API calls of this test", "\n".join(calls[-40:])))
    return report
