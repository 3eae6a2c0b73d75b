//! What a thread counts with, kept between calls: filling the caches of a [`Counter`] anew would cost more than
//! counting a short text.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread;

use fasttok_engine::{Counter, Encoder, Encoding};

use crate::pool::available_threads;

/// A scratch buffer that grew beyond this for one odd text is given back.
const MAX_RETAINED_BUFFER: usize = 4 << 20;

/// The caches and buffers of one thread.
#[derive(Default)]
pub struct Worker {
    counter: Option<Counter>,
    encoder: Option<Encoder>,
    /// Where texts are transcoded to.
    pub scratch: Vec<u8>,
}

impl Worker {
    /// The counter, made when it is first asked for, and the buffer.
    pub fn parts(&mut self, encoding: &Arc<Encoding>) -> (&mut Counter, &mut Vec<u8>) {
        let counter = self.counter.get_or_insert_with(|| Counter::new(Arc::clone(encoding)));
        (counter, &mut self.scratch)
    }

    /// The encoder, made when it is first asked for, and the buffer.
    pub fn encoder(&mut self, encoding: &Arc<Encoding>) -> (&mut Encoder, &mut Vec<u8>) {
        let encoder = self.encoder.get_or_insert_with(|| Encoder::new(Arc::clone(encoding)));
        (encoder, &mut self.scratch)
    }
}

/// The workers of one encoding.
///
/// Each has a lock of its own, which is only ever tried: a worker that was busy in another thread when the process
/// forked stays locked in the child, which then simply uses another.
pub struct Workers {
    slots: Box<[Mutex<Worker>]>,
}

impl Workers {
    /// No worker yet; as many will be kept as the machine runs threads, and no fewer than four.
    pub fn new() -> Workers {
        let slots = available_threads().max(4);
        Workers { slots: (0..slots).map(|_| Mutex::default()).collect() }
    }

    /// How many are kept at most.
    pub fn most(&self) -> usize {
        self.slots.len()
    }

    /// The counter of a worker that nobody has at the moment, if there is one.
    pub fn take(&self) -> Option<Counter> {
        self.slots.iter().find_map(|slot| slot.try_lock().ok()?.counter.take())
    }

    /// Keeps a counter, unless enough are kept.
    pub fn give_back(&self, counter: Counter) {
        let slots = self.slots.iter().filter_map(|slot| slot.try_lock().ok());
        if let Some(mut worker) = slots.into_iter().find(|worker| worker.counter.is_none()) {
            worker.counter = Some(counter);
        }
    }

    /// A worker that nobody else has: one that is kept, or a new one if all are busy.
    pub fn lend(&self) -> Lent<'_> {
        for slot in &self.slots {
            match slot.try_lock() {
                Ok(worker) => return Lent::Kept(worker),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Poisoned(poisoned)) => {
                    // A panic left it half-way through a text.
                    slot.clear_poison();
                    let mut worker = poisoned.into_inner();
                    *worker = Worker::default();
                    return Lent::Kept(worker);
                }
            }
        }
        Lent::New(Box::default())
    }
}

/// A worker, until this is dropped.
pub enum Lent<'w> {
    /// One that others will use after.
    Kept(MutexGuard<'w, Worker>),
    /// One that nobody keeps.
    New(Box<Worker>),
}

impl Deref for Lent<'_> {
    type Target = Worker;

    fn deref(&self) -> &Worker {
        match self {
            Lent::Kept(worker) => worker,
            Lent::New(worker) => worker,
        }
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Worker {
        match self {
            Lent::Kept(worker) => worker,
            Lent::New(worker) => worker,
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if !thread::panicking() && self.scratch.len() > MAX_RETAINED_BUFFER {
            self.scratch = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fasttok_engine::Special;

    #[test]
    fn a_worker_is_kept_and_a_panic_costs_it() {
        let encoding = Encoding::embedded("r50k_base").unwrap();
        let workers = Workers::new();
        let count = |text| {
            let mut worker = workers.lend();
            worker.parts(&encoding).0.count(text, Special::Text)
        };
        assert_eq!(count("one two"), Ok(2));
        assert!(workers.lend().counter.is_some());
        let panicked = thread::scope(|scope| {
            let work = || {
                let _worker = workers.lend();
                panic!("as a bug would");
            };
            scope.spawn(work).join()
        });
        assert!(panicked.is_err());
        assert!(workers.lend().counter.is_none());
        assert_eq!(count("one two"), Ok(2));
    }

    #[test]
    fn a_counter_that_is_given_back_is_the_next_one() {
        let encoding = Encoding::embedded("r50k_base").unwrap();
        let workers = Workers::new();
        assert!(workers.take().is_none());
        for _ in 0..=workers.most() {
            workers.give_back(Counter::new(encoding.clone()));
        }
        assert_eq!(workers.take().unwrap().count("one two", Special::Text), Ok(2));
        // No more than are kept.
        assert_eq!(std::iter::from_fn(|| workers.take()).count(), workers.most() - 1);
    }

    #[test]
    fn there_is_always_one_more() {
        let workers = Workers::new();
        let lent: Vec<_> = (0..=workers.most()).map(|_| workers.lend()).collect();
        assert!(matches!(lent.last(), Some(Lent::New(_))));
    }
}
