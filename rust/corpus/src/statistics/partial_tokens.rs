//! Tokens that are not whole characters, by encoding.

use std::sync::Arc;

use fasttok_engine::{Encoding, Error};

use super::{Counters, Statistic, Tally};

/// By encoding.
pub(super) struct PartialTokens(Vec<Partial>);

/// Which tokens of an encoding are not whole characters.
struct Partial {
    encoding: Arc<Encoding>,
    /// By id.
    is_partial: Vec<bool>,
    ids: Vec<u32>,
}

impl PartialTokens {
    pub fn new(encodings: &[Arc<Encoding>]) -> PartialTokens {
        let partial = |encoding: &Arc<Encoding>| Partial {
            is_partial: (0..encoding.n_vocab()).map(|id| encoding.cuts_character(id)).collect(),
            encoding: encoding.clone(),
            ids: Vec::new(),
        };
        PartialTokens(encodings.iter().map(partial).collect())
    }
}

impl Statistic for PartialTokens {
    fn measure(
        &mut self,
        text: &str,
        Counters { special, .. }: &mut Counters,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        tally.partial_tokens.resize(self.0.len(), 0);
        for (sum, partial) in tally.partial_tokens.iter_mut().zip(&mut self.0) {
            let Partial { encoding, is_partial, ids } = partial;
            ids.clear();
            encoding.encode(text, *special, ids)?;
            *sum += ids.iter().filter(|&&id| is_partial[id as usize]).count() as u64;
        }
        Ok(())
    }
}
