//! The kernel's command line, by the boot loader's own tools.

use super::super::state::GRUB;
use super::draft::Draft;

impl Draft<'_> {
    pub(super) fn kernel_word(&mut self, word: &str) {
        let what = format!("add `{word}` to the kernel's command line");
        let has = self.state.facts.as_ref().is_some_and(|facts| {
            facts.kernel.command_line.text.split_ascii_whitespace().any(|other| other == word)
        });
        if has {
            return;
        }
        if let Some(kind) = &self.state.container {
            self.plan.cannot(what, format!("it is a container ({kind}) and has no boot loader of its own"));
        } else if !self.state.has_update_grub {
            self.plan.cannot(
                what,
                "it has no update-grub with /etc/default/grub.d, the one way smog knows so far",
            );
        } else if word.contains(['"', '\'', '$', '`', '\\', '\n']) {
            self.plan.cannot(what, "it has letters a shell would read otherwise");
        } else {
            let line = format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {word}\"");
            self.own_line(GRUB, &line, Some("update-grub"));
            self.plan.reboot.push(format!("`{word}` on the kernel's command line"));
        }
    }
}
