//! What ends a command from outside: Ctrl-C, SIGTERM, the end of the terminal.

use tokio::signal::unix::SignalKind;

/// How many times the command was asked to end.
static INTERRUPTS: std::sync::LazyLock<tokio::sync::watch::Sender<usize>> =
    std::sync::LazyLock::new(|| tokio::sync::watch::Sender::new(0));

/// Ctrl-C, SIGTERM, or the end of the terminal (unless nohup has it ignored) came, also
/// before anyone waited for it.
pub async fn interrupted() {
    interrupts(1).await;
}

/// The same, so many times.
pub async fn interrupts(count: usize) {
    // The sender lives as long as the process.
    let _ = INTERRUPTS.subscribe().wait_for(|come| *come >= count).await;
}

/// Whether the command was asked to end. For what waits without being a future.
pub fn is_interrupted() -> bool {
    *INTERRUPTS.borrow() > 0
}

/// Count interrupts from now on. One that comes when nothing waits is not lost.
pub fn count_interrupts() {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if !hangup_is_ignored() {
        kinds.push(SignalKind::hangup());
    }
    for kind in kinds {
        // Registered here, and not when the task first runs.
        let Ok(mut signal) = tokio::signal::unix::signal(kind) else { continue };
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                INTERRUPTS.send_modify(|come| *come += 1);
            }
        });
    }
}

/// Whether this process was started with SIGHUP ignored, which a handler would undo. Looked
/// at once, before there is one.
fn hangup_is_ignored() -> bool {
    static IGNORED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
    })
}
