"""Downloads, by the original's name. What installed pip and packages is gone: smog needs none. What is here lies in `smog.compat2015.core.downloader`."""

from ..compat2015.core.downloader import *  # noqa: F403
