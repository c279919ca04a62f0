//! Files that nobody named: a `./smog.yml`, a `./clouds.yaml`. Who puts one into a folder where
//! the user works decides which commands ssh runs and where passwords go, so they are taken only
//! where nobody but the user and root can have written them. OpenSSH checks its own files so,
//! Ansible the folder of ansible.cfg, git the owner of a repository.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::private_folder::{me, owner, writers};

/// Why this file is not to be read; nothing when it is the user's or root's, as is its folder,
/// and nobody else can write either. Of a link, the link, its target and both folders count.
pub(super) fn why_not(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let target = absolute.canonicalize().ok()?;
    for file in [absolute.as_path(), target.as_path()] {
        let found = std::fs::symlink_metadata(file).ok()?;
        if !ours(found.uid()) {
            return Some(format!("it belongs to {}", owner(found.uid())));
        }
        // A link's own mode says nothing.
        if !found.is_symlink()
            && let Some(who) = writers(&found)
        {
            return Some(format!("{who} can write it"));
        }
        let Some(folder) = file.parent() else { continue };
        let found = std::fs::metadata(folder).ok()?;
        if !ours(found.uid()) {
            return Some(format!("its folder {} belongs to {}", folder.display(), owner(found.uid())));
        }
        // In a sticky folder nobody can replace another's file.
        let sticky = found.mode() & 0o1000 != 0;
        if let (Some(who), false) = (writers(&found), sticky) {
            return Some(format!("{who} can write its folder {}", folder.display()));
        }
    }
    None
}

/// The notice about such a file, with how to have it read nevertheless.
pub(super) fn notice(path: &Path, why: &str, way: &str) -> String {
    format!("{} is not read: {why}; if you trust it: {way}", path.display())
}

fn ours(uid: u32) -> bool {
    uid == me() || uid == 0
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
    }

    #[test]
    fn a_file_that_others_can_write_or_replace_is_not_trusted() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("smog.yml");
        std::fs::write(&file, "").expect("write");
        chmod(&file, 0o644);
        assert_eq!(why_not(&file), None);
        chmod(&file, 0o666);
        assert!(why_not(&file).expect("writable").contains("everybody can write it"));
        chmod(&file, 0o644);
        chmod(dir.path(), 0o777);
        assert!(why_not(&file).expect("replaceable").contains("can write its folder"));
        // Only the owner of a file in a sticky folder can replace it.
        chmod(dir.path(), 0o1777);
        assert_eq!(why_not(&file), None);
    }

    #[test]
    fn a_link_is_as_good_as_its_target_and_both_folders() {
        let dir = tempfile::tempdir().expect("a folder");
        let (open, link) = (dir.path().join("open"), dir.path().join("clouds.yaml"));
        std::fs::create_dir(&open).expect("a folder");
        std::fs::write(open.join("real"), "").expect("write");
        std::os::unix::fs::symlink(open.join("real"), &link).expect("a link");
        chmod(&open.join("real"), 0o600);
        assert_eq!(why_not(&link), None);
        chmod(&open, 0o777);
        assert!(why_not(&link).expect("replaceable").contains("can write its folder"));
    }

    #[test]
    fn a_file_of_somebody_else_is_not_trusted() {
        if me() != 0 {
            return; // Only root can give a file away.
        }
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("smog.yml");
        std::fs::write(&file, "").expect("write");
        std::os::unix::fs::chown(&file, Some(65534), None).expect("chown");
        assert!(why_not(&file).expect("theirs").contains("belongs to user 65534"));
        std::os::unix::fs::chown(&file, Some(0), None).expect("chown");
        std::os::unix::fs::chown(dir.path(), Some(65534), None).expect("chown");
        assert!(why_not(&file).expect("theirs").contains("its folder"));
    }

    #[test]
    fn a_group_s_write_permission_counts_unless_the_group_is_the_user_s_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("smog.yml");
        std::fs::write(&file, "").expect("write");
        chmod(&file, 0o664);
        let found = std::fs::metadata(&file).expect("metadata");
        assert_eq!(why_not(&file).is_none(), found.gid() == found.uid() || found.gid() == 0);
        if me() == 0 {
            std::os::unix::fs::chown(&file, None, Some(100)).expect("chgrp");
            assert!(why_not(&file).expect("shared").contains("its group can write it"));
        }
    }
}
