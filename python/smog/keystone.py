"""Keystone, by the original's names. What is here lies in `smog.compat2015.keystone`."""

from .compat2015.keystone import *  # noqa: F403
