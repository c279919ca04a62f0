//! What libvirt says of itself on a host: its identity, its version, the secrets it keeps.

use serde::Serialize;

use super::Capabilities;
use super::virsh::read;
use crate::error::Result;
use crate::host::Host;

/// libvirt of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Daemon {
    /// `<host><uuid>` of its capabilities; a migration between two hosts with the same one is refused.
    pub host_uuid: Option<String>,
    /// Its version: "11.3.0".
    pub version: Option<String>,
    /// Its secrets by what each is for, without their values.
    pub secrets: Vec<Secret>,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// Its UUID.
    pub uuid: String,
    /// `<usage type=…>`: "vtpm", "volume", "ceph", "iscsi", "tls".
    pub usage: String,
    /// What it is used for: Nova writes the server's id for a vTPM, the volume's id for a volume.
    pub id: String,
}

impl Host {
    /// What libvirt says of itself here, in one command.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn libvirt_daemon(&self) -> Result<Daemon> {
        let words = ["secret-list; echo ==version==; version --daemon; echo ==capabilities==; capabilities"];
        let output = self.virsh_run(read(words), None).await?;
        parse(&output.text(), &format!("host `{}`", self.name()))
    }
}

fn parse(text: &str, source_of: &str) -> Result<Daemon> {
    let (secrets, rest) = text.split_once("==version==").unwrap_or((text, ""));
    let (version, capabilities) = rest.split_once("==capabilities==").unwrap_or((rest, ""));
    let secret = |line: &str| {
        let mut words = line.split_whitespace();
        let (uuid, usage) = (words.next()?, words.next()?);
        let is_uuid = uuid.len() == 36 && uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
        let id = words.collect::<Vec<_>>().join(" ");
        is_uuid.then(|| Secret { uuid: uuid.into(), usage: usage.into(), id })
    };
    let running = "Running against daemon: ";
    Ok(Daemon {
        host_uuid: Capabilities::parse(capabilities.trim(), source_of)?.host_uuid,
        version: version.lines().find_map(|line| line.trim().strip_prefix(running)).map(str::to_string),
        secrets: secrets.lines().filter_map(secret).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_virsh_prints_it() {
        // The head and the version as virsh 11.3 prints them on the lab; a secret as its documentation shows it.
        let text = " UUID                                   Usage\n----------\n \
                    5309aaaa-0000-4000-8000-000000000001   vtpm 5309aaaa-0000-4000-8000-000000000002\n\n\
                    ==version==\nCompiled against library: libvirt 11.3.0\nRunning against daemon: 11.3.0\n\n\
                    ==capabilities==\n<capabilities><host><uuid>1dd28a4c-8d55-ae71-6f98-6a7b81488e93</uuid>\
                    </host></capabilities>\n";
        let found = parse(text, "it").expect("libvirt's words");
        assert_eq!(found.version.as_deref(), Some("11.3.0"));
        assert_eq!(found.host_uuid.as_deref(), Some("1dd28a4c-8d55-ae71-6f98-6a7b81488e93"));
        assert_eq!((found.secrets.len(), found.secrets[0].usage.as_str()), (1, "vtpm"));
        assert_eq!(found.secrets[0].id, "5309aaaa-0000-4000-8000-000000000002");
        assert!(parse("", "it").is_err(), "no answer is no libvirt without secrets");
    }
}
