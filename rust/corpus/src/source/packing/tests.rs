//! Every compression over the same texts: whole, in several streams, cut and flipped, whatever the reads.

use std::io::Write;
use std::sync::atomic::Ordering::Relaxed;

use fasttok_testing::Random;

use super::*;
use crate::source::is_text;

/// A compression, and how a text is packed into a stream of its own.
struct Kind {
    packing: &'static Packing,
    pack: fn(&[u8]) -> Vec<u8>,
    /// Streams may follow one another.
    is_multiple: bool,
    /// A checksum tells damage.
    is_checked: bool,
    /// The decoder does not give what it unpacked of the slice in which it meets damage.
    loses_slice: bool,
}

const KINDS: [Kind; 5] = [
    Kind {
        packing: &gzip::PACKING,
        pack: |text| crate::tests::gz(text),
        is_multiple: true,
        is_checked: true,
        loses_slice: false,
    },
    Kind {
        packing: &zstd::PACKING,
        pack: |text| crate::tests::zst(text),
        is_multiple: true,
        is_checked: true,
        loses_slice: false,
    },
    Kind {
        packing: &bzip2::PACKING,
        pack: |text| {
            let mut encoder =
                ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        },
        is_multiple: true,
        is_checked: true,
        loses_slice: false,
    },
    Kind {
        packing: &xz::PACKING,
        pack: |text| xz_with(text, lzma_rust2::CheckType::Crc64),
        is_multiple: true,
        is_checked: true,
        loses_slice: true,
    },
    Kind {
        packing: &lzma::PACKING,
        pack: |text| {
            let options = lzma_rust2::LzmaOptions::with_preset(1);
            let mut encoder =
                lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        },
        is_multiple: false,
        is_checked: false,
        loses_slice: true,
    },
];

fn xz_with(text: &[u8], check: lzma_rust2::CheckType) -> Vec<u8> {
    let mut options = lzma_rust2::XzOptions::with_preset(1);
    options.set_check_sum_type(check);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Lines in which some things come again and others do not.
fn prose(random: &mut Random, len: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(len + 64);
    while text.len() < len {
        let word = random.below(500);
        let end = if random.below(9) == 0 { '\n' } else { ' ' };
        write!(text, "w{}{}{end}", word * word, "ab".repeat(word % 3)).unwrap();
    }
    text.truncate(len);
    text
}

/// The text of `bytes`, read in inputs of `input` bytes and outputs of `output`, the fault, and whether nothing vouches
/// for a part of the text.
fn unpack(
    bytes: &[u8],
    (input, output): (usize, usize),
    max_window: u64,
) -> (Vec<u8>, Option<Fault>, bool) {
    struct Reads<'b>(&'b [u8], usize);
    impl Read for Reads<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(self.1);
            self.0.read(&mut buf[..n])
        }
    }
    let unchecked = Arc::new(AtomicBool::new(false));
    let packing = packing(bytes).expect("it is packed");
    let reader = packing.unpack(bytes, Reads(bytes, input), max_window, unchecked.clone());
    let mut reader = match reader {
        Ok(reader) => reader,
        Err(fault) => return (Vec::new(), Some(fault), unchecked.load(Relaxed)),
    };
    let (mut text, mut buf) = (Vec::new(), vec![0; output]);
    let fault = loop {
        match reader.read(&mut buf) {
            Ok(0) => break None,
            Ok(n) => text.extend_from_slice(&buf[..n]),
            Err(e) => break Some(e.get_ref().unwrap().downcast_ref::<Fault>().unwrap().clone()),
        }
    };
    // Whoever reads on gets no more, and no second fault.
    assert!(matches!(reader.read(&mut buf), Ok(0)));
    (text, fault, unchecked.load(Relaxed))
}

/// At a time as much as a file is read, and as little as can be.
const READS: [(usize, usize); 3] = [(usize::MAX, 1 << 20), (1, 1), (1000, 777)];
const WINDOW: u64 = 128 << 20;

#[test]
fn streams_are_read_one_after_the_other() {
    let mut random = Random::new(1);
    let (a, b) = (prose(&mut random, 300_000), prose(&mut random, 70_000));
    for Kind { packing: kind, pack, is_multiple, is_checked, .. } in KINDS {
        let streams: &[&[&[u8]]] = match is_multiple {
            true => &[&[&a], &[b""], &[&a, &b], &[b"", &a, b"", b"", &b, b""]],
            false => &[&[&a], &[b""], &[&b]],
        };
        for streams in streams {
            let bytes: Vec<u8> = streams.iter().flat_map(|text| pack(text)).collect();
            assert_eq!(packing(&bytes).unwrap().name, kind.name);
            for reads in READS {
                let (text, fault, is_unchecked) = unpack(&bytes, reads, WINDOW);
                assert!(text == streams.concat(), "{} {reads:?}", kind.name);
                assert_eq!((fault, is_unchecked), (None, !is_checked), "{}", kind.name);
            }
        }
    }
}

#[test]
fn what_follows_the_data_is_padding_or_told() {
    let text = b"some text\n".repeat(50);
    for Kind { packing: kind, pack, is_multiple, .. } in KINDS {
        let packed = pack(&text);
        for reads in READS {
            let read = |tail: &[u8]| unpack(&[&packed, tail].concat(), reads, WINDOW);
            for garbage in [&b"garbage"[..], b"\n", b"\xff"] {
                let (got, fault, _) = read(garbage);
                assert_eq!(got, text, "{} {garbage:?}", kind.name);
                let fault = fault.unwrap();
                assert_eq!(fault, Fault::Trailing(kind.name));
            }
            // Tapes and blocks are filled up with zeros; xz has them by fours.
            let is_padding = |zeros: usize| match kind.name {
                "gzip" => true,
                "xz" => zeros.is_multiple_of(4),
                _ => false,
            };
            for zeros in [1, 4, 511, 512, 300_000] {
                let (got, fault, _) = read(&vec![0; zeros]);
                let expected = (true, is_padding(zeros));
                assert_eq!((got == text, fault.is_none()), expected, "{} {zeros}", kind.name);
            }
            if is_multiple && is_padding(8) {
                let (got, fault, _) = read(&[&[0; 8][..], &packed].concat());
                assert_eq!((got, fault), (text.repeat(2), None), "{}", kind.name);
            }
        }
    }
}

/// Nothing of the text before the end is lost, nothing else is taken for it, and the end does not pass for a good one
/// unless it is between two streams.
#[test]
fn cut_files_give_the_text_before_the_cut() {
    let mut random = Random::new(2);
    let texts = [prose(&mut random, 150_000), prose(&mut random, 260_000)];
    for Kind { packing: kind, pack, is_multiple, .. } in KINDS {
        let first = pack(&texts[0]);
        let (bytes, text) = match is_multiple {
            true => ([&first[..], &pack(&texts[1])].concat(), texts.concat()),
            false => (first.clone(), texts[0].clone()),
        };
        let mut lengths = 0;
        for i in 0..200 {
            let cut = match i {
                0 => first.len(),
                1..20 => bytes.len() - i,
                _ => 14 + random.below(bytes.len() - 14),
            };
            let (got, fault, _) = unpack(&bytes[..cut], READS[0], WINDOW);
            assert!(text.starts_with(&got), "{} {cut}", kind.name);
            let is_end = cut == first.len() && got == texts[0];
            let expected = if is_end { None } else { Some(Fault::Truncated) };
            assert_eq!(fault, expected, "{} {cut}", kind.name);
            if i % 20 == 0 {
                let (careful, ..) = unpack(&bytes[..cut], READS[1], WINDOW);
                assert_eq!(got.len(), careful.len(), "{} {cut}", kind.name);
            }
            lengths += got.len();
        }
        assert!(lengths > 50 * texts[0].len(), "{}", kind.name);
    }
}

#[test]
fn flipped_bytes_are_told_and_cost_no_text_before_them() {
    let mut random = Random::new(3);
    let texts = [prose(&mut random, 120_000), prose(&mut random, 240_000)];
    for Kind { packing: kind, pack, is_multiple, is_checked, loses_slice } in KINDS {
        let good = match is_multiple {
            true => texts.iter().flat_map(|text| pack(text)).collect(),
            false => pack(&texts[1]),
        };
        let text = if is_multiple { texts.concat() } else { texts[1].clone() };
        let (mut told, mut most_lost) = (0, 0);
        for i in 0..200 {
            let mut bytes = good.clone();
            let at = match i {
                0..20 => bytes.len() - 1 - i,
                _ => 6 + random.below(bytes.len() - 6),
            };
            bytes[at] ^= 1 << random.below(8);
            if packing(&bytes).is_none() {
                continue;
            }
            let (got, fault, is_unchecked) = unpack(&bytes, READS[0], WINDOW);
            told += usize::from(fault.is_some());
            match &fault {
                // A byte that says nothing, such as the time in the header of gzip; or nobody can know.
                None => assert!(got == text || is_unchecked, "{} {at}", kind.name),
                // What is vouched for is right.
                Some(Fault::Unchecked { from, .. }) => {
                    let from = *from as usize;
                    assert!(from < got.len() && got[..from] == text[..from], "{} {at}", kind.name);
                }
                Some(Fault::Damaged(_) | Fault::Trailing(_)) => {
                    assert!(text.starts_with(&got) || is_unchecked, "{} {at}", kind.name);
                }
                Some(_) => {}
            }
            if i % 10 == 0 {
                let (careful, careful_fault, _) = unpack(&bytes, READS[1], WINDOW);
                let least = got.len().min(careful.len());
                assert!(got[..least] == careful[..least], "{} {at}", kind.name);
                let lost = got.len().max(careful.len()) - least;
                most_lost = most_lost.max(lost);
                assert_eq!(fault.is_some(), careful_fault.is_some(), "{} {at}", kind.name);
            }
        }
        // A line or two.
        assert!(most_lost <= if loses_slice { 1000 } else { 0 }, "{} {most_lost}", kind.name);
        assert!(!is_checked || told > 180, "{} {told}", kind.name);
    }
}

/// A header may ask for anything: it is refused by what it says, and nothing is allocated for it.
#[test]
fn windows_above_the_limit_are_refused_in_xz_and_lzma() {
    let text = b"text\n";
    let mut options = lzma_rust2::XzOptions::with_preset(0);
    options.lzma_options.dict_size = 3 << 20;
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(text).unwrap();
    let xz = encoder.finish().unwrap();
    let mut lzma = vec![0x5d];
    lzma.extend_from_slice(&(3u32 << 20).to_le_bytes());
    lzma.extend_from_slice(&(KINDS[4].pack)(text)[5..]);
    for bytes in [xz, lzma] {
        let window = 3 << 20;
        let (got, fault, _) = unpack(&bytes, READS[0], window);
        assert_eq!((&got[..], fault), (&text[..], None));
        let max = window - 1024;
        let (got, fault, _) = unpack(&bytes, READS[0], max);
        assert_eq!((&got[..], fault), (&b""[..], Some(Fault::Window { window, max })));
    }
}

#[test]
fn xz_says_whether_it_has_a_checksum() {
    use lzma_rust2::CheckType::{Crc32, Crc64, None as NoCheck, Sha256};
    for (checks, is_unchecked) in [
        (&[Crc32, Crc64, Sha256][..], false),
        (&[NoCheck], true),
        (&[Sha256, NoCheck, Crc32], true),
    ] {
        let bytes: Vec<u8> = checks.iter().flat_map(|&check| xz_with(b"text", check)).collect();
        for reads in READS {
            let expected = (b"text".repeat(checks.len()), None, is_unchecked);
            assert_eq!(unpack(&bytes, reads, WINDOW), expected);
        }
    }
}

/// Damaged and spliced files are unpacked as the decoder of zstd alone unpacks them, or refused.
#[test]
fn the_decoder_of_zstd_sees_what_is_in_the_file() {
    let frame = |text: &[u8], checksum: bool, window_log: u32| {
        let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(checksum).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let mut random = Random::new(5);
    let noise: Vec<u8> = (0..3_000).map(|_| b"abcdefgh"[random.below(8)]).collect();
    let parts = [
        frame(&noise, true, 17),
        frame(&noise, false, 20),
        frame(b"", true, 17),
        ::zstd::bulk::compress(&noise, 3).unwrap(),
        b"\x53\x2a\x4d\x18\x05\0\0\0abcde".to_vec(),
        frame(&[b'x'; 5_000], true, 17),
    ];
    let (mut good, mut failed, mut refused) = (0, 0, 0);
    for _ in 0..4_000 {
        let mut bytes: Vec<u8> =
            (0..1 + random.below(3)).flat_map(|_| parts[random.below(6)].clone()).collect();
        for _ in 0..random.below(3) {
            // Mostly in the headers.
            let below = if random.below(2) == 0 { 16 } else { bytes.len() };
            let at = random.below(below);
            let end = bytes.len() - 1;
            bytes[at.min(end)] ^= 1 << random.below(8);
        }
        if random.below(8) == 0 {
            bytes.truncate(random.below(bytes.len()));
        }
        if packing(&bytes).is_none_or(|packing| packing.name != "zstd") {
            continue;
        }
        let (text, fault, _) = unpack(&bytes, READS[0], 1 << 23);
        let mut alone = ::zstd::stream::read::Decoder::new(&bytes[..]).unwrap();
        alone.window_log_max(23).unwrap();
        let mut expected = Vec::new();
        let error = alone.read_to_end(&mut expected).err();
        // Where the last block is empty it does not look at the size that the header promised.
        let is_size = matches!(&fault, Some(Fault::Damaged(why)) if why.contains("of text has"));
        let is_same = fault.is_some() == error.is_some();
        assert!(is_same || is_size, "{bytes:?} {fault:?} {error:?}");
        // The decoder alone loses what it unpacked in the call in which it met the damage.
        assert!(is_size || text.starts_with(&expected), "{bytes:?}");
        assert!(error.is_some() || is_size || text == expected, "{bytes:?}");
        match fault {
            None => good += 1,
            Some(Fault::Window { .. } | Fault::Unsupported(_)) => refused += 1,
            Some(_) => failed += 1,
        }
    }
    assert!(good > 500 && failed > 500 && refused > 10, "{good} {failed} {refused}");
}

#[test]
fn texts_are_not_taken_for_compressed() {
    let mut heads: Vec<Vec<u8>> = [
        "",
        "BZh9",
        "BZh91AY is how it begins",
        "7zXZ",
        "]",
        "(\u{b5}/\u{fd}",
        "P*M",
        "{\"text\":\"a\"}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    // Nor what is mostly zeros and no text, but in a file that nobody compressed.
    heads.extend([0, 1, 0x5d].map(|first| [&[first][..], &[0; 40]].concat()));
    for text in ["@ text", "    ", "]000 plain"] {
        heads.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
        heads.push(text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect());
    }
    for head in heads {
        assert!(packing(&head).is_none(), "{head:?}");
    }
    for Kind { pack, packing: kind, .. } in KINDS {
        assert!(!is_text(&pack(b"text")), "{}", kind.name);
    }
}

#[test]
fn a_suffix_is_of_one_compression() {
    let suffixes: Vec<_> = compressed_suffixes().collect();
    for (i, suffix) in suffixes.iter().enumerate() {
        assert!(!suffixes[..i].contains(suffix) && !suffix.contains('.'), "{suffix}");
        assert_eq!(suffix.to_lowercase(), *suffix);
    }
    assert!(KINDS.iter().map(|kind| kind.packing.name).eq(PACKINGS.iter().map(|p| p.name)));
}
