//! The merges of a vocabulary and what is derived from them, made when it is first needed.

use std::ops::Deref;
use std::sync::OnceLock;

use super::chars::Chars;
use super::pairs::Pairs;

/// [`Pairs`], and the characters that they make.
pub(crate) struct BpeModel {
    pairs: Pairs,
    chars: OnceLock<Chars>,
}

impl BpeModel {
    /// See [`Pairs::new`].
    pub fn new(singles: [u32; 256], merges: &[(u32, u32, u32)]) -> BpeModel {
        BpeModel { pairs: Pairs::new(singles, merges), chars: OnceLock::new() }
    }

    /// Characters that are one token before anything else happens to them.
    #[inline(always)]
    pub fn chars(&self) -> &Chars {
        self.chars.get_or_init(|| Chars::new(&self.pairs))
    }
}

impl Deref for BpeModel {
    type Target = Pairs;

    #[inline(always)]
    fn deref(&self) -> &Pairs {
        &self.pairs
    }
}
