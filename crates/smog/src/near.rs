//! Near names, for "did you mean": the only place that judges likeness.

/// At most three of `names` which look like `asked`, best first.
///
/// A name counts as near when one contains the other, or when few letters
/// differ (Damerau-Levenshtein through `strsim`).
pub fn near<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let asked = asked.to_lowercase();
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter(|name| !name.is_empty())
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&asked, &lower);
            let allowed = asked.chars().count().max(lower.chars().count()) / 3 + 1;
            // A name of one or two letters is in nearly every word.
            let contains =
                asked.len() >= 3 && lower.contains(&asked) || lower.len() >= 3 && asked.contains(&lower);
            if lower == asked || distance <= allowed {
                Some((distance, name))
            } else if contains {
                Some((allowed + 1, name))
            } else {
                None
            }
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name.to_string()).collect()
}

/// The same; with nothing near, all names, each once: what there is helps as well. The hint of
/// [`Error::NotFound`](crate::Error::NotFound) distinguishes the two ([`suggestion`]).
pub fn near_or_all<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    match near(asked, all.iter().copied()) {
        found if found.is_empty() => all.into_iter().map(str::to_string).collect(),
        found => found,
    }
}

/// So many of the names there are stand in a hint.
const MOST_LISTED: usize = 5;

/// "did you mean `cirros`?" for names that look like `asked` (or that it begins), else
/// "there are: `a`, `b` … (12 more)".
pub fn suggestion(asked: &str, names: &[String]) -> String {
    let mut alike = near(asked, names.iter().map(String::as_str));
    if alike.is_empty() && !asked.is_empty() {
        alike = names.iter().filter(|name| name.starts_with(asked)).take(3).cloned().collect();
    }
    if !alike.is_empty() {
        let quoted: Vec<String> = alike.iter().map(|name| format!("`{name}`")).collect();
        return match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                format!("did you mean {} or {last}?", rest.join(", "))
            }
            _ => format!("did you mean {}?", quoted.concat()),
        };
    }
    let listed: Vec<String> = names.iter().take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    let there = if names.len() == 1 { "there is only" } else { "there are" };
    match names.len().saturating_sub(MOST_LISTED) {
        0 => format!("{there}: {}", listed.join(", ")),
        more => format!("{there}: {} … ({more} more)", listed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{near, near_or_all, suggestion};

    #[test]
    fn typos_and_parts_are_near_strangers_are_not() {
        let names = ["cirros", "smog-guest", "fedora"];
        assert_eq!(near("ciros", names), ["cirros"]);
        assert_eq!(near("guest", names), ["smog-guest"]);
        assert_eq!(near("windows", names), Vec::<String>::new());
        assert_eq!(near_or_all("ciros", names), ["cirros"]);
        assert_eq!(near_or_all("windows", ["a", "b", "a", "c"]), ["a", "b", "c"]);
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let hint = |asked, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            suggestion(asked, &names)
        };
        assert_eq!(hint("ciros", &["cirros", "fedora"]), "did you mean `cirros`?");
        assert_eq!(hint("nope", &["y-big", "y-a"]), "there are: `y-big`, `y-a`");
        assert_eq!(hint("nosuch", &["ceo-big"]), "there is only: `ceo-big`");
        let many = ["q1", "q2", "q3", "q4", "q5", "q6", "q7"];
        assert_eq!(hint("windows", &many), "there are: `q1`, `q2`, `q3`, `q4`, `q5` … (2 more)");
        // A beginning is meant, however much is missing.
        assert_eq!(hint("w", &["web-frontend-1"]), "did you mean `web-frontend-1`?");
    }
}
