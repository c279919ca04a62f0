//! Names: of a run, and of what its cases make, so that each name shows its owner.

use jiff::Zoned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The id of a run: "1124-141502-3fa9". Everything a run makes is named `smog-ID…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunId(pub String);

impl RunId {
    /// An id that no other run has.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the kernel has no random bytes.
    pub fn new() -> Result<RunId> {
        let mut bytes = [0u8; 2];
        getrandom::fill(&mut bytes).map_err(|why| Error::Invalid {
            what: "id of a run".into(),
            why: format!("no random bytes: {why}"),
            hint: None,
        })?;
        let now = Zoned::now().strftime("%m%d-%H%M%S").to_string();
        Ok(RunId(format!("{now}-{:02x}{:02x}", bytes[0], bytes[1])))
    }

    /// How the names of everything it makes begin.
    pub fn prefix(&self) -> String {
        format!("smog-{}", self.0)
    }

    /// The run that a custom trait belongs to: of `CUSTOM_SMOG_1124_141502_3FA9_07_FAST`.
    pub fn of_trait(name: &str) -> Option<RunId> {
        RunId::of(&name.strip_prefix("CUSTOM_")?.to_lowercase().replace('_', "-"))
    }

    /// The run that a name belongs to: of `smog-1124-141502-3fa9-07-a`, and of no other name.
    pub fn of(name: &str) -> Option<RunId> {
        let rest = name.strip_prefix("smog-")?;
        let id = rest.get(..16)?;
        let shape = |at: usize, byte: u8| match at {
            4 | 11 => byte == b'-',
            12.. => byte.is_ascii_hexdigit(),
            _ => byte.is_ascii_digit(),
        };
        let ends = matches!(rest.as_bytes().get(16), None | Some(b'-'));
        (ends && id.bytes().enumerate().all(|(at, byte)| shape(at, byte))).then(|| RunId(id.to_string()))
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a case's folder: "test_large_pages-2026-11-24-8-56-45".
pub fn case_stamp(method: &str, at: &Zoned) -> String {
    format!(
        "{method}-{}-{}-{}-{}-{}-{}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_knows_its_own_and_nobody_else_s() {
        let run = RunId::new().expect("random bytes");
        let of = |name: &str| RunId::of(name);
        assert_eq!(of(&run.prefix()), Some(run.clone()));
        assert_eq!(of(&format!("{}-07-web", run.prefix())), Some(run.clone()));
        let others = [
            "smog-web",
            "web",
            "smog-",
            "smog-1124-141502-3fa9x",
            "smog-1124-141502-3fg9",
            "m1.tiny",
            "smog-1124",
        ];
        for other in others {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_case_s_folder_is_stamped_as_it_always_was() {
        let at: Zoned = "2015-06-01T08:56:45[UTC]".parse().expect("a time");
        assert_eq!(case_stamp("test_large_pages", &at), "test_large_pages-2015-6-1-8-56-45");
    }
}
