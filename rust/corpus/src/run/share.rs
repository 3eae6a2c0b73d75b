//! A run in shares: its files are found once, and each share of them is counted by a run of its own, wherever that is. The
//! sums and ledgers of the shares are those of one run, added up.
//!
//! What a single run would have said of all files together (that no record has a field, that a walk passed all files by)
//! is not said of a share: whoever has the outcomes of all of them asks [`SharedInputs::check`].

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::inputs::Inputs;
use super::{check_fields, fields};
use crate::groups::GroupKeys;
use crate::job::{Job, Share, SharedInput};
use crate::record::FieldsMet;
use crate::source::{Input, InputKind};
use crate::{Error, Progress};

impl Inputs {
    /// The inputs of a share, as they were found.
    pub fn of(share: &Share) -> Inputs {
        let inputs = share.inputs.iter().cloned();
        Inputs {
            inputs: inputs
                .map(|SharedInput { path, named, size, modified, explicit, unpack }| {
                    Input::found(path.into(), named, size, modified, explicit, unpack)
                })
                .collect(),
            bad: share.bad.clone(),
            passed: share.passed,
            repeated: share.repeated,
        }
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
        Share {
            inputs: inputs
                .map(|input| SharedInput {
                    path: input.path.clone().into(),
                    named: input.named,
                    size: input.size,
                    modified: input.modified,
                    explicit: input.explicit,
                    unpack: input.unpack,
                })
                .collect(),
            ..Share::default()
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
