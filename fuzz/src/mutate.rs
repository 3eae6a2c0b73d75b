//! Mutation without coverage: small changes of a seed, as fuzzers make them.

use fasttok_testing::Random;

/// Numbers and pieces of syntax at which code goes wrong.
const INTERESTING: [&[u8]; 24] = [
    b"\0",
    b"\xFF",
    b"\x7F",
    b"\x80",
    b"\xFF\xFF\xFF\xFF",
    b"\0\0\0\x80",
    b"4294967295",
    b"-1",
    b"1e999",
    b"null",
    b"true",
    b"\"\"",
    b"[]",
    b"{}",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"\n",
    b"\r\n",
    b"\xC2\x95",
    b"\xE4\xB8\xAD",
    b"\xF0\x9F\x98\x80",
    b" ",
    b"<0x00>",
];

/// One of `seeds`, changed at up to eight offsets.
pub fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(9) {
        let at = random.below(data.len() + 1);
        match random.below(8) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 if at < data.len() => data[at] = random.below(256) as u8,
            2 => data.insert(at, random.below(256) as u8),
            3 => {
                let len = 1 + random.below(8);
                data.drain(at..(at + len).min(data.len()));
            }
            4 => {
                let piece = INTERESTING[random.below(INTERESTING.len())];
                data.splice(at..at, piece.iter().copied());
            }
            5 => {
                // A part of another seed, or of this one once more.
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + 1 + random.below(64)).min(other.len());
                data.splice(at..at, other[from.min(to)..to].iter().copied());
            }
            6 => {
                let to = (at + 1 + random.below(32)).min(data.len());
                let times = 1 + random.below(4);
                let part = data[at.min(to)..to].repeat(times);
                data.splice(at..at, part);
            }
            _ => data.truncate(at.max(1)),
        }
    }
    data
}
