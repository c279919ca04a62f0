//! A login, shared by everything that came from it, and made again in a forked child.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use smog::cloud::{CallRecord, Options};
use smog::config::{Settings, Surroundings};
use smog::{Cloud, Result};

/// So many API calls are remembered.
const REMEMBERED: usize = 2000;

/// A login. The core's own `Cloud` belongs to the process that made it: its connections
/// are served by threads a forked child does not have.
pub struct Session {
    surroundings: Surroundings,
    settings: Settings,
    clouds: Mutex<Vec<(u32, Cloud)>>,
    seen: Arc<Mutex<Seen>>,
}

/// What went by: for completion at the prompt and for `cloud.calls`.
#[derive(Default)]
pub struct Seen {
    /// Names of guests.
    pub guests: Vec<String>,
    /// Names of hosts.
    pub hosts: Vec<String>,
    /// The last API calls, the newest last.
    pub calls: VecDeque<CallRecord>,
}

impl Session {
    /// Log in.
    pub async fn open(surroundings: Surroundings, settings: Settings) -> Result<Session> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let cloud = Cloud::connect(&settings, options(&seen)).await?;
        Ok(Session { surroundings, settings, clouds: Mutex::new(vec![(std::process::id(), cloud)]), seen })
    }

    /// The same login with a suite's file over smog.yml; it logs in when first asked.
    pub fn of_suite(&self, suite: String) -> Result<Session> {
        let surroundings = Surroundings { suite: Some(suite), ..self.surroundings.clone() };
        let settings = surroundings.settings()?;
        Ok(Session { surroundings, settings, clouds: Mutex::default(), seen: self.seen.clone() })
    }

    /// This process's login.
    pub async fn cloud(&self) -> Result<Cloud> {
        let pid = std::process::id();
        let known = self.clouds.lock().ok().and_then(|clouds| of_process(&clouds, pid));
        if let Some(cloud) = known {
            return Ok(cloud);
        }
        let cloud = Cloud::connect(&self.settings, options(&self.seen)).await?;
        match self.clouds.lock() {
            Ok(mut clouds) => match of_process(&clouds, pid) {
                Some(first) => Ok(first),
                None => {
                    clouds.push((pid, cloud.clone()));
                    Ok(cloud)
                }
            },
            Err(_) => Ok(cloud),
        }
    }

    /// This process's login, if it has one: for what is in memory.
    pub fn cloud_in_hand(&self) -> Option<Cloud> {
        self.clouds.lock().ok().and_then(|clouds| clouds.first().map(|(_, cloud)| cloud.clone()))
    }

    /// What the settings were made from.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Look at what went by, or add to it.
    pub fn seen<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> Option<T> {
        self.seen.lock().ok().map(|mut seen| look(&mut seen))
    }

    /// Close the connections of this process.
    pub async fn close(&self) {
        let pid = std::process::id();
        let cloud = self.clouds.lock().ok().and_then(|clouds| of_process(&clouds, pid));
        if let Some(cloud) = cloud {
            cloud.close().await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What a parent opened is the parent's to close: its SSH connections would end with ours.
        let pid = std::process::id();
        if let Ok(clouds) = self.clouds.get_mut() {
            for (of, cloud) in clouds.drain(..) {
                if of != pid {
                    std::mem::forget(cloud);
                }
            }
        }
    }
}

fn of_process(clouds: &[(u32, Cloud)], pid: u32) -> Option<Cloud> {
    clouds.iter().find(|(of, _)| *of == pid).map(|(_, cloud)| cloud.clone())
}

fn options(seen: &Arc<Mutex<Seen>>) -> Options {
    let seen = seen.clone();
    let note = move |call: &CallRecord| {
        if let Ok(mut seen) = seen.lock() {
            if seen.calls.len() == REMEMBERED {
                seen.calls.pop_front();
            }
            seen.calls.push_back(call.clone());
        }
    };
    Options { on_call: Some(Arc::new(note)), ..Options::default() }
}
