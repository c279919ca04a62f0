"""Tests in `lab/` need the lab; all others need nothing."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

ROOT = pathlib.Path(__file__).resolve().parents[2]


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
