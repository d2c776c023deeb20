//! What a text holds, and what of it is kept.

use std::rc::Rc;

use super::{Changing, Fault, MOST_LINES, MOST_TEXT, Mac};
use crate::config::Algorithm;
use crate::request::Single;
use crate::secret::Secret;
use crate::signature::Tag;

const ALGORITHM: Algorithm = Algorithm::HmacSha1;

fn changing() -> Changing {
    Changing::new(ALGORITHM, "twilio.auth_tokens")
}

/// Which of these words a text has as keys, each with its line.
fn keys(text: &[u8], words: &[&str]) -> String {
    let read = changing().read(text.to_vec());
    let name = |mac: &Mac| {
        let is_of = |word: &&&str| bool::from(mac.made(&tag(word), &[b"message"]));
        words.iter().find(is_of).map_or("something else", |word| word)
    };
    let keys: Vec<String> = read.macs().iter().map(|(line, mac)| format!("{line}:{}", name(mac))).collect();
    match read.fault() {
        None => keys.join(" "),
        Some(fault) => format!("{} {fault:?}", keys.join(" ")).trim_start().to_owned(),
    }
}

/// The tag of a message under a key.
fn tag(key: &str) -> Tag {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut state = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).unwrap();
    state.update(b"message");
    let text = base64::engine::general_purpose::STANDARD.encode(state.finalize().into_bytes());
    Tag::parse(Single::One(text.as_bytes())).unwrap()
}

#[test]
fn each_line_is_a_key_whatever_its_end() {
    let table: &[(&[u8], &str)] = &[
        (b"one", "1:one"),
        (b"one\n", "1:one"),
        (b"one\r\n", "1:one"),
        (b"one\r\r\n\r\n\n", "1:one"),
        (b"one\ntwo", "1:one 2:two"),
        (b"one\r\ntwo\r\n", "1:one 2:two"),
        (b"\n\none\n\n\ntwo\n\n", "3:one 6:two"),
        (b"one\none\n", "1:one 2:one"),
        // Never a key of no length.
        (b"", "Missing"),
        (b"\n", "Missing"),
        (b"\r\n\r\n", "Missing"),
        (b"\r", "Missing"),
        // What is no key spoils no other.
        (b"one \ntwo\n", "2:two Line(1)"),
        (b"one\n two\n", "1:one Line(2)"),
        (b"one\nt wo\nthree four\n", "1:one Line(2)"),
        (b"one\ttwo\n", "Line(1)"),
        (b" \n", "Line(1)"),
        (b"one\rtwo\n", "Line(1)"),
        (b"one\n\x00\n", "1:one Line(2)"),
        (b"\xef\xbb\xbfone\ntwo\n", "2:two Line(1)"),
        (b"\xff\xfeo\x00n\x00e\x00", "Line(1)"),
        (b"one\xff\n", "Line(1)"),
        ("on\u{e9}\n".as_bytes(), "Line(1)"),
        (b"one\n# two\n", "1:one Line(2)"),
    ];
    for (text, expected) in table {
        assert_eq!(keys(text, &["one", "two"]), *expected, "{:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_text_has_its_bounds() {
    let lines = |count: usize| "one\n".repeat(count).into_bytes();
    let count = |text: Vec<u8>| {
        let read = changing().read(text);
        (read.macs().len(), read.fault())
    };
    assert_eq!(count(lines(MOST_LINES)), (MOST_LINES, None));
    assert_eq!(count([&b"\n\n"[..], &lines(MOST_LINES)].concat()), (MOST_LINES, None));
    assert_eq!(count(lines(MOST_LINES + 1)), (0, Some(Fault::TooLarge)));
    // Lines that are no keys count as well.
    assert_eq!(count([&lines(MOST_LINES)[..], b"t wo"].concat()), (0, Some(Fault::TooLarge)));
    assert_eq!(count(vec![b'a'; MOST_TEXT]), (1, None));
    assert_eq!(count(vec![b'a'; MOST_TEXT + 1]), (0, Some(Fault::TooLarge)));
    assert_eq!(count(vec![b'\n'; 1_048_576]), (0, Some(Fault::TooLarge)));
}

#[test]
fn what_is_made_ready_is_kept_as_long_as_the_text_is_the_same() {
    let changing = changing();
    let read = |text: &[u8]| changing.read(text.to_vec());
    let first = read(b"one\n");
    assert!(Rc::ptr_eq(&first, &read(b"one\n")));
    assert!(!Rc::ptr_eq(&first, &read(b"two\n")));
    let first = read(b"one\n");
    let second = read(b"one\ntwo\n");
    assert!(!Rc::ptr_eq(&first, &second));
    assert_eq!((first.macs().len(), second.macs().len()), (1, 2), "who has the first keeps it");
    assert!(Rc::ptr_eq(&second, &read(b"one\ntwo\n")));
    // A text that is too large is not looked through again, and not kept.
    let large = read(&vec![b'a'; 1_048_576]);
    assert!(Rc::ptr_eq(&large, &read(&vec![b'a'; 1_048_576])));
    assert_eq!(large.text().len(), MOST_TEXT + 1);
    assert_eq!(read(b"one\n").fault(), None);
    assert!(!Rc::ptr_eq(&first, &read(b"one\n")), "nothing older than the last is kept");
}

#[test]
fn a_key_in_a_text_is_the_key_that_the_same_secret_is_elsewhere() {
    let read = changing().read(b"one\n".to_vec());
    let fixed = Mac::new(ALGORITHM, &Secret::new(b"one".to_vec()).unwrap()).unwrap();
    let [(1, mac)] = read.macs() else { panic!("one key") };
    for key in ["one", "two"] {
        let [own, other] = [mac, &fixed].map(|mac| bool::from(mac.made(&tag(key), &[b"mess", b"age"])));
        assert_eq!((own, other), (key == "one", key == "one"));
    }
}
