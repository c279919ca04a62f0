//! What is wrong with JSON, in plain words: serde's own name Rust's types.

use std::sync::LazyLock;

use regex::Regex;

/// The sentence for what [`serde_json`] says of a text or a value, without names of Rust's types:
/// "null where a text is expected", "`flavor` is missing", "it ends too early (line 1, column 40)".
pub fn json_words(why: &serde_json::Error) -> String {
    let said = why.to_string();
    let (said, place) = match said.rfind(" at line ") {
        Some(at) => (&said[..at], place(&said[at..])),
        None => (said.as_str(), String::new()),
    };
    format!("{}{place}", words(said))
}

/// " (line 1, column 40)"; nothing where serde_json counted nothing.
fn place(said: &str) -> String {
    let numbers: Vec<&str> =
        said.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).collect();
    match numbers[..] {
        [line, column] if line != "0" => format!(" (line {line}, column {column})"),
        _ => String::new(),
    }
}

fn words(said: &str) -> String {
    if let Some(rest) = said.strip_prefix("missing field ") {
        return format!("{rest} is missing");
    }
    if let Some(rest) = said.strip_prefix("duplicate field ") {
        return format!("{rest} is there twice");
    }
    if let Some((found, expected)) =
        said.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("{found} is not one of {}", expected.trim_start_matches("one of "));
    }
    if let Some(rest) = said.strip_prefix("unknown field ") {
        return format!("{} is not known here", rest.split(", expected").next().unwrap_or(rest));
    }
    for begin in ["invalid type: ", "invalid value: ", "invalid length "] {
        let Some(rest) = said.strip_prefix(begin) else { continue };
        let Some((found, expected)) = rest.rsplit_once(", expected ") else { break };
        if begin == "invalid length " {
            return format!("a list of {found} where {} is expected", kind(expected));
        }
        if begin == "invalid value: " && is_number(expected) {
            return format!("{} is out of range", value(found));
        }
        return format!("{} where {} is expected", value(found), kind(expected));
    }
    if said.starts_with("data did not match any variant") {
        return "it is of another form than is expected".into();
    }
    if said.starts_with("EOF while parsing") {
        return "it ends too early".into();
    }
    if said.starts_with("recursion limit") {
        return "it is nested too deeply".into();
    }
    if said.starts_with("number out of range") {
        return "a number is out of range".into();
    }
    // Sentences of smog's own deserializers stay as they are.
    const SYNTAX: &[&str] = &[
        "expected ",
        "trailing ",
        "key must be",
        "control character",
        "invalid escape",
        "invalid number",
        "invalid unicode",
        "lone leading surrogate",
        "unexpected end of hex",
    ];
    match SYNTAX.iter().any(|begin| said.starts_with(begin)) {
        true => format!("it is not valid JSON: {}", said.replace(" ident", " a word")),
        false => said.to_string(),
    }
}

fn is_number(expected: &str) -> bool {
    static NUMBER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(?:[iuf](?:8|16|32|64|128|size)|a nonzero .*)$").ok());
    NUMBER.as_ref().is_some_and(|number| number.is_match(expected))
}

/// What was found.
fn value(found: &str) -> String {
    let number = found.strip_prefix("integer ").or_else(|| found.strip_prefix("floating point "));
    if let Some(number) = number {
        return format!("the number {}", number.trim_matches('`'));
    }
    if let Some(text) = found.strip_prefix("string ") {
        let short: String = text.trim_matches('"').chars().take(60).collect();
        return format!("the text `{short}`");
    }
    if let Some(truth) = found.strip_prefix("boolean ") {
        return truth.trim_matches('`').to_string();
    }
    match found {
        "null" | "unit" | "unit value" | "Option value" => "null".into(),
        "map" => "an object".into(),
        "sequence" => "a list".into(),
        other => format!("`{other}`"),
    }
}

/// What was expected.
fn kind(expected: &str) -> String {
    match expected {
        "a string" | "a borrowed string" | "str" | "string" => "a text".into(),
        "a boolean" => "true or false".into(),
        "a map" => "an object".into(),
        "a sequence" | "a seq" => "a list".into(),
        "f32" | "f64" => "a number".into(),
        "unit" => "null".into(),
        other if is_number(other) => "a whole number".into(),
        other if other.starts_with("struct ") && !other.contains(" with ") => "an object".into(),
        other if other.starts_with("struct ") || other.contains("tuple") => "a list".into(),
        other if other.contains("enum ") => "a word".into(),
        other if other.contains("struct ") => "an object".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    struct Body {
        name: String,
        count: u8,
        inner: Option<Inner>,
        pair: Option<(u8, u8)>,
        kind: Option<Kind>,
        either: Option<Either>,
    }
    #[derive(Debug, Deserialize)]
    struct Inner {}
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
        Two,
    }
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    enum Either {
        Number(u8),
        List(Vec<u8>),
    }

    #[test]
    fn no_type_of_rust_is_named() {
        for (text, said) in [
            ("null", "null where an object is expected"),
            ("[1]", "the number 1 where a text is expected"),
            ("\"x\"", "the text `x` where an object is expected"),
            ("{\"count\": 1}", "`name` is missing"),
            ("{\"name\": null}", "null where a text is expected"),
            ("{\"name\": \"a\", \"count\": -3}", "the number -3 is out of range"),
            ("{\"name\": \"a\", \"count\": 1.5}", "the number 1.5 where a whole number is expected"),
            ("{\"name\": \"a\", \"count\": 1e400}", "a number is out of range"),
            ("{\"name\": {}}", "an object where a text is expected"),
            ("{\"name\": \"a\", \"name\": \"b\"}", "`name` is there twice"),
            ("{\"name\": \"a\", \"count\": 1, \"inner\": 3}", "the number 3 where an object is expected"),
            ("{\"name\": \"a\", \"count\": 1, \"pair\": [1]}", "a list of 1 where a list is expected"),
            ("{\"name\": \"a\", \"count\": 1, \"kind\": \"x\"}", "`x` is not one of `one` or `two`"),
            ("{\"name\": \"a\", \"count\": 1, \"either\": \"x\"}", "it is of another form than is expected"),
            ("{\"name\": ", "it ends too early"),
            ("{\"name\": ab}", "it is not valid JSON: expected value"),
            ("", "it ends too early"),
        ] {
            let why = serde_json::from_str::<Body>(text).expect_err(text);
            let words = json_words(&why);
            assert_eq!(words.split(" (line ").next(), Some(said), "{text}: {why}");
            for rust in ["struct", "enum", "variant", "u8", "map", "sequence"] {
                assert!(!words.contains(rust), "{words}");
            }
        }
        let why = serde_json::from_str::<Body>("{\"name\": ab}").expect_err("no JSON");
        assert!(json_words(&why).ends_with("expected value (line 1, column 10)"), "{}", json_words(&why));
        let why = serde_json::from_value::<Body>(serde_json::json!({})).expect_err("no name");
        assert_eq!(json_words(&why), "`name` is missing");
    }
}
