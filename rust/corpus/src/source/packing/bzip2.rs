//! bzip2: streams one after the other, as pbzip2 and the dumps of Wikipedia have them.

use bzip2::{Decompress, Status as BzStatus};

use super::{Decode, Fault, Packing, Status, Step};

pub(super) static PACKING: Packing = Packing {
    name: "bzip2",
    suffixes: &["bz2", "bzip2"],
    begins: |head| {
        matches!(head, [b'B', b'Z', b'h', b'1'..=b'9', ..])
            && head.get(4..).is_some_and(|rest| rest.starts_with(BLOCK) || rest.starts_with(END))
    },
    decoder: |_, _| Ok(Box::new(Bzip2 { stream: Some(Decompress::new(false)) })),
};

/// What a block begins with, and what a stream ends with.
const BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";
const END: &[u8] = b"\x17\x72\x45\x38\x50\x90";

/// Blocks hold 900 kB, so memory is bounded by the format. Each has a checksum, which is compared at its end.
struct Bzip2 {
    stream: Option<Decompress>,
}

impl Decode for Bzip2 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let stream = match (&mut self.stream, input.first()) {
            (Some(stream), _) => stream,
            (None, Some(b'B')) => self.stream.insert(Decompress::new(false)),
            (None, next) => {
                let status = match next {
                    Some(_) => Err(Fault::Trailing(PACKING.name)),
                    None => Ok(Status::Done),
                };
                return Step { read: 0, written: 0, checked: None, status };
            }
        };
        let (read, written) = (stream.total_in(), stream.total_out());
        let result = stream.decompress(input, output);
        let read = (stream.total_in() - read) as usize;
        let written = (stream.total_out() - written) as usize;
        // Input is taken only between the texts of two blocks: then that of the first was compared.
        let checked = (read > 0).then_some(0);
        let (checked, status) = match result {
            Ok(BzStatus::StreamEnd) => {
                self.stream = None;
                (Some(written), Ok(Status::Running))
            }
            Ok(BzStatus::MemNeeded) => (checked, Err(Fault::Damaged("out of memory".into()))),
            Ok(_) => (checked, Ok(Status::Running)),
            Err(e) => (checked, Err(Fault::Damaged(e.to_string()))),
        };
        Step { read, written, checked, status }
    }
}
