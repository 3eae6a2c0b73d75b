//! What must hold for any bytes at all.
//!
//! Each target is a function of bytes that panics where something does not hold. `cargo fuzz` runs them guided by
//! coverage (nightly, see `fuzz_targets`); the program of this crate runs them on its seeds, mutated at random, with
//! any toolchain, which is what `make fuzz` and CI do. The targets know no mutation, and mutation knows no target.

#![forbid(unsafe_code)]

mod corpora;
pub mod mutate;
mod targets;

pub use targets::{TARGETS, Target};

/// The target of that name.
///
/// # Panics
///
/// Where there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target of that name")
}
