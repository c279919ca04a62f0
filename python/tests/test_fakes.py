"""What the Python face shows and raises, on the scripted cloud: no lab is needed.

Texts are in `snapshots/`; `WRITE_SNAPSHOTS=1 pytest …` writes them, to be read before they are kept.
"""

import os
import pathlib
import re
from collections.abc import Callable

import pytest

import smog

SNAPSHOTS = pathlib.Path(__file__).parent / "snapshots"

#: What has no arguments and shows something, by its name in the snapshot.
SHOWN: dict[str, Callable[[smog.Cloud], object]] = {
    "discover": lambda cloud: cloud.discover(),
    "servers": lambda cloud: cloud.servers(),
    "guest": lambda cloud: cloud.guest("web"),
    "guest.compare": lambda cloud: cloud.guest("web").compare(),
    "guest.actions": lambda cloud: cloud.guest("web").actions(),
    "guest.interfaces": lambda cloud: cloud.guest("web").interfaces(),
    "guest.topology": lambda cloud: cloud.guest("web").topology(),
    "guest.allocations": lambda cloud: cloud.guest("web").allocations(),
    "guest.process": lambda cloud: cloud.guest("web").process(),
    "guest.domain": lambda cloud: cloud.guest("web").domain(),
    "hosts": lambda cloud: cloud.hosts(),
    "host": lambda cloud: cloud.host("cmp1"),
    "host.facts": lambda cloud: cloud.host("cmp1").facts(),
    "hypervisors": lambda cloud: cloud.hypervisors(),
    "services": lambda cloud: cloud.services(),
    "availability_zones": lambda cloud: cloud.availability_zones(),
    "aggregates": lambda cloud: cloud.aggregates(),
    "server_groups": lambda cloud: cloud.server_groups(),
    "key_pairs": lambda cloud: cloud.key_pairs(),
    "flavors": lambda cloud: cloud.flavors(),
    "images": lambda cloud: cloud.images(),
    "networks": lambda cloud: cloud.networks(),
    "subnets": lambda cloud: cloud.subnets(),
    "ports": lambda cloud: cloud.ports(),
    "security_groups": lambda cloud: cloud.security_groups(),
    "security_rules": lambda cloud: cloud.security_rules("default"),
    "providers": lambda cloud: cloud.providers(),
    "inventory": lambda cloud: cloud.inventory("cmp1"),
    "consumers": lambda cloud: cloud.consumers("cmp1"),
    "quotas": lambda cloud: cloud.quotas(),
    "projects": lambda cloud: cloud.projects(),
    "users": lambda cloud: cloud.users(),
    "audit": lambda cloud: cloud.audit(one_look=True, logs_back=0)["findings"],
}


def compare(name: str, text: str) -> None:
    """Hold a text against its snapshot."""
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://CLOUD", text)
    # Quotas are asked of two services at once: whichever refuses first is named.
    text = re.sub(r"\w+ refused `GET /(quotas|os-quota-sets)[^`]*`", "a service refused `GET`", text)
    text = re.sub(r"/tmp/sf-\w+", "HOME", text) + "\n"
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("WRITE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def said(show: Callable[[], object]) -> str:
    """What a prompt shows of it, or of what it raises."""
    try:
        return repr(show())
    except smog.SmogError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        return f"{type(error).__name__}: {error}{hint}"


def all_of(cloud: smog.Cloud) -> dict[str, str]:
    return {name: said(lambda show=show: show(cloud)) for name, show in SHOWN.items()}  # type: ignore[misc]


def shown(texts: dict[str, str]) -> str:
    return "\n\n".join(f">>> {name}\n{text}" for name, text in texts.items())


def test_what_is_there(fake):
    compare("two-guests", shown(all_of(fake())))


@pytest.mark.parametrize("trouble", ["empty", "forbidden", "no-hosts"])
def test_troubles(fake, trouble):
    well = all_of(fake())
    compare(trouble, shown({name: text for name, text in all_of(fake(trouble)).items() if text != well[name]}))


def test_nothing_of_that_name(fake):
    cloud = fake()
    asks: dict[str, Callable[[], object]] = {
        name: lambda name=name: getattr(cloud, name)("nosuch")  # type: ignore[misc]
        for name in ["guest", "server", "host", "flavor", "image", "network", "aggregate", "inventory", "trace"]
    }
    compare("nosuch", shown({name: said(ask) for name, ask in asks.items()}))


def test_runs_that_are_not_there(fake, tmp_path):
    cloud = fake()
    with pytest.raises(smog.NotFound, match="no run called `nosuch`"):
        cloud.clean(run="nosuch")
    assert cloud.leftovers() == cloud.leftovers("1124-141502-3fa9") == cloud.clean() == []
    environment = cloud.environment(journal=tmp_path)
    with pytest.raises(smog.SmogError):
        environment.restore(run="20261124-112233-4f")
    assert repr(environment.restore()) == "no hosts with something to restore"
