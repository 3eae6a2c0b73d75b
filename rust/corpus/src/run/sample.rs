//! From the files of a job to the draws of a sample: how each file can be drawn from. What is large is opened for that, as
//! far as its first bytes; for the rest the name says enough, for a wrong guess costs precision alone.

use std::sync::atomic::AtomicBool;

use fasttok_parallel::Control;

use crate::Progress;
use crate::format::{self, Formats, Layout};
use crate::job::Job;
use crate::recognise::{Taken, recognise};
use crate::record::FormatId;
use crate::sampling::{Extent, SamplePlan, block_size};
use crate::source::{self, Input, InputKind};

/// What is no larger than this part of the corpus is read whole, where it is drawn and has no blocks.
const LARGE: u64 = 64;
/// A chunk of a stream that is drawn from is no smaller: it is the unit.
const LEAST_CHUNK: u64 = 64 << 10;
/// Row groups and record batches are of about this size; only the number of draws depends on it.
const PART: u64 = 16 << 20;

/// The draws of `job`; `None` where all of it is to be read.
pub(super) fn plan(
    job: &Job,
    inputs: &[Input],
    formats: &Formats,
    fraction: f64,
    chunk: usize,
    cancel: &AtomicBool,
) -> Option<SamplePlan> {
    let stop = AtomicBool::new(false);
    let control = Control { cancel, stop: &stop };
    let bytes: u64 = inputs.iter().filter_map(|input| input.size).sum();
    let block = block_size(bytes, fraction);
    let chunk = block.max(LEAST_CHUNK).min(chunk as u64).max(1);
    let extent = |input: &Input| {
        let (InputKind::File, Some(size)) = (input.kind, input.size) else {
            return Extent::Streamed { bytes: None, is_packed: false };
        };
        let mut is_packed = input.compression_suffix().is_some();
        let mut is_seekable = !is_packed;
        let named = || input.extension().as_deref().and_then(format::by_suffix);
        let mut format: FormatId = formats.forced.or_else(named).unwrap_or(formats.plain);
        let is_large = size > bytes / LARGE;
        if is_large {
            let progress = Progress::new();
            if let Ok(mut opened) = source::open(input, control, &progress, job.max_window_bytes) {
                if let Ok(Taken::As(taken)) = recognise(input, &mut opened, formats) {
                    format = taken;
                }
                is_packed = opened.packed.is_some();
                is_seekable = opened.is_seekable(input);
            }
        }
        match format::format(format).layout() {
            Layout::Stream(..) if is_seekable && format::is_of_lines(format) => {
                Extent::Units { bytes: size, unit: block.min(size) }
            }
            Layout::Container(_) if !is_packed => {
                Extent::Units { bytes: size, unit: PART.min(size) }
            }
            // One document is counted whole or not at all.
            Layout::Stream(..) if !format::is_of_lines(format) => {
                Extent::Units { bytes: size, unit: size }
            }
            _ if is_large => Extent::Streamed { bytes: Some(size), is_packed },
            _ => Extent::Units { bytes: size, unit: size },
        }
    };
    let extents: Vec<Extent> = inputs.iter().map(extent).collect();
    SamplePlan::new(&extents, fraction, job.seed, block, chunk)
}
