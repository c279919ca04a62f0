//! Finding one thing by what a person typed: id, name, or the beginning of either.

use crate::error::{Error, Result};
use crate::near::near_or_all;

/// Something with an id and a name.
pub(crate) trait Named {
    fn id(&self) -> &str;
    fn name(&self) -> &str;
}

/// The one of `items` meant by `asked`: by id, by name, or by an unambiguous
/// beginning of either.
///
/// # Errors
/// [`Error::NotFound`] with near names, [`Error::Ambiguous`] with the ids.
pub(crate) fn pick<T: Named>(what: &str, asked: &str, items: Vec<T>) -> Result<T> {
    let mut ways = [
        positions(&items, |item| item.id() == asked),
        positions(&items, |item| item.name() == asked),
        positions(&items, |item| {
            !asked.is_empty() && (item.name().starts_with(asked) || item.id().starts_with(asked))
        }),
    ];
    let found = ways.iter_mut().find(|found| !found.is_empty()).map(std::mem::take).unwrap_or_default();
    match found[..] {
        [] => Err(Error::NotFound {
            what: what.into(),
            name: asked.into(),
            near: near_or_all(asked, items.iter().map(Named::name)),
        }),
        [one] => items.into_iter().nth(one).ok_or_else(|| Error::NotFound {
            what: what.into(),
            name: asked.into(),
            near: vec![],
        }),
        _ => Err(Error::Ambiguous {
            what: what.into(),
            name: asked.into(),
            ids: found
                .iter()
                .map(|at| match items[*at].name() {
                    name if name == asked => items[*at].id().to_string(),
                    name => format!("{} ({name})", items[*at].id()),
                })
                .collect(),
        }),
    }
}

fn positions<T>(items: &[T], matches: impl Fn(&T) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| matches(item)).map(|(at, _)| at).collect()
}

/// `8-4-4-4-12` hexadecimal digits.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone)]
    struct Thing(&'static str, &'static str);

    impl Named for Thing {
        fn id(&self) -> &str {
            self.0
        }
        fn name(&self) -> &str {
            self.1
        }
    }

    fn things() -> Vec<Thing> {
        vec![Thing("a1", "web"), Thing("a2", "db"), Thing("b3", "db"), Thing("c4", "web-2")]
    }

    #[test]
    fn an_exact_name_wins_over_a_beginning() {
        assert_eq!(pick("server", "web", things()).expect("web").0, "a1");
        assert_eq!(pick("server", "web-", things()).expect("web-2").0, "c4");
        assert_eq!(pick("server", "b", things()).expect("b3").0, "b3");
    }

    #[test]
    fn two_of_a_name_are_named_by_their_ids() {
        let error = pick("server", "db", things()).expect_err("two");
        assert_eq!(error.to_string(), "2 servers are called `db`: a2, b3");
    }

    #[test]
    fn near_names_are_suggested() {
        let error = pick("server", "wbe", things()).expect_err("none");
        let hint = error.hint().expect("a hint");
        assert!(hint.starts_with("did you mean `web`"), "{hint}");
    }
}
