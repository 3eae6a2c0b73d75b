//! `Counter`: counting without encoding.
//!
//! Pieces are found 64 bytes at a time and wait in a queue, their cache lines on the way from memory,
//! before they are looked up. No ids are made and nothing grows with the text.

mod caches;
mod character_bpe;
mod scan;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use fasttok_simd::Level;

use self::caches::Caches;
#[cfg(feature = "probe")]
pub(crate) use self::caches::look_up_keys;
use self::scan::{Pieces, Scan, Text};
use crate::Error;
use crate::added::Part;
use crate::encoding::Encoding;
use crate::encoding::definition::Instead;
use crate::interrupt;
use crate::options::Special;
use crate::pretokenize::Pretokenizer;

/// A worker's counting state: scratch space and caches of a fixed size (about 12 MiB). Made once a
/// worker, used for many texts.
pub struct Counter {
    encoding: Arc<Encoding>,
    level: Level,
    caches: Caches,
}

impl Counter {
    /// A counter for `encoding`.
    pub fn new(encoding: Arc<Encoding>) -> Counter {
        Counter::with_level(encoding, Level::chosen_or_portable())
    }

    /// A counter that uses the instructions of `level`, whatever [`Level::chosen`] says.
    pub fn with_level(encoding: Arc<Encoding>, level: Level) -> Counter {
        let caches = Caches::new(&encoding);
        Counter { encoding, level, caches }
    }

    /// The encoding that this counts by.
    pub fn encoding(&self) -> &Arc<Encoding> {
        &self.encoding
    }

    /// The number of tokens of `text`: exactly the length of what [`Encoding::encode`] gives.
    pub fn count(&mut self, text: &str, special: Special) -> Result<u64, Error> {
        let encoding = self.encoding.clone();
        // What a text left behind that was interrupted, or in which something panicked.
        self.caches.forget_waiting();
        let mut total = 0;
        encoding.for_each_part(text, special, &mut |part| {
            total += match (part, encoding.instead()) {
                (Part::Token(_), _) => 1,
                (Part::Text(text, start), Instead::Nothing) => self.count_text(text, start)?,
                (Part::Text(text, start), Instead::CharacterBpe(character_bpe)) => {
                    self.count_character_bpe(character_bpe, text, start)?
                }
                (Part::Text(text, start), Instead::Literal(literal)) => {
                    let mut ids = Vec::new();
                    literal.encode(text, start, &mut ids)?;
                    ids.len() as u64
                }
            };
            interrupt::check()
        })?;
        Ok(total)
    }

    /// Counts normalized text without added tokens.
    fn count_text(&mut self, text: &str, start: usize) -> Result<u64, Error> {
        let Counter { encoding, level, caches } = self;
        let general = match encoding.pretokenizer() {
            Pretokenizer::General(general) => Some(general),
            _ => None,
        };
        let added = general.map_or(&b""[..], |general| general.adds());
        if encoding.lacks_a_byte_of(text.as_bytes()) || encoding.lacks_a_byte_of(added) {
            let mut ids = Vec::new();
            encoding.encode_plain(&mut caches.window, text, start, &mut ids)?;
            return Ok(ids.len() as u64);
        }
        let scan = Scan { encoding, caches };
        if let Some(general) = general {
            return level.run(Pieces { scan, general, text, start });
        }
        let pretokenizer = encoding.pretokenizer();
        let scanner = pretokenizer.scanner().expect("all but the general one have one");
        let last = text.chars().next_back();
        let ends = last.is_some_and(|last| pretokenizer.ends_before_blank(u32::from(last)));
        Ok(level.run(Text { scan, scanner, text: text.as_bytes(), ends }))
    }
}
