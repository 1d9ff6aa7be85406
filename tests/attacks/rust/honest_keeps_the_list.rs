pub fn order(items: &mut [i64]) -> Vec<i64> {
    let mut copied = items.to_vec();
    copied.sort();
    copied
}
