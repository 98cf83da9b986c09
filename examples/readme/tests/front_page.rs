//! What the front page shows of a test is a test, to the letter.

#[test]
fn the_test_on_the_front_page_is_one_that_runs() {
    let page = include_str!("../../../README.md");
    let (_heading, test) = include_str!("handlers.rs").split_once("\n\n").unwrap();
    assert!(page.contains(test), "README.md does not show examples/readme/tests/handlers.rs");
}
