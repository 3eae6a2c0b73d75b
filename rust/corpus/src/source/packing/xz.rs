//! xz: streams one after the other with padding between them, blocks with a checksum (or, if so made, without one).

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use lzma_rust2::{Action, CheckType, Lzma2Stream, Status as LzmaStatus, XzStream};

use super::{Decode, Fault, Limits, Packing, Status, Step};

pub(super) static PACKING: Packing = Packing {
    name: "xz",
    suffixes: &["xz"],
    begins: |head| head.starts_with(b"\xfd7zXZ\0"),
    decoder: |_, Limits { max_window, unchecked }| {
        let mut xz = Xz { stream: None, padding: 0, max_window, unchecked };
        xz.open();
        Ok(Box::new(xz))
    },
};

/// The first byte of a stream.
const MAGIC: u8 = 0xfd;

/// The decoder is given so much at a time: of what it unpacked in a call in which it meets damage it gives nothing.
/// Small enough to lose a line at most, and large enough to cost nothing that can be measured.
const SLICE: usize = 64;

/// The memory of a decoder beside its window, in KiB.
fn overhead() -> u32 {
    const SMALLEST_WINDOW: u32 = 4096;
    let all = Lzma2Stream::new(SMALLEST_WINDOW).memory_usage().unwrap_or(0);
    all.saturating_sub(SMALLEST_WINDOW >> 10)
}

/// What an error of the decoder means.
pub(super) fn fault(e: &std::io::Error) -> Fault {
    let why = e.to_string();
    match e.kind() {
        ErrorKind::UnexpectedEof => Fault::Truncated,
        ErrorKind::Unsupported => Fault::Unsupported(why),
        _ if why.contains("not supported") => Fault::Unsupported(why),
        _ => Fault::Damaged(why),
    }
}

struct Xz {
    stream: Option<XzStream>,
    /// Zeros since the last stream.
    padding: u64,
    max_window: u64,
    unchecked: Arc<AtomicBool>,
}

impl Xz {
    fn open(&mut self) {
        let window = u32::try_from(self.max_window >> 10).unwrap_or(u32::MAX);
        self.stream = Some(XzStream::new_mem_limit(false, overhead().saturating_add(window)));
    }

    /// Passes over what is before the next stream: how many bytes, and what comes after them.
    fn pad(&mut self, input: &[u8]) -> (usize, Result<Status, Fault>) {
        let zeros = input.iter().take_while(|&&byte| byte == 0).count();
        self.padding += zeros as u64;
        let is_whole = self.padding.is_multiple_of(4);
        let status = match input.get(zeros) {
            Some(&MAGIC) if is_whole => {
                self.padding = 0;
                self.open();
                Ok(Status::Running)
            }
            None if zeros > 0 => Ok(Status::Running),
            None if is_whole => Ok(Status::Done),
            _ => Err(Fault::Trailing(PACKING.name)),
        };
        (zeros, status)
    }
}

impl Decode for Xz {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut padding = 0;
        if self.stream.is_none() {
            let (zeros, status) = self.pad(input);
            if self.stream.is_none() {
                return Step { read: zeros, written: 0, checked: None, status };
            }
            padding = zeros;
        }
        let Xz { stream: current, max_window, unchecked, .. } = self;
        let step = in_slices(&input[padding..], output, |input, output, action| {
            let Some(stream) = current else {
                return Step { read: 0, written: 0, checked: None, status: Ok(Status::Running) };
            };
            let before = (stream.total_in(), stream.total_out());
            let result = stream.process(input, output, action);
            let read = (stream.total_in() - before.0) as usize;
            let written = (stream.total_out() - before.1) as usize;
            if stream.check_type() == Some(CheckType::None) {
                unchecked.store(true, Relaxed);
            }
            let (checked, status) = match result {
                Ok(result) if result.status == LzmaStatus::StreamEnd => {
                    *current = None;
                    (Some(written), Ok(Status::Running))
                }
                Ok(_) => (None, Ok(Status::Running)),
                Err(e) if e.kind() == ErrorKind::OutOfMemory => {
                    let window = stream.memory_usage().unwrap_or(0).saturating_sub(overhead());
                    let window = u64::from(window) << 10;
                    (None, Err(Fault::Window { window, max: *max_window }))
                }
                Err(e) => (None, Err(fault(&e))),
            };
            Step { read, written, checked, status }
        });
        Step { read: padding + step.read, ..step }
    }
}

/// What came of calls of a decoder of this library, each with a slice of the input.
pub(super) fn in_slices(
    input: &[u8],
    output: &mut [u8],
    mut call: impl FnMut(&[u8], &mut [u8], Action) -> Step,
) -> Step {
    let action = if input.is_empty() { Action::Finish } else { Action::Run };
    let (mut read, mut written, mut checked) = (0, 0, None);
    loop {
        let slice = &input[read..input.len().min(read + SLICE)];
        let step = call(slice, &mut output[written..], action);
        checked = step.checked.map(|checked| written + checked).or(checked);
        read += step.read;
        written += step.written;
        let is_full = read == input.len() || written == output.len();
        if is_full || (step.read, step.written) == (0, 0) || step.status != Ok(Status::Running) {
            return Step { read, written, checked, status: step.status };
        }
    }
}
