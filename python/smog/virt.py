"""libvirt and the hosts below, by the original's names. What is here lies in `smog.compat2015.virt`."""

from .compat2015.virt import *  # noqa: F403
from .compat2015.virt import __getattr__  # noqa: F401
