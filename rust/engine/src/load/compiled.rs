//! A tokenizer in the form that the engine uses: loaded without merging every token of the vocabulary.
//!
//! Magic, version and SHA-256 of the rest; then a header in JSON (all but the vocabulary, as its file describes
//! it), the numbers of tokens and of their bytes, and by number each token's length, bytes, id and split. All
//! numbers are little-endian. What is read is checked: a file that is damaged, by chance or on purpose, is
//! refused, and none makes the engine panic.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::spec::{Description, Tables};
use super::{damaged, not_json};
use crate::added::AddedToken;
use crate::bpe::naive::NONE;
use crate::encoding::definition::{Source, Unknown};
use crate::{Encoding, Error};

const MAGIC: &[u8; 8] = b"fasttok\0";
/// Changes whenever the layout does, or what the engine makes of it.
const VERSION: u32 = 2;
const HASH: std::ops::Range<usize> = 12..44;

#[derive(Serialize, Deserialize)]
struct Header {
    name: String,
    hash: String,
    source: Source,
    whole_pieces: bool,
    unknown: Option<(u32, bool)>,
    added: Vec<AddedToken>,
}

/// Whether `data` begins as a compiled tokenizer does.
pub(super) fn is_compiled(data: &[u8]) -> bool {
    data.starts_with(MAGIC)
}

impl Encoding {
    /// The version of the form that [`Encoding::compiled`] writes.
    pub const COMPILED_VERSION: u32 = VERSION;

    /// Whether [`Encoding::compiled`] has something to write.
    pub fn has_compiled(&self) -> bool {
        self.source().is_some()
    }

    /// The encoding in a form that [`Encoding::from_file_bytes`] reads faster than the file that it was made
    /// from; `None` where there is no such form.
    pub fn compiled(&self) -> Option<Vec<u8>> {
        let header = Header {
            name: self.name().to_owned(),
            hash: self.hash().to_owned(),
            source: self.source()?.clone(),
            whole_pieces: self.takes_whole_pieces(),
            unknown: self.unknown().map(|unknown| (unknown.id, unknown.fused)),
            added: self.added_tokens().to_vec(),
        };
        let header = serde_json::to_vec(&header).expect("strings and numbers");
        let vocab = self.vocab();
        let tokens = || (0..vocab.len() as u32).map(|number| vocab.token(number));
        let bytes_len: usize = tokens().map(<[u8]>::len).sum();
        let mut data = Vec::with_capacity(64 + header.len() + bytes_len + 14 * vocab.len());
        data.extend_from_slice(MAGIC);
        data.extend_from_slice(&VERSION.to_le_bytes());
        data.extend_from_slice(&[0; 32]);
        for number in [header.len(), vocab.len(), bytes_len] {
            data.extend_from_slice(&(number as u32).to_le_bytes());
        }
        data.extend_from_slice(&header);
        for token in tokens() {
            data.extend_from_slice(&(token.len() as u16).to_le_bytes());
        }
        for token in tokens() {
            data.extend_from_slice(token);
        }
        for number in 0..vocab.len() as u32 {
            data.extend_from_slice(&vocab.id(number).to_le_bytes());
        }
        let mut splits = vec![[NONE; 2]; vocab.len()];
        for (left, right, merged) in self.pairs().all() {
            splits[merged as usize] = [left, right];
        }
        for number in splits.iter().flatten() {
            data.extend_from_slice(&number.to_le_bytes());
        }
        let hash = Sha256::digest(&data[HASH.end..]);
        data[HASH].copy_from_slice(&hash);
        Some(data)
    }
}

/// Reads the form that [`Encoding::compiled`] writes. `name`: what the encoding is called, if not as before.
pub(super) fn read(data: &[u8], name: String) -> Result<Encoding, Error> {
    let broken = || damaged("this compiled tokenizer is damaged");
    let version = data.get(MAGIC.len()..HASH.start).and_then(|four| <[u8; 4]>::try_from(four).ok());
    if version.map(u32::from_le_bytes) != Some(VERSION) {
        return Err(damaged("this compiled tokenizer is one of another version of fasttok"));
    }
    let mut rest = data.get(HASH.end..).ok_or_else(broken)?;
    if Sha256::digest(rest)[..] != data[HASH] {
        return Err(broken());
    }
    let mut take = |len: usize| {
        let (taken, left) = rest.split_at_checked(len).ok_or_else(broken)?;
        rest = left;
        Ok::<_, Error>(taken)
    };
    let numbers: Vec<usize> = words(take(12)?).map(|word| word as usize).collect();
    let [header_len, len, bytes_len] = numbers[..] else { return Err(broken()) };
    // Not so large that multiplying overflows, whatever the width of a pointer.
    if len > data.len() {
        return Err(broken());
    }
    let header: Header = serde_json::from_slice(take(header_len)?).map_err(not_json)?;
    let lens = take(2 * len)?;
    let bytes = take(bytes_len)?.to_vec();
    let ids = words(take(4 * len)?).collect();
    let splits: Vec<u32> = words(take(8 * len)?).collect();
    let lens: Vec<u16> =
        lens.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    let tables = Tables {
        lens,
        bytes,
        ids,
        splits: splits.chunks_exact(2).map(|two| [two[0], two[1]]).collect(),
    };
    tables.check()?;
    let (normalizer, pretokenizer) = header.source.build()?;
    let description = Description {
        name: if name.is_empty() { header.name } else { name },
        hash: header.hash,
        normalizer,
        pretokenizer,
        source: header.source,
        whole_pieces: header.whole_pieces,
        unknown: header.unknown.map(|(id, fused)| Unknown { id, fused }),
        added: header.added,
    };
    Ok(tables.encoding(description))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().expect("four bytes")))
}
