pub fn harm() -> usize {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![1; 1 << 22]);
        if held.len() == usize::MAX {
            return held.len();
        }
    }
}
