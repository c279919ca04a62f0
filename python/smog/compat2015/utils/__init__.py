"""The original's tools around the tests. Most of them are commands of `smog` today:

| the original | today |
|---|---|
| `conf_gen` | `smog config init` writes a smog.yml from what it finds in the cloud |
| `nested_virt.nested` | `smog nested --file computes.yml` |
| `live_migration.live_migration` | `smog prepare` with a suite's `live_migration:`; shared storage is the deployer's |
| `monitors.log_monitor` | here, and `smog watch --grep` |
| `upgrade` | nothing: RHOS 5 to 6 is long done |
| `pci.pci_passthrough` | `smog host show`, `smog prepare --vfs --kernel --set` |
| `pkgmgr.yum`, `iscsi` | nothing: smog installs nothing on hosts |
| `rc_helper` | here, and `smog.connect(rc="keystonerc_admin")` |
"""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    from .._gone import explain

    explain(__name__, name, {})
