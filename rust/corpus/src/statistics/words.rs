//! Words (UAX #29), and how many of them are one token, by themselves or with a space before them.

use fasttok_engine::{Error, Special};
use unicode_segmentation::UnicodeSegmentation;

use super::{Counters, Statistic, Tally};

#[derive(Default)]
pub(super) struct Words {
    /// A word with a space before it.
    spaced: String,
}

impl Statistic for Words {
    fn measure(
        &mut self,
        text: &str,
        Counters { counters, .. }: &mut Counters,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        tally.single_token_words.resize(counters.len(), 0);
        for word in text.unicode_words() {
            tally.words += 1;
            self.spaced.clear();
            self.spaced.push(' ');
            self.spaced.push_str(word);
            for (sum, counter) in tally.single_token_words.iter_mut().zip(&mut *counters) {
                let is_one = counter.count(&self.spaced, Special::Text)? == 1
                    || counter.count(word, Special::Text)? == 1;
                *sum += u64::from(is_one);
            }
        }
        Ok(())
    }
}
