"""Builds the wheel: the native command first, then maturin packs it with the extension.

`pip install .` and `python -m build` come here by `[build-system]` of pyproject.toml. A console
script calling into the extension would cost the interpreter's start with every command.

`SMOG_BUILD_PROFILE=dev` builds without optimization, for the project's own checks.
"""

import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import maturin

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _profile() -> str:
    return os.environ.get("SMOG_BUILD_PROFILE", "release")


def _target() -> pathlib.Path:
    """A folder apart from cargo's own: the two build pyo3 with different settings in turn."""
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target" / "wheel")


def _build_command() -> None:
    """`target/smog.data/scripts/smog`, which the wheel installs next to `python`."""
    os.environ["CARGO_TARGET_DIR"] = str(_target())
    profile = _profile()
    subprocess.run(
        ["cargo", "build", "--locked", "--package", "smog-cli", "--profile", profile], cwd=ROOT, check=True
    )
    built = _target() / {"dev": "debug"}.get(profile, profile) / "smog"
    scripts = ROOT / "target" / "smog.data" / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    packed = scripts / "smog"
    packed.unlink(missing_ok=True)
    shutil.copy2(built, packed)
    if shutil.which("strip"):
        subprocess.run(["strip", str(packed)], check=True)


def _settings(settings: "dict[str, Any] | None") -> "dict[str, Any]":
    """maturin's own settings: the profile, unless others are given."""
    return {"build-args": f"--profile {_profile()} --strip", **(settings or {})}


def build_wheel(directory: str, config_settings: "dict[str, Any] | None" = None, metadata: "str | None" = None) -> str:
    _build_command()
    return str(maturin.build_wheel(directory, _settings(config_settings), metadata))


def build_editable(
    directory: str, config_settings: "dict[str, Any] | None" = None, metadata: "str | None" = None
) -> str:
    _build_command()
    return str(maturin.build_editable(directory, _settings(config_settings), metadata))


def build_sdist(directory: str, config_settings: "dict[str, Any] | None" = None) -> str:
    (ROOT / "target" / "smog.data").mkdir(parents=True, exist_ok=True)
    return str(maturin.build_sdist(directory, config_settings))


def get_requires_for_build_wheel(config_settings: "dict[str, Any] | None" = None) -> "list[str]":
    return list(maturin.get_requires_for_build_wheel(config_settings))


def get_requires_for_build_sdist(config_settings: "dict[str, Any] | None" = None) -> "list[str]":
    return list(maturin.get_requires_for_build_sdist(config_settings))


get_requires_for_build_editable = get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(directory: str, config_settings: "dict[str, Any] | None" = None) -> str:
    (ROOT / "target" / "smog.data").mkdir(parents=True, exist_ok=True)
    return str(maturin.prepare_metadata_for_build_wheel(directory, _settings(config_settings)))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel

if __name__ == "__main__":
    # `python python/build/smog_build.py DIR`: a wheel without pip.
    out = sys.argv[1] if len(sys.argv) > 1 else "dist"
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    print(build_wheel(out))
