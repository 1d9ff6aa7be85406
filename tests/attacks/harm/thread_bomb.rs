use std::thread;
use std::time::Duration;

pub fn harm() {
    loop {
        thread::spawn(|| thread::sleep(Duration::from_secs(3600)));
    }
}
