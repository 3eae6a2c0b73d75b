//! What no vocabulary of the engine's tables may have more of, wherever it comes from.

use crate::Error;

/// The longest token that tables hold, in bytes. Real ones stay below 300.
pub(crate) const LONGEST: usize = 1 << 12;

/// Refuses more than `most` tokens and one that is too long, which merging without tables may know all the same, and an
/// empty one.
pub(crate) fn check<'t>(
    tokens: impl ExactSizeIterator<Item = &'t [u8]>,
    most: usize,
) -> Result<(), Error> {
    let beyond = |component: String, most: usize, unit: &str| {
        Err(Error::UnsupportedTokenizer {
            component,
            reason: format!("at most {most} {unit} are held"),
        })
    };
    if tokens.len() > most {
        return beyond(format!("a vocabulary of {} tokens", tokens.len()), most, "tokens");
    }
    for token in tokens {
        match token.len() {
            0 => return Err(Error::TokenizerFile { reason: "an empty token".to_owned() }),
            1..=LONGEST => {}
            len => return beyond(format!("a token of {len} bytes"), LONGEST, "bytes"),
        }
    }
    Ok(())
}
