//! A record that is too long to be held: its text is handed out in parts as it is met, and at its end what became of it.
//!
//! What was handed out counts for nothing before that: what follows the text may make the record no record, put another
//! text in its place, or say which group it belongs to.

use std::sync::Arc;

use fasttok_engine::{Utf8Errors, decode_utf8};

use super::stream::incomplete_tail;
use super::{LongPart, RecordEnd, RecordText, StreamConfig};
use crate::long_document::{Group, LongDocument};
use crate::position::Position;
use crate::record::{PartsEnd, RecordParts};
use crate::skip_reason::SkipReason;

/// No part is looked for in less text than this.
const MIN_PART: usize = 2 << 10;

pub(crate) struct LongRecord {
    file: usize,
    position: Position,
    parts: Box<dyn RecordParts>,
    /// How many bytes of it were read, but for a character that is cut.
    read: usize,
    cut: Vec<u8>,
    /// What makes it no text at all.
    bad: Option<SkipReason>,
    /// What may be the text, with the one in work last.
    texts: Vec<Text>,
}

/// A text that may be that of the record.
struct Text {
    slot: usize,
    document: Arc<LongDocument>,
    /// How many bytes of it were handed out.
    offset: u64,
    /// What was not yet, and how much of that holds no point where it may be cut.
    rest: String,
    searched: usize,
    /// What a detector is given of it, or a little more.
    beginning: String,
}

impl LongRecord {
    pub fn new(file: usize, position: Position, parts: Box<dyn RecordParts>) -> LongRecord {
        let (cut, texts) = (Vec::new(), Vec::new());
        LongRecord { file, position, parts, read: 0, cut, bad: None, texts }
    }

    /// Reads on. `is_last` says that the record ends with `bytes`.
    pub fn read(&mut self, bytes: &[u8], is_last: bool, errors: Utf8Errors) {
        let mut joined = std::mem::take(&mut self.cut);
        let bytes = match joined.is_empty() {
            true => bytes,
            false => {
                joined.extend_from_slice(bytes);
                &joined
            }
        };
        let whole = match is_last {
            true => bytes.len(),
            false => bytes.len() - incomplete_tail(bytes),
        };
        if self.bad.is_none() {
            match decode_utf8(&bytes[..whole], errors) {
                Ok(record) => self.parse(&record),
                Err(e) => {
                    let at = match e {
                        fasttok_engine::Error::InvalidUtf8 { offset } => offset,
                        _ => 0,
                    };
                    self.bad = Some(SkipReason::invalid_utf8((self.read + at) as u64));
                }
            }
        }
        self.read += whole;
        self.cut = bytes[whole..].to_vec();
    }

    /// How many bytes of it were read.
    pub fn len(&self) -> usize {
        self.read + self.cut.len()
    }

    fn parse(&mut self, mut record: &str) {
        let mut none = String::new();
        while !record.is_empty() {
            let text = self.texts.last_mut().map_or(&mut none, |text| &mut text.rest);
            let (done, begins) = self.parts.push(record, text);
            record = &record[done..];
            if let Some(slot) = begins {
                self.texts.retain(|text| text.slot != slot);
                // Its group is not known yet.
                let group = Group { key: [].into(), is_labelled: true, id: None };
                let document = LongDocument::new(self.file, self.position.clone(), group);
                self.texts.push(Text {
                    slot,
                    document: document.into(),
                    offset: 0,
                    rest: String::new(),
                    searched: 0,
                    beginning: String::new(),
                });
            }
        }
    }

    /// A part of the text, if there is enough of it, with what is to be known of it.
    pub fn part(&mut self, config: &StreamConfig) -> Option<(LongPart, String)> {
        let text = self.texts.last_mut()?;
        // More when more is held already: searching stays linear in what is held.
        let enough = config.chunk.max(MIN_PART).max(text.searched + text.searched / 2);
        if text.rest.len() < enough {
            return None;
        }
        let Some(cut) = config.splitter().last_split_point(&text.rest, text.searched) else {
            text.searched = text.rest.len();
            return None;
        };
        let rest = text.rest.split_off(cut);
        let part = std::mem::replace(&mut text.rest, rest);
        (text.searched, text.rest) = (0, text.rest.as_str().into());
        text.add_beginning(&part, config.beginning);
        text.document.begin_part();
        let handed_out = LongPart { document: text.document.clone(), offset: text.offset };
        text.offset += cut as u64;
        Some((handed_out, part))
    }

    /// What became of the record, and the last part of its text.
    pub fn end(mut self, config: &StreamConfig) -> (RecordEnd, String) {
        let PartsEnd { row, text, met } = self.parts.end();
        let position = self.position;
        if let Some(bad) = self.bad {
            return (
                RecordEnd { position, met: Default::default(), text: Err(bad) },
                String::new(),
            );
        }
        let row = match row {
            Ok(Some(row)) => row,
            Ok(None) => return (RecordEnd { position, met, text: Ok(None) }, String::new()),
            Err(bad) => return (RecordEnd { position, met, text: Err(bad) }, String::new()),
        };
        let i = self.texts.iter().position(|candidate| candidate.slot == text);
        let mut text = self.texts.swap_remove(i.expect("a row has a text"));
        text.document.begin_part();
        let rest = std::mem::take(&mut text.rest);
        text.add_beginning(&rest, config.beginning);
        let Text { document, offset, beginning, .. } = text;
        let last = LongPart { document, offset };
        let text = RecordText { last, beginning, values: row.values };
        (RecordEnd { position, met, text: Ok(Some(text)) }, rest)
    }
}

impl Text {
    /// Keeps up to so many bytes of the `part` that comes next, and the rest of a character.
    fn add_beginning(&mut self, part: &str, bytes: usize) {
        let mut end = bytes.saturating_sub(self.beginning.len()).min(part.len());
        while !part.is_char_boundary(end) {
            end += 1;
        }
        self.beginning.push_str(&part[..end]);
    }
}
