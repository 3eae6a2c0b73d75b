//! What a run would read, without counting: the files, and what each is taken for by its first bytes.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fasttok_parallel::Control;

use super::inputs::Inputs;
use super::{fields, formats};
use crate::entry::Entry;
use crate::format;
use crate::groups::GroupKeys;
use crate::job::Job;
use crate::position::Position;
use crate::recognise::{Taken, recognise};
use crate::source::{self, InputKind, Opened};
use crate::{Error, Progress};

/// What a run would read, and what not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The files, in the order in which they are found.
    pub files: Vec<PlannedFile>,
    /// What would be skipped rows.
    pub bad: Vec<Entry>,
    /// Links and the like that a walk passed by.
    pub passed: u64,
    /// Inputs left out because they are a file that is among the others.
    pub repeated: u64,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// As reports name it.
    pub name: String,
    /// Its size as stored, where it is known.
    pub bytes: Option<u64>,
    /// The format that it would be read by; nothing where it is passed by, or cannot be known before.
    pub format: Option<&'static str>,
    /// How it is packed, if it is.
    pub packed: Option<&'static str>,
    /// Why it would not be read: `binary`, or `packed` where it holds no records.
    pub passed_by: Option<&'static str>,
}

/// Finds what `job` would read. Of each file the first bytes are read, and nothing of a pipe.
pub fn plan(job: &Job, progress: &Progress, cancel: &AtomicBool) -> Result<Plan, Error> {
    let Inputs { inputs, mut bad, passed, repeated } = Inputs::find(job, progress, cancel)?;
    let fields = fields(job, &GroupKeys::new(&job.by));
    let formats = formats(job, &fields)?;
    let stop = AtomicBool::new(false);
    let control = Control { cancel, stop: &stop };
    let mut files = Vec::with_capacity(inputs.len());
    for input in &inputs {
        if cancel.load(Relaxed) {
            return Err(Error::Interrupted);
        }
        let mut file = PlannedFile {
            name: input.name.clone(),
            bytes: input.size,
            format: formats.forced.map(|forced| format::format(forced).name()),
            packed: None,
            passed_by: None,
        };
        if input.kind == InputKind::File {
            let opened = source::open(input, control, progress, job.max_window_bytes);
            let taken = opened.and_then(Opened::check_begins).and_then(|mut opened| {
                file.packed = opened.packed;
                recognise(input, &mut opened, &formats).map_err(|unread| unread.bad)
            });
            match taken {
                Ok(Taken::As(taken)) => file.format = Some(format::format(taken).name()),
                Ok(Taken::Binary) => file.passed_by = Some("binary"),
                Ok(Taken::Compressed) => file.passed_by = Some("packed"),
                Err(reason) => {
                    bad.push(Entry::new(&input.name, Position::default(), reason));
                    continue;
                }
            }
        }
        files.push(file);
    }
    Ok(Plan { files, bad, passed, repeated })
}
