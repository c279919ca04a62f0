//! A test that is stopped by SIGTERM or SIGINT ends by a panic: whatever takes its changes back when it
//! goes out of scope does so then as well.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Look at signals from now on. A second one ends the test at once.
pub fn look() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // From here on the signals do not end the process.
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            runtime.expect("a runtime").block_on(async {
                let mut term = signal(SignalKind::terminate()).expect("SIGTERM");
                let mut int = signal(SignalKind::interrupt()).expect("SIGINT");
                let _ = ready.send(());
                loop {
                    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
                    if STOPPED.swap(true, Ordering::SeqCst) {
                        std::process::exit(143);
                    }
                }
            });
        });
        let _ = is_ready.recv();
    });
}

/// End the test if a signal came. Asked after each command: what a test does in between is short.
#[track_caller]
pub fn end_if_so() {
    assert!(
        !STOPPED.load(Ordering::SeqCst) || std::thread::panicking(),
        "stopped by a signal; what was changed is taken back"
    );
}
