"""Says what has taken the place of a name or a module of the original."""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

_NESTED = "the command `smog nested --file computes.yml`"
_PCI = "the commands `smog host show` and `smog prepare --vfs`"
_SYNTAX = "plain Python: smog needs no Hy"

#: Modules of the original that smog does not have, and what to use in their place.
MODULES = {
    "smog.agent": "`smog watch`: nothing is installed on hosts",
    "smog.agent.agent": "`smog watch`: nothing is installed on hosts",
    "smog.log_analysis": "the commands `smog logs` and `smog scan`",
    "smog.macros": _SYNTAX,
    "smog.smog": "the command `smog host show`",
    "smog.tests.misc": "`smog.tests.sanity`",
    "smog.types": _SYNTAX,
    "smog.types.hy_types": _SYNTAX,
    "smog.utils.agent": "`smog watch`: nothing is installed on hosts",
    "smog.utils.agent.agent": "`smog watch`: nothing is installed on hosts",
    "smog.utils.conf_gen": "the command `smog config init`",
    "smog.utils.iscsi": "nothing: smog installs nothing on hosts",
    "smog.utils.iscsi.iscsi": "nothing: smog installs nothing on hosts",
    "smog.utils.live_migration": "the command `smog prepare --suite FILE` (its `live_migration:`)",
    "smog.utils.live_migration.live_migration": "the command `smog prepare --suite FILE` (its `live_migration:`)",
    "smog.utils.log_analysis": "the commands `smog logs` and `smog scan`",
    "smog.utils.macros": _SYNTAX,
    "smog.utils.nested_virt": _NESTED,
    "smog.utils.nested_virt.nested": _NESTED,
    "smog.utils.pci": _PCI,
    "smog.utils.pci.pci_passthrough": _PCI,
    "smog.utils.pkgmgr": "nothing: smog installs nothing on hosts",
    "smog.utils.pkgmgr.yum": "nothing: smog installs nothing on hosts",
    "smog.utils.smog": "the command `smog host show`",
    "smog.utils.upgrade": "nothing: that upgrade is long done",
}


def explain(module: str, name: str, replaced: dict[str, str]) -> NoReturn:
    """Raise `AttributeError`, with the replacement where the original had the name."""
    # The module has its old name for whoever asks: smog.compat2015.virt is smog.virt.
    module = module.replace("smog.compat2015", "smog")
    instead = replaced.get(name) or MODULES.get(f"{module}.{name}")
    if instead is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    raise AttributeError(_sentence(f"{module}.{name}", instead))


def _sentence(name: str, instead: str) -> str:
    return f"{name} is gone: instead of it there is {instead} (docs/python-parity.md)"


class GoneModules(importlib.abc.MetaPathFinder):
    """Stands behind all finders: an `import` of a module that is gone says what to use instead."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        instead = MODULES.get(fullname)
        if instead is None:
            return None
        # Not ModuleNotFoundError: `from package import module` would swallow it.
        raise ImportError(_sentence(fullname, instead), name=fullname)


def explain_imports() -> None:
    """Let `import` statements of modules that are gone say what to use instead."""
    if not any(isinstance(finder, GoneModules) for finder in sys.meta_path):
        sys.meta_path.append(GoneModules())
