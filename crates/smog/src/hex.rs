//! Bytes as hexadecimal digits, for digests and random words.

/// Two small digits a byte: "0a1f".
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
