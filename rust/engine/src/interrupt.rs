//! How work on a long text is interrupted: loops over text ask, every [`STRIDE`] bytes or so, whether to
//! stop. Knows neither signals nor threads: whoever starts the work says how that is found out.
//!
//! The question is kept by thread, so that nothing between the caller and the innermost loop has to hand it on.

use std::cell::Cell;

use crate::Error;

/// Bytes between two questions: well below a millisecond, and the question costs next to nothing beside them.
pub(crate) const STRIDE: usize = 1 << 14;

thread_local! {
    static QUESTION: Cell<Option<&'static dyn Fn() -> bool>> = const { Cell::new(None) };
    static STOPPED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work`, in which counting and encoding ask `stop` every now and then; once it says true, they end soon
/// with [`Error::Interrupted`].
pub fn interruptible<R>(stop: &dyn Fn() -> bool, work: impl FnOnce() -> R) -> R {
    struct Before(Option<&'static dyn Fn() -> bool>, bool);
    impl Drop for Before {
        fn drop(&mut self) {
            QUESTION.set(self.0);
            STOPPED.set(self.1);
        }
    }
    // SAFETY: the reference is used by this thread only, while `work` runs: when it is done, and when it
    // panics, what was there before is put back.
    let stop = unsafe { std::mem::transmute::<&dyn Fn() -> bool, &'static dyn Fn() -> bool>(stop) };
    let _before = Before(QUESTION.replace(Some(stop)), STOPPED.replace(false));
    work()
}

/// Whether the work is to end. Loops end then, with any result: [`check`] makes an error of it.
#[cold]
#[inline(never)]
fn ask() -> bool {
    let stopped = STOPPED.get() || QUESTION.get().is_some_and(|stop| stop());
    STOPPED.set(stopped);
    stopped
}

/// Whether the work that this is called in is to end, by [`interruptible`]. For loops of callers between two texts.
pub fn is_interrupted() -> bool {
    ask()
}

/// An error if the work was told to end: results since are none.
pub(crate) fn check() -> Result<(), Error> {
    if STOPPED.get() { Err(Error::Interrupted) } else { Ok(()) }
}

/// When a loop asks.
pub(crate) struct Watch(usize);

impl Watch {
    pub fn new() -> Watch {
        Watch(0)
    }

    /// Whether the loop is to end. `bytes` of text have been worked on since it was asked last.
    #[inline(always)]
    pub fn stops(&mut self, bytes: usize) -> bool {
        self.0 += bytes;
        self.0 >= STRIDE && {
            self.0 = 0;
            ask()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counter, Encoding, Special};

    /// Texts of one piece, of each way to count them, and of many pieces.
    #[test]
    fn every_loop_ends_and_leaves_a_clean_counter() {
        let encoding = Encoding::embedded("o200k_base").unwrap();
        let mut counter = Counter::new(encoding.clone());
        for part in [
            " ",
            "-",
            "ab",
            "xQzJ",
            "的",
            "中文字符没有标点",
            "ไทยภาษา",
            "é",
            "\u{301}",
            "1",
            "a b ",
        ] {
            let text = part.repeat(2_000_000 / part.len());
            let asked = Cell::new(0);
            // The third time, as the second shows that the first did not end it.
            let stop = || asked.replace(asked.get() + 1) == 2;
            let count = interruptible(&stop, || counter.count(&text, Special::Text));
            assert_eq!(count, Err(Error::Interrupted), "{part:?}");
            assert_eq!(asked.get(), 3, "{part:?}: once stopped, nobody asks");
            let mut ids = Vec::new();
            asked.set(0);
            let encoded = interruptible(&stop, || encoding.encode(&text, Special::Text, &mut ids));
            assert_eq!(encoded, Err(Error::Interrupted), "{part:?}");
            // Nothing waits, and no cache knows what was not counted to its end.
            assert_eq!(counter.count("one two", Special::Text), Ok(2), "{part:?}");
            assert!(check().is_ok());
            let mut whole = Counter::new(encoding.clone());
            let expected = whole.count(&text, Special::Text).unwrap();
            assert_eq!(counter.count(&text, Special::Text), Ok(expected), "{part:?}");
        }
    }

    #[test]
    fn a_panic_leaves_nothing_for_the_next_text() {
        let encoding = Encoding::embedded("cl100k_base").unwrap();
        let mut counter = Counter::new(encoding);
        let text = "some words that wait ".repeat(50_000);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            interruptible(&|| panic!("as a bug would"), || counter.count(&text, Special::Text))
        }));
        assert!(panicked.is_err());
        assert_eq!(counter.count("one two", Special::Text), Ok(2));
        assert_eq!(counter.count("", Special::Text), Ok(0));
    }
}
