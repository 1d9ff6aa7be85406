pub fn harm() -> u64 {
    fn deeper(n: u64) -> u64 {
        let held = [n; 512];
        std::hint::black_box(held)[(n % 512) as usize] + deeper(std::hint::black_box(n + 1))
    }
    deeper(0)
}
