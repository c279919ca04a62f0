//! Nova's API microversions.

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::{Error, Result};

/// A microversion such as 2.96; ordered by number, not by text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Microversion(pub u16, pub u16);

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl std::str::FromStr for Microversion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.split_once('.')
            .and_then(|(major, minor)| Some(Microversion(major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| Error::Invalid {
                what: format!("microversion `{text}`"),
                why: "not of the form 2.79".into(),
                hint: None,
            })
    }
}

/// What a service offers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub max: Microversion,
}

/// The newest microversion whose answers smog knows.
const NEWEST_KNOWN: Microversion = Microversion(2, 100);

/// Older than this, servers do not carry their flavor (2.47), hypervisors have no UUID
/// (2.53) and flavors do not show their extra specs (2.61; Rocky, 2018).
const OLDEST: Microversion = Microversion(2, 61);

#[derive(Deserialize)]
struct Document {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl Cloud {
    /// The compute microversion smog speaks with this cloud: the newest both know.
    ///
    /// # Errors
    /// [`Error::TooOld`] for a Nova before Rocky.
    pub async fn compute_microversion(&self) -> Result<Microversion> {
        let range = self.0.compute_versions.get_or_try_init(|| self.ask_compute_versions()).await?;
        if range.max < OLDEST {
            return Err(Error::TooOld {
                feature: "smog".into(),
                need: format!("Nova's API microversion {OLDEST}"),
                have: range.max.to_string(),
            });
        }
        Ok(range.max.min(NEWEST_KNOWN))
    }

    /// Say no, in words, when the cloud's Nova is older than `need`.
    ///
    /// # Errors
    /// [`Error::TooOld`].
    pub async fn needs_compute(&self, feature: &str, need: Microversion) -> Result<Microversion> {
        let have = self.compute_microversion().await?;
        if have < need {
            return Err(Error::TooOld {
                feature: feature.into(),
                need: format!("Nova's API microversion {need}"),
                have: have.to_string(),
            });
        }
        Ok(need)
    }

    async fn ask_compute_versions(&self) -> Result<Range> {
        // Nova publishes its maximum as "version" of the document at the root.
        let document: Document =
            self.call(Call::get(Service::Compute, "/")).await?.read("API version document")?;
        Ok(Range { max: document.version.version.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::Microversion;

    #[test]
    fn ordered_by_number() {
        let old: Microversion = "2.9".parse().expect("2.9");
        let new: Microversion = "2.100".parse().expect("2.100");
        assert!(old < new);
        assert!("2".parse::<Microversion>().is_err());
    }
}
