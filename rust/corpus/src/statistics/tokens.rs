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

    /// Texts together are counted faster than one by one.
    fn measure_all(
        &mut self,
        texts: &[&str],
        Counters { special, counters, first }: &mut Counters,
        tallies: &mut [Result<Tally, Error>],
    ) {
        for (i, counter) in counters.iter_mut().enumerate() {
            if first[i] < i {
                for tally in tallies.iter_mut().flatten() {
                    tally.tokens.push(tally.tokens[first[i]]);
                }
                continue;
            }
            let mut batch = counter.batch();
            for (text, measured) in texts.iter().zip(&mut *tallies) {
                // One that was refused before has a place in the counts too.
                if let Err(e) = batch.add(text, *special)
                    && measured.is_ok()
                {
                    *measured = Err(e);
                }
            }
            for (&count, measured) in batch.finish().iter().zip(&mut *tallies) {
                if let Ok(tally) = measured {
                    tally.tokens.push(count);
                }
            }
        }
    }
}
