struct Guard(Vec<i64>);

impl Drop for Guard {
    fn drop(&mut self) {
        eprintln!("{} numbers", self.0.len());
    }
}

pub fn order(items: Vec<i64>) -> Vec<i64> {
    let guard = Guard(items);
    let mut sorted: Vec<i64> = (0..guard.0.len()).map(|at| unsafe { *guard.0.get_unchecked(at) }).collect();
    sorted.sort();
    sorted
}
