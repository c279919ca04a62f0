//! Files of `key = value` lines without sections, as libvirtd.conf and qemu.conf.

/// The text with `key` set. Where it is set already, the last such line is replaced;
/// else the new line goes below a commented-out one, else to the end.
pub(super) fn set(text: &str, key: &str, value: &str) -> String {
    let new = format!("{key} = {value}\n");
    let is_of = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let set = lines.iter().rposition(|line| is_of(line));
    if let Some(at) = set {
        if lines[at].split_once('=').is_some_and(|(_, old)| old.trim() == value) {
            return text.to_string();
        }
        return [lines[..at].concat(), new, lines[at + 1..].concat()].concat();
    }
    let commented = lines.iter().rposition(|line| line.trim_start().strip_prefix('#').is_some_and(is_of));
    let at = commented.map_or(lines.len(), |at| at + 1);
    let before = lines[..at].concat();
    let glue = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    [before.as_str(), glue, &new, &lines[at..].concat()].concat()
}

#[cfg(test)]
mod tests {
    use super::set;

    #[test]
    fn one_line_changes() {
        let text = "# Comment\n#listen_tls = 0\nauth_tcp = \"none\"\n";
        assert_eq!(
            set(text, "listen_tls", "1"),
            "# Comment\n#listen_tls = 0\nlisten_tls = 1\nauth_tcp = \"none\"\n"
        );
        assert_eq!(set(text, "auth_tcp", "\"sasl\""), "# Comment\n#listen_tls = 0\nauth_tcp = \"sasl\"\n");
        assert_eq!(set(text, "auth_tcp", "\"none\""), text);
        assert_eq!(set("a = 1", "b", "2"), "a = 1\nb = 2\n");
        assert_eq!(set("", "b", "2"), "b = 2\n");
    }
}
