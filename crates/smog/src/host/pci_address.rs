//! The address of a PCI function: `0000:3b:02.1`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::Error;

/// Domain, bus, slot (device) and function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    /// The PCI domain (segment).
    pub domain: u32,
    /// The bus.
    pub bus: u8,
    /// The slot, 0 to 31.
    pub slot: u8,
    /// The function, 0 to 7.
    pub function: u8,
}

impl fmt::Display for PciAddress {
    /// As sysfs and Nova print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.slot, self.function)
    }
}

impl FromStr for PciAddress {
    type Err = Error;

    /// `0000:3b:02.1`, or without the domain: `3b:02.1`.
    fn from_str(text: &str) -> Result<PciAddress, Error> {
        let bad = || Error::Parse {
            what: "PCI address".to_string(),
            source_of: format!("`{text}`"),
            why: "it is not of the form 0000:3b:02.1".to_string(),
        };
        let parts: Vec<&str> = text.trim().split([':', '.']).collect();
        let (domain, bus, slot, function) = match parts.as_slice() {
            [domain, bus, slot, function] => (*domain, *bus, *slot, *function),
            [bus, slot, function] => ("0", *bus, *slot, *function),
            _ => return Err(bad()),
        };
        let number = |digits: &str| u32::from_str_radix(digits, 16).map_err(|_| bad());
        let small = |digits: &str| number(digits).and_then(|number| u8::try_from(number).map_err(|_| bad()));
        let address = PciAddress {
            domain: number(domain)?,
            bus: small(bus)?,
            slot: small(slot)?,
            function: small(function)?,
        };
        if address.slot > 31 || address.function > 7 {
            return Err(bad());
        }
        Ok(address)
    }
}

impl Serialize for PciAddress {
    /// As a string.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::PciAddress;

    #[test]
    fn both_forms_read_and_one_is_printed() {
        let address: PciAddress = "0000:3b:02.1".parse().expect("address");
        assert_eq!(address, PciAddress { domain: 0, bus: 0x3b, slot: 2, function: 1 });
        assert_eq!("3b:02.1".parse::<PciAddress>().expect("short form").to_string(), "0000:3b:02.1");
        for bad in ["", "3b", "0000:3b:20.0", "0000:3b:02.8", "x:3b:02.1", "0:0:0:0:0"] {
            assert!(bad.parse::<PciAddress>().is_err(), "{bad}");
        }
    }
}
