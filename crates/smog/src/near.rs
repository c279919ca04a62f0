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

/// The same; with nothing near, the first five names, as what there is helps as well.
pub fn near_or_first<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<&str> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    match near(asked, all.iter().copied()) {
        found if found.is_empty() => all.into_iter().take(5).map(str::to_string).collect(),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::{near, near_or_first};

    #[test]
    fn typos_and_parts_are_near_strangers_are_not() {
        let names = ["cirros", "smog-guest", "fedora"];
        assert_eq!(near("ciros", names), ["cirros"]);
        assert_eq!(near("guest", names), ["smog-guest"]);
        assert_eq!(near("windows", names), Vec::<String>::new());
        assert_eq!(near_or_first("ciros", names), ["cirros"]);
        assert_eq!(near_or_first("windows", ["a", "b", "a", "c", "d", "e", "f"]), ["a", "b", "c", "d", "e"]);
    }
}
