"""Reading a keystonerc on a host, by the original's name. What is here lies in `smog.compat2015.utils.rc_helper`."""

from ..compat2015.utils.rc_helper import *  # noqa: F403
