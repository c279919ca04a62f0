//! The one redactor: what it hides is shown in no diff, no dry run and no report, and stands in no
//! recording.
//!
//! What is secret is known by its name (`password`, `transport_url`, `X-Auth-Token`), by its place
//! (`user:password@` of a URL, `passwd=` of a console, `token=` of a console's URL) or by its form
//! (keystone's and JSON Web tokens, private keys, cephx keys). A [`Redactor`] also knows secrets
//! by their very words.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::config::{is_secret, without_passwords};

/// What stands in place of a secret.
pub const HIDDEN: &str = "(hidden)";

/// A line of a configuration file with the value hidden where its name, or a
/// password in a URL, says so. The line end stays.
pub fn config_line(line: &str) -> String {
    let (bare, end) = match line.strip_suffix('\n') {
        Some(bare) => (bare, "\n"),
        None => (line, ""),
    };
    if let Some(at) = bare.find(['=', ':']) {
        let name = bare[..at].trim_start_matches(['#', ';', ' ', '\t']).trim_end();
        let value = bare[at + 1..].trim();
        if is_secret(name) && !value.is_empty() {
            return format!("{} {HIDDEN}{end}", &bare[..=at]);
        }
    }
    format!("{}{end}", without_passwords(bare))
}

/// A domain's XML with the passwords of its consoles hidden.
pub fn xml(xml: &str) -> String {
    const NAME: &str = "passwd=";
    let mut text = String::new();
    let mut rest = xml;
    while let Some(at) = rest.find(NAME).map(|at| at + NAME.len()) {
        let quote = rest[at..].chars().next().filter(|letter| matches!(letter, '\'' | '"'));
        let end = quote.and_then(|quote| rest[at + 1..].find(quote)).map(|end| at + 1 + end);
        match end {
            Some(end) => {
                text.push_str(&rest[..=at]);
                text.push_str(HIDDEN);
                rest = &rest[end..];
            }
            None => {
                text.push_str(&rest[..at]);
                rest = &rest[at..];
            }
        }
    }
    text + rest
}

/// JSON without what is secret in it: strings below a key that says so, and what [`text`] finds
/// in the others. Its form stays the same.
pub fn json(value: &Value) -> Value {
    Redactor::default().json(value)
}

/// Any text (a log, a command's output, XML, JSON, a configuration file) without what is secret
/// in it.
pub fn text(text: &str) -> String {
    Redactor::default().text(text)
}

/// Hides what is secret by its name, place or form, and these very words.
#[derive(Clone, Default)]
pub struct Redactor {
    words: Vec<String>,
}

/// A word that is shorter than this, in bytes, is part of too many others.
const SHORTEST_WORD: usize = 6;

impl Redactor {
    /// One that also hides these words wherever they stand. A word that is too short to be looked
    /// for, or is the name of something as well (`names`), is left to its name and place.
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>, names: &[&str]) -> Redactor {
        let is_findable = |word: &&str| word.len() >= SHORTEST_WORD && !names.contains(word);
        let mut all: Vec<String> = Vec::new();
        for word in words.into_iter().filter(is_findable) {
            all.push(word.to_string());
            // In JSON it may have escapes.
            let quoted = serde_json::to_string(word).unwrap_or_default();
            let quoted = quoted.trim_matches('"');
            if quoted != word {
                all.push(quoted.to_string());
            }
        }
        Redactor { words: all }
    }

    /// As [`text`](text()).
    pub fn text(&self, text: &str) -> String {
        let mut known = Cow::Borrowed(text);
        for word in &self.words {
            if known.contains(word.as_str()) {
                known = Cow::Owned(known.replace(word.as_str(), HIDDEN));
            }
        }
        plain_text(&known)
    }

    /// As [`json`](json()).
    pub fn json(&self, value: &Value) -> Value {
        match value {
            Value::Object(object) => {
                let pairs = object.iter().map(|(key, value)| match hides(key) {
                    true => (key.clone(), hidden(value)),
                    false => (self.text(key), self.json(value)),
                });
                Value::Object(pairs.collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect()),
            Value::String(text) => Value::String(self.text(text)),
            other => other.clone(),
        }
    }
}

/// Neither shows its words.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} words)", self.words.len())
    }
}

/// Every string of it hidden.
fn hidden(value: &Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        Value::String(_) => HIDDEN.into(),
        Value::Array(items) => Value::Array(items.iter().map(hidden).collect()),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), hidden(value))).collect())
        }
        other => other.clone(),
    }
}

/// Whether what stands under this name is hidden: secrets, and what users give to their guests.
fn hides(name: &str) -> bool {
    let low = name.to_lowercase().replace('-', "_");
    is_secret(name) || low.ends_with("user_data") || low.ends_with("userdata")
}

/// A pattern; the test below holds that each is one.
macro_rules! pattern {
    ($name:ident, $pattern:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($pattern).ok());
    };
}

// A line without any of these has no name that is secret.
pattern!(
    NAMES,
    r"(?i)pass|secret|token|private_key|transport_url|api-?key|pwd|connection|[_-]keys?\b|_pw\b|\bpw\b|\bkek\b|user[_-]?data"
);
// A name, what stands between, and a value: `'adminPass': 'x'`, `password=x`, `\"token\": \"x\"`.
pattern!(
    NAMED,
    r#"([A-Za-z_][\w.-]*)(\\*["']?\s*(?:=>|[=:])\s*)([ub]?"(?:[^"\\]|\\.)*"|[ub]?'(?:[^'\\]|\\.)*'|\\+"[^"]*"|\\+'[^']*'|[^\s,;&"'<>(){}\[\]|\\][^\s,;&"'<>(){}\[\]|]*)"#
);
// An option of a command: `--os-password x`.
pattern!(OPTION, r"(--?[A-Za-z][\w-]*)(\s+|=)([^\s-]\S*)");
// An element of XML with text.
pattern!(ELEMENT, r"<([\w:.-]+)(\s[^<>]*)?>([^<>]+)</");
pattern!(
    PRIVATE_KEY,
    r"(?s)-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\z)"
);
// Keystone's Fernet tokens, JSON Web tokens, cephx keys.
pattern!(TOKEN, r"\bgAAAA[\w=%-]{16,}|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|\bAQ[A-Za-z0-9+/]{30,}==?");
pattern!(
    HEADER,
    r#"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(\\*["']?\s*[=:]\s*\\*["']?)(?:(?:basic|bearer|negotiate|digest)\s+)?[^\s"'\\,}]+"#
);
// In a URL: `?path=%3Ftoken%3Dx`, `?token=x`.
pattern!(IN_URL, r#"(?i)((?:token|signature|temp_url_sig|passw(?:or)?d)(?:=|%3D))[^&\s"'<>\\#)]+"#);
// QEMU's secret objects.
pattern!(
    QEMU_SECRET,
    r#"(qom-type\\*":\s*\\*"secret\\*".*?data\\*":\s*\\*"|\bsecret,\S*?\bdata=)[^"\\,\s]+"#
);
// `user:password@host` without a scheme.
pattern!(BARE_URL, r#"(^|[\s,='"])([A-Za-z0-9_.%+-]+):([^\s/@:,'"]+)@([A-Za-z0-9])"#);

/// Whether it is there to be filled in, and not a secret.
fn is_none(value: &str) -> bool {
    matches!(value, "None" | "null" | "True" | "False" | "true" | "false" | "")
        || value.trim_matches('*').is_empty()
}

fn plain_text(text: &str) -> String {
    let mut whole = Cow::Borrowed(text);
    replace(&PRIVATE_KEY, &mut whole, |found| {
        format!("-----BEGIN {}PRIVATE KEY----- {HIDDEN} -----END PRIVATE KEY-----", &found[1])
    });
    replace(&TOKEN, &mut whole, |_| HIDDEN.into());
    replace(&QEMU_SECRET, &mut whole, |found| format!("{}{HIDDEN}", &found[1]));
    replace(&HEADER, &mut whole, |found| format!("{}{}{HIDDEN}", &found[1], &found[2]));
    replace(&IN_URL, &mut whole, |found| format!("{}{HIDDEN}", &found[1]));
    if whole.contains('@') {
        whole = Cow::Owned(without_logins(&whole));
    }
    let Some(names) = &*NAMES else { return HIDDEN.into() };
    if !names.is_match(&whole) {
        return whole.into_owned();
    }
    replace(&OPTION, &mut whole, |found| match hides(found[1].trim_start_matches('-')) {
        true => format!("{}{}{HIDDEN}", &found[1], &found[2]),
        false => found[0].to_string(),
    });
    whole
        .split_inclusive('\n')
        .map(|line| if names.is_match(line) { named(line) } else { line.into() })
        .collect()
}

fn replace(
    pattern: &LazyLock<Option<Regex>>,
    text: &mut Cow<'_, str>,
    with: impl Fn(&Captures<'_>) -> String,
) {
    let Some(pattern) = &**pattern else { return };
    if let Cow::Owned(new) = pattern.replace_all(text, with) {
        *text = Cow::Owned(new);
    }
}

/// Without the passwords of URLs; what only looks like one (`0::/user@1000.service`) stays.
fn without_logins(text: &str) -> String {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
    let words = text.split_inclusive(is_end);
    let words: String =
        words.map(|word| if word.contains("://") { without_passwords(word) } else { word.into() }).collect();
    let mut words = Cow::Owned(words);
    replace(&BARE_URL, &mut words, |found| format!("{}{}:{HIDDEN}@{}", &found[1], &found[2], &found[4]));
    words.into_owned()
}

/// A line with what stands behind names hidden.
fn named(line: &str) -> String {
    let (bare, end) = match line.strip_suffix('\n') {
        Some(bare) => (bare, "\n"),
        None => (line, ""),
    };
    // A file's option, perhaps behind the file's name as grep prints it: all behind it is its value.
    let option = bare.strip_prefix('/').and_then(|rest| Some(rest.split_once(':')?.1)).unwrap_or(bare);
    let begin = bare.len() - option.len();
    if let Some(at) = option.find(['=', ':']) {
        let name = option[..at].trim_start_matches(['#', ';', ' ', '\t']).trim_end();
        let value = option[at + 1..].trim();
        let is_word = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if is_word && hides(name) && !is_none(value) && !value.starts_with(HIDDEN) {
            return format!("{} {HIDDEN}{end}", &bare[..=begin + at]);
        }
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = bare;
    let Some(pattern) = &*NAMED else { return format!("{HIDDEN}{end}") };
    while let Some(found) = pattern.captures(rest) {
        let (Some(name), Some(between), Some(value)) = (found.get(1), found.get(2), found.get(3)) else {
            break;
        };
        let bare_value = value.as_str().trim_start_matches(['u', 'b']).trim_matches(['\\', '"', '\'']);
        if !hides(name.as_str()) || is_none(bare_value) || value.as_str().starts_with(HIDDEN) {
            // The value may be the name of the next one.
            out.push_str(&rest[..between.end()]);
            rest = &rest[between.end()..];
            continue;
        }
        out.push_str(&rest[..between.end()]);
        let quotes = value.as_str().find(['"', '\'']);
        match quotes {
            Some(at) => {
                let opening = &value.as_str()[..=at];
                let closing = opening.trim_start_matches(['u', 'b']);
                out.push_str(&format!("{opening}{HIDDEN}{closing}"));
                rest = &rest[value.end()..];
            }
            // As oslo.config prints its options: the value goes to the line's end.
            None if between.as_str() == " = " => {
                out.push_str(HIDDEN);
                rest = "";
            }
            None => {
                out.push_str(HIDDEN);
                rest = &rest[value.end()..];
            }
        }
    }
    out.push_str(rest);
    let mut out = Cow::Owned(out);
    replace(&ELEMENT, &mut out, |found| {
        match hides(&found[1]) && !is_none(&found[3]) && &found[3] != HIDDEN {
            true => format!("<{}{}>{HIDDEN}</", &found[1], found.get(2).map_or("", |one| one.as_str())),
            false => found[0].to_string(),
        }
    });
    format!("{out}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_pattern_is_one() {
        for pattern in [
            &NAMES,
            &NAMED,
            &OPTION,
            &ELEMENT,
            &PRIVATE_KEY,
            &TOKEN,
            &HEADER,
            &IN_URL,
            &QEMU_SECRET,
            &BARE_URL,
        ] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn a_console_s_password_is_hidden() {
        let domain = "<graphics type='vnc' passwd='o\"x' port='1'/><p a=\"passwd=\"/>";
        assert_eq!(xml(domain), "<graphics type='vnc' passwd='(hidden)' port='1'/><p a=\"passwd=\"/>");
        assert_eq!(xml("<domain/>"), "<domain/>");
    }

    #[test]
    fn secrets_of_a_line_are_hidden_and_nothing_else() {
        assert_eq!(config_line("password = lab\n"), "password = (hidden)\n");
        assert_eq!(config_line("#admin_password=x"), "#admin_password= (hidden)");
        assert_eq!(config_line("transport_url = rabbit://u:p@h\n"), "transport_url = (hidden)\n");
        assert_eq!(config_line("url = http://me:pw@h/"), "url = http://me:(hidden)@h/");
        assert_eq!(config_line("fixed_key = 0123abc\n"), "fixed_key = (hidden)\n");
        assert_eq!(
            config_line("urls = nova://a:p1@h1,b:p2@h2\n"),
            "urls = nova://a:(hidden)@h1,b:(hidden)@h2\n"
        );
        for plain in [
            "virt_type = kvm\n",
            "send_service_user_token = True",
            "# connection",
            "auth_url = http://h:5000",
            "password =\n",
        ] {
            assert_eq!(config_line(plain), plain);
        }
    }

    /// Each of these holds the secret `S3cretWord` in another way.
    #[test]
    fn every_kind_of_secret_is_hidden_in_text() {
        let fernet = format!("gAAAAAB{}", "S3cretWord".repeat(4));
        let jwt = "eyJhbGciOiS3cretWord.eyJzdWIiOiS3cretWord.S3cretWord";
        let cephx = "AQS3cretWordS3cretWordS3cretWordS3cret==";
        for said in [
            "password = S3cretWord",
            "password = two words S3cretWord",
            "/etc/nova/nova.conf:password = a S3cretWord",
            "transport_url = rabbit://nova:S3cretWord@10.0.0.1:5672/",
            "  connection=mysql+pymysql://nova:S3cretWord@db/nova?charset=utf8",
            "2026-11-28 10:00:00.1 5 DEBUG oslo_service [-] neutron.password = S3cretWord log_opt",
            "2026-11-28 10:00:00.1 5 ERROR x [-] cannot reach rabbit://u:S3cretWord@h1:5672,u:S3cretWord@h2:5672//",
            "REQ: curl -H \"X-Auth-Token: S3cretWord\" -H 'Authorization: Basic S3cretWord'",
            "Cookie: session=S3cretWord",
            "{'server': {'adminPass': 'S3cretWord', 'name': 'x'}}",
            "{\"auth\": {\"password\": \"S3cretWord\\\"S3cretWord\"}}",
            "body: {\\\"password\\\": \\\"S3cretWord\\\"}",
            "Instance(user_data='S3cretWord',vcpus=1)",
            "<graphics type='vnc' passwd='S3cretWord'/>",
            "<auth><password>S3cretWord</password></auth>",
            "-object {\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"data\":\"S3cretWord\"}",
            "-object secret,id=s0,data=S3cretWord,format=base64",
            "openstack --os-password S3cretWord server list",
            "--os-password\nS3cretWord\n",
            "http://h:6080/vnc_auto.html?path=%3Ftoken%3DS3cretWord",
            "http://h:6083/?token=S3cretWord&x=1",
            "curl nova:S3cretWord@h",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIS3cretWord\n-----END RSA PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\\nS3cretWord",
            "metadata_proxy_shared_secret=S3cretWord",
            &format!("token {fernet} was issued"),
            &format!("the key {cephx}"),
            &format!("bearer {jwt}"),
        ] {
            let shown = text(said);
            assert!(!shown.contains("S3cretWord"), "{said}\n  {shown}");
            assert!(shown.contains(HIDDEN), "{shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for plain in [
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice\n",
            "2: eth0@if5: <BROADCAST,MULTICAST,UP> mtu 1450\n",
            "2026-11-28 10:00:00.123 5 INFO nova.compute [None req-1 u p - - default default] Took 1.2 seconds\n",
            "<feature policy='require' name='vmx'/><cpu mode='host-passthrough'/>",
            "VmRSS:\t  12 kB\nCpus_allowed_list:\t0-3\n",
            "send_service_user_token = True\npassword = None\n",
            "http://192.0.2.1:8774/v2.1/servers/1?a=b",
            "hw:cpu_policy=dedicated,hw:tpm_secret_security=user",
        ] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn json_keeps_its_form() {
        let body = json!({"server": {"adminPass": "a", "name": "b", "OS-EXT-SRV-ATTR:user_data": "c", "n": null,
            "secrets": {"x": ["d", 1]}, "extra_specs": {"hw:tpm_secret_security": "user"},
            "url": "http://u:e@h/?token=f"}});
        let shown = json(&body);
        assert_eq!(shown["server"]["adminPass"], HIDDEN);
        assert_eq!(shown["server"]["secrets"], json!({"x": [HIDDEN, 1]}));
        assert_eq!(shown["server"]["extra_specs"]["hw:tpm_secret_security"], "user");
        assert_eq!(shown["server"]["url"], "http://u:(hidden)@h/?token=(hidden)");
        assert_eq!(shown["server"]["name"], "b");
        assert!(shown["server"]["n"].is_null());
        assert_eq!(shown.to_string().matches(HIDDEN).count(), 5, "{shown}");
    }

    #[test]
    fn a_secret_is_known_by_its_words_where_they_are_no_name() {
        let redactor = Redactor::of_words(["pa\"ssphrase", "admin1", "abc"], &["admin1"]);
        assert_eq!(
            redactor.text("x pa\"ssphrase y pa\\\"ssphrase admin1 abc"),
            "x (hidden) y (hidden) admin1 abc"
        );
        assert!(!format!("{redactor:?}").contains("ssphrase"));
    }
}
