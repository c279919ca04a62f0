//! Names in a sentence: the first ones, and how many more there are.

/// So many names stand in a sentence; who reads more of them has lost the sentence.
pub(crate) const MOST: usize = 10;

/// "a, b, c"; of more than ten the first ten, "and 12 more".
pub(crate) fn some_of<S: AsRef<str>>(names: &[S]) -> String {
    some_of_with(names, ", ")
}

/// The same with another word between them.
pub(crate) fn some_of_with<S: AsRef<str>>(names: &[S], between: &str) -> String {
    // "And 1 more" is longer than most names.
    let shown = if names.len() > MOST + 1 { MOST } else { names.len() };
    let first: Vec<&str> = names.iter().take(shown).map(AsRef::as_ref).collect();
    match names.len() - shown {
        0 => first.join(between),
        more => format!("{} and {more} more", first.join(between)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_ten_are_named() {
        let names = |count: usize| -> Vec<String> { (1..=count).map(|at| format!("n{at}")).collect() };
        assert_eq!(some_of(&names(0)), "");
        assert_eq!(some_of(&names(2)), "n1, n2");
        assert_eq!(some_of(&names(11)), "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11");
        assert_eq!(some_of_with(&names(12), "; "), "n1; n2; n3; n4; n5; n6; n7; n8; n9; n10 and 2 more");
    }
}
