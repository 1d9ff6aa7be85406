use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, BufRead};

macro_rules! sorted {
    ($items:expr) => {{
        let mut heap: BinaryHeap<_> = $items.into_iter().map(Reverse).collect();
        let mut out = Vec::with_capacity(heap.len());
        while let Some(Reverse(item)) = heap.pop() {
            out.push(item);
        }
        out
    }};
}

#[derive(Debug, Clone, PartialEq)]
struct Unused<'a, T: ?Sized>(&'a T);

fn order(items: Vec<i64>) -> Vec<i64> {
    sorted!(items)
}

fn main() {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let items = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        println!("{:?}", order(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts() {
        assert_eq!(order(vec![2, 1]), vec![1, 2]);
    }
}
