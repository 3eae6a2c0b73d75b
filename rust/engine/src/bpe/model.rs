//! The merges of a vocabulary and what is derived from them, made when it is first needed.

use std::ops::Deref;
use std::sync::OnceLock;

use super::pairs::Pairs;
use super::whole_chars::WholeChars;

/// [`Pairs`], and the characters that they make.
pub(crate) struct BpeModel {
    pairs: Pairs,
    whole_chars: OnceLock<WholeChars>,
}

impl BpeModel {
    /// See [`Pairs::new`].
    pub fn new(
        singles: [u32; 256],
        merges: impl Iterator<Item = (u32, u32, u32)> + Clone,
    ) -> BpeModel {
        BpeModel { pairs: Pairs::new(singles, merges), whole_chars: OnceLock::new() }
    }

    /// Characters that are one token before anything else happens to them.
    #[inline(always)]
    pub fn whole_chars(&self) -> &WholeChars {
        self.whole_chars.get_or_init(|| WholeChars::new(&self.pairs))
    }
}

impl Deref for BpeModel {
    type Target = Pairs;

    #[inline(always)]
    fn deref(&self) -> &Pairs {
        &self.pairs
    }
}
