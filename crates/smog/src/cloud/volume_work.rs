//! What was begun with volumes, so that it can be taken back when it is interrupted.

use std::sync::{Arc, Mutex};

use super::Cloud;
use crate::error::Error;
use crate::wait::Wait;

/// What a command has begun with volumes and not ended. A clone is of the same work.
#[derive(Debug, Clone, Default)]
pub struct VolumeWork(Arc<Mutex<Begun>>);

#[derive(Debug, Clone, Default)]
enum Begun {
    #[default]
    Nothing,
    /// A volume that is being made: its id.
    Made(String),
    /// An attachment: the server's and the volume's id.
    Attached { server: String, volume: String },
}

impl VolumeWork {
    pub(super) fn made(&self, volume: &str) {
        self.set(Begun::Made(volume.into()));
    }

    pub(super) fn attaches(&self, server: &str, volume: &str) {
        self.set(Begun::Attached { server: server.into(), volume: volume.into() });
    }

    /// It has ended: nothing is to be taken back.
    pub(super) fn done(&self) {
        self.set(Begun::Nothing);
    }

    fn set(&self, begun: Begun) {
        if let Ok(mut slot) = self.0.lock() {
            *slot = begun;
        }
    }
}

impl Cloud {
    /// Take back what was begun with volumes: a volume that was being made is deleted, an attachment
    /// that was being made is detached. What is left, as a sentence; none when nothing was begun.
    pub async fn take_back_volumes(&self, work: &VolumeWork, wait: Wait<'_>) -> Option<String> {
        let begun = work.0.lock().map(|mut slot| std::mem::take(&mut *slot)).unwrap_or_default();
        Some(match begun {
            Begun::Nothing => return None,
            Begun::Made(id) => match self.remove_unfinished(&id, wait).await {
                Ok(()) => "nothing is left behind".into(),
                Err(why) => format!("volume `{id}` may be left behind: {why}"),
            },
            Begun::Attached { server, volume } => match self.undo_attach(&server, &volume, wait).await {
                Ok(()) => "nothing is left attached".into(),
                Err(why) => format!("volume `{volume}` may be attached to server `{server}`: {why}"),
            },
        })
    }

    /// Cinder deletes no volume that it is at work on.
    async fn remove_unfinished(&self, id: &str, wait: Wait<'_>) -> crate::Result<()> {
        let volume = match self.volume_by_id(id).await {
            Err(Error::NotFound { .. }) => return Ok(()),
            found => found?,
        };
        let _ = self.wait_for_volume(&volume, "create of", &["available", "error"], wait).await;
        self.delete_volume(id, wait).await
    }
}
