//! Sets of CPU (or NUMA node) numbers in the notation of the kernel, libvirt and Nova: `0-3,^2,8`.
//!
//! The same notation stands in `Cpus_allowed_list` of `/proc/PID/status`, in
//! `<vcpupin cpuset=…>` of the domain XML and in Nova's `cpu_dedicated_set`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// The highest number that is accepted: far above any machine, low enough that
/// a typo such as `0-99999999999` cannot eat the memory.
pub(crate) const HIGHEST: u32 = 65_535;

/// An ordered set of CPU or cell numbers.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpuset {
    cpus: BTreeSet<u32>,
}

impl Cpuset {
    /// The empty set.
    pub fn new() -> Cpuset {
        Cpuset::default()
    }

    /// The set of a kernel mask as in `/proc/irq/N/smp_affinity` and
    /// `/sys/devices/system/cpu/cpu0/topology/thread_siblings`: hexadecimal
    /// words of 32 bits, highest first, with commas between (`1,00000003` = 0-1,32).
    ///
    /// # Errors
    /// [`Error::Parse`] when a word is not hexadecimal or too long.
    pub fn from_mask(mask: &str) -> Result<Cpuset, Error> {
        let bad = |why: String| Error::Parse {
            what: "CPU mask".to_string(),
            source_of: format!("`{}`", mask.trim()),
            why,
        };
        let mut cpus = BTreeSet::new();
        for (index, word) in mask.trim().rsplit(',').enumerate() {
            let word = word.trim().trim_start_matches("0x");
            if word.len() > 8 {
                return Err(bad(format!("`{word}` has more than 32 bits")));
            }
            let bits = u32::from_str_radix(word, 16).map_err(|err| bad(format!("`{word}`: {err}")))?;
            let base = u32::try_from(index * 32).map_err(|err| bad(err.to_string()))?;
            cpus.extend((0..32).filter(|bit| bits & (1 << bit) != 0).map(|bit| base + bit));
        }
        Ok(Cpuset { cpus })
    }

    /// How many numbers are in the set.
    pub fn len(&self) -> usize {
        self.cpus.len()
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.cpus.is_empty()
    }

    /// Whether `cpu` is in the set.
    pub fn contains(&self, cpu: u32) -> bool {
        self.cpus.contains(&cpu)
    }

    /// The numbers, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.cpus.iter().copied()
    }

    /// Insert a number; returns whether it is new.
    pub fn insert(&mut self, cpu: u32) -> bool {
        self.cpus.insert(cpu)
    }

    /// The lowest number.
    pub fn first(&self) -> Option<u32> {
        self.cpus.first().copied()
    }

    /// What is in either.
    pub fn union(&self, other: &Cpuset) -> Cpuset {
        Cpuset { cpus: &self.cpus | &other.cpus }
    }

    /// What is in both.
    pub fn intersection(&self, other: &Cpuset) -> Cpuset {
        Cpuset { cpus: &self.cpus & &other.cpus }
    }

    /// What is in this and not in `other`.
    pub fn difference(&self, other: &Cpuset) -> Cpuset {
        Cpuset { cpus: &self.cpus - &other.cpus }
    }

    /// Whether all of this is in `other`.
    pub fn is_subset(&self, other: &Cpuset) -> bool {
        self.cpus.is_subset(&other.cpus)
    }

    /// Whether nothing is in both.
    pub fn is_disjoint(&self, other: &Cpuset) -> bool {
        self.cpus.is_disjoint(&other.cpus)
    }
}

impl FromStr for Cpuset {
    type Err = Error;

    /// Numbers, ranges `a-b` and exclusions `^n` or `^a-b`, with commas between;
    /// an exclusion holds wherever it stands, as in Nova. An empty text is the empty set.
    fn from_str(text: &str) -> Result<Cpuset, Error> {
        let bad = |why: String| Error::Parse {
            what: "CPU set".to_string(),
            source_of: format!("`{}`", text.trim()),
            why,
        };
        let (mut cpus, mut without) = (BTreeSet::new(), BTreeSet::new());
        if text.trim().is_empty() {
            return Ok(Cpuset { cpus });
        }
        for part in text.split(',').map(str::trim) {
            let (target, range) = match part.strip_prefix('^') {
                Some(range) => (&mut without, range.trim()),
                None => (&mut cpus, part),
            };
            let number = |digits: &str| -> Result<u32, Error> {
                let digits = digits.trim();
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(bad(format!("`{part}` is neither a number nor a range")));
                }
                match digits.parse::<u32>() {
                    Ok(number) if number <= HIGHEST => Ok(number),
                    _ => Err(bad(format!("`{digits}` is above {HIGHEST}"))),
                }
            };
            match range.split_once('-') {
                Some((from, to)) => {
                    let (from, to) = (number(from)?, number(to)?);
                    if from > to {
                        return Err(bad(format!("`{range}` runs backwards")));
                    }
                    target.extend(from..=to);
                }
                None => {
                    target.insert(number(range)?);
                }
            }
        }
        cpus.retain(|cpu| !without.contains(cpu));
        Ok(Cpuset { cpus })
    }
}

impl fmt::Display for Cpuset {
    /// The kernel's list form: `0-3,8`; nothing for the empty set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.cpus.iter().copied().peekable();
        let mut between = "";
        while let Some(from) = numbers.next() {
            let mut to = from;
            while numbers.next_if_eq(&(to + 1)).is_some() {
                to += 1;
            }
            match to - from {
                0 => write!(f, "{between}{from}")?,
                _ => write!(f, "{between}{from}-{to}")?,
            }
            between = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Cpuset {
    /// The list form in braces, `{0-3,8}`: failed checks and tests show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl FromIterator<u32> for Cpuset {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Cpuset {
        Cpuset { cpus: numbers.into_iter().collect() }
    }
}

impl<const N: usize> From<[u32; N]> for Cpuset {
    fn from(numbers: [u32; N]) -> Cpuset {
        numbers.into_iter().collect()
    }
}

impl Serialize for Cpuset {
    /// The list form, as a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cpuset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cpuset, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Cpuset;

    fn set(text: &str) -> Cpuset {
        text.parse().expect("a CPU set")
    }

    #[test]
    fn lists_ranges_and_exclusions() {
        assert_eq!(set("0-3,^2,8"), Cpuset::from([0, 1, 3, 8]));
        assert_eq!(set("^2,0-3"), Cpuset::from([0, 1, 3]), "an exclusion holds wherever it stands");
        assert_eq!(set("0-7,^2-5"), Cpuset::from([0, 1, 6, 7]));
        assert_eq!(set(" 4 , 1 - 2\n"), Cpuset::from([1, 2, 4]));
        assert_eq!(set(""), Cpuset::new());
        assert_eq!(format!("{:?} {:?}", set("0-3,8"), Cpuset::new()), "{0-3,8} {}");
    }

    #[test]
    fn what_is_no_set_is_refused_with_the_part_that_is_wrong() {
        for (text, part) in [
            ("0-", "`0-`"),
            ("a", "`a`"),
            ("3-1", "backwards"),
            ("0,,1", "neither"),
            ("-1", "neither"),
            ("0-4294967296", "above"),
        ] {
            let message = text.parse::<Cpuset>().expect_err(text).to_string();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn masks() {
        assert_eq!(Cpuset::from_mask("1,00000003\n").expect("mask"), set("0-1,32"));
        assert_eq!(Cpuset::from_mask("00000000,000ff00f").expect("mask"), set("0-3,12-19"));
        assert!(Cpuset::from_mask("xyz").is_err());
        assert!(Cpuset::from_mask("112345678").is_err());
    }

    #[test]
    fn algebra() {
        let (a, b) = (set("0-3"), set("2-5"));
        assert_eq!(a.union(&b), set("0-5"));
        assert_eq!(a.intersection(&b), set("2-3"));
        assert_eq!(a.difference(&b), set("0-1"));
        assert!(set("2").is_subset(&a) && !b.is_subset(&a));
        assert!(set("0-1").is_disjoint(&set("2-3")) && !a.is_disjoint(&b));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(numbers in proptest::collection::btree_set(0_u32..300, 0..40)) {
            let cpus: Cpuset = numbers.iter().copied().collect();
            prop_assert_eq!(set(&cpus.to_string()), cpus);
        }

        #[test]
        fn no_text_panics(text in "[0-9,^ -]{0,20}") {
            let _ = text.parse::<Cpuset>();
        }
    }
}
