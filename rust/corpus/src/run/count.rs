//! Counting all inputs of a run: starts the workers, adds up their sums, and says why a run failed. What is next is
//! decided in `schedule`, how it is done in `worker`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use fasttok_parallel::Control;

use super::schedule::{Failure, Run, Shared, Sums, panic_message};
use super::worker::Worker;
use crate::Error;
use crate::ledger::Collector;

/// Counts all inputs. Skipped rows go to `ledger`.
pub(super) fn count(run: &Run, threads: usize, ledger: &mut Collector) -> Result<Sums, Error> {
    let stop = AtomicBool::new(false);
    let control = Control { cancel: run.cancel, stop: &stop };
    let shared = Shared::new(run, control, ledger);
    let mut sums = Sums::default();
    let parts = shared.pool.run(threads, &mut || Ok(()), |tasks| {
        let mut worker = Worker::new(&shared);
        while tasks.perform(|task| {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| worker.perform(task))) {
                shared.fail(Failure::Other(Error::Panic { message: panic_message(&*panic) }));
            }
        }) {}
        worker.finish()
    });
    for part in parts {
        if sums.add(part, run).is_err() {
            shared.fail(Failure::Other(run.too_many_groups()));
        }
    }
    match shared.into_failure() {
        _ if run.cancel.load(Relaxed) => Err(Error::Interrupted),
        Some(Failure::Row { error, .. } | Failure::Other(error)) => Err(error),
        None => Ok(sums),
    }
}
