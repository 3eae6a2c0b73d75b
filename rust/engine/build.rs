//! Builds what the engine embeds: the character class table of the reference's Unicode version, and
//! the OpenAI vocabularies, checked against the hashes that OpenAI's own loader expects, in the form
//! that `load::embedded` reads.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use regex_syntax::hir::{Class, HirKind};
use sha2::{Digest, Sha256};

#[path = "build/forms.rs"]
mod forms;
#[path = "src/bpe/naive.rs"]
mod naive;
#[path = "src/load/official.rs"]
mod official;

/// Rank files and their SHA-256.
const RANK_FILES: [(&str, &str); 4] =
    [official::O200K, official::CL100K, official::P50K, official::R50K];

/// Class numbers of `src/classes.rs`, in the order of that module.
const CLASSES: [(&str, u8); 7] = [
    (r"[\p{Lu}\p{Lt}]", 0),
    (r"\p{Ll}", 1),
    (r"[\p{Lm}\p{Lo}]", 2),
    (r"\p{M}", 3),
    (r"\p{N}", 4),
    (r"[\s&&[^\r\n]]", 5),
    (r"[\r\n]", 6),
];
const PUNCTUATION: u8 = 7;

/// Properties that some patterns ask for besides the class: bits above it.
const PROPERTIES: [(&str, u8); 4] = [
    (r"\p{Han}", 1 << 3),
    // What DeepSeek V3 cuts out: unified ideographs, hiragana, katakana.
    (r"[\x{4E00}-\x{9FA5}\x{3040}-\x{30FF}]", 1 << 4),
    // Neither letter, mark, number, white space, punctuation nor symbol.
    (r"[\p{C}&&[^\s]]", 1 << 5),
    (r"\p{P}", 1 << 6),
];

/// The scripts of Unicode 9, which the pretokenizer `UnicodeScripts` of HF `tokenizers` tells apart.
const SCRIPTS: &str = "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak \
    Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian \
    Caucasian_Albanian Chakma Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret \
    Devanagari Duployan Egyptian_Hieroglyphs Elbasan Ethiopic Georgian Glagolitic Gothic Grantha \
    Greek Gujarati Gurmukhi Han Hangul Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited \
    Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li \
    Kharoshthi Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian \
    Mahajani Malayalam Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui Meroitic_Cursive \
    Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean New_Tai_Lue Newa Nko \
    Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian \
    Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa \
    Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham \
    SignWriting Sinhala Sora_Sompeng Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le \
    Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Ugaritic Vai \
    Warang_Citi Yi";

/// Characters whose script is another one there than today (U+0589, U+061C; U+0953, U+0954), and one that goes with kana.
const OTHER_SCRIPTS: [(u32, &str); 5] = [
    (0x589, "Common"),
    (0x61C, "Common"),
    (0x953, "Devanagari"),
    (0x954, "Devanagari"),
    (0x30FC, "Han"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=data");
    println!("cargo:rerun-if-changed=src/bpe/naive.rs");
    println!("cargo:rerun-if-changed=src/load/official.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    println!("cargo:rerun-if-changed=build");
    write_classes(&out.join("classes.rs"));
    write_forms(&out.join("forms.rs"));
    write_scripts(&out.join("scripts.rs"));
    for (name, hash) in RANK_FILES {
        write_vocabulary(name, hash, &out.join(format!("{name}.bin")));
    }
}

fn for_each_range(pattern: &str, mut then: impl FnMut(std::ops::RangeInclusive<usize>)) {
    let hir = regex_syntax::parse(pattern).expect("a valid pattern");
    let HirKind::Class(Class::Unicode(ranges)) = hir.kind() else {
        panic!("{pattern} is not a class");
    };
    for range in ranges.ranges() {
        then(range.start() as usize..=range.end() as usize);
    }
}

/// A two-level table: 128 characters a block, equal blocks stored once.
fn write_classes(path: &Path) {
    let mut classes = vec![PUNCTUATION; 0x11_0000];
    for (pattern, class) in CLASSES {
        for_each_range(pattern, |range| classes[range].fill(class));
    }
    for (pattern, property) in PROPERTIES {
        for_each_range(pattern, |range| classes[range].iter_mut().for_each(|c| *c |= property));
    }
    let (index, blocks) = two_levels(&classes);
    let mut code = String::new();
    writeln!(code, "/// The version of Unicode whose character classes split patterns go by.")
        .unwrap();
    writeln!(code, "pub const CLASSES_UNICODE_VERSION: &str = {:?};", classes_unicode_version())
        .unwrap();
    writeln!(code, "static INDEX: [u16; {}] = {index:?};", index.len()).unwrap();
    writeln!(code, "static BLOCKS: [[u8; 128]; {}] = {blocks:?};", blocks.len()).unwrap();
    fs::write(path, code).expect("OUT_DIR is writable");
}

/// The number of the script of each character, as `pretokenize::scripts` describes it; 0 where it has none.
fn write_scripts(path: &Path) {
    let names: Vec<&str> = SCRIPTS.split_whitespace().collect();
    let mut scripts = vec![0; 0x11_0000];
    let number = |name: &str| {
        let name = if matches!(name, "Hiragana" | "Katakana") { "Han" } else { name };
        let at = names.iter().position(|&other| other == name).expect("listed");
        u8::try_from(at + 1).expect("few scripts")
    };
    for name in &names {
        let pattern = format!(r"[\p{{Script={name}}}&&\p{{Age=9.0}}]");
        for_each_range(&pattern, |range| scripts[range].fill(number(name)));
    }
    for (c, name) in OTHER_SCRIPTS {
        scripts[c as usize] = number(name);
    }
    scripts[usize::from(b' ')] = 0;
    let (index, blocks) = two_levels(&scripts);
    let mut code = String::new();
    writeln!(code, "static INDEX: [u16; {}] = {index:?};", index.len()).unwrap();
    writeln!(code, "static BLOCKS: [[u8; 128]; {}] = {blocks:?};", blocks.len()).unwrap();
    fs::write(path, code).expect("OUT_DIR is writable");
}

/// The newest version of Unicode whose characters the classes know.
fn classes_unicode_version() -> String {
    let knows = |major: u32, minor: u32| {
        regex_syntax::parse(&format!(r"\p{{Age={major}.{minor}}}")).is_ok()
    };
    let mut versions = (1..100).flat_map(|major| (0..10).map(move |minor| (major, minor)));
    let (major, minor) = versions.rfind(|&(a, b)| knows(a, b)).expect("ages are known");
    format!("{major}.{minor}.0")
}

/// The number of the block of each 128 characters, and the blocks, each once.
fn two_levels(values: &[u8]) -> (Vec<usize>, Vec<&[u8]>) {
    let mut blocks: Vec<&[u8]> = Vec::new();
    let mut index = Vec::new();
    for block in values.chunks(128) {
        let at = blocks.iter().position(|b| *b == block).unwrap_or_else(|| {
            blocks.push(block);
            blocks.len() - 1
        });
        index.push(at);
    }
    (index, blocks)
}

/// What each normalization form does to each character, in two levels, and the first bytes of the
/// characters to which it does something.
fn write_forms(path: &Path) {
    let mut code = format!("const MAY_JOIN: u8 = {};", forms::MAY_JOIN);
    for (name, values) in forms::forms() {
        let (index, blocks) = two_levels(&values);
        let mut leads = [0u8; 256];
        for c in (0..0x11_0000u32).filter(|&c| values[c as usize] != 0) {
            let c = char::from_u32(c).expect("surrogates have no value");
            leads[usize::from(c.encode_utf8(&mut [0; 4]).as_bytes()[0])] = 1;
        }
        writeln!(code, "pub static {name}: Table = Table {{ leads: {leads:?},").unwrap();
        writeln!(code, "index: &{index:?},").unwrap();
        writeln!(code, "blocks: &{blocks:?} }};").unwrap();
    }
    fs::write(path, code).expect("OUT_DIR is writable");
}

/// Little-endian: number of ranks, number of token bytes, then a length (u16) a rank (0 is a hole in
/// the ids), the tokens' bytes, and the canonical split (2 x u32) of each.
fn write_vocabulary(name: &str, hash: &str, path: &Path) {
    let packed = fs::read(format!("data/{name}.tiktoken.zst")).expect("the rank file");
    let file = zstd::decode_all(packed.as_slice()).expect("a zstd file");
    assert_eq!(format!("{:x}", Sha256::digest(&file)), hash, "{name} is not the official file");

    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for line in file.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let space = line.iter().position(|&b| b == b' ').expect("token and rank");
        let rank: usize = std::str::from_utf8(&line[space + 1..])
            .expect("digits")
            .trim_end()
            .parse()
            .expect("a rank");
        if tokens.len() <= rank {
            tokens.resize(rank + 1, Vec::new());
        }
        tokens[rank] = BASE64_STANDARD.decode(&line[..space]).expect("base64");
    }
    let tokens: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
    let splits = naive::canonical_splits(&tokens);

    let mut out = Vec::new();
    out.extend((tokens.len() as u32).to_le_bytes());
    out.extend((tokens.iter().map(|t| t.len()).sum::<usize>() as u32).to_le_bytes());
    for token in &tokens {
        out.extend(u16::try_from(token.len()).expect("a short token").to_le_bytes());
    }
    for token in &tokens {
        out.extend(*token);
    }
    for split in splits {
        out.extend(split[0].to_le_bytes());
        out.extend(split[1].to_le_bytes());
    }
    fs::write(path, out).expect("OUT_DIR is writable");
}
