"""Decorators, by the original's names. What is here lies in `smog.compat2015.core.decorators`."""

from ..compat2015.core.decorators import *  # noqa: F403
