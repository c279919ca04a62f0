//! Where smog's settings come from: `OS_*` variables, `clouds.yaml`, a keystonerc
//! file, `smog.yml` (and its 2015 form `smog_config.yml`).
//!
//! The library does not read the user's environment: a face collects it into
//! [`Surroundings`] and everything here is a function of that.

mod clouds_yaml;
mod computes;
mod credentials;
mod keys;
mod keystonerc;
mod layers;
mod os_variables;
mod secret;
mod sections;
mod set;
mod smog_yml;
mod tree;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, Result};

pub use computes::{ComputeEntry, ComputesFile};
pub use credentials::{Credentials, Login, Scope};
pub use keys::schema;
pub use layers::SettingLine;
pub use secret::{Secret, is_secret};
pub use sections::{
    AllowEntry, CirrosSection, ConfOption, ConfValue, HostKind, LiveMigrationSection, NovaSection,
    WatchSection,
};
pub use smog_yml::{HostEntry, LabSection, SmogFile, SshSection};
pub use tree::Origin;

/// What a face knows about the user: variables, folders and flags.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Environment variables (only `OS_*` and `SMOG_*` are looked at).
    pub variables: BTreeMap<String, String>,
    /// The current folder.
    pub current_dir: PathBuf,
    /// The user's configuration folder (`~/.config`).
    pub config_dir: Option<PathBuf>,
    /// The user's folder for what is kept between runs (`~/.local/state`).
    pub state_dir: Option<PathBuf>,
    /// `--os-cloud NAME`.
    pub os_cloud: Option<String>,
    /// `--rc FILE`: a keystonerc/openrc file.
    pub rc_file: Option<PathBuf>,
    /// `--config FILE`: the one smog.yml to read.
    pub config_file: Option<PathBuf>,
    /// `--set PATH=VALUE`, in the order given; they overrule everything else.
    pub sets: Vec<String>,
    /// `--suite NAME`: the suite whose file lies over smog.yml, its hosts and credentials
    /// included; see [`Surroundings::suite_file`].
    pub suite: Option<String>,
}

impl Settings {
    /// What the file says with a suite's file over it; see
    /// [`Surroundings::suite_settings`], which also decides on credentials anew.
    ///
    /// # Errors
    /// [`Error::Config`] when the suite's file cannot be understood.
    pub fn suite(&self, name: &str) -> Result<SmogFile> {
        match self.file.layers.suite_path(name) {
            Some(path) => self.file.with_suite(&path),
            None => Ok(self.file.clone()),
        }
    }
}

/// Values of variables and flags may be passwords.
impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("current_dir", &self.current_dir)
            .field("config_dir", &self.config_dir)
            .field("state_dir", &self.state_dir)
            .field("os_cloud", &self.os_cloud)
            .field("rc_file", &self.rc_file)
            .field("config_file", &self.config_file)
            .field("suite", &self.suite)
            .field("sets", &self.sets.iter().map(|set| set.split('=').next()).collect::<Vec<_>>())
            .finish()
    }
}

/// All settings of one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who talks to which cloud.
    pub credentials: Credentials,
    /// The file's other sections; empty when there is no file.
    pub file: SmogFile,
    /// Things a person should be told once, such as a rewritten URL.
    pub notices: Vec<String>,
}

impl Surroundings {
    /// Those of this process: its `OS_*` and `SMOG_*` variables and the user's folders.
    /// The one place of the library that looks at them, and only when a face asks.
    #[expect(clippy::disallowed_methods, reason = "this is the door through which a face passes them in")]
    pub fn of_process() -> Surroundings {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("OS_") || name.starts_with("SMOG_"))
            .collect();
        let config_dir = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")));
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state_dir = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
        Surroundings {
            variables,
            current_dir: std::env::current_dir().unwrap_or_default(),
            config_dir,
            state_dir,
            ..Surroundings::default()
        }
    }

    /// Where journals of changed hosts are kept, the same for every face, so that each restores
    /// what another changed. `way` is how a face lets a person name another folder.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the user has no folder for such things.
    pub fn journal_folder(&self, way: &str) -> Result<PathBuf> {
        self.state_folder("journal", way)
    }

    /// Where runs of tests are recorded when neither the user nor smog.yml names a folder.
    /// `way` is how a face lets a person name another.
    ///
    /// # Errors
    /// As [`Surroundings::journal_folder`].
    pub fn log_folder(&self, way: &str) -> Result<PathBuf> {
        self.state_folder("logs", way)
    }

    fn state_folder(&self, name: &str, way: &str) -> Result<PathBuf> {
        let folder = self.state_dir.as_ref().map(|state| state.join("smog").join(name));
        folder.ok_or_else(|| Error::Invalid {
            what: format!("the folder of the {name}"),
            why: "neither XDG_STATE_HOME nor HOME is set".into(),
            hint: Some(format!("name one with `{way}`")),
        })
    }

    /// Read every source and decide.
    ///
    /// Credentials are taken from the first of: `--rc`, `--os-cloud`, the variable
    /// `OS_CLOUD`, the variables `OS_AUTH_URL` and its friends, `credentials:` in
    /// smog.yml, `cloud:` in smog.yml, the only cloud in clouds.yaml.
    ///
    /// # Errors
    /// [`Error::Config`] for files and variables that cannot be used,
    /// [`Error::NotFound`] for an unknown cloud, [`Error::Auth`] when no source has
    /// credentials.
    pub fn settings(&self) -> Result<Settings> {
        self.settings_of(self.smog_file()?)
    }

    fn settings_of(&self, file: SmogFile) -> Result<Settings> {
        let mut notices = file.notices.clone();
        let mut credentials = self.credentials(&file)?;
        notices.extend(credentials.use_keystone_v3());
        Ok(Settings { credentials, file, notices })
    }

    /// What all smog.yml files, `SMOG_*` variables and `--set` flags say together.
    ///
    /// Later ones overrule earlier ones, key by key: `/etc/smog/smog.yml`, the user's
    /// `smog/smog.yml`, `./smog.yml` (else `./smog_config.yml`), variables, flags. A
    /// file named by `--config` or `SMOG_CONFIG` takes the place of all others.
    ///
    /// # Errors
    /// [`Error::Config`] when one cannot be read or understood.
    pub fn smog_file(&self) -> Result<SmogFile> {
        match &self.suite {
            Some(suite) => self.suite_file(suite),
            None => layers::Layers::of(self)?.smog_file(),
        }
    }

    /// The settings with a suite's file over smog.yml: a path, or a name that is looked
    /// for as `./NAME.yml`, `./configs/NAME.yml`, and `suites/NAME.yml` beside a smog.yml.
    /// A suite without a file has the settings of all.
    ///
    /// # Errors
    /// As [`Surroundings::settings`].
    pub fn suite_settings(&self, suite: &str) -> Result<Settings> {
        self.settings_of(self.suite_file(suite)?)
    }

    /// As [`Surroundings::suite_settings`], without credentials.
    ///
    /// # Errors
    /// [`Error::Config`] when a file cannot be read or understood.
    pub fn suite_file(&self, suite: &str) -> Result<SmogFile> {
        let layers = layers::Layers::of(self)?;
        match layers.suite_path(suite) {
            Some(path) => layers.with_suite(&path)?.smog_file(),
            None => layers.smog_file(),
        }
    }

    /// The files that are merged, the weakest first.
    pub(crate) fn smog_paths(&self) -> Vec<PathBuf> {
        // A file that was named must exist; the others are looked for.
        if let Some(named) = &self.config_file {
            return vec![named.clone()];
        }
        if let Some(named) = self.variables.get("SMOG_CONFIG").filter(|value| !value.is_empty()) {
            return vec![PathBuf::from(named)];
        }
        let mut places = vec![PathBuf::from("/etc/smog/smog.yml")];
        places.extend(self.config_dir.iter().map(|dir| dir.join("smog/smog.yml")));
        let here = ["smog.yml", "smog_config.yml"].map(|name| self.current_dir.join(name));
        places.extend(here.into_iter().find(|path| path.is_file()));
        places.retain(|path| path.is_file());
        places
    }

    fn credentials(&self, file: &SmogFile) -> Result<Credentials> {
        if let Some(path) = &self.rc_file {
            return keystonerc::read(path);
        }
        let chosen = self.os_cloud.clone().or_else(|| {
            let name = self.variables.get("OS_CLOUD").filter(|name| !name.is_empty())?;
            Some(name.clone())
        });
        if let Some(name) = chosen {
            return clouds_yaml::read(&self.clouds_yaml_places(), &name);
        }
        if self.variables.get("OS_AUTH_URL").is_some_and(|url| !url.is_empty()) {
            return os_variables::credentials(&self.variables, "the OS_* variables");
        }
        if let Some(found) = &file.credentials {
            return Ok(found.clone());
        }
        if let Some(name) = &file.cloud {
            return clouds_yaml::read(&self.clouds_yaml_places(), name);
        }
        clouds_yaml::only(&self.clouds_yaml_places())?.ok_or_else(|| Error::Auth {
            message: "no credentials: neither OS_* variables, nor a cloud name, nor smog.yml has any".into(),
            hint: "source an openrc file, or name a cloud of clouds.yaml with `--os-cloud NAME`; \
                   with smog's own lab: eval \"$(lab/env)\""
                .into(),
        })
    }

    /// openstacksdk's search path, so that what works there works here.
    fn clouds_yaml_places(&self) -> Vec<PathBuf> {
        if let Some(named) = self.variables.get("OS_CLIENT_CONFIG_FILE").filter(|value| !value.is_empty()) {
            return vec![PathBuf::from(named)];
        }
        let mut folders = vec![self.current_dir.clone()];
        folders.extend(self.config_dir.iter().map(|dir| dir.join("openstack")));
        folders.push(PathBuf::from("/etc/openstack"));
        folders
            .iter()
            .flat_map(|folder| ["clouds.yaml", "clouds.yml"].map(|name| folder.join(name)))
            .collect()
    }
}
