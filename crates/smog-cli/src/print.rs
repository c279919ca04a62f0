//! What several commands print: records, findings, tests, progress; and the one question.

pub mod confirm;
pub mod exceptions;
pub mod findings;
pub mod progress;
pub mod records;
pub mod several;
pub mod test_list;
pub mod tests;
