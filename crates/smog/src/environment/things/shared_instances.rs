//! A folder of servers' disks that computes share over NFS.

use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::storage::{self, StorageState};
use super::super::wish::Target;
use super::{Look, Thing};
use crate::error::Result;
use crate::host::ServiceRole;

/// The file smog makes for folders it shares.
pub(in crate::environment) const EXPORTS: &str = "/etc/exports.d/smog.exports";
/// The file of mounts.
const FSTAB: &str = "/etc/fstab";

/// A folder of servers' disks that computes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWish {
    /// The host that shares it, by smog's name.
    pub server: String,
    /// The address computes reach it by.
    pub address: String,
    /// The folder, the same on all hosts.
    pub folder: String,
}

impl Thing for SharedWish {
    fn name(&self) -> String {
        format!("{} shared by {}", self.folder, self.server)
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.files([EXPORTS, FSTAB].map(str::to_string));
        look.unit("nfs-server.service".into());
        look.ask(storage::look(&self.folder), |host, output| {
            host.storage = Some(StorageState::parse(&output.text()));
        });
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.shared(self);
        Ok(())
    }
}

impl Draft<'_> {
    /// The server exports the folder, computes mount it.
    fn shared(&mut self, wish: &SharedWish) {
        let Some(own) = self.state.storage.clone() else { return };
        let server = self.others.iter().find(|host| host.name == wish.server);
        let server = server.and_then(|host| host.storage.as_ref());
        if self.state.name == wish.server {
            self.export(wish, &own);
        } else if self.state.layout.place(ServiceRole::NovaCompute).is_some() {
            self.mount(wish, &own, server);
        }
    }

    fn export(&mut self, wish: &SharedWish, own: &StorageState) {
        let what = format!("share {} over NFS", wish.folder);
        let lacks = match own {
            _ if !own.server_kernel => "its kernel cannot serve NFS (there is no nfsd)".to_string(),
            _ if !own.server_program => "exportfs is missing (package nfs-kernel-server or nfs-utils)".into(),
            _ if !own.folder => format!("there is no folder {}", wish.folder),
            _ => {
                let line = format!("{} *(rw,sync,no_root_squash,no_subtree_check)", wish.folder);
                self.own_line(EXPORTS, &line, Some("exportfs -ra"));
                self.unit("nfs-server", None, Some(true));
                return;
            }
        };
        self.plan.cannot(what, lacks);
    }

    fn mount(&mut self, wish: &SharedWish, own: &StorageState, server: Option<&StorageState>) {
        let source = format!("{}:{}", wish.address, wish.folder);
        if own.mounted.as_ref() == Some(&source) {
            return;
        }
        let what = format!("mount {source}");
        let folder = &wish.folder;
        let lacks = match (own, server) {
            (own, _) if !own.client_kernel => "its kernel cannot mount NFS".to_string(),
            (own, _) if !own.client_program => {
                "mount.nfs is missing (package nfs-common or nfs-utils)".into()
            }
            (own, _) if !own.folder => format!("there is no folder {folder}"),
            (StorageState { mounted: Some(other), .. }, _) => format!("{other} is mounted there"),
            (own, _) if own.entries > 0 => {
                format!("{} servers have their disks in {folder}, which the mount would hide", own.entries)
            }
            (_, None) => format!("NFS server {} could not be inspected", wish.server),
            (_, Some(server)) if !server.server_kernel || !server.server_program || !server.folder => {
                format!("{} cannot share it", wish.server)
            }
            (own, Some(server)) if own.uid != server.uid => format!(
                "user nova has number {} here and {} on {}",
                number(own.uid),
                number(server.uid),
                wish.server
            ),
            (_, Some(_)) => {
                let line = format!("{source} {folder} nfs4 rw,_netdev 0 0");
                // The same program after the line has come and after it has gone.
                let program = format!(
                    "if grep -qxF -- '{line}' {FSTAB}; then mountpoint -q {folder} || mount {folder}; \
                     elif [ \"$(findmnt -n -o SOURCE --mountpoint {folder})\" = '{source}' ]; then umount {folder}; fi"
                );
                self.fstab_line(&line, &program);
                return;
            }
        };
        self.plan.cannot(what, lacks);
    }

    fn fstab_line(&mut self, line: &str, program: &str) {
        let text = self.text_of(FSTAB).unwrap_or_default();
        if !text.lines().any(|other| other == line) {
            let glue = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            self.replace(FSTAB, &text, format!("{text}{glue}{line}\n"), Some(program));
        }
    }
}

fn number(uid: Option<u32>) -> String {
    uid.map_or("none".into(), |uid| uid.to_string())
}
