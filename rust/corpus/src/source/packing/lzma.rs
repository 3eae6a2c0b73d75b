//! `.lzma`, the format before xz: one stream without a magic number and without a checksum.

use std::sync::atomic::Ordering::Relaxed;

use lzma_rust2::LzmaStream;

use super::xz::{fault, in_slices};
use super::{Decode, Fault, Limits, Packing, Status, Step};

pub(super) static PACKING: Packing = Packing {
    name: "lzma",
    suffixes: &["lzma"],
    begins: |head| Header::parse(head).is_some(),
    decoder: |head, Limits { max_window, unchecked }| {
        unchecked.store(true, Relaxed);
        match Header::parse(head) {
            Some(Header { window, .. }) if u64::from(window) > max_window => {
                Err(Fault::Window { window: window.into(), max: max_window })
            }
            _ => Ok(Box::new(Lzma(LzmaStream::new_mem_limit(u32::MAX, None)))),
        }
    },
};

/// A text of 256 GiB is the largest that a header is believed to be of.
const LARGEST: u64 = 1 << 38;

struct Header {
    window: u32,
}

impl Header {
    /// The header, if there can hardly be another file that begins so: windows are 2^n or 2^n + 2^(n - 1) bytes, and a
    /// size is all ones where it was not known. Text has none of the zeros that this needs.
    fn parse(head: &[u8]) -> Option<Header> {
        let [properties, a, b, c, d, size @ ..] = *head.first_chunk::<13>()?;
        let (window, size) = (u32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(size));
        let is_window = (window >> window.trailing_zeros().min(31)) & !2 == 1;
        (properties < 9 * 5 * 5 && window >= 4096 && is_window)
            .then_some(Header { window })
            .filter(|_| size == u64::MAX || size < LARGEST)
    }
}

struct Lzma(LzmaStream);

impl Decode for Lzma {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let Lzma(stream) = self;
        let step = match is_over(stream) {
            true => Step { read: 0, written: 0, checked: None, status: Ok(Status::Running) },
            false => in_slices(input, output, |input, output, action| {
                let before = (stream.total_in(), stream.total_out());
                let result = stream.process(input, output, action);
                let read = (stream.total_in() - before.0) as usize;
                let written = (stream.total_out() - before.1) as usize;
                let status = result.map(|_| Status::Running).map_err(|e| fault(&e));
                Step { read, written, checked: None, status }
            }),
        };
        if step.status.is_err() || !is_over(stream) {
            return step;
        }
        let status = match step.read < input.len() || !stream.unused_input().is_empty() {
            true => Err(Fault::Trailing(PACKING.name)),
            false if input.is_empty() => Ok(Status::Done),
            false => Ok(Status::Running),
        };
        Step { status, ..step }
    }
}

fn is_over(stream: &LzmaStream) -> bool {
    stream.is_finished() && !stream.has_output()
}
