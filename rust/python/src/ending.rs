//! Other threads inside of fasttok while Python ends. Knows nothing of what they do there.
//!
//! From the moment on at which the interpreter is taken down, CPython before 3.14 ends every thread but the main one as
//! soon as it asks for the GIL, by unwinding its stack. No stack with a function of Rust on it can be unwound so: the
//! process aborts. Where Rust itself asks, PyO3 has the thread sleep for ever instead, as CPython 3.14 does; but not where
//! Python code asks that Rust called: an import, a generator of texts, a callback.
//!
//! So every call that may run Python code is counted while it holds the GIL or waits for it. Just before the interpreter
//! is taken down, [`_python_ends`] waits until no other thread is in such a call, and from then on none gets the GIL back:
//! it sleeps until the process is over.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The time between two looks, of both who wait. They count looks: a process that is stopped, or has no core, gets no nearer
/// to its end.
const LOOK: Duration = Duration::from_millis(1);
/// How many the end of the process has for calls, which may be in Python code of the user's that sleeps.
const LOOKS_FOR_CALLS: u32 = 1_000;
/// How many a call has for the end of the process. If it has not come by then, somebody who is asked at the end waits for
/// that very call, and it goes on.
const LOOKS_FOR_THE_END: u32 = 5_000;

/// Threads in a call that hold the GIL or wait for it.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);
/// Whether Python ends.
static ENDING: AtomicBool = AtomicBool::new(false);
/// The thread that ends it, which goes on as ever.
static LAST: Mutex<Option<ThreadId>> = Mutex::new(None);

thread_local! {
    /// Calls of this thread that hold the GIL: one may run Python code that makes another.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Counts this thread as attached, later if Python ends.
fn arrive() {
    ATTACHED.fetch_add(1, SeqCst);
    if ENDING.load(SeqCst) {
        wait_for_the_end();
    }
}

fn leave() {
    ATTACHED.fetch_sub(1, SeqCst);
}

/// For a thread that is counted, and is when this returns, but not in between.
#[cold]
fn wait_for_the_end() {
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last == Some(thread::current().id()) {
        return;
    }
    let mut looks = 0;
    while ENDING.load(SeqCst) {
        leave();
        thread::sleep(LOOK);
        looks += 1;
        if looks == LOOKS_FOR_THE_END {
            ENDING.store(false, SeqCst);
        }
        ATTACHED.fetch_add(1, SeqCst);
    }
}

/// A call that may run Python code, until this is dropped.
pub struct Call;

impl Call {
    /// To be made before anything else of the call.
    pub fn enter(py: Python<'_>) -> Call {
        if DEPTH.get() == 0 {
            ATTACHED.fetch_add(1, SeqCst);
            if ENDING.load(SeqCst) {
                py.detach(wait_for_the_end);
            }
        }
        DEPTH.set(DEPTH.get() + 1);
        Call
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            leave();
        }
    }
}

/// `Python::detach` within a [`Call`].
pub fn detach<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    /// Also after a panic of `work`.
    struct Back(usize);

    impl Drop for Back {
        fn drop(&mut self) {
            if self.0 > 0 {
                arrive();
            }
            DEPTH.set(self.0);
        }
    }

    py.detach(|| {
        let back = Back(DEPTH.replace(0));
        if back.0 > 0 {
            leave();
        }
        let worked = work();
        drop(back);
        worked
    })
}

/// `Python::attach`, in any thread.
pub fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> T {
    if DEPTH.get() > 0 {
        return Python::attach(work);
    }
    arrive();
    DEPTH.set(1);
    let _call = Call;
    Python::attach(work)
}

/// Asks Python to be told of its end, and of forks.
pub fn register(py: Python<'_>) -> PyResult<()> {
    let ends = wrap_pyfunction!(_python_ends, py)?;
    py.import("atexit")?.call_method1("register", (ends,))?;
    // There is none on Windows.
    if let Some(register) = py.import("os")?.getattr_opt(intern!(py, "register_at_fork"))? {
        let named = PyDict::new(py);
        named.set_item("after_in_child", wrap_pyfunction!(_forked, py)?)?;
        register.call((), Some(&named))?;
    }
    Ok(())
}

/// Python ends: what calls of other threads there are come to where they sleep.
#[pyfunction]
fn _python_ends(py: Python<'_>) {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
    ENDING.store(true, SeqCst);
    let own = usize::from(DEPTH.get() > 0);
    for _ in 0..LOOKS_FOR_CALLS {
        if ATTACHED.load(SeqCst) <= own {
            break;
        }
        py.detach(|| thread::sleep(LOOK));
    }
}

/// A child has one thread of its parent's.
#[pyfunction]
fn _forked() {
    ATTACHED.store(usize::from(DEPTH.get() > 0), SeqCst);
    ENDING.store(false, SeqCst);
}
