//! Calls the answer's functions with each case's arguments and reports what came back; a library that is compiled in the
//! image and linked to the answer. harness/sandbox/values.py describes the encoding. `Err` is an exception named "Err", a
//! panic one named "panic"; `None` is null.

#[path = "rust_json.rs"]
mod json;

pub use json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::hash::Hash;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What one case gives: the arguments of its call, and whether they are reported as they are after it.
pub struct Given {
    pub args: Vec<Value>,
    report_args: bool,
}

/// How a call ended, as the protocol's fields.
pub struct Observed(String);

/// Encodes an argument as it is after the call.
pub type View = Box<dyn Fn(&mut String)>;

const MAX_SAFE_INTEGER: i128 = (1 << 53) - 1;
const MAX_VALUE_BYTES: usize = 256 * 1024;

/// A type that an argument can be decoded to.
pub trait Decode: Sized {
    fn decode(value: &Value) -> Self;

    /// The argument and a view of it. The caller of a function cannot see what it does to an argument that is moved, so
    /// the view of such an argument, and of a shared reference, is of a second copy.
    fn decode_viewed(value: &Value) -> (Self, View)
    where
        Self: Encode + 'static,
    {
        let copy = Self::decode(value);
        (Self::decode(value), Box::new(move |out| copy.encode(out)))
    }
}

/// A mutable reference that lives as long as the process, and a view of what it refers to.
fn leak_viewed<T: Encode + ?Sized + 'static>(content: Box<T>) -> (&'static mut T, View) {
    let pointer: *mut T = Box::into_raw(content);
    // SAFETY: the content is never freed, and the view is used only after the call.
    unsafe { (&mut *pointer, Box::new(move |out| (*pointer).encode(out))) }
}

/// A type of results that can be encoded.
pub trait Encode {
    fn encode(&self, out: &mut String);

    /// Whether the value stands for a failure.
    fn is_failure(&self) -> bool {
        false
    }
}

macro_rules! integers {
    ($($kind:ty)*) => {$(
        impl Decode for $kind {
            fn decode(value: &Value) -> Self { value.digits().parse().expect("an integer that fits") }
        }
        impl Encode for $kind {
            fn encode(&self, out: &mut String) {
                match i128::try_from(*self) {
                    Ok(number) if (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&number) => out.push_str(&self.to_string()),
                    _ => encode_typed(out, "int", &format!("\"{self}\"")),
                }
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

macro_rules! floats {
    ($($kind:ty)*) => {$(
        impl Decode for $kind {
            fn decode(value: &Value) -> Self { value.digits().parse().expect("a float") }
        }
        impl Encode for $kind {
            fn encode(&self, out: &mut String) {
                if self.is_finite() {
                    out.push_str(&format!("{self:?}"));
                } else {
                    let name = if self.is_nan() { "nan" } else if *self > 0.0 { "inf" } else { "-inf" };
                    encode_typed(out, "float", &format!("\"{name}\""));
                }
            }
        }
    )*};
}
floats!(f32 f64);

fn encode_typed(out: &mut String, kind: &str, content: &str) {
    out.push_str(&format!("{{\"$\":\"{kind}\",\"v\":{content}}}"));
}

fn encode_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            character if (character as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", character as u32)),
            character => out.push(character),
        }
    }
    out.push('"');
}

fn encode_list<'a, T: Encode + 'a>(items: impl Iterator<Item = &'a T>, out: &mut String) {
    out.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        if out.len() > MAX_VALUE_BYTES {
            panic!("oversize");
        }
        item.encode(out);
    }
    out.push(']');
}

fn encode_typed_list<'a, T: Encode + 'a>(kind: &str, items: impl Iterator<Item = &'a T>, out: &mut String) {
    let mut inner = String::new();
    encode_list(items, &mut inner);
    encode_typed(out, kind, &inner);
}

fn encode_mapping<'a, K: Encode + 'a, V: Encode + 'a>(items: impl Iterator<Item = (&'a K, &'a V)>, out: &mut String) {
    let pairs: Vec<(String, String)> = items
        .map(|(key, value)| {
            let (mut left, mut right) = (String::new(), String::new());
            key.encode(&mut left);
            value.encode(&mut right);
            (left, right)
        })
        .collect();
    if pairs.iter().all(|(key, _)| key.starts_with('"') && key != "\"$\"") {
        let shown: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        out.push_str(&format!("{{{}}}", shown.join(",")));
    } else {
        let shown: Vec<String> = pairs.iter().map(|(key, value)| format!("[{key},{value}]")).collect();
        encode_typed(out, "dict", &format!("[{}]", shown.join(",")));
    }
}

impl Decode for bool {
    fn decode(value: &Value) -> Self {
        matches!(value, Value::Bool(true))
    }
}
impl Decode for String {
    fn decode(value: &Value) -> Self {
        match value {
            Value::Text(text) => text.clone(),
            other => panic!("not text: {other:?}"),
        }
    }
}
impl Decode for char {
    fn decode(value: &Value) -> Self {
        String::decode(value).chars().next().expect("a character")
    }
}
impl Decode for &'static str {
    fn decode(value: &Value) -> Self {
        Box::leak(String::decode(value).into_boxed_str())
    }
}
impl<T: Decode + 'static> Decode for &'static [T] {
    fn decode(value: &Value) -> Self {
        Box::leak(Vec::decode(value).into_boxed_slice())
    }
}
impl<T: Decode + Encode + 'static> Decode for &'static mut [T] {
    fn decode(value: &Value) -> Self {
        Self::decode_viewed(value).0
    }
    fn decode_viewed(value: &Value) -> (Self, View) {
        leak_viewed(Vec::decode(value).into_boxed_slice())
    }
}
impl<T: Decode + 'static> Decode for &'static T {
    fn decode(value: &Value) -> Self {
        Box::leak(Box::new(T::decode(value)))
    }
}
impl<T: Decode + Encode + 'static> Decode for &'static mut T {
    fn decode(value: &Value) -> Self {
        Self::decode_viewed(value).0
    }
    fn decode_viewed(value: &Value) -> (Self, View) {
        leak_viewed(Box::new(T::decode(value)))
    }
}
impl<T: Decode> Decode for Vec<T> {
    fn decode(value: &Value) -> Self {
        value.items().iter().map(T::decode).collect()
    }
}
impl<T: Decode> Decode for VecDeque<T> {
    fn decode(value: &Value) -> Self {
        value.items().iter().map(T::decode).collect()
    }
}
impl<T: Decode, const N: usize> Decode for [T; N] {
    fn decode(value: &Value) -> Self {
        Vec::decode(value).try_into().unwrap_or_else(|_| panic!("not {N} items"))
    }
}
impl<T: Decode> Decode for Option<T> {
    fn decode(value: &Value) -> Self {
        match value {
            Value::Null => None,
            other => Some(T::decode(other)),
        }
    }
}
impl<K: Decode + Eq + Hash, V: Decode> Decode for HashMap<K, V> {
    fn decode(value: &Value) -> Self {
        value.pairs().iter().map(|(key, value)| (K::decode(key), V::decode(value))).collect()
    }
}
impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    fn decode(value: &Value) -> Self {
        value.pairs().iter().map(|(key, value)| (K::decode(key), V::decode(value))).collect()
    }
}
impl<T: Decode + Eq + Hash> Decode for HashSet<T> {
    fn decode(value: &Value) -> Self {
        value.items().iter().map(T::decode).collect()
    }
}
impl<T: Decode + Ord> Decode for BTreeSet<T> {
    fn decode(value: &Value) -> Self {
        value.items().iter().map(T::decode).collect()
    }
}

impl Encode for () {
    fn encode(&self, out: &mut String) {
        out.push_str("null");
    }
}
impl Encode for bool {
    fn encode(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}
impl Encode for str {
    fn encode(&self, out: &mut String) {
        encode_string(self, out);
    }
}
impl Encode for String {
    fn encode(&self, out: &mut String) {
        encode_string(self, out);
    }
}
impl Encode for char {
    fn encode(&self, out: &mut String) {
        encode_string(&self.to_string(), out);
    }
}
impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, out: &mut String) {
        (**self).encode(out);
    }
}
impl<T: Encode + ?Sized> Encode for &mut T {
    fn encode(&self, out: &mut String) {
        (**self).encode(out);
    }
}
impl<T: Encode + ?Sized> Encode for Box<T> {
    fn encode(&self, out: &mut String) {
        (**self).encode(out);
    }
}
impl<T: Encode> Encode for [T] {
    fn encode(&self, out: &mut String) {
        encode_list(self.iter(), out);
    }
}
impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, out: &mut String) {
        encode_list(self.iter(), out);
    }
}
impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self, out: &mut String) {
        encode_list(self.iter(), out);
    }
}
impl<T: Encode> Encode for VecDeque<T> {
    fn encode(&self, out: &mut String) {
        encode_typed_list("deque", self.iter(), out);
    }
}
impl<T: Encode> Encode for HashSet<T> {
    fn encode(&self, out: &mut String) {
        encode_typed_list("set", self.iter(), out);
    }
}
impl<T: Encode> Encode for BTreeSet<T> {
    fn encode(&self, out: &mut String) {
        encode_typed_list("set", self.iter(), out);
    }
}
impl<K: Encode, V: Encode> Encode for HashMap<K, V> {
    fn encode(&self, out: &mut String) {
        encode_mapping(self.iter(), out);
    }
}
impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, out: &mut String) {
        encode_mapping(self.iter(), out);
    }
}
impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut String) {
        match self {
            Some(value) => value.encode(out),
            None => out.push_str("null"),
        }
    }
}
impl<T: Encode, E> Encode for Result<T, E> {
    fn encode(&self, out: &mut String) {
        if let Ok(value) = self {
            value.encode(out);
        }
    }
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}

macro_rules! tuples {
    ($($name:ident $at:tt),*) => {
        impl<$($name: Encode),*> Encode for ($($name,)*) {
            fn encode(&self, out: &mut String) {
                let mut parts: Vec<String> = Vec::new();
                $({ let mut part = String::new(); self.$at.encode(&mut part); parts.push(part); })*
                encode_typed(out, "tuple", &format!("[{}]", parts.join(",")));
            }
        }
        impl<$($name: Decode),*> Decode for ($($name,)*) {
            fn decode(value: &Value) -> Self {
                let items = value.items();
                ($($name::decode(&items[$at]),)*)
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);

const OVERSIZE: &str = "{\"$\":\"oversize\",\"v\":null}";

/// The encoding of a value by `encode`, which may be too large.
fn encoded(encode: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    let complete = catch_unwind(AssertUnwindSafe(|| encode(&mut out)));
    if complete.is_err() || out.len() > MAX_VALUE_BYTES { OVERSIZE.to_string() } else { out }
}

/// Whether a value is an `Err` of the language's own Result: an answer may implement Encode for a type of its own.
fn is_err<R: Encode>(value: &R) -> bool {
    value.is_failure() && std::any::type_name::<R>().starts_with("core::result::Result<")
}

fn ended<R: Encode>(called: std::thread::Result<R>) -> String {
    let kind = match called {
        Ok(value) if is_err(&value) => "Err",
        Ok(value) => return format!("\"k\":\"returned\",\"v\":{}", encoded(|out| value.encode(out))),
        Err(_) => "panic",
    };
    format!("\"k\":\"raised\",\"t\":\"{kind}\",\"v\":[\"{kind}\"]")
}

impl Given {
    fn argument<A: Decode + Encode + 'static>(&self, at: usize) -> (A, View) {
        if self.report_args { A::decode_viewed(&self.args[at]) } else { (A::decode(&self.args[at]), Box::new(|_| ())) }
    }

    fn observed(&self, end: String, views: Vec<View>) -> Observed {
        if !self.report_args {
            return Observed(end);
        }
        let after: Vec<String> = views.into_iter().map(encoded).collect();
        Observed(format!("{end},\"a\":[{}]", after.join(",")))
    }
}

macro_rules! calls {
    ($name:ident $($kind:ident $at:tt),*) => {
        /// Call a function of so many arguments, each decoded to the type that the function takes.
        pub fn $name<$($kind: Decode + Encode + 'static,)* R: Encode>(function: impl FnOnce($($kind),*) -> R, given: &Given) -> Observed {
            let Ok(args) = catch_unwind(AssertUnwindSafe(|| ($(given.argument::<$kind>($at),)*))) else {
                return Observed("\"k\":\"not_callable\",\"t\":\"does not take these arguments\"".to_string());
            };
            let _ = &args;
            let views: Vec<View> = vec![$(args.$at.1),*];
            let called = catch_unwind(AssertUnwindSafe(|| function($(args.$at.0),*)));
            given.observed(ended(called), views)
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

/// End the process once the kit closes its end of the line, which its death does.
fn leave_with_the_kit() {
    // SAFETY: the launcher opened descriptor 8 for this and nothing else here owns it.
    let mut line = unsafe { File::from_raw_fd(8) };
    std::thread::spawn(move || {
        let _ = line.read(&mut [0; 1]);
        std::process::exit(0);
    });
}

/// Serve the cases: the whole life of a container after the compiler.
pub fn serve(call: fn(&str, &Given) -> Observed) {
    leave_with_the_kit();
    // SAFETY: the launcher opened descriptor 9 for this and nothing else here owns it.
    let mut report = unsafe { File::from_raw_fd(9) };
    let text = std::fs::read("/build/job.json").expect("the job");
    let job = json::parse(&text);
    let nonce = String::decode(job.get("nonce").expect("a nonce"));
    let mut send = |fields: &str| report.write_all(format!("{{\"n\":\"{nonce}\",{fields}}}\n").as_bytes()).expect("a report");
    send("\"e\":\"loaded\"");
    for case in job.get("cases").expect("cases").items() {
        let index = case.get("i").expect("an index").digits().to_string();
        let name = String::decode(case.get("call").expect("a name"));
        let args = case.get("args").map(|args| args.items()).unwrap_or_default();
        let report_args = case.get("report_args").is_some_and(bool::decode);
        let Observed(fields) = call(&name, &Given { args, report_args });
        send(&format!("\"e\":\"case\",\"i\":{index},{fields}"));
    }
    send("\"e\":\"done\"");
    std::process::exit(0);
}
