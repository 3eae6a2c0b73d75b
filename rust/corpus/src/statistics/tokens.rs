//! Tokens by encoding.

use fasttok_engine::Error;

use super::{Counters, Statistic, Tally};

pub(super) struct Tokens;

impl Statistic for Tokens {
    fn measure(
        &mut self,
        text: &str,
        Counters { special, counters }: &mut Counters,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        tally.tokens.resize(counters.len(), 0);
        for (sum, counter) in tally.tokens.iter_mut().zip(counters) {
            *sum += counter.count(text, *special)?;
        }
        Ok(())
    }
}
