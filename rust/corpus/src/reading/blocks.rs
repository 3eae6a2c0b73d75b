//! Reads the blocks of a file of lines that were drawn for an estimate, and no more of it.
//!
//! The lines that begin in a block of so many bytes are a unit. So units are the same whatever is drawn, each line is in
//! one of them, and a line longer than a block is a unit of its own size. Which line holds a byte is found by looking for
//! line ends on both sides of it.

use std::io;
use std::ops::Range;

use super::{Chunk, Opening, Reading, Step, StreamConfig};
use crate::Progress;
use crate::position::At;
use crate::record::FormatId;
use crate::skip_reason::SkipReason;
use crate::source::{BOM, Places, read_error};

/// The blocks of a file that were drawn.
pub(crate) struct Blocks<'e> {
    file: usize,
    format: FormatId,
    passes_bom: bool,
    progress: &'e Progress,
    input: Places,
    block: u64,
    /// The bytes that were drawn and are still to be found, the next one last.
    draws: Vec<u64>,
    /// Where the last unit ends.
    done: u64,
    read: u64,
    /// What is held of the file, and where it begins.
    held: Vec<u8>,
    start: u64,
}

/// Why a unit is not read.
enum Failure {
    Unreadable(io::Error),
    TooLong,
}

impl<'e> Reading<'e> for Blocks<'e> {
    fn file(&self) -> usize {
        self.file
    }

    fn bytes_read(&self) -> u64 {
        self.read
    }

    fn has_units(&self) -> bool {
        true
    }

    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e> {
        buf.clear();
        let mut step = Step::default();
        while let Some(byte) = self.draws.pop() {
            if byte < self.done || byte >= self.input.len() {
                continue;
            }
            match self.unit(byte, config.max_record) {
                Ok(unit) => {
                    let from = (unit.start - self.start) as usize;
                    let to = (unit.end - self.start) as usize;
                    buf.extend_from_slice(&self.held[from..to]);
                    let mut begin = unit.start;
                    if begin == 0 && self.passes_bom && buf.starts_with(BOM) {
                        buf.drain(..BOM.len());
                        begin = BOM.len() as u64;
                    }
                    self.done = unit.end;
                    step.chunk =
                        Some(Chunk::Lines { format: self.format, first: At::Byte(begin).into() });
                    step.unit = Some(unit);
                    break;
                }
                Err(failure) => {
                    let bad = match failure {
                        Failure::Unreadable(e) => read_error(&e),
                        Failure::TooLong => SkipReason::record_too_large(config.max_record),
                    };
                    step.bad.push((At::Byte(byte).into(), bad));
                    self.done = (self.start + self.held.len() as u64).max(byte + 1);
                }
            }
        }
        self.held = Vec::new();
        step.end = self.draws.is_empty();
        step
    }
}

impl<'e> Blocks<'e> {
    /// Of the file of `opening`, which can be read at any place, the blocks of `block` bytes that hold these bytes.
    pub fn new(
        opening: Opening<'e>,
        passes_bom: bool,
        block: u64,
        drawn: impl Iterator<Item = u64>,
    ) -> Result<Blocks<'e>, SkipReason> {
        let Opening { file, source, progress, format, .. } = opening;
        let input = Places::open(source)?;
        let mut draws: Vec<u64> = drawn.collect();
        draws.reverse();
        Ok(Blocks {
            file,
            format,
            passes_bom,
            progress,
            input,
            block,
            draws,
            done: 0,
            read: 0,
            held: Vec::new(),
            start: 0,
        })
    }

    /// The unit that holds `byte`, all of which is held then. No more than one line of `max` bytes and some blocks are.
    fn unit(&mut self, byte: u64, max: usize) -> Result<Range<u64>, Failure> {
        let most = max as u64 + 4 * self.block;
        // The byte before a block says whether a line begins with it.
        let first = byte - byte % self.block;
        (self.start, self.held) = (first.saturating_sub(1), Vec::new());
        self.extend(self.block + 1, most)?;
        let line = loop {
            let before = &self.held[..(byte - self.start) as usize];
            if let Some(i) = memchr::memrchr(b'\n', before) {
                break self.start + i as u64 + 1;
            }
            if self.start == 0 {
                break 0;
            }
            self.extend_back((self.held.len() as u64).max(self.block), most)?;
        };
        let block = line - line % self.block;
        if block.saturating_sub(1) < self.start {
            self.extend_back(self.start - block.saturating_sub(1), most)?;
        }
        let begin = self.line_from(block, most)?;
        let end = self.line_from(block + self.block, most)?;
        Ok(begin..end)
    }

    /// Where the first line begins at or after `from`, or the end of the file.
    fn line_from(&mut self, from: u64, most: u64) -> Result<u64, Failure> {
        if from == 0 {
            return Ok(0);
        }
        let mut at = from - 1;
        loop {
            let held = self.held.get((at - self.start) as usize..).unwrap_or_default();
            if let Some(i) = memchr::memchr(b'\n', held) {
                return Ok(at + i as u64 + 1);
            }
            let end = self.start + self.held.len() as u64;
            if end >= self.input.len() {
                return Ok(self.input.len());
            }
            at = at.max(end);
            self.extend((at + 1 - end).max(self.block / 4).max(self.held.len() as u64 / 2), most)?;
        }
    }

    /// Holds up to `bytes` more after what is held.
    fn extend(&mut self, bytes: u64, most: u64) -> Result<(), Failure> {
        let end = self.start + self.held.len() as u64;
        let more = self.read_at(end, bytes.min(self.input.len().saturating_sub(end)), most)?;
        self.held.extend_from_slice(&more);
        Ok(())
    }

    /// Holds up to `bytes` more before what is held.
    fn extend_back(&mut self, bytes: u64, most: u64) -> Result<(), Failure> {
        let bytes = bytes.min(self.start);
        let mut more = self.read_at(self.start - bytes, bytes, most)?;
        self.start -= bytes;
        more.append(&mut self.held);
        self.held = more;
        Ok(())
    }

    fn read_at(&mut self, at: u64, bytes: u64, most: u64) -> Result<Vec<u8>, Failure> {
        if self.held.len() as u64 + bytes > most {
            return Err(Failure::TooLong);
        }
        let more = self.input.read_at(at, bytes as usize).map_err(Failure::Unreadable)?;
        self.read += bytes;
        self.progress.add_bytes(bytes);
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn blocks<'e>(content: &[u8], block: u64, progress: &'e Progress) -> Blocks<'e> {
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(content).unwrap();
        Blocks {
            file: 0,
            format: 0,
            passes_bom: false,
            progress,
            input: Places::of_file(input).unwrap(),
            block,
            draws: Vec::new(),
            done: 0,
            read: 0,
            held: Vec::new(),
            start: 0,
        }
    }

    /// As it is defined: the lines that begin in the same block as the one that holds the byte.
    fn defined(content: &[u8], block: u64, byte: u64) -> Range<u64> {
        let mut lines: Vec<Range<u64>> = Vec::new();
        let mut begin = 0;
        for line in content.split_inclusive(|&b| b == b'\n') {
            lines.push(begin..begin + line.len() as u64);
            begin += line.len() as u64;
        }
        let own = lines.iter().find(|line| line.contains(&byte)).unwrap().start / block;
        let mut unit = lines.iter().filter(|line| line.start / block == own);
        let first = unit.next().unwrap().clone();
        first.start..unit.next_back().unwrap_or(&first).end
    }

    #[test]
    fn the_unit_of_each_byte_is_that_of_the_definition() {
        let mut random = fasttok_testing::Random::new(4);
        let progress = Progress::new();
        for _ in 0..300 {
            let mut content = Vec::new();
            for _ in 0..1 + random.below(12) {
                let n = *random.pick(&[0, 1, 3, 7, 8, 9, 15, 16, 17, 60]);
                content.extend(std::iter::repeat_n(b'x', n));
                content.push(b'\n');
            }
            if random.below(2) == 0 {
                content.extend(b"no line end");
            }
            for block in [1, 4, 8, 64] {
                let mut blocks = blocks(&content, block, &progress);
                for byte in 0..content.len() as u64 {
                    let Ok(unit) = blocks.unit(byte, 1 << 20) else { panic!("{byte}") };
                    assert_eq!(unit, defined(&content, block, byte), "{byte} {block}");
                    let held = &blocks.held[(unit.start - blocks.start) as usize..];
                    let held = &held[..(unit.end - unit.start) as usize];
                    assert_eq!(held, &content[unit.start as usize..unit.end as usize]);
                }
            }
        }
    }

    #[test]
    fn no_more_is_held_than_may_be() {
        let content = [vec![b'x'; 5000], b"\nshort\n".to_vec()].concat();
        let progress = Progress::new();
        let mut blocks = blocks(&content, 16, &progress);
        for byte in [0, 2500, 4999] {
            assert!(matches!(blocks.unit(byte, 1000), Err(Failure::TooLong)), "{byte}");
            assert!(blocks.held.len() <= 1064);
        }
        assert!(blocks.unit(5003, 1000).is_ok_and(|unit| unit.end == 5007));
    }
}
