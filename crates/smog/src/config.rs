//! Where smog's settings come from: `OS_*` variables, `clouds.yaml`, a keystonerc
//! file, `smog.yml` (and its 2015 form `smog_config.yml`).
//!
//! The library does not read the user's environment: a face collects it into
//! [`Surroundings`] and everything here is a function of that.

mod clouds;
mod computes;
mod credentials;
mod fields;
mod keys;
mod layers;
mod login;
mod openrc;
mod os_variables;
mod secret;
mod sections;
mod set;
mod smog_yml;
mod tls;
mod tree;
mod trust;
mod yaml;

use crate::hint::{self, Hint};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::private_folder;

pub use computes::{ComputeEntry, ComputesFile};
pub use credentials::{Credentials, Login, Scope};
pub use keys::schema;
pub use layers::SettingLine;
pub use secret::{Secret, is_secret, without_passwords};
pub use sections::{
    AllowEntry, CirrosSection, ConfOption, ConfValue, HostKind, LiveMigrationSection, NovaSection,
    WatchSection,
};
pub use smog_yml::{HostEntry, LabSection, SimulatedCells, SmogFile, SshSection};
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
    /// The user's home, for `~` in files.
    pub home_dir: Option<PathBuf>,
    /// Where what can be had again is kept between runs (`~/.cache`).
    pub cache_dir: Option<PathBuf>,
    /// The user's folder for sockets (`$XDG_RUNTIME_DIR/smog`, else `/tmp/smog-UID`).
    pub runtime_dir: Option<PathBuf>,
    /// `--os-cloud NAME`.
    pub os_cloud: Option<String>,
    /// `--region NAME`: it counts more than every other source's.
    pub region: Option<String>,
    /// `--rc FILE`: a keystonerc/openrc file.
    pub rc_file: Option<PathBuf>,
    /// `--config FILE`: the one smog.yml to read.
    pub config_file: Option<PathBuf>,
    /// What a person answered to [`Surroundings::password_question`].
    pub password: Option<Secret>,
    /// `--set PATH=VALUE`, in the order given; they overrule everything else.
    pub sets: Vec<String>,
    /// `--suite NAME`: the suite whose file lies over smog.yml, its hosts and credentials
    /// included; see [`Surroundings::suite_file`].
    pub suite: Option<String>,
    /// Whether a person wants no more of it: asked while an openrc file runs in bash.
    pub give_up: Option<GiveUp>,
}

/// Whether what runs is to be cancelled.
pub type GiveUp = Arc<dyn Fn() -> bool + Send + Sync>;

impl Settings {
    /// What the file says with a suite's file over it; see
    /// [`Surroundings::suite_settings`], which also decides on credentials again.
    ///
    /// # Errors
    /// [`Error::Config`] when the suite's file cannot be understood.
    pub fn suite(&self, name: &str) -> Result<SmogFile> {
        let (path, notice) = self.file.layers.suite_path(name);
        let mut file = match path {
            Some(path) => self.file.with_suite(&path)?,
            None => self.file.clone(),
        };
        file.notices.extend(notice);
        Ok(file)
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
            .field("home_dir", &self.home_dir)
            .field("cache_dir", &self.cache_dir)
            .field("runtime_dir", &self.runtime_dir)
            .field("os_cloud", &self.os_cloud)
            .field("region", &self.region)
            .field("rc_file", &self.rc_file)
            .field("config_file", &self.config_file)
            .field("suite", &self.suite)
            .field("password", &self.password)
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
    /// The user's cache folder, in which tokens are kept; none keeps none.
    pub cache_dir: Option<PathBuf>,
    /// Notices for people, each shown once, such as a rewritten URL.
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
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // The XDG specification: a path that is not absolute is not looked at.
        let folder = |name: &str| set(name).filter(|folder| folder.is_absolute());
        let config_dir = folder("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
        let state_dir = folder("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
        let cache_dir = folder("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
        Surroundings {
            variables,
            current_dir: std::env::current_dir().unwrap_or_default(),
            config_dir,
            state_dir,
            home_dir: set("HOME"),
            cache_dir,
            // The folder is checked when the first connection is kept.
            runtime_dir: folder("XDG_RUNTIME_DIR")
                .filter(|folder| folder.is_dir())
                .map(|folder| folder.join("smog"))
                .or_else(|| Some(PathBuf::from(format!("/tmp/smog-{}", private_folder::me())))),
            ..Surroundings::default()
        }
    }

    /// Where journals of changed hosts are kept, the same for every face, so that each restores
    /// what another changed.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the user has no folder for such things.
    pub fn journal_folder(&self) -> Result<PathBuf> {
        self.state_folder("journal", hint::JOURNAL)
    }

    /// Where runs of tests are recorded when neither the user nor smog.yml names a folder.
    ///
    /// # Errors
    /// As [`Surroundings::journal_folder`].
    pub fn log_folder(&self) -> Result<PathBuf> {
        self.state_folder("logs", hint::LOG_DIR)
    }

    fn state_folder(&self, name: &str, another: &'static hint::Words) -> Result<PathBuf> {
        let folder = self.state_dir.as_ref().map(|state| state.join("smog").join(name));
        folder.ok_or_else(|| Error::Invalid {
            what: format!("the folder of the {name}"),
            why: "neither XDG_STATE_HOME nor HOME is set".into(),
            hint: Some(hint::Hint::from("name one with ").and(another.hint())),
        })
    }

    /// Read every source and decide.
    ///
    /// Credentials are taken from the first of: `--rc`, `--os-cloud`, the variable
    /// `OS_CLOUD`, the variables `OS_AUTH_URL` and its friends, `credentials:` in
    /// smog.yml, `cloud:` in smog.yml, the only cloud in clouds.yaml. `OS_*` variables are laid
    /// over a cloud of clouds.yaml, as the `openstack` command does; `--os-cloud envvars` names
    /// the variables themselves.
    ///
    /// # Errors
    /// [`Error::Config`] for files and variables that cannot be used,
    /// [`Error::NotFound`] for an unknown cloud, [`Error::Auth`] when no source has
    /// credentials, or an openrc file asks for a password that was not given.
    pub fn settings(&self) -> Result<Settings> {
        self.settings_of(self.smog_file()?)
    }

    fn settings_of(&self, file: SmogFile) -> Result<Settings> {
        let mut notices = file.notices.clone();
        let (mut credentials, said) = self.credentials(&file)?;
        notices.extend(said);
        notices.extend(credentials.use_keystone_v3());
        if let Some(region) = &self.region {
            credentials.region = Some(region.clone());
        }
        Ok(Settings { credentials, file, cache_dir: self.cache_dir.clone(), notices })
    }

    /// What to ask a person before [`Surroundings::settings`], where the openrc file of `--rc`
    /// asks for a password and neither [`Surroundings::password`] nor `OS_PASSWORD` has it.
    ///
    /// # Errors
    /// As [`Surroundings::settings`], for that file.
    pub fn password_question(&self) -> Result<Option<String>> {
        let Some(path) = &self.rc_file else { return Ok(None) };
        let found = openrc::read(path, self)?;
        let variable = |name: &str| found.variables.get(name).map_or("?", String::as_str);
        let project = found.variables.get("OS_PROJECT_NAME").map(|name| format!(" in project `{name}`"));
        Ok(found.asks.then(|| {
            format!("password of user `{}`{}", variable("OS_USERNAME"), project.unwrap_or_default())
        }))
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
    /// for as `./NAME.yml`, `./configs/NAME.yml`, and `suites/NAME.yml` next to a smog.yml.
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
        let (path, notice) = layers.suite_path(suite);
        let mut file = match path {
            Some(path) => layers.with_suite(&path)?.smog_file()?,
            None => layers.smog_file()?,
        };
        file.notices.extend(notice);
        Ok(file)
    }

    /// The files that are merged, the weakest first, and notices about those passed over.
    pub(crate) fn smog_paths(&self) -> (Vec<PathBuf>, Vec<String>) {
        // A file that was named must exist; the others are looked for.
        if let Some(named) = &self.config_file {
            return (vec![named.clone()], vec![]);
        }
        if let Some(named) = self.variables.get("SMOG_CONFIG").filter(|value| !value.is_empty()) {
            return (vec![PathBuf::from(named)], vec![]);
        }
        let mut places = vec![PathBuf::from("/etc/smog/smog.yml")];
        places.extend(self.config_dir.iter().map(|dir| dir.join("smog/smog.yml")));
        let here = ["smog.yml", "smog_config.yml"].map(|name| self.current_dir.join(name));
        places.extend(here.into_iter().find(|path| path.is_file()));
        places.retain(|path| path.is_file());
        let mut notices = Vec::new();
        places.retain(|path| match trust::why_not(path) {
            None => true,
            Some(why) => {
                notices.push(trust::notice(path, &why, &format!("--config {}", path.display())));
                false
            }
        });
        (places, notices)
    }

    fn credentials(&self, file: &SmogFile) -> Result<(Credentials, Vec<String>)> {
        let home = self.home_dir.as_deref();
        if let Some(path) = &self.rc_file {
            let found = openrc::read(path, self)?;
            if found.asks {
                return Err(Error::Auth {
                    message: format!("{} asks for the password, and no answer was given", path.display()),
                    hint: "set OS_PASSWORD, or run smog on a terminal, where it asks".into(),
                });
            }
            let source = format!("the variables in {}", path.display());
            let (credentials, said) =
                os_variables::credentials(&found.variables, &source, openrc::add_it, home)?;
            return Ok((credentials, [found.notices, said].concat()));
        }
        let set = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        let of_variables =
            || os_variables::credentials(&self.variables, "the OS_* variables", os_variables::set_it, home);
        let chosen = self.os_cloud.as_ref().or_else(|| set("OS_CLOUD"));
        let name = match chosen {
            Some(name) if name == set("OS_CLOUD_NAME").map_or("envvars", String::as_str) => {
                return of_variables();
            }
            Some(name) => Some(name.clone()),
            None if set("OS_AUTH_URL").is_some() => return of_variables(),
            None => match (&file.credentials, &file.cloud) {
                (Some(found), _) => return Ok((found.clone(), vec![])),
                (None, cloud) => cloud.clone(),
            },
        };
        let files = clouds::files::read(self)?;
        let variables = os_variables::fields(&self.variables);
        let over = clouds::Over { variables: &variables, region: self.region.as_deref(), home };
        let Some(name) = name.or_else(|| clouds::only(&files)) else {
            return Err(Error::Auth {
                message: "no credentials: neither OS_* variables, nor a cloud name, nor smog.yml has any"
                    .into(),
                hint: Hint::from("source an openrc file, or name a cloud of clouds.yaml with ")
                    .and(hint::CLOUD.hint())
                    .and("; with smog's own lab: eval \"$(lab/env)\"")
                    .and(files.notices.iter().map(|notice| format!("\n{notice}")).collect::<String>()),
            });
        };
        let (credentials, said) =
            clouds::read(&files, &name, &over).map_err(|why| with_notices(why, &files.notices))?;
        Ok((credentials, [files.notices, said].concat()))
    }

    /// openstacksdk's folders for its files, so that what works there works here.
    fn openstack_folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.current_dir.clone()];
        folders.extend(self.config_dir.iter().map(|dir| dir.join("openstack")));
        folders.extend(self.home_dir.iter().map(|home| home.join(".config/openstack")));
        folders.extend(["/etc/xdg/openstack", "/etc/openstack"].map(PathBuf::from));
        let mut seen = std::collections::BTreeSet::new();
        folders.retain(|folder| seen.insert(folder.clone()));
        folders
    }
}

/// A file that was passed over may be why a cloud is not found.
fn with_notices(why: Error, notices: &[String]) -> Error {
    match why {
        Error::NotFound { what, name, near } if near.is_empty() && !notices.is_empty() => Error::Config {
            place: what.clone(),
            message: format!("no {what} called `{name}`"),
            hint: Some(notices.join("\n").into()),
        },
        Error::Config { place, message, hint } if !notices.is_empty() => {
            let notices = notices.join("\n");
            let hint = match hint {
                Some(hint) => hint.and(format!("\n{notices}")),
                None => notices.into(),
            };
            Error::Config { place, message, hint: Some(hint) }
        }
        other => other,
    }
}
