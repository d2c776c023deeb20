//! What `tcpdump` prints of HTTP without TLS: with `-X` every byte, with `-A` what is text of it.

use super::captured::Captured;
use super::raw;

/// Returns whether a text is what `tcpdump` prints.
pub(super) fn is_dump(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').take(8).any(is_packet)
}

/// Returns whether bytes are a file that `tcpdump -w` writes.
pub(super) fn is_file(bytes: &[u8]) -> bool {
    let magics: [&[u8]; 5] = [
        b"\xD4\xC3\xB2\xA1",
        b"\xA1\xB2\xC3\xD4",
        b"\x4D\x3C\xB2\xA1",
        b"\xA1\xB2\x3C\x4D",
        b"\x0A\x0D\x0D\x0A",
    ];
    magics.iter().any(|magic| bytes.starts_with(magic))
}

/// Returns whether a line begins a packet: `12:00:00.1 IP a.1 > b.2: Flags [P.], …`.
fn is_packet(line: &[u8]) -> bool {
    let has = |part: &[u8]| line.windows(part.len()).any(|window| window == part);
    has(b" > ")
        && has(b": Flags [")
        && has(b"length ")
        && (has(b" IP ") || has(b" IP6 ") || line.starts_with(b"IP"))
}

/// What one packet carries of a connection's one direction.
struct Segment {
    flow: Vec<u8>,
    payload: Vec<u8>,
}

pub(super) fn read(text: &[u8]) -> Result<Captured, String> {
    let mut segments = Vec::new();
    let mut is_text = false;
    for packet in packets(text) {
        let (head, lines) = packet.split_first().ok_or("is empty")?;
        let bytes = hexadecimal(lines);
        if bytes.is_empty() {
            is_text = true;
            segments.extend(of_text(head, lines));
        } else {
            segments.extend(of_bytes(&bytes));
        }
    }
    let requests: Vec<usize> = segments
        .iter()
        .enumerate()
        .filter(|(_, segment)| is_request(&segment.payload))
        .map(|(at, _)| at)
        .collect();
    let whole = |start: usize| -> Vec<u8> {
        let flow = segments.get(start).map(|segment| &segment.flow);
        let later = segments.iter().skip(start.saturating_add(1));
        let own = later.filter(|segment| Some(&segment.flow) == flow);
        let rest = own.take_while(|segment| !is_request(&segment.payload));
        segments.iter().skip(start).take(1).chain(rest).flat_map(|segment| segment.payload.clone()).collect()
    };
    let is_signed = |start: &usize| {
        let name = b"\nx-twilio-signature:";
        whole(*start).to_ascii_lowercase().windows(name.len()).any(|part| part == name)
    };
    let start = requests.iter().copied().find(is_signed).or_else(|| requests.first().copied());
    let start = start.ok_or(
        "is of tcpdump and has no request in it: capture where TLS has ended, with -X -s 0, and from the beginning of the \
         connection",
    )?;
    let mut captured = raw::read(&whole(start))?;
    if is_text {
        captured.notes.push(
            "tcpdump -A writes a dot for each byte that is not ASCII: if there are such, capture with -X"
                .to_owned(),
        );
    }
    Ok(captured)
}

/// Returns the lines of each packet, the one that begins it first.
fn packets(text: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut packets: Vec<Vec<&[u8]>> = Vec::new();
    // The text of a packet ends with a line end of tcpdump's own.
    for line in text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n') {
        if is_packet(line) {
            packets.push(vec![line]);
        } else if let Some(packet) = packets.last_mut() {
            packet.push(line);
        }
    }
    packets
}

/// Returns the bytes of lines such as `\t0x0010:  7f00 0001 …  .a text.`.
fn hexadecimal(lines: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let line = String::from_utf8_lossy(line).into_owned();
        let Some((_, row)) = line.trim_start().strip_prefix("0x").and_then(|row| row.split_once(":  "))
        else {
            continue;
        };
        let groups = row.split("  ").next().unwrap_or_default();
        let digits: Vec<u8> = groups.bytes().filter(u8::is_ascii_hexdigit).collect();
        bytes.extend(
            digits
                .chunks_exact(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()),
        );
    }
    bytes
}

/// Takes a packet apart: Ethernet's header if there is one, IP's, TCP's.
fn of_bytes(bytes: &[u8]) -> Option<Segment> {
    let is_ip = |bytes: &[u8]| bytes.first().is_some_and(|first| matches!(first >> 4, 4 | 6));
    let packet = if is_ip(bytes) { bytes } else { bytes.get(14..)? };
    let number = |at: usize| Some(usize::from(*packet.get(at)?) * 256 + usize::from(*packet.get(at + 1)?));
    let (addresses, header, end) = match packet.first()? >> 4 {
        4 => (packet.get(12..20)?, usize::from(packet.first()? & 0x0F) * 4, number(2)?),
        6 => (packet.get(8..40)?, 40, number(4)? + 40),
        _ => return None,
    };
    // A segment that the sender's own network card cuts has no length yet.
    let end = if end <= header { packet.len() } else { end.min(packet.len()) };
    let tcp = packet.get(header..end)?;
    let payload = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
    Some(Segment { flow: [addresses, tcp.get(..4)?].concat(), payload: payload.to_vec() })
}

/// Takes the payload out of a packet's text: behind what stands for the headers, as many bytes as the first line says.
fn of_text(head: &[u8], lines: &[&[u8]]) -> Option<Segment> {
    let head = String::from_utf8_lossy(head).into_owned();
    let (flow, rest) = head.split_once(": Flags [")?;
    let flow = flow.split_once("IP").map_or(flow, |(_, flow)| flow);
    let length = rest.split("length ").nth(1)?;
    let length: usize = length.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()?;
    let text = lines.join(&b'\n');
    let start = (0..text.len()).find(|at| text.get(*at..).is_some_and(is_request));
    let start = start.unwrap_or_else(|| text.len().saturating_sub(length));
    Some(Segment { flow: flow.as_bytes().to_vec(), payload: text.get(start..)?.to_vec() })
        .filter(|_| length > 0)
}

/// Returns whether a text begins with a request line.
fn is_request(text: &[u8]) -> bool {
    const METHODS: [&[u8]; 7] = [b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"PATCH ", b"OPTIONS "];
    METHODS.iter().any(|method| text.starts_with(method)) && raw::is_request(text)
}
