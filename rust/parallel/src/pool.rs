//! Who does what, and when it is over: the one scheduler of the workspace.
//!
//! There is no queue that could fill and no thread that outlives a call. A [`Source`] says what is to be done next;
//! each worker asks it, under one lock, whenever it has nothing to do. While it works it may find more to do (the
//! parts of a long text) and give that [back](Pool::change). The pool ends when the source has nothing left and no worker
//! is busy that could add to it.
//!
//! The calling thread is a worker too, and the one that looks around now and then: it calls [`Poll`] between tasks,
//! inside long ones (by [`fasttok_engine::interruptible`]) and while it waits for the others.
//!
//! Knows no text and no tokens.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use fasttok_engine::interruptible;

/// How often [`Poll`] is called at most.
const POLL_EVERY: Duration = Duration::from_millis(40);
/// How long a worker without work sleeps before it looks at the flags of [`Control`], which wake nobody.
const WAIT: Duration = Duration::from_millis(20);

/// The work was told to end before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Called on the calling thread about every 40 ms; an error cancels the work.
pub type Poll<'p> = dyn FnMut() -> Result<(), Cancelled> + 'p;

/// What [`set_available_threads`] said, or 0.
static AVAILABLE: AtomicUsize = AtomicUsize::new(0);

/// Threads that this process may run at once (affinity and cgroup respected), or what [`set_available_threads`] said; at
/// least 1.
///
/// ```
/// assert!(fasttok_parallel::available_threads() >= 1);
/// ```
pub fn available_threads() -> usize {
    match AVAILABLE.load(Relaxed) {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// Says how many threads there are for this process, from now on.
///
/// ```
/// # use std::num::NonZeroUsize;
/// fasttok_parallel::set_available_threads(NonZeroUsize::new(3).unwrap());
/// assert_eq!(fasttok_parallel::available_threads(), 3);
/// ```
pub fn set_available_threads(threads: NonZeroUsize) {
    AVAILABLE.store(threads.get(), Relaxed);
}

/// The two flags by which work is ended.
#[derive(Clone, Copy)]
pub struct Control<'c> {
    /// Everything ends at once: nobody wants the results.
    pub cancel: &'c AtomicBool,
    /// Nothing new is begun; what was begun is done to its end.
    pub stop: &'c AtomicBool,
}

impl Control<'_> {
    /// Whether either flag is set.
    pub fn is_over(&self) -> bool {
        self.cancel.load(Relaxed) || self.stop.load(Relaxed)
    }
}

/// Where tasks come from.
pub trait Source {
    /// What a worker does at a time.
    type Task;

    /// What to do next; `None` if there is nothing at the moment. Called under the pool's lock: it should be quick.
    /// Where the pool is `stopped`, only what belongs to a task that was begun.
    fn next(&mut self, stopped: bool) -> Option<Self::Task>;
}

/// The tasks 0, 1, 2, … of which each is one number.
impl Source for Range<usize> {
    type Task = usize;

    fn next(&mut self, stopped: bool) -> Option<usize> {
        if stopped { None } else { Iterator::next(self) }
    }
}

/// Threads that work on the tasks of one [`Source`].
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fasttok_parallel::{Control, Pool};
///
/// let (cancel, stop) = (AtomicBool::new(false), AtomicBool::new(false));
/// let pool = Pool::new(0..100, Control { cancel: &cancel, stop: &stop });
/// let sums = pool.run(4, &mut || Ok(()), |tasks| {
///     let mut sum = 0;
///     while tasks.perform(|number| sum += number) {}
///     sum
/// });
/// assert_eq!(sums.iter().sum::<usize>(), 4950);
/// ```
pub struct Pool<'c, S> {
    state: Mutex<State<S>>,
    wake: Condvar,
    control: Control<'c>,
}

struct State<S> {
    source: S,
    /// Workers that are inside a task.
    busy: usize,
}

impl<'c, S: Source> Pool<'c, S> {
    /// A pool for the tasks of `source`.
    pub fn new(source: S, control: Control<'c>) -> Pool<'c, S> {
        Pool { state: Mutex::new(State { source, busy: 0 }), wake: Condvar::new(), control }
    }

    /// Looks at the source or changes it, by a worker that found one more thing to do, or while none works.
    pub fn change<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        let changed = change(&mut self.state().source);
        self.wake.notify_one();
        changed
    }

    /// Calls `work` on `threads` threads, this one among them, and gives what each of them returned. Where the system
    /// gives fewer threads, fewer do the work.
    ///
    /// A panic of one of them stops the others, and is passed on when all have ended.
    pub fn run<R: Send>(
        &self,
        threads: usize,
        poll: &mut Poll<'_>,
        work: impl Fn(&mut Tasks<'_, 'c, '_, '_, S>) -> R + Sync,
    ) -> Vec<R>
    where
        S: Send,
    {
        let mine =
            |poll| work(&mut Tasks { pool: self, caller: Some(RefCell::new(Caller::new(poll))) });
        if threads <= 1 {
            return vec![mine(poll)];
        }
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .map_while(|i| {
                    let work = || work(&mut Tasks { pool: self, caller: None });
                    let builder = thread::Builder::new().name(format!("fasttok-{i}"));
                    builder.spawn_scoped(scope, work).ok()
                })
                .collect();
            let mut results = vec![mine(poll)];
            for other in others {
                match other.join() {
                    Ok(result) => results.push(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        })
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// What the calling thread does besides working.
struct Caller<'p, 'q> {
    poll: &'p mut Poll<'q>,
    polled: Option<Instant>,
}

impl<'p, 'q> Caller<'p, 'q> {
    fn new(poll: &'p mut Poll<'q>) -> Caller<'p, 'q> {
        Caller { poll, polled: None }
    }

    fn poll(&mut self) -> Result<(), Cancelled> {
        match self.polled {
            Some(polled) if polled.elapsed() < POLL_EVERY => return Ok(()),
            Some(_) => (self.poll)()?,
            None => {}
        }
        self.polled = Some(Instant::now());
        Ok(())
    }
}

/// The tasks of a [`Pool`], as one of its workers sees them.
pub struct Tasks<'t, 'c, 'p, 'q, S> {
    pool: &'t Pool<'c, S>,
    caller: Option<RefCell<Caller<'p, 'q>>>,
}

impl<S: Source> Tasks<'_, '_, '_, '_, S> {
    /// Does the next task by `perform`, in which the engine's loops ask whether the pool was cancelled; waits if there
    /// is none at the moment. False when the pool is done.
    pub fn perform(&mut self, perform: impl FnOnce(S::Task)) -> bool {
        let Some(task) = self.take() else { return false };
        // Whatever happens in it, the others must not wait for it for ever.
        let _busy = Busy(self.pool);
        interruptible(&|| self.is_cancelled(), || perform(task));
        true
    }

    fn take(&self) -> Option<S::Task> {
        let Pool { wake, control, .. } = self.pool;
        loop {
            // Not under the lock: it may take a while.
            if self.is_cancelled() {
                return None;
            }
            let mut state = self.pool.state();
            if let Some(task) = state.source.next(control.stop.load(Relaxed)) {
                state.busy += 1;
                return Some(task);
            }
            if state.busy == 0 {
                return None;
            }
            drop(wake.wait_timeout(state, WAIT));
        }
    }

    fn is_cancelled(&self) -> bool {
        let cancel = self.pool.control.cancel;
        if !cancel.load(Relaxed)
            && let Some(caller) = &self.caller
            // Whoever polls may count a text himself, which asks again.
            && let Ok(mut caller) = caller.try_borrow_mut()
            && caller.poll().is_err()
        {
            cancel.store(true, Relaxed);
        }
        cancel.load(Relaxed)
    }
}

/// A worker is inside a task as long as this lives.
struct Busy<'t, 'c, S: Source>(&'t Pool<'c, S>);

impl<S: Source> Drop for Busy<'_, '_, S> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.control.stop.store(true, Relaxed);
        }
        let mut state = self.0.state();
        state.busy -= 1;
        if state.busy == 0 {
            self.0.wake.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Flags {
        cancel: AtomicBool,
        stop: AtomicBool,
    }

    impl Flags {
        fn control(&self) -> Control<'_> {
            Control { cancel: &self.cancel, stop: &self.stop }
        }
    }

    /// Numbers, of which each above 1 falls into two that add up to it.
    struct Halves(Vec<usize>);

    impl Source for Halves {
        type Task = usize;

        fn next(&mut self, _stopped: bool) -> Option<usize> {
            self.0.pop()
        }
    }

    #[test]
    fn what_tasks_add_is_done_by_whoever_is_free() {
        for threads in [1, 2, 3, 8] {
            let flags = Flags::default();
            let pool = Pool::new(Halves(vec![1000]), flags.control());
            let ones = pool.run(threads, &mut || Ok(()), |tasks| {
                let mut ones = 0;
                while tasks.perform(|number| match number {
                    1 => ones += 1,
                    number => {
                        pool.change(|source| source.0.push(number / 2));
                        pool.change(|source| source.0.push(number - number / 2));
                    }
                }) {}
                ones
            });
            assert_eq!(ones.len(), threads);
            assert_eq!(ones.iter().sum::<usize>(), 1000);
        }
    }

    #[test]
    fn the_caller_polls_while_it_waits() {
        let flags = Flags::default();
        let pool = Pool::new(0..2, flags.control());
        let polled = AtomicUsize::new(0);
        let mut poll = || match polled.fetch_add(1, Relaxed) {
            0 => Ok(()),
            _ => Err(Cancelled),
        };
        // The first task ends only when the caller cancels, whichever thread it is done by.
        pool.run(2, &mut poll, |tasks| {
            while tasks.perform(|task| {
                while task == 0 && !fasttok_engine::is_interrupted() {
                    thread::yield_now();
                }
            }) {}
        });
        assert_eq!(polled.into_inner(), 2, "once cancelled, nobody polls");
        assert!(flags.cancel.into_inner());
    }

    #[test]
    fn stopped_sources_give_nothing_new() {
        let flags = Flags::default();
        let pool = Pool::new(0..1000, flags.control());
        let done = AtomicUsize::new(0);
        pool.run(2, &mut || Ok(()), |tasks| {
            while tasks.perform(|_| {
                done.fetch_add(1, Relaxed);
                flags.stop.store(true, Relaxed);
            }) {}
        });
        assert!((1..=2).contains(&done.into_inner()));
    }

    #[test]
    fn a_panic_is_passed_on_when_all_have_ended() {
        for threads in [1, 3] {
            let flags = Flags::default();
            let pool = Pool::new(0..100, flags.control());
            let run = || {
                pool.run(threads, &mut || Ok(()), |tasks| {
                    while tasks.perform(|task| assert!(task != 7, "as a bug would")) {}
                })
            };
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
            assert_eq!(pool.state().busy, 0);
        }
    }
}
