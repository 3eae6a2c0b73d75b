//! What a report says of the files that a run was given: how many and how large they are, what each is known by, and,
//! where it is asked for, the hashes of their bytes. Knows nothing of what is in them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::Error;
use crate::source::{Input, InputKind};

/// So many files are listed one by one.
pub const INPUT_FILES_LISTED: usize = 1_000;

/// Bytes read at a time for a hash: between two reads it is asked whether the run is over.
const READ: usize = 1 << 20;

/// The files of a run, whether anything was counted in them or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputFiles {
    /// How many there are.
    pub count: u64,
    /// Their size as stored, together; what has no size (a pipe) is not in it.
    pub bytes: u64,
    /// What they are together known by, the listed ones and the others: the sum modulo 2^256 of the SHA-256 of each one's
    /// name, size, time of change in nanoseconds since 1970 and hash, as decimal and hexadecimal text with a NUL after
    /// each, empty where unknown. So the sum of two runs is that of one run over both, in whatever order. Big-endian.
    pub digest: [u8; 32],
    /// The first [`INPUT_FILES_LISTED`] of them, in the order of the run.
    pub listed: Vec<InputFile>,
}

/// One of the files of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The file as the ledger would name it.
    pub file: String,
    /// Its size as stored; `None` for a pipe.
    pub size: Option<u64>,
    /// When it was changed, in nanoseconds since 1970, where that is known.
    pub modified: Option<u128>,
    /// The SHA-256 of its bytes as stored, where it was asked for and they can be read twice.
    pub sha256: Option<[u8; 32]>,
}

impl InputFiles {
    /// Those of `inputs`, without hashes.
    pub(crate) fn of(inputs: &[Input]) -> InputFiles {
        InputFiles::with(inputs, |_| None)
    }

    /// Those of `inputs`, each of which is read by one of `threads` for its hash.
    pub(crate) fn hashed(
        inputs: &[Input],
        threads: usize,
        cancel: &AtomicBool,
    ) -> Result<InputFiles, Error> {
        let next = AtomicUsize::new(0);
        let hashes = Mutex::new(vec![None; inputs.len()]);
        let failure = Mutex::new(None);
        let work = || {
            let mut buf = vec![0; READ];
            while let Some((i, input)) = {
                let i = next.fetch_add(1, Relaxed);
                inputs.get(i).map(|input| (i, input))
            } {
                if input.kind != InputKind::File {
                    continue;
                }
                match hash(input, &mut buf, cancel) {
                    Ok(hash) => hashes.lock().unwrap_or_else(|e| e.into_inner())[i] = Some(hash),
                    Err(e) => {
                        // Nobody begins another file.
                        next.store(inputs.len(), Relaxed);
                        let mut failure = failure.lock().unwrap_or_else(|e| e.into_inner());
                        failure.get_or_insert(e);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            (0..threads.min(inputs.len())).for_each(|_| drop(scope.spawn(work)));
        });
        if cancel.load(Relaxed) {
            return Err(Error::Interrupted);
        }
        if let Some(e) = failure.into_inner().unwrap_or_else(|e| e.into_inner()) {
            return Err(e);
        }
        let hashes = hashes.into_inner().unwrap_or_else(|e| e.into_inner());
        Ok(InputFiles::with(inputs, |i| hashes[i]))
    }

    fn with(inputs: &[Input], hash: impl Fn(usize) -> Option<[u8; 32]>) -> InputFiles {
        let mut found = InputFiles { count: inputs.len() as u64, ..InputFiles::default() };
        for (i, input) in inputs.iter().enumerate() {
            let modified = input.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let file = InputFile {
                file: input.name.clone(),
                size: input.size,
                modified: modified.map(|time| time.as_nanos()),
                sha256: hash(i),
            };
            found.bytes += file.size.unwrap_or(0);
            add(&mut found.digest, &file.digest());
            if i < INPUT_FILES_LISTED {
                found.listed.push(file);
            }
        }
        found
    }
}

impl InputFile {
    fn digest(&self) -> [u8; 32] {
        let InputFile { file, size, modified, sha256 } = self;
        let number = |n: Option<u128>| n.map(|n| n.to_string()).unwrap_or_default();
        let mut digest = Sha256::new();
        for part in [
            file,
            &number(size.map(u128::from)),
            &number(*modified),
            &sha256.map(hex).unwrap_or_default(),
        ] {
            digest.update(part);
            digest.update([0]);
        }
        digest.finalize().into()
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds a number to another, modulo 2^256.
fn add(sum: &mut [u8; 32], other: &[u8; 32]) {
    let mut carry = false;
    for (a, b) in sum.iter_mut().zip(other).rev() {
        let (with_other, over) = a.overflowing_add(*b);
        let (with_carry, over_too) = with_other.overflowing_add(carry.into());
        (*a, carry) = (with_carry, over | over_too);
    }
}

/// The hash of a file that is as it was when it was found.
fn hash(input: &Input, buf: &mut [u8], cancel: &AtomicBool) -> Result<[u8; 32], Error> {
    let mut hash = || {
        let mut file = File::open(&input.path)?;
        let (mut digest, mut read) = (Sha256::new(), 0);
        loop {
            if cancel.load(Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match file.read(buf) {
                Ok(0) => break,
                Ok(n) => {
                    digest.update(&buf[..n]);
                    read += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let is_same = |size: u64, meta: fs::Metadata| {
            input.size == Some(size) && input.modified == meta.modified().ok()
        };
        match is_same(read, fs::metadata(&input.path)?) {
            true => Ok(digest.finalize().into()),
            false => Err(io::Error::other(
                "it was changed after it was found, so its hash would not be that of what was counted; count again",
            )),
        }
    };
    hash().map_err(|source| Error::Io { path: input.name.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_added_with_all_carries() {
        let mut sum = [0xff; 32];
        let mut one = [0; 32];
        one[31] = 1;
        add(&mut sum, &one);
        assert_eq!(sum, [0; 32]);
        one[31] = 0xff;
        add(&mut sum, &one);
        add(&mut sum, &one);
        assert_eq!(sum[30..], [1, 0xfe]);
    }
}
