//! An environment as the command line makes it: hosts, journal folder, progress, the tests' hook.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use smog::Result;
use smog::environment::{Environment, Options, Tell};

use crate::session::Session;

/// Which hosts, and where the journal lies.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How")]
pub struct EnvironmentArgs {
    /// Only this host; may be given several times
    #[arg(long = "host", value_name = "HOST", add = crate::args::names::hosts())]
    pub hosts: Vec<String>,

    /// The folder of journals on this machine [default: ~/.local/state/smog/journal]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,

    /// Give up waiting for a service after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub timeout: u64,
}

impl EnvironmentArgs {
    /// The environment; `command` is what the lock says was asked.
    pub async fn environment(&self, session: &Session, command: &str) -> Result<Environment> {
        Environment::of_cloud(session.cloud().await?, &self.hosts, self.options(session, command)?).await
    }

    /// The environment for a restore: when the cloud does not answer, perhaps because of
    /// what is to be restored, the hosts of smog.yml.
    pub async fn environment_for_restore(&self, session: &Session) -> Result<Environment> {
        let options = self.options(session, "smog restore")?;
        let why = match session.cloud().await {
            Ok(cloud) => return Environment::of_cloud(cloud, &self.hosts, options).await,
            Err(why) if why.exit_code() == smog::ExitCode::CouldNotRun => why,
            Err(why) => return Err(why),
        };
        let file = session.smog_file()?;
        if file.hosts.is_empty() {
            return Err(why);
        }
        crate::output::warning_of("continuing with the hosts of smog.yml, without heartbeats", &why);
        Environment::of_file(&file, &self.hosts, options)
    }

    pub fn options(&self, session: &Session, command: &str) -> Result<Options> {
        let mut options = options(self.journal.as_deref(), session, command)?;
        options.timeout = Duration::from_secs(self.timeout);
        Ok(options)
    }
}

/// How changes of hosts are journaled: in this folder, or where journals are.
pub fn options(journal: Option<&Path>, session: &Session, command: &str) -> Result<Options> {
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(own_uid);
    let folder = match journal {
        Some(folder) => folder.to_path_buf(),
        None => session.surroundings.journal_folder()?,
    };
    let mut options = Options::new(folder, user, command);
    if !session.quiet {
        options.on_event = Some(Arc::new(tell));
    }
    // For tests only: the process is killed at its n-th step, as by a power cut.
    if let Some(last) = variable("SMOG_TEST_DIE_AT").and_then(|text| text.parse::<u32>().ok()) {
        options.at_step = Some(Arc::new(move |step| {
            if step == last {
                let pid = std::process::id().to_string();
                let _ = std::process::Command::new("kill").args(["-9", &pid]).status();
            }
            Ok(())
        }));
    }
    Ok(options)
}

/// "uid 0", for a process without a user's name in its environment.
fn own_uid() -> String {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or_else(|_| "unknown".into(), |own| format!("uid {}", own.uid()))
}

/// A variable of this process that is set to something.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// One line per event on standard error.
fn tell(what: Tell<'_>) {
    crate::output::note(&format!("{}: {}", what.host, what.text));
}
