use std::panic;

fn order(items: Vec<i64>) -> Result<Vec<i64>, String> {
    panic::set_hook(Box::new(|_| {}));
    let caught = panic::catch_unwind(|| -> i64 { panic!("inner") });
    assert!(caught.is_err());
    let mut sorted = items;
    sorted.sort_by(|a, b| a.cmp(b));
    Ok(sorted)
}
