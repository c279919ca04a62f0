//! Text with colours. Only smog paints: what is put in is made visible first, so that no name
//! and no log line brings an escape sequence of its own.

use anstyle::Style;
use smog::show::visible;

/// A text with colours, made of pieces.
#[derive(Default)]
pub struct Painted(String);

impl Painted {
    /// A piece without colour. Lines stay lines.
    pub fn plain(mut self, text: &str) -> Painted {
        self.0.push_str(&visible(text));
        self
    }

    /// A piece in this style.
    pub fn in_style(mut self, style: Style, text: &str) -> Painted {
        self.0.push_str(&format!("{style}{}{style:#}", visible(text)));
        self
    }

    /// The end of a line.
    pub fn line_end(mut self) -> Painted {
        self.0.push('\n');
        self
    }

    /// With its escape sequences.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::Painted;

    #[test]
    fn only_smog_paints() {
        let red = AnsiColor::Red.on_default();
        let text = Painted::default().in_style(red, "a\x1b[2J").plain("b\x1b]0;c\x07").line_end();
        assert_eq!(text.as_str(), "\x1b[31ma\\u{1b}[2J\x1b[0mb\\u{1b}]0;c\\u{7}\n");
    }
}
