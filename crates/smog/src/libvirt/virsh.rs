//! Asking libvirt, by `virsh` on the host (or inside the container libvirt runs in).

mod parse;

pub(crate) use parse::NOT_RECORDED;
use parse::{parse_devices, parse_in_full, parse_list, parse_sightings};

use serde::Serialize;

use super::{Capabilities, Domain, DomainCapabilities, DomainState};
use crate::error::{Error, Result};
use crate::host::{Cmd, Host, Output};

/// The hypervisor of all Nova computes with KVM or QEMU.
pub(super) const URI: &str = "qemu:///system";

/// Which XML of a domain.
///
/// There is no way to ask for `--security-info`: without it libvirt leaves out
/// the passwords of consoles, and smog never shows a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dump {
    /// The definition it will have after its next start, not the running one (`--inactive`).
    pub inactive: bool,
    /// As it would be sent to another host (`--migratable`).
    pub migratable: bool,
}

/// One domain in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainLine {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// Its state.
    pub state: DomainState,
}

/// A domain and its state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The domain.
    pub domain: Domain,
    /// Its state.
    pub state: DomainState,
}

/// A domain with all that libvirt says of it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullSighting {
    /// The domain as it runs; as it is defined, when it is off.
    pub domain: Domain,
    /// As it is from its next start (`dumpxml --inactive`).
    pub persistent: Option<Domain>,
    /// Its state.
    pub state: DomainState,
    /// libvirt's number for the reason of the state (`domstate --reason`).
    pub reason: u32,
    /// Whether a job of it is under way (`domjobinfo`): a migration, a save, a dump.
    pub has_job: bool,
}

/// All domains of a host.
#[derive(Debug, Default)]
pub struct HostDomains {
    /// Those that could be read.
    pub sightings: Vec<Sighting>,
    /// Why others could not: one odd domain does not hide the rest.
    pub unreadable: Vec<Error>,
}

impl Host {
    /// A domain, by name or UUID.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names when it is not defined here;
    /// [`Error::Missing`] without `virsh`; [`Error::Unreachable`] when libvirt
    /// does not answer; [`Error::Parse`]; otherwise as [`Host::run`].
    pub async fn domain(&self, name_or_uuid: &str) -> Result<Domain> {
        let xml = self.domain_xml(name_or_uuid, Dump::default()).await?;
        Domain::parse(xml, &format!("host `{}`", self.name()))
    }

    /// A domain's XML as libvirt has it.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn domain_xml(&self, name_or_uuid: &str, dump: Dump) -> Result<String> {
        let mut words = vec!["dumpxml"];
        words.extend(dump.inactive.then_some("--inactive"));
        words.extend(dump.migratable.then_some("--migratable"));
        // Behind `--domain`, a name that begins with a dash is a name.
        words.extend(["--domain", name_or_uuid]);
        // Sending to another host is a matter of those who may write.
        let cmd = if dump.migratable { write(words) } else { read(words) };
        let output = self.virsh_run(cmd, Some(name_or_uuid)).await?;
        Ok(output.text().into_owned())
    }

    /// All domains of this host with their XML, in one command.
    ///
    /// # Errors
    /// As [`Host::domain`]. A domain that vanished meanwhile is left out.
    pub async fn domains(&self) -> Result<Vec<Domain>> {
        let mut all = self.domains_with_states().await?;
        match all.unreadable.pop() {
            Some(why) => Err(why),
            None => Ok(all.sightings.into_iter().map(|found| found.domain).collect()),
        }
    }

    /// All domains of this host with their XML and state, in one command.
    ///
    /// # Errors
    /// As [`Host::domain`]. A domain that vanished meanwhile is left out; one whose XML cannot be
    /// read is in [`HostDomains::unreadable`].
    pub async fn domains_with_states(&self) -> Result<HostDomains> {
        // virsh takes several commands in one word: one connection to libvirt for all.
        let script = format!(
            "list=$(virsh -r -c {URI} list --all --uuid) || exit $?\n\
             words=$(printf '%s\\n' \"$list\" | sed -n 's/..*/dumpxml &; echo ==next==;/p')\n\
             [ -z \"$words\" ] || virsh -r -c {URI} \"$words echo ==states==; domstats --state\" || true"
        );
        let cmd = Cmd::shell(script).look("domains").repeatable();
        let output = self.virsh_run(cmd, None).await?;
        let source_of = format!("host `{}`", self.name());
        Ok(parse_sightings(&output.text(), &source_of))
    }

    /// All domains of this host with both XMLs, state, reason and job, in one command; and why
    /// others could not be read.
    ///
    /// # Errors
    /// As [`Host::domain`]. A domain that vanished meanwhile is left out.
    pub async fn domains_in_full(&self) -> Result<(Vec<FullSighting>, Vec<Error>)> {
        let script = format!(
            "list=$(virsh -r -c {URI} list --all --uuid) || exit $?\n\
             for uuid in $list; do set -- \"$@\" \"dumpxml $uuid; echo ==inactive==; dumpxml --inactive $uuid; \
             echo ==job==; domjobinfo $uuid; echo ==next==;\"; done\n\
             [ $# -eq 0 ] || virsh -r -c {URI} \"$* echo ==states==; domstats --state\" 2>/dev/null || true"
        );
        let cmd = Cmd::shell(script).look("domains in full").repeatable();
        let output = self.virsh_run(cmd, None).await?;
        Ok(parse_in_full(&output.text(), &format!("host `{}`", self.name())))
    }

    /// A domain with its state, by name or UUID, in one command.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn sighting(&self, name_or_uuid: &str) -> Result<Sighting> {
        let script = format!(
            "virsh -r -c {URI} dumpxml --domain \"$1\" || exit $?\n\
             echo ==next==; echo ==states==; virsh -r -c {URI} domstats --state --domain \"$1\""
        );
        let cmd = Cmd::shell(script).arg(name_or_uuid).look(format!("domain {name_or_uuid}")).repeatable();
        let output = self.virsh_run(cmd, Some(name_or_uuid)).await?;
        let mut all = parse_sightings(&output.text(), &format!("host `{}`", self.name()));
        match (all.sightings.pop(), all.unreadable.pop()) {
            (Some(found), _) => Ok(found),
            (None, Some(why)) => Err(why),
            (None, None) => Err(not_found(self, name_or_uuid, std::iter::empty())),
        }
    }

    /// All domains with their states, running or not.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn list_domains(&self) -> Result<Vec<DomainLine>> {
        let output = self
            .virsh_run(read(["list --all --uuid --name; echo ==states==; domstats --state"]), None)
            .await?;
        Ok(parse_list(&output.text()))
    }

    pub(super) async fn domain_line(&self, name_or_uuid: &str) -> Result<DomainLine> {
        let lines = self.list_domains().await?;
        let found = lines.iter().find(|line| line.name == name_or_uuid || line.uuid == name_or_uuid);
        found
            .cloned()
            .ok_or_else(|| not_found(self, name_or_uuid, lines.iter().map(|line| line.name.as_str())))
    }

    /// What libvirt knows of the host.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn capabilities(&self) -> Result<Capabilities> {
        let output = self.virsh_run(read(["capabilities"]), None).await?;
        Capabilities::parse(output.text().into_owned(), &format!("host `{}`", self.name()))
    }

    /// What a domain of this kind, architecture and machine can have here ("kvm", "x86_64", "q35").
    ///
    /// # Errors
    /// As [`Host::domain`]; [`Error::Command`] where the emulator has no such kind.
    pub async fn domain_capabilities(
        &self,
        kind: &str,
        arch: Option<&str>,
        machine: Option<&str>,
    ) -> Result<DomainCapabilities> {
        let mut words = vec!["domcapabilities", "--virttype", kind];
        words.extend(arch.iter().flat_map(|arch| ["--arch", arch]));
        words.extend(machine.iter().flat_map(|machine| ["--machine", machine]));
        // libvirt runs the emulator to know: that is a matter of those who may write.
        let output = self.virsh_run(write(words).repeatable(), None).await?;
        DomainCapabilities::parse(&output.text(), &format!("host `{}`", self.name()))
    }

    /// The definition a domain will have from its next start, with the passwords libvirt
    /// otherwise leaves out: defined again without them, it would lose them. It is for
    /// editing and for journals, never to be shown.
    pub(crate) async fn domain_definition(&self, name_or_uuid: &str) -> Result<String> {
        let output = self.virsh_run(definition(name_or_uuid), Some(name_or_uuid)).await?;
        Ok(output.text().into_owned())
    }

    /// Give a domain another definition, as edited by [`DomainEdit`](super::DomainEdit). It holds from its next start.
    ///
    /// # Errors
    /// [`Error::Command`] when libvirt refuses it, with its reason; otherwise as [`Host::domain`].
    pub async fn define_domain(&self, xml: &str) -> Result<()> {
        self.virsh_run(write(["define", "/dev/stdin"]).stdin(xml), None).await.map(|_| ())
    }

    /// Any other `virsh` command that may write, about the domain `about`.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub(super) async fn virsh<'a>(
        &self,
        words: impl IntoIterator<Item = &'a str>,
        about: &str,
    ) -> Result<Output> {
        self.virsh_run(write(words), Some(about)).await
    }

    /// Run a `virsh` command where libvirt answers: on the host, or in the container that smog.yml
    /// names, or in the one (or by a snap's program) that is found when the host itself has no `virsh`
    /// or no libvirt.
    pub(crate) async fn virsh_run(&self, cmd: Cmd, about: Option<&str>) -> Result<Output> {
        let place = self.libvirt_place().await?;
        let error = match place.run(place.with_libvirt_program(cmd.clone())).await {
            Ok(output) => return Ok(output),
            Err(error) => error,
        };
        if is_elsewhere(&error)
            && let Some(inside) = self.find_libvirt_container().await
        {
            return match inside.run(inside.with_libvirt_program(cmd)).await {
                Ok(output) => Ok(output),
                Err(error) => Err(self.virsh_error(error, about).await),
            };
        }
        Err(self.virsh_error(error, about).await)
    }

    async fn virsh_error(&self, error: Error, about: Option<&str>) -> Error {
        let Error::Command { stderr, .. } = &error else { return error };
        if is_elsewhere(&error) {
            let why = stderr.lines().rfind(|line| line.contains("connect")).unwrap_or(stderr);
            return Error::Unreachable {
                what: format!("libvirt on host `{}`", self.name()),
                why: why.trim_start_matches("error: ").to_string(),
                hint: "is it running there: `systemctl status libvirtd` (or `virtqemud`)? If it runs in a \
                       container that smog does not find, name it for this host in smog.yml: \
                       `container: NAME`"
                    .to_string()
                    .into(),
            };
        }
        if let Some(name) = about
            && (stderr.contains("failed to get domain") || stderr.contains("Domain not found"))
        {
            let lines = Box::pin(self.list_domains()).await.unwrap_or_default();
            return not_found(self, name, lines.iter().map(|line| line.name.as_str()));
        }
        error
    }
}

/// Whether the host has no `virsh`, or no libvirt that answers: it may be in a container.
fn is_elsewhere(error: &Error) -> bool {
    match error {
        Error::Missing { program, .. } => program == "virsh",
        Error::Command { stderr, .. } => {
            stderr.contains("ailed to connect to the hypervisor")
                || stderr.contains("ailed to connect socket")
        }
        _ => false,
    }
}

fn not_found<'a>(host: &Host, name: &str, names: impl Iterator<Item = &'a str>) -> Error {
    Error::NotFound {
        what: format!("domain on host {}", host.name()),
        name: name.to_string(),
        near: crate::near::near(name, names),
    }
}

pub(super) fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Cmd {
    Cmd::new("virsh").args(["-r", "-c", URI]).args(words).repeatable()
}

fn write<'a>(words: impl IntoIterator<Item = &'a str>) -> Cmd {
    Cmd::new("virsh").args(["-c", URI]).args(words)
}

/// Passwords are shown to those who may write only.
fn definition(name_or_uuid: &str) -> Cmd {
    write(["dumpxml", "--inactive", "--security-info", "--domain", name_or_uuid]).repeatable()
}

/// A tap device of a guest, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tap {
    /// Its name.
    pub name: String,
    /// Its MTU in bytes (`/sys/class/net/TAP/mtu`); `None` when there is no such device.
    pub mtu: Option<u32>,
    /// `/sys/class/net/TAP/operstate`: up, down, unknown.
    pub state: String,
}

/// One file of a disk's backing chain, by `qemu-img info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiskFile {
    /// Its path.
    pub path: String,
    /// `qcow2`, `raw`.
    pub format: String,
    /// What the guest sees, in bytes.
    pub virtual_bytes: u64,
    /// What it takes on the host, in bytes.
    pub actual_bytes: u64,
}

/// What the host says of a guest's devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GuestDevices {
    /// Its tap devices.
    pub taps: Vec<Tap>,
    /// The backing chain of each disk that is a file or a block device, the uppermost first; why it
    /// cannot be read in place of it.
    pub disks: Vec<(String, std::result::Result<Vec<DiskFile>, String>)>,
}

impl Host {
    /// What the host says of a guest's tap devices and disks. One command, where libvirt is.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn guest_devices(&self, name_or_uuid: &str) -> Result<GuestDevices> {
        let script = format!("uri={URI}\n{DEVICES}");
        let look = format!("taps and disks of {name_or_uuid}");
        let cmd = Cmd::shell(script).arg(name_or_uuid).look(look).repeatable();
        let output = self.virsh_run(cmd, Some(name_or_uuid)).await?;
        Ok(parse_devices(&output.text()))
    }
}

const DEVICES: &str = r#"
virsh -r -c "$uri" domstate --domain "$1" >/dev/null || exit $?
virsh -r -c "$uri" domiflist --domain "$1" | awk 'NR > 2 && $1 != "" && $1 != "-" { print $1 }' | while read -r tap; do
  echo "tap $tap $(cat "/sys/class/net/$tap/mtu" 2>/dev/null || echo -) $(cat "/sys/class/net/$tap/operstate" 2>/dev/null || echo -)"
done
virsh -r -c "$uri" domblklist --details --domain "$1" | sed -n 's/^ *\(file\|block\)  *[a-z]*  *[a-z0-9]*  *\(.*[^ ]\) *$/\2/p' | while read -r disk; do
  [ "$disk" = - ] && continue
  echo "disk $disk"
  qemu-img info -U --backing-chain --output=json "$disk" 2>&1
done
exit 0"#;

#[cfg(test)]
mod tests {
    use super::{DomainState, parse_sightings};

    #[test]
    fn one_odd_domain_does_not_hide_the_others() {
        let xml = |name: &str| {
            format!(
                "<domain type='kvm'><name>{name}</name><uuid>u-{name}</uuid><memory>1024</memory></domain>\n"
            )
        };
        let text = format!(
            "{}\n==next==\n<domain type='kvm'><name>odd</name></domain>\n==next==\n{}\n==next==\n==states==\n\
             Domain: 'a'\n  state.state=5\n  state.reason=2\n\nDomain: 'b'\n  state.state=3\n  state.reason=1\n",
            xml("a"),
            xml("b")
        );
        let all = parse_sightings(&text, "a test");
        let seen: Vec<(&str, DomainState)> =
            all.sightings.iter().map(|found| (found.domain.name.as_str(), found.state)).collect();
        assert_eq!(seen, [("a", DomainState::ShutOff), ("b", DomainState::Paused)]);
        assert_eq!(all.unreadable.len(), 1);
        assert!(parse_sightings("", "a test").sightings.is_empty());
    }
}
