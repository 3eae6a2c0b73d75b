//! Normalizer, pretokenizer and decoder of an encoding, made of what its file says.

use super::{ranks, tokenizer_json};
use crate::Error;
use crate::decode::Decoder;
use crate::encoding::definition::{Pieces, Source};
use crate::normalize::Normalizer;
use crate::pretokenize::Pretokenizer;

impl Source {
    /// The decoder of the file, where it may have one.
    pub fn decoder(&self) -> Option<Decoder> {
        matches!(self.pieces, Pieces::Steps(_)).then(|| Decoder::from_json(&self.decoder))
    }

    /// The normalizer and the pretokenizer.
    pub fn build(&self) -> Result<(Normalizer, Pretokenizer), Error> {
        let pretokenizer = match &self.pieces {
            Pieces::Steps(steps) => tokenizer_json::pretokenizer(steps)?,
            Pieces::Pattern(pattern) => ranks::pretokenizer(pattern)?,
        };
        let byte_level = matches!(self.pieces, Pieces::Steps(_));
        Ok((Normalizer::from_json(&self.normalizer, byte_level)?, pretokenizer))
    }
}
