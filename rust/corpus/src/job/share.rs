//! Files of a run that were found before, for a run that is one of several that share them: data that goes to another
//! process. Reads no file.

use std::ffi::OsString;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::source::Slice;

/// Files of a run, or a part of one, and how they were found: for [`Job::share`](crate::Job::share), also in another process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Share {
    pub(crate) inputs: Vec<SharedInput>,
    /// What cannot be read, known without opening it.
    pub(crate) bad: Vec<Entry>,
    /// Links and the like that a walk passed by.
    pub(crate) passed: u64,
    /// Inputs left out because they are a file that is among the others.
    pub(crate) repeated: u64,
}

/// A file, as far as another process cannot know how it was found. Its path may be no UTF-8.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SharedInput {
    pub path: OsString,
    /// How many parts of the name lead to what was named.
    pub named: usize,
    pub size: Option<u64>,
    pub modified: Option<SystemTime>,
    /// Named by the user rather than found in a folder.
    pub explicit: bool,
    /// Unpacked if it is compressed, whatever is in it.
    pub unpack: bool,
    /// What of it is in the share, if not all.
    pub slice: Option<Slice>,
}

impl Share {
    /// The share for another process, of the same version of this crate.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("numbers, names and lists can always be written")
    }

    /// What [`Share::to_bytes`] gave; `None` where it is anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Share> {
        postcard::from_bytes(bytes).ok()
    }
}
