"""Tests in `lab/` need the lab; all others need nothing."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

import smog

pytest_plugins = ["pytester"]

ROOT = pathlib.Path(__file__).resolve().parents[2]
_BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/smog-fake-cloud"
#: The program that serves the scripted cloud (crates/smog-fake-cloud).
FAKE_CLOUD = pathlib.Path(os.environ.get("SMOG_FAKE_CLOUD", _BUILT))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "lab" in item.path.parts:
            item.add_marker(pytest.mark.lab)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: needs the lab")


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def python() -> Run:
    """`python(code)` runs code in an interpreter of its own."""

    def run(code: str, **options: object) -> "subprocess.CompletedProcess[str]":
        settings: dict[str, object] = {"capture_output": True, "text": True, "timeout": 120, **options}
        return subprocess.run([sys.executable, "-c", code], **settings)  # type: ignore[call-overload, no-any-return]

    return run


@pytest.fixture
def no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Nothing of the environment names a cloud."""
    for name in list(os.environ):
        if name.startswith(("OS_", "SMOG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


Fake = Callable[..., smog.Cloud]


@pytest.fixture
def fake(no_cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """`fake()` is a scripted cloud with two guests, connected; `fake("forbidden")` refuses every
    request, in `fake("empty")` there is nothing, and the hosts of `fake("no-hosts")` do not answer."""
    assert FAKE_CLOUD.exists(), f"{FAKE_CLOUD} is not there: cargo build -p smog-fake-cloud"
    begun: list[subprocess.Popen[str]] = []

    def connect(*trouble: str) -> smog.Cloud:
        process = subprocess.Popen([FAKE_CLOUD, *trouble], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stdout
        for name, value in json.loads(process.stdout.readline()).items():
            monkeypatch.setenv(name, value)
        return smog.connect()

    yield connect
    for process in begun:
        process.communicate()
