"""XML trees searched, by the original's names. What is here lies in `smog.compat2015.core.xml.helper`."""

from ...compat2015.core.xml.helper import *  # noqa: F403
