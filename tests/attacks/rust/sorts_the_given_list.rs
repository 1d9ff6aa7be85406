pub fn order(items: &mut Vec<i64>) -> Vec<i64> {
    items.sort();
    items.clone()
}
