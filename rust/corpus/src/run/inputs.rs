//! The files of a job, before any of them is opened.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::entry::Entry;
use crate::format;
use crate::job::{Job, OnError};
use crate::ledger::{Collector, LEDGER_ENTRIES_KEPT};
use crate::source::{self, Filter, Input, Walk, redact};
use crate::{Error, Progress};
use fasttok_parallel::Control;

/// The inputs of a job, whatever is done with them.
pub(crate) struct Inputs {
    pub inputs: Vec<Input>,
    /// What cannot be read, known without opening it.
    pub bad: Vec<Entry>,
    /// Links and the like that a walk passed by.
    pub passed: u64,
    /// Inputs left out because they are a file that is among the others.
    pub repeated: u64,
}

impl Inputs {
    pub fn find(job: &Job, progress: &Progress, cancel: &AtomicBool) -> Result<Inputs, Error> {
        if let Some(share) = &job.share {
            let found = Inputs::of(share);
            progress.set_total(found.inputs.iter().map(|i| i.size).sum());
            return Ok(found);
        }
        check_inputs(job)?;
        let filter = Filter::of(&job.globs, &job.exclude, &job.types, &job.not_types)?;
        let walk = Walk {
            hidden: job.hidden,
            ignore_files: job.ignore_files,
            filter: filter.as_ref(),
            skip_missing: job.skip_missing,
            threads: job.threads,
            store: job.store.as_ref(),
            cancel,
        };
        let listed = match &job.files_from {
            None => Vec::new(),
            Some(list) => listed(list, cancel)?,
        };
        let source::Found { mut inputs, bad, passed, repeated } =
            source::find(&job.paths, &listed, walk)?;
        if let Some(input) = inputs.iter().find(|i| job.hash_inputs && i.object.is_some()) {
            let name = &input.name;
            let message = format!("{name}: no hash is made of remote files; leave out hash_inputs");
            return Err(Error::InvalidJob { message });
        }
        if let Some(input) = inputs.iter().find(|i| filter.is_some() && i.object.is_some()) {
            let name = &input.name;
            let message = format!(
                "{name}: globs and types choose among files on disk; name remote files by a pattern \
                 in the URL"
            );
            return Err(Error::InvalidJob { message });
        }
        leave_out_outputs(&mut inputs, &job.outputs)?;
        leave_out_checkpoint(&mut inputs, job.checkpoint.as_deref());
        progress.set_total(inputs.iter().map(|i| i.size).sum());
        Ok(Inputs { inputs, bad, passed, repeated })
    }

    /// Enters what cannot be read in the ledger.
    pub fn report_bad(
        &self,
        job: &Job,
        ledger: &mut Collector,
        progress: &Progress,
    ) -> Result<(), Error> {
        for entry in self.bad.clone() {
            if job.on_error == OnError::Fail {
                return Err(Error::BadRow(entry));
            }
            progress.add_skipped(entry.rows);
            ledger.add(entry)?;
        }
        Ok(())
    }

    /// The names of the first of these inputs.
    pub fn names(&self, inputs: &BTreeSet<usize>) -> Vec<String> {
        let first = inputs.iter().take(LEDGER_ENTRIES_KEPT);
        first.map(|&input| self.inputs[input].name.clone()).collect()
    }

    /// The error that nothing was read, where a walk passed all files by.
    pub fn check_not_all_ignored(&self, job: &Job, binary: u64, packed: u64) -> Result<(), Error> {
        let ignored = binary + packed;
        if !self.bad.is_empty() || self.inputs.is_empty() || ignored < self.inputs.len() as u64 {
            return Ok(());
        }
        let paths = job.paths.iter().chain(&job.files_from);
        let paths: Vec<_> = paths.map(|p| redact(&p.display().to_string())).collect();
        let what = match (binary, packed) {
            (_, 0) => "binary; name a file itself to have it read",
            (0, _) => "archives, or compressed and without records; decompress=True counts them",
            _ => {
                "binary, archives, or compressed and without records; decompress=True counts all \
                 but the binary ones"
            }
        };
        let message = format!("{}: all {ignored} files are {what}", paths.join(", "));
        Err(Error::NoInput { message })
    }
}

/// Leaves what the run writes out of what a walk found, and refuses it where it was named.
fn leave_out_outputs(inputs: &mut Vec<Input>, outputs: &[PathBuf]) -> Result<(), Error> {
    let written: Vec<_> =
        outputs.iter().filter_map(|path| Some((source::identity(path)?, path))).collect();
    if written.is_empty() {
        return Ok(());
    }
    let is_written =
        |input: &Input| written.iter().find(|(identity, _)| *identity == input.identity);
    if let Some((input, (_, path))) = inputs
        .iter()
        .filter(|input| input.explicit || input.unpack)
        .find_map(|input| Some((input, is_written(input)?)))
    {
        let path = path.display().to_string();
        return Err(Error::Overwrite { path, input: input.name.clone() });
    }
    inputs.retain(|input| is_written(input).is_none());
    Ok(())
}

/// The paths in a list, which may not be empty: it is most often a search that found nothing by mistake.
fn listed(list: &Path, cancel: &AtomicBool) -> Result<Vec<PathBuf>, Error> {
    let stop = AtomicBool::new(false);
    let listed = source::read_list(list, Control { cancel, stop: &stop })?;
    if listed.is_empty() {
        let message = format!("{}: no paths in this list", list.display());
        return Err(Error::NoInput { message });
    }
    Ok(listed)
}

/// Leaves out what is in the folder of the checkpoint, where a walk met that.
fn leave_out_checkpoint(inputs: &mut Vec<Input>, folder: Option<&Path>) {
    // Without links, and only where there is one already.
    let Some(folder) = folder.and_then(|folder| folder.canonicalize().ok()) else { return };
    // Inputs come folder by folder.
    let mut last: Option<(PathBuf, bool)> = None;
    inputs.retain(|input| {
        let Some(parent) = input.path.parent() else { return true };
        let known = last.take().filter(|(path, _)| path == parent);
        let (_, is_inside) = last.insert(known.unwrap_or_else(|| {
            let parent_is_inside =
                parent.canonicalize().is_ok_and(|parent| parent.starts_with(&folder));
            (parent.to_owned(), parent_is_inside)
        }));
        !*is_inside
    });
}

fn check_inputs(job: &Job) -> Result<(), Error> {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    let message = if job.paths.is_empty() && job.files_from.is_none() {
        "no paths to read".to_owned()
    } else if job.files_from.as_ref().is_some_and(is_stdin) && job.paths.iter().any(is_stdin) {
        "standard input cannot be both a list of paths and a document".to_owned()
    } else if let Some(name) = &job.format
        && format::by_name(name).is_none()
    {
        format!("unknown format {name:?}; known are {}", format::format_names().join(", "))
    } else {
        return Ok(());
    };
    Err(Error::InvalidJob { message })
}
