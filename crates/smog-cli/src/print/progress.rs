//! A long wait, shown: one moving line on a terminal, a line at each change elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use smog::show::visible_line;
use smog::wait::{Wait, Waiting};

use crate::output;

pub struct Progress {
    bar: Option<ProgressBar>,
    said: Mutex<String>,
    quiet: bool,
    begun: Instant,
}

impl Progress {
    /// Show `what` from now on. Nothing is shown when `quiet`.
    pub fn begin(what: impl Into<String>, quiet: bool) -> Progress {
        let what = what.into();
        let on_terminal = output::err_is_terminal() && !quiet;
        let bar = on_terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg} {elapsed:.dim}") {
                bar.set_style(style);
            }
            bar.set_prefix(visible_line(&what).into_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { bar, said: Mutex::default(), quiet, begun: Instant::now() }
    }

    /// Show a state.
    pub fn state(&self, state: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(visible_line(state).into_owned());
            return;
        }
        let Ok(mut said) = self.said.lock() else { return };
        if !self.quiet && *said != state {
            output::note(&format!("  {}", visible_line(state)));
            *said = state.to_string();
        }
    }

    /// How long it has been going on.
    pub fn so_far(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Print something that stays, above the moving line.
    pub fn above(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Wait with this progress shown.
    pub fn wait<'a>(&'a self, timeout: Duration, tell: &'a (dyn Fn(Waiting<'_>) + Send + Sync)) -> Wait<'a> {
        Wait { timeout, every: Duration::from_millis(400), tell }
    }

    /// Stop showing; returns how long it took.
    pub fn end(self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.begun.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
