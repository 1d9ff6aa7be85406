//! Calls the answer's functions with each case's arguments and reports what came back; a library that is compiled in the
//! image and linked to the answer. harness/sandbox/values.py describes the encoding. `Err` is an exception named "Err", a
//! panic one named "panic"; `None` is null.

#[path = "rust_json.rs"]
mod json;

pub use json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::hash::Hash;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What a call came to: the encoded value, or the exception's name.
pub type Seen = Result<String, String>;

const SAFE: i128 = (1 << 53) - 1;
const LONGEST: usize = 256 * 1024;

/// A type that an argument can be made into.
pub trait Take: Sized {
    fn take(value: &Value) -> Self;
}

/// A type that a result can be.
pub trait Give {
    fn give(&self, out: &mut String);

    /// Whether it stands for a failure.
    fn failed(&self) -> bool {
        false
    }
}

macro_rules! integers {
    ($($kind:ty)*) => {$(
        impl Take for $kind {
            fn take(value: &Value) -> Self { value.digits().parse().expect("an integer that fits") }
        }
        impl Give for $kind {
            fn give(&self, out: &mut String) {
                match i128::try_from(*self) {
                    Ok(number) if (-SAFE..=SAFE).contains(&number) => out.push_str(&self.to_string()),
                    _ => typed(out, "int", &format!("\"{self}\"")),
                }
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! floats {
    ($($kind:ty)*) => {$(
        impl Take for $kind {
            fn take(value: &Value) -> Self { value.digits().parse().expect("a float") }
        }
        impl Give for $kind {
            fn give(&self, out: &mut String) {
                if self.is_finite() {
                    out.push_str(&format!("{self:?}"));
                } else {
                    let name = if self.is_nan() { "nan" } else if *self > 0.0 { "inf" } else { "-inf" };
                    typed(out, "float", &format!("\"{name}\""));
                }
            }
        }
    )*};
}
floats!(f32 f64);

fn typed(out: &mut String, kind: &str, content: &str) {
    out.push_str(&format!("{{\"$\":\"{kind}\",\"v\":{content}}}"));
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for one in text.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            one if (one as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", one as u32)),
            one => out.push(one),
        }
    }
    out.push('"');
}

fn listed<'a, T: Give + 'a>(items: impl Iterator<Item = &'a T>, out: &mut String) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        if out.len() > LONGEST {
            panic!("oversize");
        }
        item.give(out);
    }
    out.push(']');
}

fn wrapped<'a, T: Give + 'a>(kind: &str, items: impl Iterator<Item = &'a T>, out: &mut String) {
    let mut inner = String::new();
    listed(items, &mut inner);
    typed(out, kind, &inner);
}

fn mapped<'a, K: Give + 'a, V: Give + 'a>(items: impl Iterator<Item = (&'a K, &'a V)>, out: &mut String) {
    let pairs: Vec<(String, String)> = items
        .map(|(key, value)| {
            let (mut left, mut right) = (String::new(), String::new());
            key.give(&mut left);
            value.give(&mut right);
            (left, right)
        })
        .collect();
    if pairs.iter().all(|(key, _)| key.starts_with('"') && key != "\"$\"") {
        let shown: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        out.push_str(&format!("{{{}}}", shown.join(",")));
    } else {
        let shown: Vec<String> = pairs.iter().map(|(key, value)| format!("[{key},{value}]")).collect();
        typed(out, "dict", &format!("[{}]", shown.join(",")));
    }
}

impl Take for bool {
    fn take(value: &Value) -> Self {
        matches!(value, Value::Bool(true))
    }
}
impl Take for String {
    fn take(value: &Value) -> Self {
        match value {
            Value::Text(text) => text.clone(),
            other => panic!("not text: {other:?}"),
        }
    }
}
impl Take for char {
    fn take(value: &Value) -> Self {
        String::take(value).chars().next().expect("a character")
    }
}
impl Take for &'static str {
    fn take(value: &Value) -> Self {
        Box::leak(String::take(value).into_boxed_str())
    }
}
impl<T: Take + 'static> Take for &'static [T] {
    fn take(value: &Value) -> Self {
        Box::leak(Vec::take(value).into_boxed_slice())
    }
}
impl<T: Take + 'static> Take for &'static mut [T] {
    fn take(value: &Value) -> Self {
        Box::leak(Vec::take(value).into_boxed_slice())
    }
}
impl<T: Take + 'static> Take for &'static T {
    fn take(value: &Value) -> Self {
        Box::leak(Box::new(T::take(value)))
    }
}
impl<T: Take + 'static> Take for &'static mut T {
    fn take(value: &Value) -> Self {
        Box::leak(Box::new(T::take(value)))
    }
}
impl<T: Take> Take for Vec<T> {
    fn take(value: &Value) -> Self {
        value.items().iter().map(T::take).collect()
    }
}
impl<T: Take> Take for VecDeque<T> {
    fn take(value: &Value) -> Self {
        value.items().iter().map(T::take).collect()
    }
}
impl<T: Take, const N: usize> Take for [T; N] {
    fn take(value: &Value) -> Self {
        Vec::take(value).try_into().unwrap_or_else(|_| panic!("not {N} items"))
    }
}
impl<T: Take> Take for Option<T> {
    fn take(value: &Value) -> Self {
        match value {
            Value::Null => None,
            other => Some(T::take(other)),
        }
    }
}
impl<K: Take + Eq + Hash, V: Take> Take for HashMap<K, V> {
    fn take(value: &Value) -> Self {
        value.pairs().iter().map(|(key, value)| (K::take(key), V::take(value))).collect()
    }
}
impl<K: Take + Ord, V: Take> Take for BTreeMap<K, V> {
    fn take(value: &Value) -> Self {
        value.pairs().iter().map(|(key, value)| (K::take(key), V::take(value))).collect()
    }
}
impl<T: Take + Eq + Hash> Take for HashSet<T> {
    fn take(value: &Value) -> Self {
        value.items().iter().map(T::take).collect()
    }
}
impl<T: Take + Ord> Take for BTreeSet<T> {
    fn take(value: &Value) -> Self {
        value.items().iter().map(T::take).collect()
    }
}

impl Give for () {
    fn give(&self, out: &mut String) {
        out.push_str("null");
    }
}
impl Give for bool {
    fn give(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}
impl Give for str {
    fn give(&self, out: &mut String) {
        quoted(self, out);
    }
}
impl Give for String {
    fn give(&self, out: &mut String) {
        quoted(self, out);
    }
}
impl Give for char {
    fn give(&self, out: &mut String) {
        quoted(&self.to_string(), out);
    }
}
impl<T: Give + ?Sized> Give for &T {
    fn give(&self, out: &mut String) {
        (**self).give(out);
    }
}
impl<T: Give + ?Sized> Give for &mut T {
    fn give(&self, out: &mut String) {
        (**self).give(out);
    }
}
impl<T: Give + ?Sized> Give for Box<T> {
    fn give(&self, out: &mut String) {
        (**self).give(out);
    }
}
impl<T: Give> Give for [T] {
    fn give(&self, out: &mut String) {
        listed(self.iter(), out);
    }
}
impl<T: Give> Give for Vec<T> {
    fn give(&self, out: &mut String) {
        listed(self.iter(), out);
    }
}
impl<T: Give, const N: usize> Give for [T; N] {
    fn give(&self, out: &mut String) {
        listed(self.iter(), out);
    }
}
impl<T: Give> Give for VecDeque<T> {
    fn give(&self, out: &mut String) {
        wrapped("deque", self.iter(), out);
    }
}
impl<T: Give> Give for HashSet<T> {
    fn give(&self, out: &mut String) {
        wrapped("set", self.iter(), out);
    }
}
impl<T: Give> Give for BTreeSet<T> {
    fn give(&self, out: &mut String) {
        wrapped("set", self.iter(), out);
    }
}
impl<K: Give, V: Give> Give for HashMap<K, V> {
    fn give(&self, out: &mut String) {
        mapped(self.iter(), out);
    }
}
impl<K: Give, V: Give> Give for BTreeMap<K, V> {
    fn give(&self, out: &mut String) {
        mapped(self.iter(), out);
    }
}
impl<T: Give> Give for Option<T> {
    fn give(&self, out: &mut String) {
        match self {
            Some(value) => value.give(out),
            None => out.push_str("null"),
        }
    }
}
impl<T: Give, E> Give for Result<T, E> {
    fn give(&self, out: &mut String) {
        if let Ok(value) = self {
            value.give(out);
        }
    }
    fn failed(&self) -> bool {
        self.is_err()
    }
}

macro_rules! tuples {
    ($($name:ident $at:tt),*) => {
        impl<$($name: Give),*> Give for ($($name,)*) {
            fn give(&self, out: &mut String) {
                let mut parts: Vec<String> = Vec::new();
                $({ let mut part = String::new(); self.$at.give(&mut part); parts.push(part); })*
                typed(out, "tuple", &format!("[{}]", parts.join(",")));
            }
        }
        impl<$($name: Take),*> Take for ($($name,)*) {
            fn take(value: &Value) -> Self {
                let items = value.items();
                ($($name::take(&items[$at]),)*)
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);

fn seen<R: Give>(value: R) -> Seen {
    if value.failed() {
        return Err("Err".to_string());
    }
    let mut out = String::new();
    let kept = catch_unwind(AssertUnwindSafe(|| value.give(&mut out)));
    Ok(if kept.is_err() || out.len() > LONGEST { "{\"$\":\"oversize\",\"v\":null}".to_string() } else { out })
}

macro_rules! calls {
    ($name:ident $($kind:ident $at:tt),*) => {
        /// Call a function of so many arguments, each made into the type that the function takes.
        pub fn $name<$($kind: Take,)* R: Give>(function: impl FnOnce($($kind),*) -> R, args: &[Value]) -> Seen {
            let _ = args;
            seen(function($($kind::take(&args[$at])),*))
        }
    };
}
calls!(call0);
calls!(call1 A 0);
calls!(call2 A 0, B 1);
calls!(call3 A 0, B 1, C 2);
calls!(call4 A 0, B 1, C 2, D 3);
calls!(call5 A 0, B 1, C 2, D 3, E 4);
calls!(call6 A 0, B 1, C 2, D 3, E 4, F 5);

/// The whole life of one container after the compiler.
pub fn serve(call: fn(&str, &[Value]) -> Seen) {
    // SAFETY: the launcher opened descriptor 9 for this and nothing else here owns it.
    let mut line = unsafe { File::from_raw_fd(9) };
    let text = std::fs::read("/build/job.json").expect("the job");
    let job = json::parse(&text);
    let nonce = String::take(job.get("nonce").expect("a nonce"));
    let mut say = |rest: &str| line.write_all(format!("{{\"n\":\"{nonce}\",{rest}}}\n").as_bytes()).expect("a line out");
    say("\"e\":\"loaded\"");
    for case in job.get("cases").expect("cases").items() {
        let index = case.get("i").expect("an index").digits().to_string();
        let name = String::take(case.get("call").expect("a name"));
        let args = case.get("args").map(|args| args.items()).unwrap_or_default();
        let ended = catch_unwind(|| call(&name, &args)).unwrap_or_else(|_| Err("panic".to_string()));
        say(&match ended {
            Ok(value) => format!("\"e\":\"case\",\"i\":{index},\"k\":\"returned\",\"v\":{value}"),
            Err(kind) => format!("\"e\":\"case\",\"i\":{index},\"k\":\"raised\",\"t\":\"{kind}\",\"v\":[\"{kind}\"]"),
        });
    }
    say("\"e\":\"done\"");
    std::process::exit(0);
}
