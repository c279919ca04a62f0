//! Values nobody should read over a shoulder.

use crate::config::{is_secret, without_passwords};

/// A line of a configuration file with the value hidden where its name, or a
/// password in a URL, says so. The line end stays.
pub fn masked(line: &str) -> String {
    let (bare, end) = match line.strip_suffix('\n') {
        Some(bare) => (bare, "\n"),
        None => (line, ""),
    };
    if let Some(at) = bare.find(['=', ':']) {
        let name = bare[..at].trim_start_matches(['#', ';', ' ', '\t']).trim_end();
        let value = bare[at + 1..].trim();
        if is_secret(name) && !value.is_empty() {
            return format!("{} (hidden){end}", &bare[..=at]);
        }
    }
    format!("{}{end}", without_passwords(bare))
}

/// A domain's XML with the passwords of its consoles hidden.
pub fn masked_xml(xml: &str) -> String {
    const NAME: &str = "passwd=";
    let mut text = String::new();
    let mut rest = xml;
    while let Some(at) = rest.find(NAME).map(|at| at + NAME.len()) {
        let quote = rest[at..].chars().next().filter(|letter| matches!(letter, '\'' | '"'));
        let end = quote.and_then(|quote| rest[at + 1..].find(quote)).map(|end| at + 1 + end);
        match end {
            Some(end) => {
                text.push_str(&rest[..=at]);
                text.push_str("(hidden)");
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

/// Whether a text is the continuation of the line before.
pub fn continues(line: &str) -> bool {
    line.starts_with([' ', '\t']) && !line.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::{masked, masked_xml};

    #[test]
    fn a_console_s_password_is_hidden() {
        let xml = "<graphics type='vnc' passwd='o\"x' port='1'/><p a=\"passwd=\"/>";
        assert_eq!(masked_xml(xml), "<graphics type='vnc' passwd='(hidden)' port='1'/><p a=\"passwd=\"/>");
        assert_eq!(masked_xml("<domain/>"), "<domain/>");
    }

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        assert_eq!(masked("password = lab\n"), "password = (hidden)\n");
        assert_eq!(masked("#admin_password=x"), "#admin_password= (hidden)");
        assert_eq!(masked("transport_url = rabbit://u:p@h\n"), "transport_url = (hidden)\n");
        assert_eq!(masked("url = http://me:pw@h/"), "url = http://me:(hidden)@h/");
        assert_eq!(masked("fixed_key = 0123abc\n"), "fixed_key = (hidden)\n");
        assert_eq!(masked("urls = nova://a:p1@h1,b:p2@h2\n"), "urls = nova://a:(hidden)@h1,b:(hidden)@h2\n");
        for plain in [
            "virt_type = kvm\n",
            "send_service_user_token = True",
            "# connection",
            "auth_url = http://h:5000",
            "password =\n",
        ] {
            assert_eq!(masked(plain), plain);
        }
    }
}
