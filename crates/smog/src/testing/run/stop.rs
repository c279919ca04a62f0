//! A request to stop a run.

use std::sync::Arc;

/// A request to stop: cases are cut off, everything is cleaned up.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<tokio::sync::Notify>, Arc<std::sync::atomic::AtomicBool>);

impl Stop {
    /// Ask for it.
    pub fn stop(&self) {
        self.1.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.notify_waiters();
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }

    pub(super) async fn asked(&self) {
        loop {
            // Enlisted before the look, so that no notice is missed between the two.
            let notified = self.0.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.is_asked() {
                return;
            }
            notified.await;
        }
    }
}
