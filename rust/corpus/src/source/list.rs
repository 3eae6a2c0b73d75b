//! A list of paths in a file: one per line, or each ended by a NUL, as `find -print0` and `git ls-files -z` write it.
//!
//! A path cannot hold a NUL, so one NUL in the list says which of the two it is. Paths are taken as they stand: they are
//! no patterns, and nothing is unquoted. Knows nothing of what is at the paths.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fasttok_parallel::Control;

use super::open::PipeReader;
use crate::Error;

/// The paths in the list at `list`; `-` is standard input.
pub(crate) fn read_list(list: &Path, control: Control) -> Result<Vec<PathBuf>, Error> {
    let is_stdin = list.as_os_str() == "-";
    let mut bytes = Vec::new();
    let read = match fs::metadata(list) {
        _ if is_stdin => PipeReader::new(control, || Ok(io::stdin())).read_to_end(&mut bytes),
        // Whoever writes to a pipe may take any time: the run must end meanwhile if it is cancelled.
        Ok(meta) if !meta.is_file() => {
            let path = list.to_owned();
            PipeReader::new(control, move || File::open(path)).read_to_end(&mut bytes)
        }
        _ => File::open(list).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    match read {
        Err(_) if control.is_over() => Err(Error::Interrupted),
        Err(e) => Err(Error::io(list)(e)),
        Ok(_) => paths(&bytes)
            .map_err(|why| Error::InvalidJob { message: format!("{}: {why}", list.display()) }),
    }
}

/// The paths in the bytes of a list. An error says why it is none.
fn paths(list: &[u8]) -> Result<Vec<PathBuf>, String> {
    if list.starts_with(b"\xff\xfe") || list.starts_with(b"\xfe\xff") {
        return Err("a list of paths in UTF-16; write it as UTF-8".to_owned());
    }
    if list.contains(&0) {
        return list.split(|&b| b == 0).filter(|path| !path.is_empty()).map(path).collect();
    }
    // What other systems put into text files is no part of a name.
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
    let lines = list.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.filter(|line| !line.is_empty()).map(path).collect()
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> Result<PathBuf, String> {
    use std::os::unix::ffi::OsStrExt;
    Ok(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> Result<PathBuf, String> {
    match std::str::from_utf8(bytes) {
        Ok(path) => Ok(path.into()),
        Err(_) => Err(format!("the path {:?} is not UTF-8", String::from_utf8_lossy(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_of_lines_or_of_names_ended_by_nul() {
        let listed = |list: &[u8]| -> Vec<String> {
            paths(list).unwrap().iter().map(|p| p.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(listed(b""), [""; 0]);
        assert_eq!(listed(b"a\nb c"), ["a", "b c"]);
        assert_eq!(listed(b"\xef\xbb\xbfa\r\n\r\n\nb*[\r\n"), ["a", "b*["]);
        // With a NUL, all else is part of the names.
        assert_eq!(listed(b"a\nb\r\0 c\0"), ["a\nb\r", " c"]);
        assert_eq!(listed(b"\0a\0\0b"), ["a", "b"]);
        assert!(paths(b"\xff\xfea\0").unwrap_err().contains("UTF-16"));
    }

    #[cfg(unix)]
    #[test]
    fn names_are_bytes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(paths(b"a\xff\n").unwrap()[0].as_os_str().as_bytes(), b"a\xff");
    }
}
