//! What no vocabulary may have more of, wherever it comes from.

use crate::Error;

/// The longest token that is accepted, in bytes. Real ones stay below 300.
pub(crate) const LONGEST: usize = 1 << 12;

/// Refuses more than `most` tokens, one that is too long, and an empty one.
pub(crate) fn check<'t>(
    tokens: impl ExactSizeIterator<Item = &'t [u8]>,
    most: usize,
) -> Result<(), Error> {
    let damaged = |reason: String| Err(Error::TokenizerFile { reason });
    if tokens.len() > most {
        return damaged(format!("{} tokens are more than {most}", tokens.len()));
    }
    for token in tokens {
        match token.len() {
            0 => return damaged("an empty token".to_owned()),
            1..=LONGEST => {}
            len => return damaged(format!("a token of {len} bytes")),
        }
    }
    Ok(())
}
