//! What is declared, and what is real.

use crate::noun::{cells, noun};

noun! {
    /// One thing declared in the domain XML, and the same thing as the kernel has it.
    Compared of smog::findings::Compared,
    line |it| format!(
        "<{}: declared {:?}, kernel {:?}: {}>",
        it.what, it.declared, it.kernel, if it.agrees { "agrees" } else { "DISAGREES" }
    ),
    str |it| it.what.clone(),
    cells cells;
    /// "vCPU 0", "emulator", "memory".
    what: String = |it| it.what.clone();
    /// What the domain XML says; empty when it says nothing.
    declared: String = |it| it.declared.clone();
    /// What `/proc` says.
    kernel: String = |it| it.kernel.clone();
    /// Whether the two agree.
    agrees: bool = |it| it.agrees;
}
