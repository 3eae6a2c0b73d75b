//! zstd: frames one after the other, skippable ones among them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::zstd_frames::Frames;
use super::{Decode, Fault, Limits, Packing, Status, Step};

pub(super) static PACKING: Packing = Packing {
    name: "zstd",
    suffixes: &["zst", "zstd"],
    begins: |head| head.starts_with(FRAME) || is_skippable(head),
    decoder: |_, Limits { max_window, unchecked }| {
        let mut decoder = Decoder::new().map_err(|e| fault(&e))?;
        // Rounded up: the frames are held to the byte before the decoder sees them.
        let log = u64::BITS - max_window.saturating_sub(1).leading_zeros();
        let log = DParameter::WindowLogMax(log.clamp(10, WINDOW_LOG));
        decoder.set_parameter(log).map_err(|e| fault(&e))?;
        let frames = Frames::new(max_window);
        Ok(Box::new(Zstd { decoder, frames, piece: 0, is_full: false, frame_text: 0, unchecked }))
    },
};

const FRAME: &[u8] = b"\x28\xb5\x2f\xfd";

/// Frames that hold no data but may be first: `pzstd` writes them. The byte before is 0x50 to 0x5f.
const SKIPPABLE: &[u8] = b"\x2a\x4d\x18";

/// The largest window that the decoder can be allowed (`zstd --long=31`).
const WINDOW_LOG: u32 = 31;

fn is_skippable(head: &[u8]) -> bool {
    matches!(head.first(), Some(0x50..=0x5f))
        && head.get(1..).is_some_and(|rest| rest.starts_with(SKIPPABLE))
}

fn fault(e: &std::io::Error) -> Fault {
    Fault::Damaged(e.to_string())
}

struct Zstd {
    decoder: Decoder<'static>,
    frames: Frames,
    /// As many of the next bytes may be passed on.
    piece: usize,
    /// The last output was filled: the decoder may hold more.
    is_full: bool,
    /// The text of the frame so far.
    frame_text: u64,
    unchecked: Arc<AtomicBool>,
}

impl Decode for Zstd {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut step = Step { read: 0, written: 0, checked: None, status: Ok(Status::Running) };
        loop {
            let rest = &input[step.read..];
            if self.piece == 0 && !self.is_full {
                if self.frames.is_between() {
                    step.status = self.frames.compare_size(self.frame_text);
                    if step.status.is_err() {
                        return step;
                    }
                    (self.frame_text, step.checked) = (0, Some(step.written));
                    if input.is_empty() {
                        step.status = Ok(Status::Done);
                    }
                }
                if rest.is_empty() {
                    return step;
                }
                self.piece = match self.frames.piece(rest) {
                    Ok(piece) => piece,
                    Err(fault) => return Step { status: Err(fault), ..step },
                };
                if self.frames.is_unchecked {
                    self.unchecked.store(true, Relaxed);
                }
            }
            let mut from = InBuffer::around(&rest[..self.piece]);
            let mut to = OutBuffer::around(&mut output[step.written..]);
            let result = self.decoder.run(&mut from, &mut to);
            let (read, written) = (from.pos(), to.pos());
            step.read += read;
            step.written += written;
            self.piece -= read;
            self.frame_text += written as u64;
            self.is_full = step.written == output.len();
            if let Err(e) = result {
                return Step { status: Err(fault(&e)), ..step };
            }
            if self.is_full || (self.piece > 0 && read == 0) {
                return step;
            }
        }
    }
}
