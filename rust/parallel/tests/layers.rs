//! No circle among the parts of the crate.

#[test]
fn parts_use_only_what_is_below_them() {
    let table = "
        boundaries:
        pool:
        text:
        workers: pool
        split: text
        batch: pool split text workers
    ";
    fasttok_testing::layers::check(env!("CARGO_MANIFEST_DIR"), table);
}
