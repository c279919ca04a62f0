//! Choosing cases: by path, glob, word, tag, expression, list, part.

use super::Case;
use crate::error::{Error, Result};
use crate::near::near;

/// What is chosen. Everything must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Paths ("numa", "numa.NUMALargePage", "numa.NUMALargePage.test_large_pages"), globs
    /// ("numa.*.test_two*"), or names of classes and methods alone; any of them.
    pub patterns: Vec<String>,
    /// An expression of words: "numa and not migration", "(pages or pinning) and not resize".
    pub words: Option<String>,
    /// Tags; any of them.
    pub tags: Vec<String>,
    /// Whole names, from a file or from what failed before; any of them.
    pub names: Option<Vec<String>>,
    /// The part of so many: (1, 4) is the first quarter.
    pub partition: Option<(usize, usize)>,
}

/// The cases that are chosen, in the order of the tables.
///
/// # Errors
/// [`Error::NotFound`] with near names for a pattern, a name or a tag that means no case,
/// [`Error::Invalid`] for an expression that cannot be read.
pub fn select(cases: &[Case], selection: &Selection) -> Result<Vec<Case>> {
    for pattern in &selection.patterns {
        if !cases.iter().any(|case| matches(pattern, case)) {
            return Err(Error::NotFound {
                what: "case".into(),
                name: pattern.clone(),
                near: near_names(pattern, cases),
            });
        }
    }
    for name in selection.names.iter().flatten() {
        if !cases.iter().any(|case| case.name == name) {
            let near = near(name, cases.iter().map(|case| case.name)).into_iter().collect();
            return Err(Error::NotFound { what: "case".into(), name: name.clone(), near });
        }
    }
    for tag in &selection.tags {
        let known: Vec<&str> = cases.iter().flat_map(|case| case.tags.iter().copied()).collect();
        if !known.contains(&tag.as_str()) {
            let near = near(tag, known.iter().copied()).into_iter().collect();
            return Err(Error::NotFound { what: "tag".into(), name: tag.clone(), near });
        }
    }
    let words = selection.words.as_deref().map(parse).transpose()?;
    let mut chosen: Vec<Case> = cases
        .iter()
        .filter(|case| selection.patterns.is_empty() || selection.patterns.iter().any(|it| matches(it, case)))
        .filter(|case| {
            selection.tags.is_empty() || selection.tags.iter().any(|it| case.tags.contains(&it.as_str()))
        })
        .filter(|case| {
            selection.names.as_ref().is_none_or(|names| names.iter().any(|name| name == case.name))
        })
        .filter(|case| words.as_ref().is_none_or(|words| words.holds(case)))
        .copied()
        .collect();
    if let Some((part, parts)) = selection.partition {
        if parts == 0 || part == 0 || part > parts {
            return Err(Error::Invalid {
                what: format!("partition {part}/{parts}"),
                why: "there is no such part; parts are numbered from 1".into(),
                hint: Some("the first of four is 1/4, the last 4/4".into()),
            });
        }
        // Every parts-th one: neighbours in a table are alike, and take alike long.
        chosen = chosen.into_iter().skip(part - 1).step_by(parts).collect();
    }
    Ok(chosen)
}

fn matches(pattern: &str, case: &Case) -> bool {
    // `smog.tests.numa…`, as the Python face names it.
    let pattern = pattern.strip_prefix("smog.tests.").unwrap_or(pattern);
    if pattern.contains(['*', '?']) {
        return glob(pattern.as_bytes(), case.name.as_bytes());
    }
    let path =
        case.name == pattern || case.name.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.'));
    path || case.name.split('.').skip(1).any(|part| part == pattern)
}

/// `*` is any text, `?` any one byte.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => glob(&pattern[1..], text) || (!text.is_empty() && glob(pattern, &text[1..])),
        (Some(b'?'), Some(_)) => glob(&pattern[1..], &text[1..]),
        (Some(one), Some(other)) => one == other && glob(&pattern[1..], &text[1..]),
        _ => false,
    }
}

fn near_names(pattern: &str, cases: &[Case]) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for case in cases {
        names.extend([case.suite(), case.class(), case.name, case.method()]);
        names.extend(case.class().rsplit('.').next());
    }
    names.sort_unstable();
    names.dedup();
    near(pattern, names).into_iter().collect()
}

/// An expression of words.
#[derive(Debug, PartialEq)]
enum Words {
    Word(String),
    Not(Box<Words>),
    And(Box<Words>, Box<Words>),
    Or(Box<Words>, Box<Words>),
}

impl Words {
    /// A word is in the name (whatever its case), or is a tag.
    fn holds(&self, case: &Case) -> bool {
        match self {
            Words::Word(word) => {
                case.name.to_lowercase().contains(word) || case.tags.iter().any(|tag| tag == word)
            }
            Words::Not(one) => !one.holds(case),
            Words::And(one, other) => one.holds(case) && other.holds(case),
            Words::Or(one, other) => one.holds(case) || other.holds(case),
        }
    }
}

fn parse(text: &str) -> Result<Words> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let read = either(&mut rest).filter(|_| rest.is_empty());
    read.ok_or_else(|| Error::Invalid {
        what: format!("expression `{text}`"),
        why: match rest.first() {
            Some(word) => format!("`{word}` is not expected there"),
            None => "it ends too early".into(),
        },
        hint: Some(
            "words with `and`, `or`, `not` and parentheses: `numa and not (resize or migration)`".into(),
        ),
    })
}

fn either(rest: &mut &[&str]) -> Option<Words> {
    let mut one = both(rest)?;
    while rest.first() == Some(&"or") {
        *rest = &rest[1..];
        one = Words::Or(Box::new(one), Box::new(both(rest)?));
    }
    Some(one)
}

fn both(rest: &mut &[&str]) -> Option<Words> {
    let mut one = single(rest)?;
    while rest.first() == Some(&"and") {
        *rest = &rest[1..];
        one = Words::And(Box::new(one), Box::new(single(rest)?));
    }
    Some(one)
}

fn single(rest: &mut &[&str]) -> Option<Words> {
    let (first, after) = rest.split_first()?;
    match *first {
        "not" => {
            *rest = after;
            Some(Words::Not(Box::new(single(rest)?)))
        }
        "(" => {
            *rest = after;
            let inner = either(rest)?;
            let (close, after) = rest.split_first()?;
            if *close != ")" {
                return None;
            }
            *rest = after;
            Some(inner)
        }
        ")" | "and" | "or" => None,
        word => {
            *rest = after;
            Some(Words::Word(word.to_lowercase()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn case(name: &'static str, tags: &'static [&'static str]) -> Case {
        Case::new(name, "", |_| Box::pin(async { Ok(()) })).tags(tags)
    }

    const CASES: &[Case] = &[
        case("numa.NUMALargePage.test_large_pages", &["pages"]),
        case("numa.NUMALargePage.test_resize", &["pages", "resize"]),
        case("numa.NUMATopologyTest.test_simple", &[]),
        case("live_migration.LiveMigrationTest.test_simple", &["migration"]),
    ];

    fn names(selection: &Selection) -> Vec<&'static str> {
        select(CASES, selection).expect("a selection").iter().map(|case| case.name).collect()
    }

    fn patterns(patterns: &[&str]) -> Selection {
        Selection { patterns: patterns.iter().map(|it| it.to_string()).collect(), ..Selection::default() }
    }

    fn words(text: &str) -> Selection {
        Selection { words: Some(text.into()), ..Selection::default() }
    }

    #[test]
    fn by_path_class_method_and_glob() {
        assert_eq!(names(&Selection::default()).len(), 4);
        assert_eq!(names(&patterns(&["numa"])).len(), 3);
        assert_eq!(names(&patterns(&["numa.NUMALargePage"])).len(), 2);
        assert_eq!(names(&patterns(&["NUMALargePage"])).len(), 2);
        assert_eq!(names(&patterns(&["test_simple"])).len(), 2);
        assert_eq!(names(&patterns(&["smog.tests.numa.NUMALargePage.test_large_pages"])).len(), 1);
        assert_eq!(names(&patterns(&["*.test_re*"])), ["numa.NUMALargePage.test_resize"]);
        assert_eq!(names(&patterns(&["live_migration", "test_resize"])).len(), 2);
    }

    #[test]
    fn by_expression() {
        assert_eq!(names(&words("numa and not resize")).len(), 2);
        assert_eq!(names(&words("migration or (pages and resize)")).len(), 2);
        assert_eq!(names(&words("not not numa")).len(), 3);
        for wrong in ["", "numa and", "(numa", "numa)", "and", "numa resize"] {
            assert!(select(CASES, &words(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn by_tag_and_part() {
        let tagged = Selection { tags: vec!["pages".into()], ..Selection::default() };
        assert_eq!(names(&tagged).len(), 2);
        let all: Vec<&str> = (1..=3)
            .flat_map(|part| names(&Selection { partition: Some((part, 3)), ..Selection::default() }))
            .collect();
        assert_eq!(all.len(), 4, "the parts make the whole");
        assert!(select(CASES, &Selection { partition: Some((4, 3)), ..Selection::default() }).is_err());
    }

    #[test]
    fn a_typo_is_told_with_what_was_meant() {
        match select(CASES, &patterns(&["numa.NUMALargePages"])) {
            Err(Error::NotFound { near, .. }) => {
                assert!(near.iter().any(|name| name == "numa.NUMALargePage"), "{near:?}")
            }
            other => panic!("{other:?}"),
        }
        let listed = |name: &str| Selection { names: Some(vec![name.into()]), ..Selection::default() };
        assert_eq!(names(&listed("numa.NUMALargePage.test_resize")).len(), 1);
        match select(CASES, &listed("numa.NUMALargePage.test_resise")) {
            Err(Error::NotFound { near, .. }) => assert_eq!(near[0], "numa.NUMALargePage.test_resize"),
            other => panic!("a list with a typo would run less than it says: {other:?}"),
        }
    }
}
