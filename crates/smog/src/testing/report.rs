//! Reports. (Being written on the branch `reports`.)
use super::RunReport;
use crate::error::Result;
use std::path::{Path, PathBuf};
/// x
pub fn last(_: &Path) -> Result<Option<RunReport>> {
    Ok(None)
}
/// x
pub fn store(_: &RunReport, _: &Path) -> Result<PathBuf> {
    Ok(PathBuf::new())
}
/// x
pub fn summary_text(report: &RunReport, _slowest: usize) -> String {
    format!(
        "{} passed, {} failed, {} broken, {} skipped in {:.1} s\n",
        report.count("passed"),
        report.count("failed"),
        report.count("broken"),
        report.count("skipped"),
        report.seconds
    )
}
/// x
pub fn junit(_: &RunReport) -> Result<String> {
    Ok(String::new())
}
/// x
pub fn subunit(_: &RunReport) -> Vec<u8> {
    Vec::new()
}
/// x
pub fn json_lines(_: &RunReport) -> String {
    String::new()
}
/// x
pub fn html(_: &RunReport) -> String {
    String::new()
}
/// x
pub fn annotations(_: &RunReport) -> String {
    String::new()
}
impl RunReport {
    /// x
    pub fn failed_names(&self) -> Vec<String> {
        self.cases.iter().filter(|c| c.is_bad()).map(|c| c.name.clone()).collect()
    }
}
