//! A keystonerc/openrc file: shell assignments, read without running a shell.

use std::collections::BTreeMap;
use std::path::Path;

use super::credentials::Credentials;
use super::{os_variables, yaml};
use crate::error::{Error, Result};

/// Read the credentials of an openrc file.
pub(super) fn read(path: &Path) -> Result<Credentials> {
    let text = yaml::read_text(path)?;
    let variables = parse(&text);
    if !variables.contains_key("OS_AUTH_URL") {
        return Err(Error::Config {
            place: path.display().to_string(),
            message: "no line sets OS_AUTH_URL, so this is no openrc file".into(),
            hint: Some("openrc files have lines such as `export OS_AUTH_URL=http://…`".into()),
        });
    }
    os_variables::credentials(&variables, &format!("the variables in {}", path.display()))
}

/// The `OS_*` assignments. Quotes are removed; lines that ask, print or unset are
/// left out, since they are for shells; `$OTHER` in a value is filled in from
/// earlier lines.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        let assignment = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, value)) = assignment.split_once('=') else { continue };
        if !name.starts_with("OS_") || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let value = unquote(value.trim(), &variables);
        variables.insert(name.to_string(), value);
    }
    variables
}

fn unquote(value: &str, known: &BTreeMap<String, String>) -> String {
    if let Some(inner) = value.strip_prefix('\'') {
        return inner.split('\'').next().unwrap_or_default().to_string();
    }
    let (raw, quoted) = match value.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (value, false),
    };
    let mut out = String::new();
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '"' if quoted => break,
            ' ' | '\t' | ';' | '#' if !quoted => break,
            '$' => {
                let mut name = String::new();
                let braced = chars.next_if_eq(&'{').is_some();
                while let Some(next) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(next);
                }
                if braced {
                    chars.next_if_eq(&'}');
                }
                out.push_str(known.get(&name).map_or("", String::as_str));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn packstack_and_horizon_forms() {
        let found = parse(
            "unset OS_SERVICE_TOKEN\n\
             export OS_USERNAME=admin\n\
             export OS_PASSWORD='pa$$ \"word\"'\n\
             export OS_REGION_NAME=RegionOne # a comment\n\
             OS_PROJECT_NAME=\"my project\"\n\
             export OS_AUTH_HOST=192.0.2.1\n\
             export OS_AUTH_URL=http://$OS_AUTH_HOST:5000/v3\n\
             export PS1='[\\u@\\h \\W(keystone_admin)]\\$ '\n\
             read -sr OS_PASSWORD_INPUT\n",
        );
        assert_eq!(found["OS_PASSWORD"], "pa$$ \"word\"");
        assert_eq!(found["OS_REGION_NAME"], "RegionOne");
        assert_eq!(found["OS_PROJECT_NAME"], "my project");
        assert_eq!(found["OS_AUTH_URL"], "http://192.0.2.1:5000/v3");
        assert!(!found.contains_key("PS1"));
    }
}
