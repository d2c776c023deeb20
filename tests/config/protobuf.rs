//! `google.protobuf.Struct` in its binary form, which is how Envoy hands over a configuration of that type.

use super::encode::{encode, field};
use super::files::{files, good};
use super::parse;

#[test]
fn numbers_are_whole_or_none() {
    let said = |number: f64| {
        let mut bytes = encode(&serde_json::json!({ "mode": "off" }));
        let number = [&[2 << 3 | 1], &number.to_le_bytes()[..]].concat();
        bytes.extend(field(1, &[field(1, b"max_body_bytes"), field(2, &number)].concat()));
        match parse(&bytes) {
            Ok(policy) => policy.routes()[0].max_body_bytes().to_string(),
            Err(error) => error.to_string(),
        }
    };
    for whole in [1.0, 2.0, 3.0, 262_144.0, 67_108_863.0, 67_108_864.0] {
        assert_eq!(said(whole), format!("{whole}"));
    }
    for whole in [0.0, 67_108_865.0, 9_007_199_254_740_991.0] {
        assert_eq!(said(whole), "max_body_bytes: must be from 1 to 67108864", "{whole}");
    }
    for other in [
        9_007_199_254_740_992.0,
        0.5,
        1.5,
        -1.0,
        -0.0,
        1e300,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        f64::NAN,
        f64::INFINITY,
    ] {
        let none = "max_body_bytes: must be a whole number that is not negative, not another number";
        assert_eq!(said(other), none, "{other}");
    }
}

#[test]
fn fields_may_come_in_any_order_and_twice_is_an_error() {
    let mode = field(1, &[field(2, &field(3, b"off")), field(1, b"mode")].concat());
    assert!(parse(&mode).is_ok());
    let twice = [mode.clone(), mode].concat();
    assert_eq!(parse(&twice).unwrap_err().to_string(), "mode: stands here twice; keep one of them");
    // A value that is left out is null.
    assert!(
        parse(&[encode(&serde_json::json!({ "mode": "off" })), field(1, &field(1, b"url"))].concat()).is_ok()
    );
}

#[test]
fn what_is_no_struct_is_said_to_be_no_json() {
    let off = encode(&serde_json::json!({ "mode": "off" }));
    let number = [&[2 << 3 | 1], &7f64.to_le_bytes()[..]].concat();
    let table = [
        field(2, b""),
        field(1, &field(3, b"mode")),
        field(1, &[field(1, b"mode"), field(2, &field(7, b"off"))].concat()),
        field(1, &[field(1, b"mode"), field(2, &[field(3, b"off"), field(3, b"off")].concat())].concat()),
        field(1, &[field(1, b"mode"), field(2, &[1 << 3, 1])].concat()),
        field(1, &[field(1, b"mode"), field(2, &number[..8])].concat()),
        field(1, &[field(1, b"m\xFF"), field(2, &field(3, b"off"))].concat()),
        field(1, &[field(1, b"mode"), field(2, &field(3, b"o\xFF"))].concat()),
        // Lengths beyond the end, and beyond any number.
        [vec![0x0A, 0x7F], off.clone()].concat(),
        [vec![0x0A], vec![0xFF; 10], off.clone()].concat(),
        [off, vec![0x0A]].concat(),
    ];
    for bytes in table {
        let error = parse(&bytes).unwrap_err().to_string();
        assert!(error.starts_with("configuration: is not JSON: "), "{bytes:?}: {error}");
    }
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| {
        let list = (0..depth).fold(vec![1 << 3, 0], |inner, _| field(6, &field(1, &inner)));
        parse(&field(1, &[field(1, b"mode"), field(2, &list)].concat())).unwrap_err().to_string()
    };
    assert_eq!(nested(31), "mode: must be one of enforce, report, off");
    assert!(nested(32).starts_with("configuration: is not JSON: "));
    assert!(nested(20_000).starts_with("configuration: is not JSON: "));
}

#[test]
fn a_damaged_struct_is_read_or_rejected_and_no_secret_told() {
    for file in files("good") {
        let json = std::fs::read(&file).unwrap();
        let whole = encode(&serde_json::from_slice(&json).unwrap());
        let look = |bytes: &[u8]| {
            let said = match parse(bytes) {
                Ok(policy) => format!("{policy:?}"),
                Err(error) => error.to_string(),
            };
            assert!(!said.contains("inline-"), "{said}");
        };
        (0..whole.len()).for_each(|length| look(&whole[..length]));
        let mut flipped = whole.clone();
        for bit in 0..whole.len() * 8 {
            flipped[bit / 8] ^= 1 << (bit % 8);
            look(&flipped);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn json_may_begin_like_a_struct() {
    let json = good("white_space");
    assert!(json.starts_with(b"\n{"));
    assert!(parse(&json).is_ok());
    assert!(parse(b"\n{}").unwrap_err().to_string().starts_with("auth_tokens: there is no key"));
}
