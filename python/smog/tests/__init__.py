"""The suites as `unittest` classes, and the original's helpers for tests.

>>> python -m unittest smog.tests.numa
>>> pytest --pyargs smog.tests.numa

What finds tests by file names (`unittest discover`, stestr) wants a file of its own, such as
`test_smog.py` with the line `from smog.tests.numa import *`.
"""

from __future__ import annotations

import os
from typing import Any

from .._smog import read_yaml

__all__ = ["get_yaml_file", "yaml_path"]


def yaml_path(cfg_dir: str, cfg_file: str) -> str:
    """The path of `cfg_file` in the folder `configs` next to `cfg_dir` (a file or folder)."""
    folder = cfg_dir if os.path.isdir(cfg_dir) else os.path.dirname(cfg_dir)
    return os.path.join(os.path.abspath(folder), "configs", cfg_file)


def get_yaml_file(cfg_dir: str, cfg_file: str) -> Any:
    """The YAML file `cfg_file` in the folder `configs` next to `cfg_dir` (a file or folder)."""
    return read_yaml(yaml_path(cfg_dir, cfg_file))
