//! How a thing is shown, once for every face: its columns, and its one line.

/// One column of a table.
pub struct Column<T> {
    /// The heading, lower case; also the name for `-c`.
    pub name: &'static str,
    /// Only in the wide form.
    pub wide: bool,
    /// The text of the cell; empty when there is nothing to say.
    pub cell: fn(&T) -> String,
}

impl<T> Column<T> {
    /// A column of the normal form.
    pub const fn new(name: &'static str, cell: fn(&T) -> String) -> Column<T> {
        Column { name, wide: false, cell }
    }

    /// A column of the wide form only.
    pub const fn wide(name: &'static str, cell: fn(&T) -> String) -> Column<T> {
        Column { name, wide: true, cell }
    }
}

/// A thing that can be a row of a table.
pub trait Show: Sized + 'static {
    /// Its columns, in order.
    const COLUMNS: &'static [Column<Self>];
}

/// A size as people say it: "2 MiB" for 2048 KiB, "1 GiB", "1500 KiB".
pub fn kib(kib: u64) -> String {
    match kib {
        kib if kib > 0 && kib % (1 << 20) == 0 => format!("{} GiB", kib >> 20),
        kib if kib > 0 && kib % (1 << 10) == 0 => format!("{} MiB", kib >> 10),
        kib => format!("{kib} KiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::kib;

    #[test]
    fn sizes_in_the_largest_whole_unit() {
        assert_eq!([2048, 1 << 20, 1500, 0].map(kib), ["2 MiB", "1 GiB", "1500 KiB", "0 KiB"]);
    }
}
