//! A form, against the WHATWG parser where the text is UTF-8, and against the naive one everywhere.

use std::collections::BTreeSet;

use twilio_proxy_wasm::params::Params;

use crate::naive;

pub fn run(data: &[u8]) {
    let (params, pairs) = (Params::parse(data), naive::decode(data));
    let wanted = naive::parameters(&pairs);
    assert_eq!(params.signed(), wanted[0]);
    if let Some(in_utf16_order) = params.signed_in_utf16_order()
        && let Some(expected) = wanted.get(1)
    {
        assert_eq!(&in_utf16_order, expected);
    } else if let Some(expected) = wanted.get(1) {
        assert_eq!(expected, &wanted[0]);
    }
    assert_eq!(params.sign_anything(), !wanted[0].is_empty());
    for (name, _) in &pairs {
        let expected: Vec<_> =
            pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_slice()).collect();
        assert_eq!(params.values(name).collect::<Vec<_>>(), expected);
    }
    let grouped: Vec<_> =
        params.grouped().into_iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
    assert_eq!(grouped.iter().collect::<BTreeSet<_>>(), pairs.iter().collect::<BTreeSet<_>>());
    assert_eq!(grouped.len(), pairs.len());
    let is_text = |text: &[u8]| std::str::from_utf8(text).is_ok();
    if pairs.iter().all(|(name, value)| is_text(name) && is_text(value)) {
        let theirs: Vec<_> = form_urlencoded::parse(data)
            .map(|(name, value)| (name.into_owned().into_bytes(), value.into_owned().into_bytes()))
            .collect();
        assert_eq!(pairs, theirs);
    }
}
