//! A path as a string that reports and the ledger can hold, and that no other path has.
//!
//! File names are bytes, JSON strings are Unicode. A name that is UTF-8 stands for itself. In one that is not, a byte
//! that is no part of a character is written `\xff`, and a backslash is doubled. A name that is UTF-8 and looks like
//! that has its backslashes doubled too, so two names are one string only if they are one name, and the name can be got
//! back: a string with `\x` and two digits in it is an escaped name, any other is the name itself.

use std::path::Path;

/// `path` as a string; see the head of this file for the form.
pub fn path_name(path: &Path) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        name_of_bytes(path.as_os_str().as_bytes())
    }
    // There a backslash parts folders, and a name that is not Unicode is next to impossible.
    #[cfg(not(unix))]
    path.to_string_lossy().into_owned()
}

/// The same of a name that is bytes on every system.
pub(crate) fn name_of_bytes(path: &[u8]) -> String {
    if let Ok(path) = std::str::from_utf8(path)
        && !looks_escaped(path.as_bytes())
    {
        return path.to_owned();
    }
    let mut name = String::new();
    for part in path.utf8_chunks() {
        name.push_str(&part.valid().replace('\\', "\\\\"));
        for byte in part.invalid() {
            name.push_str(&format!("\\x{byte:02x}"));
        }
    }
    name
}

fn looks_escaped(path: &[u8]) -> bool {
    path.windows(4).any(|w| w.starts_with(b"\\x") && w[2..].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// The path that a name stands for, as the head of this file says it can be got back.
    fn path_of(name: &str) -> Vec<u8> {
        let name = name.as_bytes();
        if !looks_escaped(name) {
            return name.to_vec();
        }
        let (mut path, mut at) = (Vec::new(), 0);
        while at < name.len() {
            match &name[at..] {
                [b'\\', b'x', a, b, ..] => {
                    let digits = [*a, *b];
                    let digits = std::str::from_utf8(&digits).unwrap();
                    path.push(u8::from_str_radix(digits, 16).unwrap());
                    at += 4;
                }
                [b'\\', b'\\', ..] => {
                    path.push(b'\\');
                    at += 2;
                }
                [byte, ..] => {
                    path.push(*byte);
                    at += 1;
                }
                [] => unreachable!(),
            }
        }
        path
    }

    #[test]
    fn names_that_are_text_stand_for_themselves() {
        for name in ["a.txt", "中文/ü.jsonl", "back\\slash", "\\", "\\x", "\\xg0", "a\nb\x1b"] {
            assert_eq!(name_of_bytes(name.as_bytes()), name);
        }
        assert_eq!(name_of_bytes(b"a\xff.txt"), "a\\xff.txt");
        assert_eq!(name_of_bytes(b"a\\xff.txt"), "a\\\\xff.txt");
    }

    #[test]
    fn every_name_comes_back() {
        let mut random = fasttok_testing::Random::new(11);
        let parts: [&[u8]; 12] = [
            b"\\", b"x", b"f", b"0", b"a", b"\xff", b"\xc3", b"\xa9", b"/", b"\\\\", b"\\xff",
            b"\xe4",
        ];
        let mut met = std::collections::HashMap::new();
        for _ in 0..50_000 {
            let path: Vec<u8> = (0..random.below(7))
                .flat_map(|_| parts[random.below(parts.len())])
                .copied()
                .collect();
            let name = name_of_bytes(&path);
            assert_eq!(path_of(&name), path, "{name}");
            assert_eq!(*met.entry(name).or_insert_with(|| path.clone()), path);
        }
    }
}
