"""Logging, by the original's names. What is here lies in `smog.compat2015.core.logger`."""

from ..compat2015.core.logger import *  # noqa: F403
