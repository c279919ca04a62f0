//! Folders and files that only the user can read: what smog keeps between runs, caches, and
//! records of a cloud.
//!
//! The checks are those of OpenSSH and git: a folder belongs to the user that runs smog, nobody
//! else can write it, and it is not a link. Group write permission counts as the user's own
//! where the group has the user's number (the private group that Debian, Fedora and their
//! relatives give each user).

use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, Result};

/// What to do with a folder that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    /// It is smog's own: take permissions of others away.
    Tighten,
    /// The user named it and may share it for reading; in a folder where everybody may make
    /// files (`/tmp`) it is tightened nevertheless.
    Keep,
}

/// Make a folder of smog's own (state, cache), or check the one that is there: it belongs to
/// the user, is no link, and has mode 0700 afterwards. Missing parents are made with mode 0700.
///
/// # Errors
/// [`Error::Invalid`] where it belongs to someone else, is a link or a file, stands in a
/// folder that others can change, or cannot be made.
pub fn private_folder(path: &Path) -> Result<()> {
    folder(path, Existing::Tighten)
}

/// Make a folder that the user named for logs and records, or check the one that is there. As
/// [`private_folder`], but a folder that the user made elsewhere than below `/tmp` or its like
/// keeps its mode, unless others can write it.
///
/// # Errors
/// As [`private_folder`].
pub fn record_folder(path: &Path) -> Result<()> {
    folder(path, Existing::Keep)
}

/// How a private file is opened: made with mode 0600.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn folder(path: &Path, existing: Existing) -> Result<()> {
    let refused = |why: &str| Error::Invalid {
        what: format!("folder {}", path.display()),
        why: why.into(),
        hint: Some("name another folder, or remove this one".into()),
    };
    let failed = |why: std::io::Error| refused(&why.to_string());
    let bare = |path: &Path| std::fs::symlink_metadata(path);
    let found = match bare(path) {
        Ok(found) => found,
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            // Not an error where another process was quicker: it is checked below.
            builder.recursive(true).mode(0o700).create(path).map_err(failed)?;
            bare(path).map_err(failed)?
        }
        Err(why) => return Err(failed(why)),
    };
    if found.is_symlink() {
        return Err(refused("is a link, and smog follows none to a folder it writes into"));
    }
    if !found.is_dir() {
        return Err(refused("is not a folder"));
    }
    if found.uid() != me() {
        return Err(refused(&format!("belongs to {}, not to you", owner(found.uid()))));
    }
    let shared_parent = match path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_path_buf)) {
        None => false,
        Some(parent) => {
            let parent = std::fs::metadata(parent).map_err(failed)?;
            if parent.uid() != me() && parent.uid() != 0 {
                return Err(refused(&format!(
                    "stands in a folder of {}, who can replace it",
                    owner(parent.uid())
                )));
            }
            let sticky = parent.mode() & 0o1000 != 0;
            if let (Some(who), false) = (writers(&parent), sticky) {
                return Err(refused(&format!("stands in a folder that {who} can write, who can replace it")));
            }
            sticky
        }
    };
    let tighten = match existing {
        Existing::Tighten => found.mode() & 0o077 != 0,
        Existing::Keep => writers(&found).is_some() || (shared_parent && found.mode() & 0o077 != 0),
    };
    if tighten {
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// The number of the user that this process acts as.
pub(crate) fn me() -> u32 {
    // The owner of a process's folder in /proc is its effective user. Where there is none
    // (another system than Linux), root's number makes every check the stricter one.
    std::fs::metadata("/proc/self").map_or(0, |found| found.uid())
}

/// Who, except the owner (and root) can write this, in words.
pub(crate) fn writers(found: &Metadata) -> Option<&'static str> {
    if found.mode() & 0o002 != 0 {
        return Some("everybody");
    }
    let private_group = found.gid() == found.uid() || found.gid() == 0;
    (found.mode() & 0o020 != 0 && !private_group).then_some("its group")
}

/// "root", or "user 1000".
pub(crate) fn owner(uid: u32) -> String {
    if uid == 0 { "root".into() } else { format!("user {uid}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("metadata").mode() & 0o7777
    }

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
    }

    #[test]
    fn a_new_folder_and_its_parents_are_the_user_s_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state/smog");
        private_folder(&path).expect("made");
        assert_eq!((mode(&path), mode(&dir.path().join("state"))), (0o700, 0o700));
        private_folder(&path).expect("there already");
    }

    #[test]
    fn permissions_of_others_are_taken_away_where_the_folder_is_smog_s() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("cache");
        std::fs::create_dir(&path).expect("a folder");
        chmod(&path, 0o755);
        record_folder(&path).expect("the user's, to read for others");
        assert_eq!(mode(&path), 0o755);
        chmod(&path, 0o777);
        record_folder(&path).expect("tightened");
        assert_eq!(mode(&path), 0o700);
        chmod(&path, 0o755);
        private_folder(&path).expect("tightened");
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn below_tmp_a_folder_of_the_introduction_is_made_private() {
        let dir = tempfile::tempdir().expect("a folder");
        chmod(dir.path(), 0o1777);
        let path = dir.path().join("smog");
        std::fs::create_dir(&path).expect("a folder");
        chmod(&path, 0o755);
        record_folder(&path).expect("the user's");
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn links_files_and_replaceable_folders_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let [real, link, file, open] = ["real", "link", "file", "open"].map(|name| dir.path().join(name));
        std::fs::create_dir(&real).expect("a folder");
        std::os::unix::fs::symlink(&real, &link).expect("a link");
        std::fs::write(&file, "").expect("a file");
        std::fs::create_dir(&open).expect("a folder");
        chmod(&open, 0o777);
        std::fs::create_dir(open.join("mine")).expect("a folder");
        for (path, why) in [
            (&link, "is a link"),
            (&file, "is not a folder"),
            (&open.join("mine"), "everybody can write"),
            (&open.join("new"), "everybody can write"),
        ] {
            let said = private_folder(path).expect_err(why).to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        // Root can give a folder away; others meet one that belongs to root.
        let dir = tempfile::tempdir().expect("a folder");
        let path = match me() {
            0 => {
                let path = dir.path().join("theirs");
                std::fs::create_dir(&path).expect("a folder");
                std::os::unix::fs::chown(&path, Some(65534), Some(65534)).expect("chown");
                path
            }
            _ => "/usr".into(),
        };
        let said = private_folder(&path).expect_err("not ours").to_string();
        assert!(said.contains("not to you"), "{said}");
    }
}
