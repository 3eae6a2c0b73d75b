//! Checkpoints: the state of a run on disk, from which the same run goes on.
//!
//! A run with a checkpoint is done in rounds. When it is time, nothing new is begun, the workers end what they are doing, and
//! what is left is a state without loose ends: the sums, the ledger, and how far each open file was read. It is written
//! whole under another name, synced, and takes the place of the older of two files; whatever happens meanwhile, one of
//! the two is whole, and which one is told by a checksum. How many workers there are plays no part.
//!
//! What the run was asked, and which files it found, is kept once, and compared by whoever goes on.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::schedule::{SavedSchedule, Sums};
use crate::Error;
use crate::job::Job;
use crate::ledger::SavedLedger;
use crate::per_document::SavedSpool;
use crate::source::{Input, InputKind};

const IDENTITY: &str = "run";
const STATES: [&str; 2] = ["state.0", "state.1"];
const LEDGER: &str = "ledger.jsonl";
const ROWS: &str = "documents.rows";
const LOCK: &str = "lock";
const MAGIC: &[u8; 8] = b"fasttok1";
/// So many inputs that changed are named.
const NAMED: usize = 3;

/// All that a run has done.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct State {
    pub schedule: SavedSchedule,
    pub sums: Sums,
    pub ledger: SavedLedger,
    pub rows: Option<SavedSpool>,
    /// How long the reading took so far.
    pub reading: Duration,
}

/// Name, size, and what changes with the content: of a file when it was changed, in nanoseconds; of an object its version.
/// Last what a URL asks for, which its name does not show.
type KnownInput = (String, Option<u64>, Option<String>, Option<[u8; 32]>);

/// What a run is asked and what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    version: String,
    options: Vec<(String, String)>,
    inputs: Vec<KnownInput>,
}

impl Identity {
    fn of(job: &Job, inputs: &[Input]) -> Identity {
        let version = |input: &Input| {
            if let Some(object) = &input.object {
                return object.info.version.clone();
            }
            let changed = input.modified?.duration_since(UNIX_EPOCH).ok()?;
            Some(changed.as_nanos().to_string())
        };
        Identity {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            options: job.identity(),
            inputs: inputs
                .iter()
                .map(|input| {
                    let asked = input.object.as_ref().and_then(|object| object.asked());
                    let asked = asked.map(|asked| Sha256::digest(asked).into());
                    (input.name.clone(), input.size, version(input), asked)
                })
                .collect(),
        }
    }

    /// How `self`, what is asked now, differs from what was asked `before`.
    fn difference<'i>(&'i self, before: &'i Identity) -> Option<String> {
        if self.version != before.version {
            return Some(format!("it was written by fasttok {}", before.version));
        }
        for ((name, now), (_, was)) in self.options.iter().zip(&before.options) {
            if now != was {
                return Some(format!("{name} was {was} and is {now}"));
            }
        }
        if self.inputs == before.inputs {
            return None;
        }
        let by_name = |identity: &'i Identity| -> HashMap<&'i str, _> {
            let inputs = identity.inputs.iter();
            inputs.map(|(name, size, version, asked)| (&**name, (size, version, asked))).collect()
        };
        let (now, was) = (by_name(self), by_name(before));
        let kept = self.inputs.iter().filter_map(|(name, ..)| match was.get(&**name) {
            None => Some(format!("{name} was not there")),
            Some(was) if now[&**name] == *was => None,
            // The query was told apart from others, and is not shown.
            Some(was) if now[&**name].2 != was.2 => {
                Some(format!("{name} is asked for with another query"))
            }
            Some(_) => Some(format!("{name} was changed")),
        });
        let gone = before.inputs.iter().filter(|(name, ..)| !now.contains_key(&**name));
        let mut changed = kept.chain(gone.map(|(name, ..)| format!("{name} is gone")));
        let mut named: Vec<String> = changed.by_ref().take(NAMED).collect();
        match changed.next() {
            Some(_) => named.push("others too".to_owned()),
            None if named.is_empty() => named.push("the files are in another order".to_owned()),
            None => {}
        }
        Some(named.join(", "))
    }
}

/// The folder in which a run keeps its state.
pub(super) struct Checkpoint {
    folder: PathBuf,
    /// The number of the last state that was written.
    written: u64,
    identity: [u8; 32],
    _lock: File,
}

impl Checkpoint {
    /// The state from which `job` goes on, if it was begun. The folder is made if it is missing.
    pub fn open(
        job: &Job,
        folder: &Path,
        inputs: &[Input],
    ) -> Result<(Checkpoint, Option<State>), Error> {
        if let Some(input) = inputs.iter().find(|input| input.kind != InputKind::File) {
            let message = format!(
                "{} cannot be read again, so a run over it has no checkpoint; write it to a file",
                input.name
            );
            return Err(Error::InvalidJob { message });
        }
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let lock = folder.join(LOCK);
        let file = File::create(&lock).map_err(Error::io(&lock))?;
        if file.try_lock().is_err() {
            return Err(mismatch(folder, "another run is using it".to_owned()));
        }
        let now = Identity::of(job, inputs);
        let path = folder.join(IDENTITY);
        let bytes = postcard::to_stdvec(&now).map_err(|e| unusable(&path, &e))?;
        let identity: [u8; 32] = Sha256::digest(&bytes).into();
        let mut checkpoint =
            Checkpoint { folder: folder.to_owned(), written: 0, identity, _lock: file };
        match read(&path) {
            Ok(Some(known)) => {
                let before: Identity =
                    postcard::from_bytes(&known).map_err(|e| unusable(&path, &e))?;
                if let Some(difference) = now.difference(&before) {
                    return Err(mismatch(folder, difference));
                }
            }
            Ok(None) => {
                // A state without what it is of is of nothing.
                for state in STATES {
                    remove(&folder.join(state))?;
                }
                replace(&path, &bytes)?;
                return Ok((checkpoint, None));
            }
            Err(e) => return Err(e),
        }
        let mut newest = None;
        for name in STATES {
            let Some(bytes) = read(&folder.join(name))? else { continue };
            if let Some((number, state)) = checkpoint.state_of(&bytes)
                && number > checkpoint.written
            {
                checkpoint.written = number;
                newest = Some(state.to_vec());
            }
        }
        let Some(bytes) = newest else { return Ok((checkpoint, None)) };
        let mut state: State =
            postcard::from_bytes(&bytes).map_err(|e| unusable(&checkpoint.folder, &e))?;
        state.sums.groups.restore();
        Ok((checkpoint, Some(state)))
    }

    /// Where the ledger's file is kept while the run is not done.
    pub fn ledger(folder: &Path) -> PathBuf {
        folder.join(LEDGER)
    }

    /// Where the rows of documents are kept while the run is not done.
    pub fn rows(folder: &Path) -> PathBuf {
        folder.join(ROWS)
    }

    /// Keeps `state`: all of it, or, after an error, what was kept before.
    pub fn write(&mut self, state: &State) -> Result<(), Error> {
        let body = postcard::to_stdvec(state).map_err(|e| unusable(&self.folder, &e))?;
        self.written += 1;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.written.to_le_bytes());
        bytes.extend(self.identity);
        bytes.extend(body);
        let sum = Sha256::digest(&bytes);
        bytes.extend(sum);
        replace(&self.folder.join(STATES[(self.written % 2) as usize]), &bytes)
    }

    /// The number and the body of a state, if `bytes` are one of this run, and whole.
    fn state_of<'b>(&self, bytes: &'b [u8]) -> Option<(u64, &'b [u8])> {
        let (rest, sum) = bytes.split_last_chunk::<32>()?;
        if Sha256::digest(rest)[..] != sum[..] {
            return None;
        }
        let rest = rest.strip_prefix(MAGIC)?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let body = rest.strip_prefix(&self.identity)?;
        Some((u64::from_le_bytes(*number), body))
    }
}

/// A file of the checkpoint that cannot be what it should be.
fn unusable(path: &Path, e: &dyn std::fmt::Display) -> Error {
    Error::io(path)(io::Error::other(e.to_string()))
}

fn mismatch(folder: &Path, difference: String) -> Error {
    Error::CheckpointMismatch { folder: folder.display().to_string(), difference }
}

/// What is in the file, if there is one.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(path)(e)),
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io(path)(e)),
        _ => Ok(()),
    }
}

/// Puts `bytes` in the place of the file, whole or not at all, and on the disk.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        // The name is in the folder, which is on the disk only when it is synced itself.
        match path.parent() {
            #[cfg(unix)]
            Some(folder) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(Error::io(path))
}
