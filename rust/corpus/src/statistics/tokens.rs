//! Tokens by encoding.

use fasttok_engine::Error;

use super::{Counters, Statistic, Tally};

#[derive(Default)]
pub(super) struct Tokens {
    /// Of a text, by encoding.
    counts: Vec<u64>,
}

impl Statistic for Tokens {
    fn measure(
        &mut self,
        text: &str,
        Counters { special, counters, first }: &mut Counters,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        tally.tokens.resize(counters.len(), 0);
        self.counts.clear();
        for (i, counter) in counters.iter_mut().enumerate() {
            let count = match self.counts.get(first[i]) {
                Some(&count) => count,
                None => counter.count(text, *special)?,
            };
            self.counts.push(count);
            tally.tokens[i] += count;
        }
        Ok(())
    }
}
