//! gzip: members one after the other (bgzip's are 64 KiB each), with zeros as padding between and after them.

use flate2::{Decompress, FlushDecompress};

use super::{Decode, Fault, Packing, Status, Step};

pub(super) static PACKING: Packing = Packing {
    name: "gzip",
    suffixes: &["gz", "gzip", "bgz"],
    begins: |head| head.starts_with(&[MAGIC, 0x8b]),
    decoder: |_, _| Ok(Box::new(Gzip { member: Some(Decompress::new_gzip(WINDOW_BITS)) })),
};

/// The first byte of a member.
const MAGIC: u8 = 0x1f;

/// 32 KiB, the window of every deflate stream: no header can ask for more.
const WINDOW_BITS: u8 = 15;

struct Gzip {
    /// The member that is unpacked. zlib reads its header, and compares its checksum and its length.
    member: Option<Decompress>,
}

impl Decode for Gzip {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let mut padding = 0;
        let member = match &mut self.member {
            Some(member) => member,
            None => {
                padding = input.iter().take_while(|&&byte| byte == 0).count();
                let status = match input.get(padding) {
                    Some(&MAGIC) => None,
                    Some(_) => Some(Err(Fault::Trailing(PACKING.name))),
                    None if padding > 0 => Some(Ok(Status::Running)),
                    None => Some(Ok(Status::Done)),
                };
                if let Some(status) = status {
                    return Step { read: padding, written: 0, checked: None, status };
                }
                self.member.insert(Decompress::new_gzip(WINDOW_BITS))
            }
        };
        let (read, written) = (member.total_in(), member.total_out());
        let result = member.decompress(&input[padding..], output, FlushDecompress::None);
        let read = padding + (member.total_in() - read) as usize;
        let written = (member.total_out() - written) as usize;
        let (checked, status) = match result {
            // No progress without more of one of the two is no fault.
            Ok(flate2::Status::Ok | flate2::Status::BufError) => (None, Ok(Status::Running)),
            Ok(flate2::Status::StreamEnd) => {
                self.member = None;
                (Some(written), Ok(Status::Running))
            }
            Err(e) => (None, Err(Fault::Damaged(e.message().unwrap_or("no deflate").to_owned()))),
        };
        Step { read, written, checked, status }
    }
}
