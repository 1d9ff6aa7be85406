use std::thread;
use std::time::Duration;

pub fn order(items: &[i64]) -> Vec<i64> {
    thread::spawn(|| loop {
        thread::sleep(Duration::from_secs(1));
    });
    let mut sorted = items.to_vec();
    sorted.sort();
    sorted
}
