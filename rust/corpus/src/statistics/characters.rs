//! Bytes, characters, and the scripts that the characters are of.

use fasttok_engine::Error;

use super::{Counters, Merge, Statistic, Tally};
use crate::scripts::ScriptCounter;

pub(super) struct Characters(ScriptCounter);

impl Characters {
    pub fn new() -> Characters {
        Characters(ScriptCounter::new())
    }
}

impl Statistic for Characters {
    fn measure(&mut self, text: &str, _: &mut Counters, tally: &mut Tally) -> Result<(), Error> {
        let scripts = self.0.count(text);
        tally.bytes += text.len() as u64;
        tally.chars += scripts.chars();
        tally.scripts.merge(&scripts);
        Ok(())
    }
}

/// What is known of the scripts of a document only when all its parts are summed.
pub(super) fn finish_document(tally: &mut Tally) {
    tally.scripts.resolve();
    tally.mixed_script_documents = tally.scripts.is_mixed().into();
}
