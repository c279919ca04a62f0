//! The folder of a case: what it asked, and the scene where it failed.

use crate::hint::{self, Hint};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::outcome::CallLine;
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::host::Host;

/// A case's folder.
pub(super) struct Folder(pub PathBuf);

impl Folder {
    /// Make it; a second case of this name in the same second gets a number.
    pub fn make(below: &Path, stamp: &str) -> Result<Folder> {
        let failed = |why: std::io::Error| Error::Invalid {
            what: format!("folder {}", below.display()),
            why: why.to_string(),
            hint: Some(
                Hint::from("`log_dir` of smog.yml, or ").and(hint::LOG_DIR.hint()).and(", names another"),
            ),
        };
        crate::record_folder(below)?;
        for number in 1.. {
            let name = if number == 1 { stamp.to_string() } else { format!("{stamp}-{number}") };
            let path = below.join(name);
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(why) => return Err(failed(why)),
            }
        }
        unreachable!("numbers do not end")
    }

    /// Write a file of it. What cannot be written is not worth failing a case for.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            let _ = crate::private_folder(parent);
        }
        let file = crate::private_file().truncate(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(content.as_bytes()));
    }

    pub fn write_calls(&self, calls: &[CallLine]) {
        let lines: Vec<String> = calls.iter().filter_map(|call| serde_json::to_string(call).ok()).collect();
        self.write("calls.jsonl", &(lines.join("\n") + "\n"));
    }

    /// The guests as they are at the moment of failure: domain XML, threads, console.
    pub async fn write_scene(&self, guests: Vec<Guest>, hosts: Vec<Host>) {
        for mut guest in guests {
            let name = guest.name().to_string();
            if guest.refresh().await.is_err() {
                continue;
            }
            if let Ok(text) = serde_json::to_string_pretty(&guest.server) {
                self.write(&format!("servers/{name}.json"), &text);
            }
            if let Ok(actions) = guest_actions(&guest).await {
                self.write(&format!("servers/{name}-actions.json"), &actions);
            }
            if let Ok(xml) = guest.dumpxml().await {
                self.write(&format!("xml/{name}.xml"), &xml);
            }
            if let Ok(process) = guest.process().await
                && let Ok(text) = serde_json::to_string_pretty(&process)
            {
                self.write(&format!("processes/{name}.json"), &text);
            }
            if let Ok(console) = guest.console(Some(200)).await {
                self.write(&format!("consoles/{name}.log"), &console);
            }
        }
        for host in hosts {
            if let Ok(facts) = host.facts().await
                && let Ok(text) = serde_json::to_string_pretty(&facts)
            {
                self.write(&format!("facts/{}.json", host.name()), &text);
            }
        }
    }
}

async fn guest_actions(guest: &Guest) -> Result<String> {
    let actions = guest.cloud().actions_with_events(&guest.server.id).await?;
    serde_json::to_string_pretty(&actions).map_err(|why| Error::Parse {
        what: "actions".into(),
        source_of: guest.name().into(),
        why: why.to_string(),
    })
}
