//! The reason in an API's error answer. Each service wraps it its own way.

use serde_json::Value;

/// The reason a service gave, or a word for the status.
pub(super) fn text(body: &[u8], status: u16) -> String {
    let found = serde_json::from_slice::<Value>(body).ok().and_then(|value| message(&value));
    let text = found.unwrap_or_else(|| match std::str::from_utf8(body) {
        Ok(plain) if !plain.trim().is_empty() && !plain.contains('<') => plain.trim().to_string(),
        _ => html_title(body).unwrap_or_else(|| reason(status).to_string()),
    });
    // Sentences are put into sentences here.
    let text = without_html(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.trim_end_matches('.');
    // A page, a traceback: its begin says what it is.
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} … ({} bytes in all)", &text[..end], body.len()),
        None => text.to_string(),
    }
}

/// So many characters of a reason are shown.
const LONGEST: usize = 600;

/// Nova `{"itemNotFound": {"message"}}`, neutron `{"NeutronError": {"message"}}`,
/// keystone `{"error": {"message"}}`, placement `{"errors": [{"detail"}]}`,
/// glance `{"message"}` or HTML.
fn message(value: &Value) -> Option<String> {
    let object = value.as_object()?;
    if let Some(text) = object.get("message").and_then(Value::as_str) {
        return Some(text.to_string());
    }
    if let Some(text) = value.pointer("/errors/0/detail").and_then(Value::as_str) {
        return Some(text.to_string());
    }
    object.values().find_map(|child| match child {
        Value::String(text) => Some(text.clone()),
        child => child.get("message").and_then(Value::as_str).map(str::to_string),
    })
}

/// The text without HTML: glance puts `<br />` into the messages of its JSON too, often written
/// `&lt;br /&gt;`. What is no tag of HTML stays, such as `<class 'ValueError'>`.
fn without_html(text: &str) -> String {
    let text = ENTITIES.iter().fold(text.to_string(), |text, (name, letter)| text.replace(name, letter));
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest.find('>').filter(|end| is_tag(&rest[1..*end])) {
            Some(end) => {
                plain.push(' ');
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('<');
                rest = &rest[1..];
            }
        }
    }
    plain + rest
}

/// Entities and their letters; `&amp;` is the last, so that nothing is read twice.
const ENTITIES: &[(&str, &str)] = &[
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&apos;", "'"),
    ("&nbsp;", " "),
    ("&amp;", "&"),
];

/// Whether what is between `<` and `>` is a tag of HTML.
fn is_tag(inside: &str) -> bool {
    const TAGS: &[&str] = &[
        "a", "b", "body", "br", "code", "div", "em", "font", "h1", "h2", "h3", "h4", "head", "hr", "html",
        "i", "li", "p", "pre", "span", "strong", "title", "tt", "ul",
    ];
    let name: String =
        inside.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
    TAGS.contains(&name.to_ascii_lowercase().as_str())
}

/// Glance answers errors as a small HTML page: the text between `</h1>` and `</body>`.
fn html_title(body: &[u8]) -> Option<String> {
    let page = std::str::from_utf8(body).ok()?;
    let after = page.split_once("</h1>")?.1;
    let text = after.split("</body>").next()?.replace("<br />", " ");
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn each_service_s_own_wrapping() {
        for (body, said) in [
            (
                r#"{"itemNotFound": {"code": 404, "message": "Instance xxx could not be found."}}"#,
                "Instance xxx could not be found",
            ),
            (
                r#"{"NeutronError": {"type": "PortNotFound", "message": "Port p could not be found.", "detail": ""}}"#,
                "Port p could not be found",
            ),
            (
                r#"{"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}"#,
                "The request you have made requires authentication",
            ),
            (
                r#"{"errors": [{"status": 404, "title": "Not Found", "detail": "No resource provider with uuid x found  "}]}"#,
                "No resource provider with uuid x found",
            ),
            (
                "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  Failed to find image x<br /><br />\n\n </body>\n</html>",
                "Failed to find image x",
            ),
            (
                r#"{"message": "You are not authorized to complete publicize_image action.&lt;br /&gt;&lt;br /&gt;\n\n\n", "code": "403 Forbidden", "title": "Forbidden"}"#,
                "You are not authorized to complete publicize_image action",
            ),
            (
                r#"{"badRequest": {"message": "Unexpected API Error.<br>Name &amp; type: <class 'ValueError'>, 3 < 4"}}"#,
                "Unexpected API Error. Name & type: <class 'ValueError'>, 3 < 4",
            ),
            (
                r#"{"error": {"message": "<html><body><p>It&#39;s <b>off</b> now.</p></body></html>"}}"#,
                "It's off now",
            ),
            ("", "Conflict"),
        ] {
            assert_eq!(text(body.as_bytes(), 409), said);
        }
    }

    #[test]
    fn a_reason_of_any_length_is_cut() {
        let body = format!(r#"{{"error": {{"message": "{}"}}}}"#, "ä ".repeat(1_000_000));
        let said = text(body.as_bytes(), 500);
        assert!(said.chars().count() < 700 && said.ends_with("bytes in all)"), "{said}");
    }
}
