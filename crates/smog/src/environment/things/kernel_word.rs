//! The kernel's command line, by the boot loader's own tools: `--kernel`.

use super::super::plan::Draft;
use super::super::state::{BootTool, HostState};
use super::super::wish::Target;
use super::{Look, Preparable, Thing, Want};
use crate::error::Result;

pub(super) const ROW: Preparable = Preparable {
    name: "kernel",
    keyword: "kernel_words",
    form: "WORD",
    example: "intel_iommu=on",
    help: "A parameter of the computes' kernel command line: intel_iommu=on",
    add: |wish, text, _| Ok(wish.with(Target::Computes, Want::KernelWord(text.into()))),
    ..Preparable::PLAIN
};

/// The file smog makes for the kernel's command line.
const GRUB: &str = "/etc/default/grub.d/smog.cfg";
/// The file grub2-mkconfig reads.
const GRUB_DEFAULTS: &str = "/etc/default/grub";
/// The file smog makes where grubby changes the kernel's command line.
const KERNEL_WORDS: &str = "/etc/smog-kernel-command-line";

/// A word of the kernel's command line.
pub(super) struct KernelWord<'a>(pub(super) &'a str);

impl Thing for KernelWord<'_> {
    fn name(&self) -> String {
        format!("kernel parameter {}", self.0)
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.files([GRUB, GRUB_DEFAULTS, KERNEL_WORDS].map(str::to_string));
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.kernel_word(self.0);
        Ok(())
    }

    fn is_of_kernel(&self) -> bool {
        true
    }
}

impl Draft<'_> {
    fn kernel_word(&mut self, word: &str) {
        let what = format!("add `{word}` to the kernel's command line");
        let has = self.state.facts.as_ref().is_some_and(|facts| {
            facts.kernel.command_line.text.split_ascii_whitespace().any(|other| other == word)
        });
        if has {
            return;
        }
        if let Some(kind) = &self.state.container {
            self.plan.cannot(what, format!("it is a container ({kind}) and has no boot loader of its own"));
            return;
        }
        if word.is_empty() || word.contains(|c: char| c.is_whitespace() || "\"'$`\\".contains(c)) {
            self.plan.cannot(what, "it contains shell metacharacters");
            return;
        }
        match self.state.boot_tool {
            Some(BootTool::UpdateGrub) => {
                let line = format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {word}\"");
                self.own_line(GRUB, &line, Some("update-grub"));
            }
            // It writes each kernel's own entry: a file of smog's says what was added, so that
            // the same program takes it away when the file is gone.
            Some(BootTool::Grubby) => {
                let program = format!(
                    "if grep -qxF -- {0} {KERNEL_WORDS} 2>/dev/null; then grubby --update-kernel=ALL --args={0}; \
                     else grubby --update-kernel=ALL --remove-args={0}; fi",
                    crate::quote(word)
                );
                self.own_line(KERNEL_WORDS, word, Some(&program));
            }
            Some(BootTool::Mkconfig) => {
                let text = self.text_of(GRUB_DEFAULTS);
                let Some(edited) = text.as_deref().and_then(|text| with_word(text, word)) else {
                    let why = format!("{GRUB_DEFAULTS} has no line GRUB_CMDLINE_LINUX=\"…\"");
                    self.plan.cannot(what, why);
                    return;
                };
                let program = "grub2-mkconfig -o /boot/grub2/grub.cfg";
                self.replace(GRUB_DEFAULTS, text.as_deref().unwrap_or_default(), edited, Some(program));
            }
            None => {
                self.plan.cannot(
                    what,
                    "it has neither update-grub with /etc/default/grub.d, nor grubby, nor grub2-mkconfig",
                );
                return;
            }
        }
        self.plan.reboot.push(format!("`{word}` on the kernel's command line"));
    }
}

/// The text with a word at the end of the last `GRUB_CMDLINE_LINUX="…"`.
fn with_word(text: &str, word: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines.iter().rposition(|line| line.starts_with("GRUB_CMDLINE_LINUX="))?;
    let line = lines[at];
    let quote = line.split_once('=')?.1.chars().next().filter(|letter| matches!(letter, '"' | '\''))?;
    let end = line.rfind(quote).filter(|end| *end > line.find(quote).unwrap_or(0))?;
    let (head, tail) = line.split_at(end);
    if head.split(['"', '\'', ' ']).any(|other| other == word) {
        return Some(text.to_string());
    }
    let glue = if head.ends_with(quote) { "" } else { " " };
    Some([&lines[..at].concat(), head, glue, word, tail, &lines[at + 1..].concat()].concat())
}

#[cfg(test)]
mod tests {
    use super::with_word;

    #[test]
    fn a_word_goes_to_the_end_of_the_line_that_counts() {
        let text = "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX=\"crashkernel=auto quiet\"\n# end\n";
        let new = with_word(text, "intel_iommu=on").expect("a line");
        assert_eq!(new, text.replace("quiet", "quiet intel_iommu=on"));
        assert_eq!(with_word(&new, "intel_iommu=on").as_deref(), Some(new.as_str()));
        let empty = with_word("GRUB_CMDLINE_LINUX=\"\"\n", "a").expect("a line");
        assert_eq!(empty, "GRUB_CMDLINE_LINUX=\"a\"\n");
        assert_eq!(with_word("GRUB_CMDLINE_LINUX=bare\n", "a"), None);
        assert_eq!(with_word("GRUB_TIMEOUT=5\n", "a"), None);
    }
}
