//! Settings as documents name them, and the keys of smog.yml.

use serde_json::Value;

/// Beginnings of names that look like settings: files, and modules of Nova.
const NO_SETTINGS: &[&str] = &["nova.conf", "nova.compute", "nova.exception", "nova.scheduler", "nova.virt"];
/// Keys of the small `computes:` file and of clouds.yaml, which the schema of smog.yml does not have, and
/// the beginnings of checksums.
#[rustfmt::skip]
const OF_OTHERS: &[&str] = &[
    "computes", "passthrough", "vtype",
    "clouds", "auth", "auth_type", "auth_methods", "auth_url", "project_name", "regions", "region_name", "cacert", "cert", "verify",
    "sha256", "sha512",
];

/// The path of keys that a span of code names: `watch.allow`, or in a document also `watch:
/// allow:` and `parent:`.
pub fn named(code: &str, schema: &Value, prose: bool) -> Option<Vec<String>> {
    let is_key = |word: &&str| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_lowercase() || "_0123456789*".contains(letter))
    };
    let owned = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    let dotted: Vec<&str> = code.split('.').collect();
    if dotted.len() > 1 && dotted.iter().all(is_key) {
        // `cloud` is text in smog.yml; what follows it is Python.
        let is_setting = schema["properties"].get(dotted[0]).is_some()
            && dotted[0] != "cloud"
            && !NO_SETTINGS.iter().any(|beginning| code.starts_with(beginning));
        return is_setting.then(|| owned(&dotted));
    }
    let keys: Vec<&str> = code.split(' ').map_while(|word| word.strip_suffix(':')).collect();
    let is_named = prose && !keys.is_empty() && keys.iter().all(is_key);
    let is_of_others = keys.first().is_some_and(|key| OF_OTHERS.contains(key));
    (is_named && !is_of_others).then(|| owned(&keys))
}

/// The keys that `--set PATH=VALUE` of a command line names; `FILE:OPTION=VALUE` names none.
pub fn set_by(words: &[String]) -> Vec<Vec<String>> {
    let values = words.windows(2).filter(|pair| pair[0] == "--set").map(|pair| pair[1].as_str());
    let names = values.filter_map(|value| value.split_once('=')).map(|(name, _)| name);
    let of_smog = names.filter(|name| !name.contains([':', '…']) && name.contains(char::is_lowercase));
    of_smog.map(|name| name.split('.').map(str::to_string).collect()).collect()
}

/// Whether the keys lead somewhere: from the top, or one alone from any section.
pub fn is_there(schema: &Value, path: &[String]) -> bool {
    follows(schema, path) || (path.len() == 1 && anywhere(schema, &path[0]))
}

fn follows(schema: &Value, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    let below = [
        schema["properties"].get(first),
        schema.get("items").filter(|_| first.parse::<usize>().is_ok() || first == "*"),
        schema.get("additionalProperties").filter(|more| more.is_object()),
    ];
    below.into_iter().flatten().any(|below| follows(below, rest))
        || schema["anyOf"].as_array().is_some_and(|all| all.iter().any(|one| follows(one, path)))
}

fn anywhere(schema: &Value, key: &str) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("properties").is_some_and(|properties| properties.get(key).is_some())
                || fields.values().any(|below| anywhere(below, key))
        }
        Value::Array(items) => items.iter().any(|below| anywhere(below, key)),
        _ => false,
    }
}
