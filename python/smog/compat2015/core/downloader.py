"""Downloads, by the original's name. What installed pip and packages is gone: smog needs none."""

from __future__ import annotations

import os
import urllib.request
from typing import NoReturn
from urllib.parse import urlparse

__all__ = ["Downloader"]


class Downloader:
    """Fetches files."""

    @staticmethod
    def download_url(urlpath: str, output_dir: str = ".", binary: bool = False) -> bool:
        """Fetch a URL into a folder, under its own name; whether it is there."""
        path = os.path.join(output_dir, os.path.basename(urlparse(urlpath).path) or "index")
        urllib.request.urlretrieve(urlpath, path)
        return os.path.exists(path)

    def __getattr__(self, name: str) -> NoReturn:
        from .._gone import explain

        pip = "pip itself: `python -m pip`"
        names = ("is_pip_installed", "install_pip", "install_python_lib", "check_python_devel", "pip_cmd")
        explain("Downloader", name, dict.fromkeys(names, pip))
