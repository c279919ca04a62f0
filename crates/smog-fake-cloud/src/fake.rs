//! The scripted cloud and its hosts together, as a user's surroundings.

use crate::{FakeCloud, FakeHosts, PASSWORD, Recording, Script};

/// What is wrong with a scripted cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// There is nothing in it.
    Empty,
    /// Its services refuse every request (403), as they do to who is not an administrator.
    Forbidden,
    /// None of its hosts answers.
    NoHosts,
}

/// A recorded cloud with its hosts, and a folder with a `smog.yml` for both.
#[derive(Debug)]
pub struct Fake {
    /// Its APIs.
    pub cloud: FakeCloud,
    /// Its hosts.
    pub hosts: FakeHosts,
}

impl Fake {
    /// Two guests on two computes, with this trouble.
    pub async fn two_guests(trouble: Trouble) -> Fake {
        let mut recording = Recording::two_guests();
        if trouble == Trouble::Empty {
            recording = recording.emptied();
        }
        let hosts = FakeHosts::start(match trouble {
            Trouble::NoHosts => Default::default(),
            _ => recording.hosts.clone(),
        });
        let refusal = (trouble == Trouble::Forbidden).then(|| {
            let why = "Policy doesn't allow this to be performed.";
            Script::status(403)
                .header("x-openstack-request-id", "req-6b1f0c5e-3d5b-4a0e-8f0e-0c6a1f3c9d11")
                .body(&format!(r#"{{"forbidden": {{"code": 403, "message": "{why}"}}}}"#))
        });
        let cloud = FakeCloud::recorded(recording, refusal).await;
        let file = hosts.folder().join("smog.yml");
        std::fs::write(file, include_str!("smog.yml")).expect("a smog.yml");
        Fake { cloud, hosts }
    }

    /// The variables that point smog here; all others that name a cloud are to be removed.
    pub fn variables(&self) -> Vec<(String, String)> {
        let folder = self.hosts.folder().display().to_string();
        let pairs = [
            ("PATH", self.hosts.path()),
            ("HOME", folder.clone()),
            ("XDG_CACHE_HOME", folder.clone()),
            ("SMOG_CONFIG", format!("{folder}/smog.yml")),
            ("SMOG_LOG_DIR", format!("{folder}/log")),
            ("XDG_RUNTIME_DIR", folder.clone()),
            // The stand-in for ssh links its sockets: none may outlive it.
            ("SMOG_SSH__KEEP", "0".into()),
            ("OS_AUTH_URL", self.cloud.auth_url()),
            ("OS_USERNAME", "admin".into()),
            ("OS_PASSWORD", PASSWORD.into()),
            ("OS_PROJECT_NAME", "admin".into()),
            ("OS_USER_DOMAIN_NAME", "Default".into()),
            ("OS_PROJECT_DOMAIN_NAME", "Default".into()),
        ];
        pairs.map(|(name, value)| (name.to_string(), value)).into()
    }
}
