use smog::ExitCode;

use crate::output;

/// smog's own licence, and those of the crates in this binary: written by `cargo about`.
const TEXTS: [&str; 2] =
    [include_str!("../../../../LICENSE"), include_str!("../../../../THIRD-PARTY-LICENSES.txt")];

pub fn run() -> ExitCode {
    for text in TEXTS {
        output::text(&text.replace("\r\n", "\n"));
    }
    ExitCode::Ok
}
