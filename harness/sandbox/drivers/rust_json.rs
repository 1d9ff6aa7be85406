//! JSON as the driver in Rust reads it: values that keep a number as its text, and the content of typed values.
//! The text comes from the kit and is taken to be well formed.

/// A JSON value; a number is its text.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Value>),
    Named(Vec<(String, Value)>),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn skip(&mut self) {
        while self.at < self.text.len() && self.text[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> u8 {
        self.skip();
        self.text[self.at]
    }

    fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == expected;
        self.at += found as usize;
        found
    }

    fn value(&mut self) -> Value {
        match self.peek() {
            b'n' => self.word(4, Value::Null),
            b't' => self.word(4, Value::Bool(true)),
            b'f' => self.word(5, Value::Bool(false)),
            b'"' => Value::Text(self.string()),
            b'[' => self.list(),
            b'{' => self.named(),
            _ => self.number(),
        }
    }

    fn word(&mut self, length: usize, value: Value) -> Value {
        self.at += length;
        value
    }

    fn number(&mut self) -> Value {
        let start = self.at;
        while self.at < self.text.len() && b"+-.eE0123456789".contains(&self.text[self.at]) {
            self.at += 1;
        }
        Value::Number(String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
    }

    fn list(&mut self) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        while !self.take(b']') {
            items.push(self.value());
            self.take(b',');
        }
        Value::List(items)
    }

    fn named(&mut self) -> Value {
        self.at += 1;
        let mut items = Vec::new();
        while !self.take(b'}') {
            self.skip();
            let key = self.string();
            self.take(b':');
            items.push((key, self.value()));
            self.take(b',');
        }
        Value::Named(items)
    }

    fn hex(&mut self) -> u32 {
        let digits = std::str::from_utf8(&self.text[self.at..self.at + 4]).unwrap();
        self.at += 4;
        u32::from_str_radix(digits, 16).unwrap()
    }

    fn escaped(&mut self, out: &mut Vec<u8>) {
        let mark = self.text[self.at];
        self.at += 1;
        let plain = match mark {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => self.unicode(),
            other => other as char,
        };
        out.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn unicode(&mut self) -> char {
        let first = self.hex();
        if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex();
            return char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second & 0x3FF)).unwrap_or('\u{FFFD}');
        }
        char::from_u32(first).unwrap_or('\u{FFFD}')
    }

    fn string(&mut self) -> String {
        self.at += 1;
        let mut out = Vec::new();
        while self.text[self.at] != b'"' {
            let byte = self.text[self.at];
            self.at += 1;
            if byte == b'\\' {
                self.escaped(&mut out);
            } else {
                out.push(byte);
            }
        }
        self.at += 1;
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Value {
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Named(items) => items.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The content of a typed value, or the value itself.
    fn content(&self) -> &Value {
        match self.get("$") {
            Some(_) => self.get("v").unwrap_or(&Value::Null),
            None => self,
        }
    }

    pub fn digits(&self) -> &str {
        match self.content() {
            Value::Number(text) | Value::Text(text) => text,
            other => panic!("not a number: {other:?}"),
        }
    }

    pub fn items(&self) -> Vec<Value> {
        match self.content() {
            Value::List(items) => items.clone(),
            Value::Text(text) if self.get("$").is_some() => base64_bytes(text).into_iter().map(|b| Value::Number(b.to_string())).collect(),
            other => panic!("not a list: {other:?}"),
        }
    }

    pub fn pairs(&self) -> Vec<(Value, Value)> {
        if self.get("$").is_some() {
            return self.items().iter().map(|pair| (pair.items()[0].clone(), pair.items()[1].clone())).collect();
        }
        match self {
            Value::Named(items) => items.iter().map(|(key, value)| (Value::Text(key.clone()), value.clone())).collect(),
            other => panic!("not a mapping: {other:?}"),
        }
    }
}

fn base64_bytes(base64: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut buffer, mut bits) = (Vec::new(), 0u32, 0);
    for byte in base64.bytes().filter(|byte| *byte != b'=') {
        buffer = buffer << 6 | alphabet.iter().position(|letter| *letter == byte).expect("base64") as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
        }
    }
    out
}

/// The value of a JSON text.
pub fn parse(text: &[u8]) -> Value {
    Parser { text, at: 0 }.value()
}
