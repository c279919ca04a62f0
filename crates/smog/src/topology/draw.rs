//! A picture as text of a given width.

use super::{CorePicture, CpuPicture, CpuRole, GuestPicture, HostPicture, NodePicture};
use crate::show::kib;

/// How a picture is drawn.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// The columns there are; 60 at least are used.
    pub width: usize,
    /// Letters of ASCII only.
    pub ascii: bool,
    /// The id of a guest that stands out.
    pub of: Option<String>,
}

/// What a piece of text is, for a face with colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Frames, and what is said in passing.
    Dim,
    /// A heading.
    Head,
    /// Usual text.
    Plain,
    /// A dedicated CPU.
    Dedicated,
    /// A shared CPU.
    Shared,
    /// A guest that sits on a CPU.
    Guest,
    /// The guest that was asked for.
    Chosen,
    /// What could not be read.
    Bad,
}

/// Text in one tone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Its tone.
    pub tone: Tone,
}

/// A line of a drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextLine(pub Vec<Piece>);

impl TextLine {
    fn and(mut self, tone: Tone, text: impl Into<String>) -> TextLine {
        let text = text.into();
        match self.0.last_mut() {
            Some(last) if last.tone == tone => last.text.push_str(&text),
            _ => self.0.push(Piece { text, tone }),
        }
        self
    }

    /// The text alone.
    pub fn text(&self) -> String {
        self.0.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// The narrowest drawing.
const NARROWEST: usize = 40;

/// Draw a host: its nodes, cores with their threads side by side, what the marks mean, its guests.
pub fn lines(picture: &HostPicture, how: &Drawing) -> Vec<TextLine> {
    let draw = Draw::of(picture, how);
    let mut lines = vec![draw.title()];
    for node in &picture.nodes {
        draw.node(node, &mut lines);
    }
    draw.rest(&mut lines);
    lines
}

struct Draw<'a> {
    picture: &'a HostPicture,
    how: &'a Drawing,
    width: usize,
    /// Digits of the highest CPU.
    digits: usize,
    /// CPUs of the fullest core.
    threads: usize,
    /// There is an isolated CPU: a column for its mark.
    isolated: bool,
    bar: &'static str,
}

impl<'a> Draw<'a> {
    fn of(picture: &'a HostPicture, how: &'a Drawing) -> Draw<'a> {
        let cores = || picture.nodes.iter().flat_map(|node| &node.cores);
        let cpus = || cores().flat_map(|core| &core.cpus);
        Draw {
            picture,
            how,
            width: how.width.max(NARROWEST),
            digits: cpus().map(|cpu| cpu.id).max().unwrap_or(0).to_string().len(),
            threads: cores().map(|core| core.cpus.len()).max().unwrap_or(1),
            isolated: cpus().any(|cpu| cpu.isolated),
            bar: if how.ascii { "|" } else { "│" },
        }
    }

    fn title(&self) -> TextLine {
        let picture = self.picture;
        let cores: usize = picture.nodes.iter().map(|node| node.cores.len()).sum();
        let cpus: usize = picture.nodes.iter().flat_map(|node| &node.cores).map(|core| core.cpus.len()).sum();
        let simulated = match picture.simulated_nodes {
            0 => String::new(),
            count => format!(" ({count} simulated for libvirt)"),
        };
        TextLine::default().and(Tone::Head, &picture.host).and(
            Tone::Plain,
            format!(
                "  {}, {}, {}, {}{simulated}",
                counted(picture.sockets, "socket"),
                counted(cores, "core"),
                counted(cpus, "CPU"),
                counted(picture.nodes.len(), "NUMA node")
            ),
        )
    }

    fn node(&self, node: &NodePicture, lines: &mut Vec<TextLine>) {
        let (corner, end) = if self.how.ascii { ("+ ", "+ ") } else { ("┌ ", "└ ") };
        let mut sockets: Vec<u32> = node.cores.iter().filter_map(|core| core.socket).collect();
        sockets.dedup();
        let mut words = vec![format!("NUMA node {}", node.id)];
        if self.picture.sockets > 1 && !sockets.is_empty() {
            let sockets: Vec<String> = sockets.iter().map(u32::to_string).collect();
            words.push(format!("socket {}", sockets.join(", ")));
        }
        words.push(format!("{} free of {}", size(node.free_kib), size(node.memory_kib)));
        for pool in node.pages.iter().filter(|pool| pool.total > 0) {
            words.push(format!("{} pages: {} of {} free", kib(pool.size_kib), pool.free, pool.total));
        }
        let mut is_first = true;
        for line in wrapped(&words, "  ", self.width - 2) {
            let start = if is_first { corner.to_string() } else { format!("{} ", self.bar) };
            let tone = if is_first { Tone::Head } else { Tone::Plain };
            lines.push(TextLine::default().and(Tone::Dim, start).and(tone, line));
            is_first = false;
        }
        let per_row = ((self.width - 1) / (self.core_width() + 3)).max(1);
        for row in node.cores.chunks(per_row) {
            lines.push(self.row(row, |draw, line, cpu| draw.cpu(line, cpu)));
            if row.iter().flat_map(|core| &core.cpus).any(|cpu| !cpu.guests.is_empty()) {
                lines.push(self.row(row, |draw, line, cpu| draw.guests_of(line, cpu)));
            }
        }
        if node.cores.is_empty() {
            lines.push(TextLine::default().and(Tone::Dim, format!("{} no CPU: memory only", self.bar)));
        }
        let mut devices: Vec<String> = node.devices.iter().map(ToString::to_string).collect();
        const MOST: usize = 8;
        if devices.len() > MOST {
            let more = devices.len() - MOST;
            devices.truncate(MOST);
            devices.push(format!("and {more} more"));
        }
        let devices = wrapped(&devices, "  ", self.width - 2);
        let last = devices.len().saturating_sub(1);
        for (at, line) in devices.into_iter().enumerate() {
            let start = if at == last { end.to_string() } else { format!("{} ", self.bar) };
            lines.push(TextLine::default().and(Tone::Dim, start).and(Tone::Plain, line));
        }
        if node.devices.is_empty() {
            lines.push(TextLine::default().and(Tone::Dim, end.trim_end()));
        }
    }

    /// What one CPU takes: its number and marks, or the letters of guests.
    fn field(&self) -> usize {
        (self.digits + 1 + usize::from(self.isolated)).max(4)
    }

    fn core_width(&self) -> usize {
        self.threads * (self.field() + 1) - 1
    }

    fn row(
        &self,
        cores: &[CorePicture],
        cell: impl Fn(&Self, TextLine, &CpuPicture) -> TextLine,
    ) -> TextLine {
        let mut line = TextLine::default().and(Tone::Dim, self.bar);
        for core in cores {
            for at in 0..self.threads {
                line = line.and(Tone::Dim, " ");
                line = match core.cpus.get(at) {
                    Some(cpu) => cell(self, line, cpu),
                    None => line.and(Tone::Dim, " ".repeat(self.field())),
                };
            }
            line = line.and(Tone::Dim, format!(" {}", self.bar));
        }
        line
    }

    fn cpu(&self, line: TextLine, cpu: &CpuPicture) -> TextLine {
        let isolated = match (self.isolated, cpu.isolated) {
            (true, true) => "i",
            (true, false) => " ",
            (false, _) => "",
        };
        let text = format!("{:>width$}{}{isolated}", cpu.id, self.mark(cpu.role), width = self.digits);
        let tone = match cpu.role {
            CpuRole::Dedicated => Tone::Dedicated,
            CpuRole::Shared => Tone::Shared,
            CpuRole::Host | CpuRole::Unknown => Tone::Plain,
        };
        line.and(tone, format!("{text:<width$}", width = self.field()))
    }

    fn mark(&self, role: CpuRole) -> &'static str {
        match (role, self.how.ascii) {
            (CpuRole::Dedicated, _) => "D",
            (CpuRole::Shared, _) => "S",
            (CpuRole::Host, false) => "·",
            (CpuRole::Host, true) => ".",
            (CpuRole::Unknown, _) => "?",
        }
    }

    fn guests_of(&self, line: TextLine, cpu: &CpuPicture) -> TextLine {
        let of = |sitting: &super::Sitting| &self.picture.guests[sitting.guest];
        let is_chosen = cpu.guests.iter().any(|sitting| self.how.of.as_ref() == Some(&of(sitting).id));
        let text = match cpu.guests.as_slice() {
            [] => String::new(),
            [one] => match (one.vcpus.len(), one.vcpus.first()) {
                (1, Some(vcpu)) => format!("{}{vcpu}", of(one).letter),
                _ => of(one).letter.clone(),
            },
            several => several.iter().map(|sitting| of(sitting).letter.as_str()).collect(),
        };
        // More guests than there is room for are counted.
        let text = match text.chars().count() > self.field() {
            true if cpu.guests.len() > 1 => format!("+{}", cpu.guests.len()),
            true => of(&cpu.guests[0]).letter.clone(),
            false => text,
        };
        let tone = if is_chosen { Tone::Chosen } else { Tone::Guest };
        line.and(tone, format!("{text:<width$}", width = self.field()))
    }

    /// Below the nodes: what is on none of them, the marks, the guests, what is unknown.
    fn rest(&self, lines: &mut Vec<TextLine>) {
        let picture = self.picture;
        if !picture.offline.is_empty() {
            lines.push(TextLine::default().and(Tone::Plain, format!("offline CPUs: {}", picture.offline)));
        }
        let devices: Vec<String> = picture.devices.iter().map(ToString::to_string).collect();
        for line in wrapped(&devices, "  ", self.width.saturating_sub(24)) {
            lines.push(TextLine::default().and(Tone::Plain, format!("on an unknown NUMA node: {line}")));
        }
        for line in wrapped(&self.legend(), "  ", self.width) {
            lines.push(TextLine::default().and(Tone::Dim, line));
        }
        let letters = picture.guests.iter().map(|guest| guest.letter.len()).max().unwrap_or(0);
        for guest in &picture.guests {
            let is_chosen = self.how.of.as_ref() == Some(&guest.id);
            let tone = if is_chosen { Tone::Chosen } else { Tone::Plain };
            let words = guest_words(guest);
            let mut start = format!("{:<letters$} ", guest.letter);
            for line in wrapped(&words, "; ", self.width.saturating_sub(start.len()).max(20)) {
                lines.push(TextLine::default().and(Tone::Guest, start).and(tone, line));
                start = " ".repeat(letters + 1);
            }
        }
        if picture.guests.is_empty() && picture.unknown.is_empty() {
            lines.push(TextLine::default().and(Tone::Dim, "no guest"));
        }
        for why in &picture.unknown {
            lines.push(TextLine::default().and(Tone::Bad, format!("unknown: {why}")));
        }
    }

    /// Only what is in the picture is explained.
    fn legend(&self) -> Vec<String> {
        let cpus = || self.picture.nodes.iter().flat_map(|node| &node.cores).flat_map(|core| &core.cpus);
        let mut words = Vec::new();
        for (role, what) in [
            (CpuRole::Dedicated, "dedicated"),
            (CpuRole::Shared, "shared"),
            (CpuRole::Host, "not for guests"),
            (CpuRole::Unknown, "Nova's CPU sets are unknown"),
        ] {
            if cpus().any(|cpu| cpu.role == role) {
                words.push(format!("{} {what}", self.mark(role)));
            }
        }
        if self.isolated {
            words.push("i isolated".into());
        }
        if self.threads > 1 {
            words.push(format!("between {0} {0}: one core", self.bar));
        }
        let alone = || cpus().filter(|cpu| cpu.guests.len() == 1).flat_map(|cpu| &cpu.guests);
        if let Some(guest) = alone().find(|sitting| sitting.vcpus.len() == 1) {
            let vcpu = guest.vcpus.first().unwrap_or_default();
            let letter = &self.picture.guests[guest.guest].letter;
            words.push(format!("{letter}{vcpu} vCPU {vcpu} of guest {letter}"));
        }
        let several = || cpus().filter(|cpu| cpu.guests.len() > 1);
        let is_counted = |cpu: &CpuPicture| self.guests_of(TextLine::default(), cpu).text().starts_with('+');
        if let Some(cpu) = several().find(|cpu| !is_counted(cpu)) {
            let letters: Vec<&str> =
                cpu.guests.iter().map(|sitting| self.picture.guests[sitting.guest].letter.as_str()).collect();
            words.push(format!("{} guests {}", letters.concat(), letters.join(" and ")));
        }
        if several().any(is_counted) {
            words.push("+5 five guests".into());
        }
        words
    }
}

/// "web-1 (instance-0000001f, running)", "128 MiB …", "vCPU 0 on CPU 2" …
pub(super) fn guest_words(guest: &GuestPicture) -> Vec<String> {
    let mut words = vec![format!("{} ({}, {})", guest.name, guest.domain, guest.state)];
    let huge = match guest.huge_kib {
        0 => String::new(),
        huge if huge == guest.memory_kib => ", all of it in huge pages".into(),
        huge => format!(", {} of it in huge pages", size(huge)),
    };
    let nodes = match guest.memory_nodes.len() {
        0 => String::new(),
        1 => format!(", from NUMA node {}", guest.memory_nodes),
        _ => format!(", from NUMA nodes {}", guest.memory_nodes),
    };
    words.push(format!("{}{huge}{nodes}", size(guest.memory_kib)));
    let mut groups: Vec<(&crate::Cpuset, crate::Cpuset)> = Vec::new();
    for (vcpu, cpus) in (0_u32..).zip(&guest.vcpus) {
        match groups.iter_mut().find(|(known, _)| *known == cpus) {
            Some((_, of)) => _ = of.insert(vcpu),
            None => groups.push((cpus, crate::Cpuset::from([vcpu]))),
        }
    }
    let first: Vec<u32> = guest.vcpus.iter().filter_map(crate::Cpuset::first).collect();
    if guest.is_pinned() && groups.len() > 4 && first.is_sorted() {
        let cpus: crate::Cpuset = first.into_iter().collect();
        words.push(format!("vCPU 0-{} on CPU {cpus}, one each, in this order", groups.len() - 1));
    } else {
        words.extend(groups.iter().map(|(cpus, of)| match cpus.is_empty() {
            true => format!("vCPU {of}: its thread was not found"),
            false => format!("vCPU {of} on CPU {cpus}"),
        }));
    }
    if let Some(cpus) = &guest.emulator {
        words.push(format!("emulator on {cpus}"));
    }
    words
}

/// "1 core", "32 cores"
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A size for people: "12.3 GiB".
pub(super) fn size(in_kib: u64) -> String {
    match in_kib {
        0..10_240 => format!("{in_kib} KiB"),
        10_240..10_485_760 => format!("{} MiB", in_kib >> 10),
        _ => format!("{:.1} GiB", in_kib as f64 / f64::from(1 << 20)),
    }
}

/// Words in lines of at most so many characters; a word that is longer stands alone.
fn wrapped(words: &[String], between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + between.len() + word.chars().count() <= width => {
                line.push_str(between);
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}
