//! The bindings have no Rust tests: their crate is a library for Python to load, which `cargo test` cannot link where
//! there is no libpython. What is worth a test there belongs in a crate below.

use std::fs;
use std::path::Path;

#[test]
fn there_is_nothing_to_test_in_the_bindings() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/src");
    let mut files = 0;
    for entry in fs::read_dir(sources).expect("the sources of the bindings") {
        let path = entry.expect("an entry").path();
        let source = fs::read_to_string(&path).expect("a source");
        assert!(
            !source.contains("#[test]"),
            "{}: a test here is run by nobody; move it with what it tests to rust/parallel or rust/corpus",
            path.display()
        );
        files += 1;
    }
    assert!(files > 5);
}
