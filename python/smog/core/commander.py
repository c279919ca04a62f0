"""Commands on hosts, by the original's names. What is here lies in `smog.compat2015.core.commander`."""

from ..compat2015.core.commander import *  # noqa: F403
from ..compat2015.core.commander import __getattr__  # noqa: F401
