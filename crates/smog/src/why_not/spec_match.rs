//! How a filter compares a value with what an extra spec wants (`extra_specs_ops` of the scheduler).

/// Whether a value is what is wanted: `ssd`, `>= 4`, `<or> a <or> b`, `s!= x`.
pub(super) fn matches(value: &str, wanted: &str) -> bool {
    let mut words = wanted.split_whitespace();
    let Some(operator) = words.next() else { return value == wanted };
    let first = words.clone().next();
    let numbers = || Some((value.trim().parse::<f64>().ok()?, first?.parse::<f64>().ok()?));
    let number = |compare: fn(f64, f64) -> bool| numbers().is_some_and(|(one, other)| compare(one, other));
    let text = |compare: fn(&str, &str) -> bool| first.is_some_and(|other| compare(value, other));
    match operator {
        "=" | ">=" => number(|one, other| one >= other),
        "<=" => number(|one, other| one <= other),
        "==" => number(|one, other| one == other),
        "!=" => number(|one, other| one != other),
        "s==" => text(|one, other| one == other),
        "s!=" => text(|one, other| one != other),
        "s<" => text(|one, other| one < other),
        "s<=" => text(|one, other| one <= other),
        "s>" => text(|one, other| one > other),
        "s>=" => text(|one, other| one >= other),
        "<in>" => text(|one, other| one.contains(other)),
        "<all-in>" => first.is_some() && words.all(|word| value.contains(word)),
        "<or>" => words.filter(|word| *word != "<or>").any(|word| word == value),
        _ => value == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn values_and_what_is_wanted() {
        for (value, wanted, is) in [
            ("true", "true", true),
            ("true", "false", false),
            ("4", ">= 2", true),
            ("4", "= 8", false),
            ("4", "!= 4", false),
            ("x", "== 4", false),
            ("b", "<or> a <or> b", true),
            ("c", "<or> a <or> b", false),
            ("ssd", "s!= ssd", false),
            ("fast-ssd", "<in> ssd", true),
            ("aes avx", "<all-in> aes avx2", false),
            ("a b", "a b", true),
            ("", "", true),
        ] {
            assert_eq!(matches(value, wanted), is, "{value:?} {wanted:?}");
        }
    }
}
