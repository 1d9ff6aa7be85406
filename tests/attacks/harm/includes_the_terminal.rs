const HELD: &str = include_str!("/proc/self/fd/0");
const MORE: &str = include_str!("/proc/1/fd/0");

pub fn harm() -> usize {
    HELD.len() + MORE.len()
}
