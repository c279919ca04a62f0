//! Deleting guests: many at once, each with its own result.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use super::Guest;
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::wait::Wait;

/// Guests deleted at once.
const AT_ONCE: usize = 8;

/// What became of one guest that was to be deleted.
#[derive(Debug)]
pub struct Deleted {
    /// The guest, as it was before.
    pub guest: Guest,
    /// How it ended.
    pub ended: Result<()>,
    /// How long it took.
    pub took: Duration,
}

impl Cloud {
    /// Guests that are to be deleted, by their full names or ids: all of them, or every error, so that
    /// a wrong name deletes nothing.
    ///
    /// # Errors
    /// For each name that is none, or only the beginning of one, why.
    pub async fn guests_in_full(&self, names: &[String]) -> Result<Vec<Guest>, Vec<Error>> {
        let (mut guests, mut unknown) = (vec![], vec![]);
        for asked in names {
            match self.guest(asked).await {
                Ok(guest) if guest.server.name == *asked || guest.server.id == *asked => guests.push(guest),
                Ok(guest) => unknown.push(Error::NotFound {
                    what: "guest".into(),
                    name: asked.clone(),
                    near: vec![guest.server.name],
                }),
                Err(why) => unknown.push(why),
            }
        }
        if unknown.is_empty() { Ok(guests) } else { Err(unknown) }
    }

    /// Delete guests, several at once, with the flavors smog made for them; in the order given.
    /// One that cannot be deleted does not stop the others. `ended` is called for each as it ends.
    pub async fn delete_guests(
        &self,
        guests: Vec<Guest>,
        wait: Wait<'_>,
        ended: &(dyn Fn(&Deleted) + Send + Sync),
    ) -> Vec<Deleted> {
        let mut seen = BTreeSet::new();
        let once = guests.into_iter().filter(|guest| seen.insert(guest.server.id.clone()));
        let one = |(at, guest): (usize, Guest)| async move {
            let begun = Instant::now();
            let result = guest.delete(wait).await;
            let deleted = Deleted { guest, ended: result, took: begun.elapsed() };
            ended(&deleted);
            (at, deleted)
        };
        // Collected first: a stream of a closure's futures could not be sent to another thread.
        let works: Vec<_> = once.enumerate().map(one).collect();
        let mut all: Vec<(usize, Deleted)> = stream::iter(works).buffer_unordered(AT_ONCE).collect().await;
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, deleted)| deleted).collect()
    }
}
