//! Extended grapheme clusters (UAX #29).

use fasttok_engine::Error;
use unicode_segmentation::UnicodeSegmentation;

use super::{Counters, Statistic, Tally};

/// The version of Unicode whose grapheme clusters and words are counted.
pub fn segmentation_unicode_version() -> String {
    let (major, minor, patch) = unicode_segmentation::UNICODE_VERSION;
    format!("{major}.{minor}.{patch}")
}

pub(super) struct Graphemes;

impl Statistic for Graphemes {
    fn measure(&mut self, text: &str, _: &mut Counters, tally: &mut Tally) -> Result<(), Error> {
        tally.graphemes += text.graphemes(true).count() as u64;
        Ok(())
    }
}
