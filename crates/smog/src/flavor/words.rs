//! The values Nova's extra specs can have.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::Error;

/// `hw:mem_page_size`: the pages behind the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PageSize {
    /// The base pages, 4 KiB on x86; also gives the guest a NUMA topology.
    Small,
    /// The largest huge pages the host has free.
    Large,
    /// Nova's choice; with the libvirt driver small pages, but an image may ask for large ones.
    Any,
    /// This size in KiB: 2048, 1048576.
    Kib(u64),
}

/// `hw:cpu_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CpuPolicy {
    /// vCPUs float over the host's shared CPUs (`cpu_shared_set`).
    Shared,
    /// Each vCPU has a host CPU of its own (`cpu_dedicated_set`).
    Dedicated,
    /// Some have one, some float; since Victoria (2020).
    Mixed,
}

/// `hw:cpu_thread_policy`: how pinned vCPUs are laid on cores with several threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreadPolicy {
    /// Siblings when there are some (Nova's default).
    Prefer,
    /// A whole core for each vCPU, or a host without SMT.
    Isolate,
    /// Siblings, or no host.
    Require,
}

/// `hw:emulator_threads_policy`: where QEMU's own threads run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EmulatorThreads {
    /// On the host's `cpu_shared_set`, or with the vCPUs where there is none.
    Share,
    /// On one more dedicated host CPU.
    Isolate,
}

/// `hw:pci_numa_affinity_policy`: how near a device must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PciNumaPolicy {
    /// On a cell of the guest, or on one that is not known (Nova's default).
    Legacy,
    /// On a cell of the guest.
    Required,
    /// Near if possible.
    Preferred,
    /// On the same socket; since Wallaby (2021).
    Socket,
}

/// `hw:watchdog_action`: what happens when the guest no longer feeds its watchdog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchdogAction {
    /// There is no watchdog.
    Disabled,
    /// Only a message.
    None,
    /// The guest is paused.
    Pause,
    /// The guest is switched off.
    Poweroff,
    /// The guest is reset.
    Reset,
}

impl fmt::Display for PageSize {
    /// As Nova wants it; a size is in KiB.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PageSize::Small => f.write_str("small"),
            PageSize::Large => f.write_str("large"),
            PageSize::Any => f.write_str("any"),
            PageSize::Kib(size) => write!(f, "{size}"),
        }
    }
}

impl FromStr for PageSize {
    type Err = Error;

    /// `small`, `large`, `any`, a number of KiB, or a number with a unit as Nova
    /// reads it: `2MB` and `2MiB` are 2048 KiB, `1GB` is 1048576.
    fn from_str(text: &str) -> Result<PageSize, Error> {
        let invalid = || Error::Invalid {
            what: format!("page size `{text}`"),
            why:
                "it is not one of `small`, `large`, `any`, a number of KiB, or a size such as `2MB` or `1GB`"
                    .to_string(),
            hint: None,
        };
        match text.trim() {
            "small" => return Ok(PageSize::Small),
            "large" => return Ok(PageSize::Large),
            "any" => return Ok(PageSize::Any),
            _ => {}
        }
        let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
        let number: u64 = digits.parse().map_err(|_| invalid())?;
        let unit = text.trim()[digits.len()..].trim().to_ascii_lowercase();
        // Nova's units are binary whatever they are called (oslo.utils' string_to_bytes).
        let factor: u64 = match unit.as_str() {
            "" | "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 1 << 10,
            "g" | "gb" | "gib" => 1 << 20,
            _ => return Err(invalid()),
        };
        match number.checked_mul(factor) {
            Some(size) if size > 0 => Ok(PageSize::Kib(size)),
            _ => Err(invalid()),
        }
    }
}

/// Gives an enum of words its `Display` and `FromStr`: the words stand once.
macro_rules! words {
    ($type:ty, $what:literal, $($variant:ident = $word:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(<$type>::$variant => $word),+ })
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<$type, Error> {
                match text.trim() {
                    $($word => Ok(<$type>::$variant),)+
                    other => Err(Error::Invalid {
                        what: format!(concat!($what, " `{}`"), other),
                        why: concat!("it is not one of", $(" `", $word, "`"),+).to_string(),
                        hint: None,
                    }),
                }
            }
        }
    };
}

words!(CpuPolicy, "CPU policy", Shared = "shared", Dedicated = "dedicated", Mixed = "mixed");
words!(ThreadPolicy, "CPU thread policy", Prefer = "prefer", Isolate = "isolate", Require = "require");
words!(EmulatorThreads, "emulator threads policy", Share = "share", Isolate = "isolate");
words!(
    PciNumaPolicy,
    "PCI NUMA affinity policy",
    Legacy = "legacy",
    Required = "required",
    Preferred = "preferred",
    Socket = "socket"
);
words!(
    WatchdogAction,
    "watchdog action",
    Disabled = "disabled",
    None = "none",
    Pause = "pause",
    Poweroff = "poweroff",
    Reset = "reset"
);
