//! A run in shares: its files are found once, and each share of them is counted by a run of its own, wherever that is. The
//! sums and ledgers of the shares are those of one run, added up.
//!
//! A share is some files, or a part of a large one: row groups or record batches, or lines from one byte to another. Lines
//! are numbered from the beginning of a part, for whoever reads it knows nothing of those before: who adds up shares adds
//! the lines of the parts before, which each of their runs tells ([`Outcome::lines`](crate::Outcome::lines)).
//!
//! What a single run would have said of all files together (that no record has a field, that a walk passed all files by)
//! is not said of a share: whoever has the outcomes of all of them asks [`SharedInputs::check`].

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fasttok_parallel::Control;

use super::inputs::Inputs;
use super::{CHUNK, check_fields, fields, formats};
use crate::format;
use crate::groups::GroupKeys;
use crate::job::{Job, Share, SharedInput};
use crate::long_document::Group;
use crate::position::Member;
use crate::reading::{BegunMember, Host, MemberOpening, Opening, StreamConfig};
use crate::recognise::{Taken, recognise};
use crate::record::FieldsMet;
use crate::source::{self, Extent, Input, InputKind, Places, Slice};
use crate::{Error, Progress};

/// So much is read at a time to find the end of a line.
const LINE_READ: u64 = 64 << 10;

impl Inputs {
    /// The inputs of a share, as they were found.
    pub fn of(share: &Share) -> Inputs {
        let inputs = share.inputs.iter().cloned();
        Inputs {
            inputs: inputs
                .map(|SharedInput { path, named, size, modified, explicit, unpack, slice }| {
                    Input::found(path.into(), named, size, modified, explicit, unpack, slice)
                })
                .collect(),
            bad: share.bad.clone(),
            passed: share.passed,
            repeated: share.repeated,
        }
    }
}

fn shared(input: &Input, slice: Option<Slice>) -> SharedInput {
    SharedInput {
        path: input.path.clone().into(),
        named: input.named,
        size: input.size,
        modified: input.modified,
        explicit: input.explicit,
        unpack: input.unpack,
        slice,
    }
}

/// Where lines begin that are at least so many `bytes` apart: the first, and the end of the file at last.
fn line_starts(file: &Places, bytes: u64, cancel: &AtomicBool) -> io::Result<Vec<u64>> {
    let mut starts = vec![0];
    let mut at = bytes - 1;
    while at < file.len() {
        if cancel.load(Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let read = file.read_at(at, LINE_READ.min(file.len() - at) as usize)?;
        match memchr::memchr(b'\n', &read) {
            Some(i) if at + (i as u64) + 1 < file.len() => {
                let start = at + i as u64 + 1;
                starts.push(start);
                at = start.saturating_add(bytes - 1);
            }
            Some(_) => break,
            None => at += read.len() as u64,
        }
    }
    starts.push(file.len());
    Ok(starts)
}

/// Of what has parts nothing is asked before they are read.
struct NoMembers;

impl Host<'_> for NoMembers {
    fn group(&self, _: usize, _: Option<&Member>) -> Group {
        Group { key: [].into(), is_labelled: true, id: None }
    }

    fn wants_member(&self, _: &str) -> bool {
        false
    }

    fn begin_member(&self, _: MemberOpening<'_>) -> BegunMember<'_> {
        BegunMember::PassedBy
    }
}

/// Whether whoever has the share can read it by its name.
fn is_on_disk(input: &Input) -> bool {
    input.kind == InputKind::File && input.object.is_none()
}

/// The inputs of a job, found to be shared.
pub struct SharedInputs {
    job: Job,
    found: Inputs,
}

impl SharedInputs {
    /// Finds the inputs of `job`. Standard input, pipes and devices are refused: they can only be read here; and so are
    /// objects of a store, which a share does not have.
    pub fn find(job: Job, cancel: &AtomicBool) -> Result<SharedInputs, Error> {
        let found = Inputs::find(&job, &Progress::new(), cancel)?;
        match found.inputs.iter().find(|input| !is_on_disk(input)) {
            None => Ok(SharedInputs { job, found }),
            Some(input) => {
                let message =
                    format!("{}: only files can be shared among several runs", input.name);
                Err(Error::InvalidJob { message })
            }
        }
    }

    /// The size of each input as it is stored, where it is known.
    pub fn sizes(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.found.inputs.iter().map(|input| input.size)
    }

    /// The inputs in this range. Shares are added up in the order of the inputs.
    pub fn share(&self, range: Range<usize>) -> Share {
        let inputs = self.found.inputs.get(range).unwrap_or_default().iter();
        Share { inputs: inputs.map(|input| shared(input, None)).collect(), ..Share::default() }
    }

    /// The input of this index in several shares, of about so many `bytes` each, in the order of its records; in one, where
    /// it cannot be divided: what is packed, a single document, what cannot be opened.
    pub fn divide(&self, index: usize, bytes: u64, cancel: &AtomicBool) -> Vec<Share> {
        let slices = self.slices(index, bytes, cancel).filter(|slices| slices.len() > 1);
        let Some(slices) = slices else { return vec![self.share(index..index + 1)] };
        let input = &self.found.inputs[index];
        let share = |slice| Share { inputs: vec![shared(input, Some(slice))], ..Share::default() };
        slices.into_iter().map(share).collect()
    }

    fn slices(&self, index: usize, bytes: u64, cancel: &AtomicBool) -> Option<Vec<Slice>> {
        let input = self.found.inputs.get(index)?;
        let (stop, progress) = (AtomicBool::new(false), Progress::new());
        let control = Control { cancel, stop: &stop };
        let fields = fields(&self.job, &GroupKeys::new(&self.job.by));
        let formats = formats(&self.job, &fields).ok()?;
        let mut opened = source::open(input, control, &progress, self.job.max_window_bytes).ok()?;
        let Ok(Taken::As(format)) = recognise(input, &mut opened, &formats) else { return None };
        if !opened.is_seekable(input) {
            return None;
        }
        if format::is_of_lines(format) {
            let starts = line_starts(&Places::open(input).ok()?, bytes.max(1), cancel).ok()?;
            let slice = |bytes: &[u64]| Slice::new(format, Extent::Lines(bytes[0]..bytes[1]));
            return Some(starts.windows(2).map(slice).collect());
        }
        if !format::has_parts(format) {
            return None;
        }
        let config = self.config();
        let (file, source, host) = (index, input, &NoMembers);
        let (progress, member, reached) = (&progress, None, None);
        let input = opened;
        let opening =
            Opening { file, source, input, control, progress, format, member, host, reached };
        let mut reading = format::begin(opening, &formats, &config).ok()?;
        let parts = reading.step(&mut Vec::new(), &config).more;
        let (mut slices, mut begin, mut size) = (Vec::new(), 0, 0);
        for (i, part) in parts.iter().enumerate() {
            size += part.size();
            if size >= bytes || i + 1 == parts.len() {
                slices.push(Slice::new(format, Extent::Parts(begin..i + 1)));
                (begin, size) = (i + 1, 0);
            }
        }
        Some(slices)
    }

    /// As much as has to do with finding the parts of a file.
    fn config(&self) -> StreamConfig {
        let Job { max_record_bytes, max_window_bytes, special, errors, .. } = self.job;
        StreamConfig {
            chunk: CHUNK,
            workers: 1,
            max_record: max_record_bytes,
            max_window: max_window_bytes,
            encodings: Vec::new(),
            special,
            errors,
            separator: String::new(),
            warc_responses: false,
            whole_words: false,
            holds_records: false,
            beginning: 0,
        }
    }

    /// What was found besides inputs: what cannot be read or was passed by. To be counted once, like a share.
    pub fn rest(&self) -> Share {
        let Inputs { bad, passed, repeated, .. } = &self.found;
        Share { inputs: Vec::new(), bad: bad.clone(), passed: *passed, repeated: *repeated }
    }

    /// The error that one run over all inputs would have ended with, from what the runs over the shares met: fields,
    /// documents counted, and files passed by that are binary, and compressed without records.
    pub fn check(
        &self,
        met: impl IntoIterator<Item = FieldsMet>,
        counted: u64,
        binary: u64,
        packed: u64,
    ) -> Result<(), Error> {
        self.found.check_not_all_ignored(&self.job, binary, packed)?;
        let mut all = FieldsMet::default();
        met.into_iter().for_each(|met| all.add(met));
        check_fields(&all, counted, &fields(&self.job, &GroupKeys::new(&self.job.by)))
    }
}
