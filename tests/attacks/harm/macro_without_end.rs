macro_rules! twice {
    ($($held:tt)*) => { twice!($($held)* $($held)*) };
}

pub fn harm() -> u64 {
    twice!(a)
}
