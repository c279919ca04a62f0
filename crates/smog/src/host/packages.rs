//! Which packages a host has, with their versions.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::host::{Cmd, Host};

impl Host {
    /// The installed ones of these packages with their versions, from dpkg or rpm.
    ///
    /// # Errors
    /// As [`Host::run`]. A host with neither dpkg nor rpm has none.
    pub async fn packages<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, String>> {
        // dpkg knows removed packages too; only those whose state begins with "i" and ends in "i" are there.
        let script = r#"if command -v dpkg-query >/dev/null; then
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n' "$@" 2>/dev/null
elif command -v rpm >/dev/null; then
rpm -q --qf 'ii |%{NAME}|%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n' "$@" 2>/dev/null
fi
exit 0"#;
        let output = self.run(Cmd::shell(script).args(names).repeatable()).await?;
        Ok(parse(&output.text()))
    }
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let installed = |line: &str| {
        let mut parts = line.splitn(3, '|');
        let (state, name, version) = (parts.next()?, parts.next()?, parts.next()?);
        (state.get(1..2) == Some("i")).then(|| (name.to_string(), version.to_string()))
    };
    text.lines().filter_map(installed).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_installed_packages_count() {
        // dpkg-query 1.22 (Debian 13), with a removed package; rpm's "not installed" line.
        let text = "ii |nova-compute|2:31.0.0-6+deb13u3\nrc |qemu-utils|1:10.0\npackage x is not installed\n";
        let packages = parse(text);
        assert_eq!(packages.len(), 1);
        assert_eq!(packages["nova-compute"], "2:31.0.0-6+deb13u3");
    }
}
