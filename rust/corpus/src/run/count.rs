//! Counting all inputs of a run: starts the workers, adds up their sums, keeps them where a checkpoint is asked for, and says
//! why a run failed. What is next is decided in `schedule`, how it is done in `worker`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use fasttok_parallel::{Control, Poll};

use super::checkpoint::{Checkpoint, State};
use super::schedule::{Failure, Run, SavedSchedule, Shared, Sums, panic_message};
use super::worker::Worker;
use crate::Error;
use crate::ledger::Collector;
use crate::per_document::Spool;

/// Keeping the state may take this part of the time of a run.
const KEEPING: u32 = 20;

/// The rounds of a run with a checkpoint.
pub(super) struct Rounds {
    pub checkpoint: Checkpoint,
    /// A round is at least this long.
    pub every: Duration,
    /// How long the reading took that was done before.
    pub before: Duration,
}

/// Counts all inputs that are left in `begun`, and adds them to its sums. Skipped rows go to `ledger`, and a row for each
/// document to `rows`.
pub(super) fn count(
    run: &Run,
    threads: usize,
    poll: &mut Poll<'_>,
    ledger: &mut Collector,
    rows: Option<&mut Spool>,
    (schedule, mut sums): (SavedSchedule, Sums),
    mut rounds: Option<Rounds>,
) -> Result<Sums, Error> {
    let stop = AtomicBool::new(false);
    let control = Control { cancel: run.cancel, stop: &stop };
    run.progress.add_documents(sums.counted);
    let shared = Shared::new(run, control, ledger, rows, schedule);
    let begun = Instant::now();
    let mut keeping = Duration::ZERO;
    loop {
        if let Some(Rounds { every, .. }) = &rounds {
            shared.pause_at(Some(Instant::now() + (*every).max(KEEPING * keeping)));
        }
        let parts = shared.pool.run(threads, poll, |tasks| {
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
        if control.is_over() {
            break;
        }
        if let Some(Rounds { checkpoint, before, .. }) = &mut rounds {
            let clock = Instant::now();
            let (schedule, ledger, rows) = shared.save()?;
            let reading = *before + begun.elapsed();
            let state = State { schedule, sums, ledger, rows, reading };
            checkpoint.write(&state)?;
            sums = state.sums;
            keeping = clock.elapsed();
        }
        if shared.is_done() {
            break;
        }
    }
    match shared.into_failure() {
        _ if run.cancel.load(Relaxed) => Err(Error::Interrupted),
        Some(Failure::Row { error, .. } | Failure::Other(error)) => Err(error),
        None => Ok(sums),
    }
}
