//! Bytes of a request on a terminal.

/// Returns bytes of a request as text, with nothing in it that a terminal would obey or that is not seen.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            // Characters that are not seen, or that turn the line round, are none to be printed as they are.
            let is_plain = character == ' ' || character.is_ascii_graphic() || character.is_alphanumeric();
            if is_plain {
                text.push(character);
            } else {
                text.extend(character.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\x{byte:02x}")));
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}
