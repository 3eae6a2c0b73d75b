//! Which instruction set is used: the one file that asks the machine, and that reads `FASTTOK_SIMD`.

use std::fmt;
use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use crate::Neon;
#[cfg(target_arch = "x86_64")]
use crate::{Avx2, Avx2SlowPext, Avx512, x86};
use crate::{Portable, Simd, Task};

/// The environment variable that chooses a level for the process.
pub const VARIABLE: &str = "FASTTOK_SIMD";

/// The names of all levels, of every processor.
const NAMES: [&str; 5] = ["portable", "neon", "avx2-slow-pext", "avx2", "avx512"];

/// A level that this machine has.
///
/// ```
/// use fasttok_simd::Level;
///
/// assert_eq!(Level::available().first().map(|level| level.name()), Some("portable"));
/// assert!(Level::named("mmx").is_err_and(|error| error.to_string().contains("does not exist")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// No instruction beyond those that every processor of the target has.
    Portable(Portable),
    /// AVX2 without `pext` and `pdep`, which are slow on AMD before Zen 3.
    #[cfg(target_arch = "x86_64")]
    Avx2SlowPext(Avx2SlowPext),
    /// AVX2 with BMI2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 with VBMI2.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Level {
    /// The levels that this machine has, the best one last.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::Portable(Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            let (fast, slow) = (Avx2::detect(), Avx2SlowPext::detect());
            let mut of_avx2 = [slow.map(Level::Avx2SlowPext), fast.map(Level::Avx2)];
            if x86::has_slow_pext() {
                of_avx2.reverse();
            }
            levels.extend(of_avx2.into_iter().flatten());
            levels.extend(Avx512::detect().map(Level::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        levels.extend(Neon::detect().map(Level::Neon));
        levels
    }

    /// The best level that this machine has.
    pub fn best() -> Level {
        Level::available().pop().expect("one is portable")
    }

    /// The level of that name (`portable`, `neon`, `avx2-slow-pext`, `avx2`, `avx512`). An error if there is none, or if this machine
    /// does not have it.
    pub fn named(name: &str) -> Result<Level, LevelError> {
        let found = Level::available().into_iter().find(|level| level.name() == name);
        found.ok_or_else(|| LevelError { name: name.to_owned() })
    }

    /// The level that this process uses: the one that the environment variable [`VARIABLE`] names, else the best. The
    /// variable is read once.
    pub fn chosen() -> Result<Level, LevelError> {
        static CHOSEN: OnceLock<Result<Level, LevelError>> = OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| match std::env::var_os(VARIABLE) {
            Some(name) if !name.is_empty() => Level::named(&name.to_string_lossy()),
            _ => Ok(Level::best()),
        });
        chosen.clone()
    }

    /// [`Level::chosen`], or the portable one. For what has no way to report an error: whoever lets users choose
    /// calls [`Level::chosen`] before.
    pub fn chosen_or_portable() -> Level {
        Level::chosen().unwrap_or(Level::Portable(Portable))
    }

    /// Its name: `portable`, `neon`, `avx2-slow-pext`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2SlowPext(_) => "avx2-slow-pext",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "neon",
        }
    }

    /// Runs `task` with the instructions of this level.
    #[inline(always)]
    pub fn run<T: Task>(self, task: T) -> T::Output {
        match self {
            Level::Portable(simd) => simd.outlined(task),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2SlowPext(simd) => simd.outlined(task),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.outlined(task),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.outlined(task),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(simd) => simd.outlined(task),
        }
    }
}

/// A level was asked for that does not exist, or that this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelError {
    /// The name that was asked for.
    pub name: String,
}

impl fmt::Display for LevelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let available: Vec<_> = Level::available().into_iter().map(Level::name).collect();
        let fault = match NAMES.contains(&&*self.name) {
            true => "is not available on this machine",
            false => "does not exist",
        };
        write!(
            f,
            "SIMD level {:?} {fault}: set {VARIABLE} to one of {}, or leave it out for the best",
            self.name,
            available.join(", "),
        )
    }
}

impl std::error::Error for LevelError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_name() {
        for level in Level::available() {
            assert!(NAMES.contains(&level.name()));
            assert_eq!(Level::named(level.name()), Ok(level));
        }
        assert_eq!(Level::available().last(), Some(&Level::best()));
        let absent = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
        for (name, fault) in
            [(absent, "is not available"), ("AVX2", "does not exist"), ("", "does not")]
        {
            let error = Level::named(name).unwrap_err();
            assert_eq!(error.name, name);
            let message = error.to_string();
            assert!(message.contains(fault) && message.contains("portable"), "{message}");
        }
    }
}
