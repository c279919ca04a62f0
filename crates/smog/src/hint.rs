//! Hints: what to do about an error. A hint names what to ask of smog as data ([`Words`]), and each
//! face says it in its own words: the command its subcommands and flags, Python its methods and
//! keywords. The words of all faces stand here and nowhere else in the core.

use crate::quote::quote;

/// The face whose words a hint uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Face {
    /// The command `smog`.
    #[default]
    Command,
    /// A Python prompt or program.
    Python,
}

/// One thing to ask of smog, in the words of each face; `{}` is a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    /// A command line, or a flag.
    pub command: &'static str,
    /// A call, or a keyword.
    pub python: &'static str,
}

/// A hint: sentences, with what to ask of smog between them.
///
/// ```
/// use smog::hint::{DISCOVER, Face, GUEST_UNLOCK, Hint};
///
/// let hint = GUEST_UNLOCK.with("my web").and(", by an administrator; ").and(DISCOVER.hint());
/// assert_eq!(
///     hint.words(Face::Command),
///     "`smog guest unlock 'my web'`, by an administrator; `smog discover`"
/// );
/// assert_eq!(
///     hint.words(Face::Python),
///     "`cloud.guest('my web').unlock()`, by an administrator; `cloud.discover()`"
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Ask(&'static Words, Option<String>),
}

impl Words {
    /// A hint of this alone.
    pub fn hint(&'static self) -> Hint {
        Hint(vec![Part::Ask(self, None)])
    }

    /// The same about the thing of this name.
    pub fn with(&'static self, name: &str) -> Hint {
        Hint(vec![Part::Ask(self, Some(name.to_string()))])
    }

    /// How a face says it.
    pub fn words(&self, face: Face, name: Option<&str>) -> String {
        let name = name.unwrap_or("NAME");
        match face {
            Face::Command => self.command.replace("{}", &quote(name)),
            Face::Python => self.python.replace("{}", &python_text(name)),
        }
    }
}

/// A text as Python writes it, in quotes.
fn python_text(text: &str) -> String {
    let quotes = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut written = String::from(quotes);
    for c in text.chars() {
        match c {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            c if c == quotes => written.extend(['\\', c]),
            c => written.push(c),
        }
    }
    written.push(quotes);
    written
}

impl Hint {
    /// The hint, in the words of a face.
    pub fn words(&self, face: Face) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Ask(words, name) => format!("`{}`", words.words(face, name.as_deref())),
            })
            .collect()
    }

    /// The hint, with more after it.
    #[must_use]
    pub fn and(mut self, more: impl Into<Hint>) -> Hint {
        self.0.extend(more.into().0);
        self
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Hint {
        Hint(vec![Part::Text(text)])
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Hint {
        Hint::from(text.to_string())
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $command:literal, $python:literal;)*) => {
        $($(#[$doc])* pub const $name: &Words = &Words { command: $command, python: $python };)*

        /// All that a hint can name.
        pub const ALL: &[&Words] = &[$($name),*];
    };
}

words! {
    /// Every guest of the cloud, with what contradicts itself.
    DISCOVER: "smog discover", "cloud.discover()";
    /// One guest.
    GUEST_SHOW: "smog guest show {}", "cloud.guest({})";
    /// What was done to a guest, and how it ended.
    GUEST_ACTIONS: "smog guest actions {}", "cloud.guest({}).actions()";
    /// The moves of a guest that ended.
    GUEST_MIGRATIONS: "smog guest migrations {}", "cloud.guest({}).migrations()";
    /// The volumes of a guest, as Nova, Cinder and libvirt have them.
    GUEST_VOLUMES: "smog volume list --guest {}", "cloud.guest({}).volumes()";
    /// Take a volume away from the guest that has it.
    VOLUME_DETACH: "smog volume detach {}", "guest.detach_volume({})";
    /// Start a guest.
    GUEST_START: "smog guest start {}", "cloud.guest({}).start()";
    /// Resume a guest.
    GUEST_RESUME: "smog guest resume {}", "cloud.guest({}).resume()";
    /// Unshelve a guest.
    GUEST_UNSHELVE: "smog guest unshelve {}", "cloud.guest({}).unshelve()";
    /// Unlock a guest.
    GUEST_UNLOCK: "smog guest unlock {}", "cloud.guest({}).unlock()";
    /// Define the domain again.
    GUEST_REBOOT_HARD: "smog guest reboot --hard {}", "cloud.guest({}).reboot(hard=True)";
    /// Delete a guest.
    GUEST_DELETE: "smog delete {}", "cloud.guest({}).delete()";
    /// All flavors.
    FLAVORS: "smog flavor list", "cloud.flavors()";
    /// Delete a flavor.
    FLAVOR_DELETE: "smog flavor delete {}", "cloud.flavor({}).delete()";
    /// Ask Nova for an extra spec that smog refuses.
    FLAVOR_EXTRA: "smog flavor create --extra KEY=VALUE", "FlavorSpec().extra('KEY', 'VALUE')";
    /// Remove what dead runs have left.
    CLEAN: "smog clean", "cloud.clean()";
    /// Remove what one run has left.
    CLEAN_RUN: "smog clean --run {}", "cloud.clean(run={})";
    /// Undo what was prepared.
    RESTORE: "smog restore", "cloud.environment().restore(all=True)";
    /// The same for one run.
    RESTORE_RUN: "smog restore --run {}", "cloud.environment().restore(run={})";
    /// The same on a host whose lock is broken.
    RESTORE_BREAK_LOCK: "smog restore --break-lock {}",
        "cloud.environment().restore(all=True, break_lock=[{}])";
    /// Keep what someone else changed.
    RESTORE_KEEP: "smog restore --keep", "cloud.environment().restore(all=True, on_conflict='keep')";
    /// Restore over what someone else changed.
    RESTORE_FORCE: "smog restore --force", "cloud.environment().restore(all=True, on_conflict='force')";
    /// Restore only what smog changed.
    RESTORE_MERGE: "smog restore --merge", "cloud.environment().restore(all=True, on_conflict='merge')";
    /// The logs on the hosts.
    LOGS: "smog logs", "cloud.watch(follow=False)";
    /// The logs of one host.
    LOGS_OF_HOST: "smog logs --host {} --since 1h", "cloud.watch(hosts=[{}], follow=False)";
    /// The exceptions that were logged under a request.
    EXCEPTIONS_OF_REQUEST: "smog logs --request {} --exceptions", "cloud.watch(requests=[{}], exceptions=True, follow=False)";
    /// What came first, from the logs on the hosts.
    TRIAGE: "smog triage", "cloud.triage()";
    /// Whether a host has Python.
    PYTHON_OF_HOST: "smog host run {} -- python3 -V", "cloud.host({}).run('python3', '-V')";
    /// Record what smog can read of a cloud.
    RECORD: "smog record FILE", "smog record FILE";
    /// Which cloud of clouds.yaml.
    CLOUD: "--os-cloud NAME", "smog.connect('NAME')";
    /// Which openrc file.
    RC: "--rc", "rc=";
    /// A setting of smog.yml.
    SETTING: "--set hosts.computes.0.host=10.0.0.5", "settings={'hosts.computes.0.host': '10.0.0.5'}";
    /// An option of a file on the hosts.
    CONF_OPTION: "--set nova.conf:libvirt.virt_type=kvm", "cloud.environment('nova.conf:libvirt.virt_type=kvm')";
    /// How long to wait.
    TIMEOUT: "--timeout SECONDS", "timeout=SECONDS";
    /// A flavor by its name.
    FLAVOR: "--flavor NAME", "flavor='NAME'";
    /// A flavor that smog makes.
    OWN_FLAVOR: "--vcpus 1 --ram 256", "flavor=FlavorSpec(vcpus=1, ram_mib=256)";
    /// A network by its name.
    NETWORK: "--network NAME", "network='NAME'";
    /// No network.
    NO_NETWORK: "--network none", "network='none'";
    /// Where journals of prepared hosts are kept.
    JOURNAL: "--journal DIR", "journal=DIR";
    /// Where runs are recorded.
    LOG_DIR: "--log-dir DIR", "log_dir=DIR";
    /// Accept that something was not read.
    ALLOW_UNREAD: "--allow-unread", "allow_unread=True";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_each_face_writes_texts() {
        let said = |name: &str| {
            let hint = Hint::from("see ").and(GUEST_SHOW.with(name));
            (hint.words(Face::Command), hint.words(Face::Python))
        };
        let both = |command: &str, python: &str| (command.to_string(), python.to_string());
        assert_eq!(said("web"), both("see `smog guest show web`", "see `cloud.guest('web')`"));
        assert_eq!(said("a b"), both("see `smog guest show 'a b'`", "see `cloud.guest('a b')`"));
        assert_eq!(said("it's").1, "see `cloud.guest(\"it's\")`");
        assert_eq!(said("'\"\\").1, r#"see `cloud.guest('\'"\\')`"#);
        let nested = RESTORE_BREAK_LOCK.with("cmp1");
        let said = "`cloud.environment().restore(all=True, break_lock=['cmp1'])`";
        assert_eq!(nested.words(Face::Python), said);
    }
}
