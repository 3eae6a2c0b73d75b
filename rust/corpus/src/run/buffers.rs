//! The buffers of workers, kept from one run to the next: memory that is given back to the system is cleared page by page when
//! it is asked for again, which takes as long as a tenth of what a small file takes.

use std::sync::{Mutex, OnceLock};

use fasttok_parallel::available_threads;

use super::count_queue::CountQueue;

/// What was read is not kept where it is longer than this.
const KEPT: usize = 1 << 20;

static SPARE: Mutex<Vec<Buffers>> = Mutex::new(Vec::new());

/// How many are kept at most. Asked once: the system is asked by a dozen calls.
fn most() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(available_threads)
}

/// What a worker reads into, whatever is in it, and what it counts from, in which nothing is between two runs.
#[derive(Default)]
pub(super) struct Buffers {
    pub read: Vec<u8>,
    pub uncounted: CountQueue,
}

impl Buffers {
    /// Those of a worker of an earlier run, or new ones.
    pub fn take() -> Buffers {
        // A child of a process that forked may find the lock taken for ever.
        SPARE.try_lock().ok().and_then(|mut spare| spare.pop()).unwrap_or_default()
    }

    /// Keeps them for another run.
    pub fn give_back(mut self) {
        if self.read.capacity() > KEPT || !self.uncounted.is_small() {
            return;
        }
        self.uncounted.clear();
        if let Ok(mut spare) = SPARE.try_lock()
            && spare.len() < most()
        {
            spare.push(self);
        }
    }
}
