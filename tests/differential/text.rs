//! Names and values, each as it is meant and as it is written.

use crate::random::Random;

/// Where text is written: that decides what must be escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Query,
    Form,
}

/// A name or a value.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// What it says.
    pub meant: String,
    /// How it stands in the query or in the form.
    pub written: String,
}

const ORDINARY: [&str; 9] =
    ["Body", "From", "To", "CallSid", "AccountSid", "Digits", "Foo", "foo", "MessagingBinding.Address"];
/// Names with a meaning of their own in JavaScript, or to a form reader.
const JAVASCRIPT: [&str; 12] = [
    "__proto__",
    "constructor",
    "toString",
    "length",
    "hasOwnProperty",
    "0",
    "10",
    "2",
    "007",
    "[]",
    "a[]",
    "[a]",
];
const LETTERS: [&str; 6] = ["a", "B", "é", "e\u{301}", "中", "\u{1F600}"];

/// What some decoders of UTF-8 drop where text begins with it.
pub const BYTE_ORDER_MARK: char = '\u{FEFF}';

impl Text {
    /// Any text. `is_name` keeps `=` from standing as it is.
    pub fn any(random: &mut Random, place: Place, is_name: bool) -> Text {
        let mut text = Text::default();
        if random.percent(if is_name { 55 } else { 20 }) {
            text.push_str(random.pick(&ORDINARY));
            return text;
        }
        if is_name && random.percent(7) {
            text.push_str(random.pick(&JAVASCRIPT));
            return text;
        }
        let alphabet = random.below(8);
        // One in eight is empty.
        for _ in 0..random.below(8) {
            if alphabet == 7 && random.percent(30) {
                text.push_invalid_escape(random);
                continue;
            }
            let character = match alphabet {
                0..=2 if random.percent(8) => ' ',
                0 | 1 | 7 => char::from(u8::try_from(random.between(0x20, 0x7E)).expect("ASCII")),
                2 => char::from(u8::try_from(random.between(0, 0x7F)).expect("ASCII")),
                3 => random.pick(&LETTERS).chars().next().expect("a letter"),
                4 => scalar(random.between(0x80, 0xD7FF)),
                5 => scalar(random.between(0xE000, 0xFFFF)),
                _ => scalar(random.between(0x1_0000, 0x10_FFFF)),
            };
            text.push(random, place, is_name, character);
        }
        if random.percent(5) {
            text.push_str(random.pick(&["'", "It's"]));
        }
        if random.percent(2) && !is_name && place == Place::Form {
            text.push_str("[a]=1");
        }
        text
    }

    /// Text of a given meaning.
    pub fn of(random: &mut Random, place: Place, meant: &str) -> Text {
        let mut text = Text::default();
        for character in meant.chars() {
            text.push(random, place, true, character);
        }
        text
    }

    fn push_str(&mut self, plain: &str) {
        self.meant.push_str(plain);
        self.written.push_str(plain);
    }

    fn push(&mut self, random: &mut Random, place: Place, is_name: bool, character: char) {
        self.meant.push(character);
        if character == ' ' && random.percent(50) {
            self.written.push('+');
        } else if may_stand(character, place, is_name) && random.percent(60) {
            self.written.push(character);
        } else {
            self.push_escaped(random, character);
        }
    }

    fn push_escaped(&mut self, random: &mut Random, character: char) {
        let lower = random.percent(30);
        for byte in character.to_string().bytes() {
            let escape = if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") };
            self.written.push_str(&escape);
        }
    }

    /// A percent sign that escapes nothing stands for itself.
    fn push_invalid_escape(&mut self, random: &mut Random) {
        let escape = random.pick(&["%", "%%", "%zz", "%4", "%-1", "%g0", "%0g"]);
        self.push_str(escape);
        // What follows must not make an escape of it.
        self.push_str("~");
    }

    /// A byte that is no UTF-8: the libraries read U+FFFD.
    pub fn push_invalid_utf8(&mut self) {
        self.meant.push('\u{FFFD}');
        self.written.push_str("%FF");
    }
}

fn scalar(code: u32) -> char {
    char::from_u32(code).unwrap_or('\u{FFFD}')
}

fn may_stand(character: char, place: Place, is_name: bool) -> bool {
    match character {
        '&' | '+' | '%' => false,
        '=' => !is_name,
        '#' | ' ' => place == Place::Form,
        character if character.is_ascii_graphic() => true,
        character if character.is_ascii() => place == Place::Form,
        // Raw UTF-8 in a request line is rare: proxies and servers differ in whether they take it at all.
        _ => place == Place::Form,
    }
}

/// A list of parameters, as meant and as written.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    pub meant: Vec<(String, String)>,
    pub written: String,
}

impl Pairs {
    /// Any list of at most `most` parameters; names and values repeat, some are empty, some pairs have no `=`.
    pub fn any(random: &mut Random, place: Place, most: usize) -> Pairs {
        let mut pairs = Pairs::default();
        let mut names: Vec<Text> = Vec::new();
        let mut values: Vec<Text> = Vec::new();
        for _ in 0..random.below(most + 1) {
            let name = if random.percent(35) && !names.is_empty() {
                names[random.below(names.len())].clone()
            } else {
                Text::any(random, place, true)
            };
            let value = match random.below(10) {
                0 => Text::default(),
                1 | 2 if !values.is_empty() => values[random.below(values.len())].clone(),
                _ => Text::any(random, place, false),
            };
            pairs.push(random, &name, &value);
            names.push(name);
            values.push(value);
        }
        pairs
    }

    pub fn push(&mut self, random: &mut Random, name: &Text, value: &Text) {
        if !self.written.is_empty() {
            self.written.push('&');
        }
        let bare = value.written.is_empty() && !name.written.is_empty() && random.percent(30);
        self.written.push_str(&name.written);
        if !bare {
            self.written.push('=');
        }
        self.written.push_str(&value.written);
        self.meant.push((name.meant.clone(), value.meant.clone()));
    }

    /// Puts a parameter before all others whose name begins with a byte order mark, as it stands.
    pub fn push_mark(&mut self) {
        let name = format!("{BYTE_ORDER_MARK}Mark");
        self.written.insert_str(0, &format!("{name}=a&"));
        self.meant.insert(0, (name, "a".to_owned()));
    }

    /// Adds names, or values of one name, whose order by UTF-16 unit differs from that by byte.
    pub fn push_clash(&mut self, random: &mut Random, place: Place) {
        let mut both = [scalar(random.between(0xE000, 0xFFFF)), scalar(random.between(0x1_0000, 0x10_FFFF))];
        random.shuffle(&mut both);
        let in_names = random.percent(50);
        for character in both {
            let clash = Text::of(random, place, &format!("x{character}"));
            let plain = Text::of(random, place, "y");
            let (name, value) = if in_names { (&clash, &plain) } else { (&plain, &clash) };
            self.push(random, name, value);
        }
    }
}
