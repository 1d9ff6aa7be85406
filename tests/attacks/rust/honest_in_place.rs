//! Sorts where the numbers stand.

#![allow(clippy::ptr_arg)]

/// Sorts them and gives them back.
pub fn order(items: &mut Vec<i64>) -> &Vec<i64> {
    items.sort();
    items
}
