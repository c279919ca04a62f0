//! Asking for a password, so that Ctrl-C ends the question.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::interrupt::is_interrupted;

/// So often it is looked whether there was an interrupt.
const LOOK: Duration = Duration::from_millis(50);

/// What is typed on the terminal, unseen; none after Ctrl-C, or where there is no terminal. The
/// terminal shows again what is typed in any case.
pub fn ask(question: &str) -> Option<String> {
    let terminal = std::fs::File::open("/dev/tty").ok();
    let before = terminal.as_ref().and_then(|terminal| rustix::termios::tcgetattr(terminal).ok());
    let (to, answer) = channel();
    let question = question.to_string();
    // smog counts interrupts, so they do not end the read: it is left to itself.
    std::thread::spawn(move || {
        let _ = to.send(rpassword::prompt_password(question).ok());
    });
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Timeout) if !is_interrupted() => {}
            Err(_) => break,
        }
    }
    if let (Some(terminal), Some(before)) = (terminal, before) {
        let _ = rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, &before);
    }
    crate::output::note("");
    None
}
