//! A HAR file (HTTP Archive 1.2), as browsers and inspecting proxies write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::captured::Captured;
use super::target;
use crate::form;

pub(super) fn read(text: &[u8], entry: Option<usize>) -> Result<Captured, String> {
    let har: Value = serde_json::from_slice(text)
        .map_err(|error| format!("is not JSON: look at line {}, column {}", error.line(), error.column()))?;
    let entries = har["log"]["entries"].as_array().ok_or("is JSON and no HAR file: it has no log.entries")?;
    let index = choose(entries, entry)?;
    let at = format!("has no log.entries[{index}].request");
    let request = entries.get(index).map(|entry| &entry["request"]).filter(|request| request.is_object());
    let request = request.ok_or_else(|| at.clone())?;
    let text = |field: &str| request[field].as_str().ok_or_else(|| format!("{at}.{field}"));
    let url = target::split(text("url")?.as_bytes())?;
    let mut captured = Captured {
        method: text("method")?.as_bytes().to_vec(),
        tls: Some(url.tls),
        authority: Some(url.authority),
        target: url.target,
        ..Captured::default()
    };
    for (number, header) in request["headers"].as_array().into_iter().flatten().enumerate() {
        let part =
            |field: &str| header[field].as_str().ok_or_else(|| format!("{at}.headers[{number}].{field}"));
        let (name, value) = (part("name")?.to_ascii_lowercase(), part("value")?);
        // The pseudo headers of HTTP/2 say again what the URL says.
        if !name.starts_with(':') {
            captured.headers.push((name, value.trim().as_bytes().to_vec()));
        }
    }
    if !request["headers"].is_array() {
        return Err(format!("{at}.headers"));
    }
    captured.take_host();
    if url.is_websocket {
        captured.make_upgrade();
    }
    read_body(request, &mut captured)?;
    Ok(captured)
}

/// Returns the index of the entry that is asked for, or of the only one that has a signature, or of the only one.
fn choose(entries: &[Value], entry: Option<usize>) -> Result<usize, String> {
    if let Some(number) = entry {
        let index = number.checked_sub(1).filter(|index| *index < entries.len());
        return index
            .ok_or_else(|| format!("has {} entries, and none of the number {number}", entries.len()));
    }
    let is_signed = |entry: &Value| {
        let headers = entry["request"]["headers"].as_array().into_iter().flatten();
        headers
            .filter_map(|header| header["name"].as_str())
            .any(|name| name.eq_ignore_ascii_case("x-twilio-signature"))
    };
    let signed: Vec<usize> =
        entries.iter().enumerate().filter(|(_, entry)| is_signed(entry)).map(|(index, _)| index).collect();
    match (entries.len(), signed.as_slice()) {
        (0, _) => Err("has no entries".to_owned()),
        (1, _) => Ok(0),
        (_, [index]) => Ok(*index),
        (count, []) => {
            Err(format!("has {count} entries, none with X-Twilio-Signature; choose one with --entry"))
        }
        (_, several) => {
            let numbers: Vec<String> =
                several.iter().map(|index| index.saturating_add(1).to_string()).collect();
            Err(format!(
                "has several entries with X-Twilio-Signature ({}); choose one with --entry",
                numbers.join(", ")
            ))
        }
    }
}

fn read_body(request: &Value, captured: &mut Captured) -> Result<(), String> {
    let post = &request["postData"];
    let text = post["text"].as_str();
    captured.body = match (text, post["params"].as_array()) {
        (Some(text), _) if is_base64(post) => {
            STANDARD.decode(text).map_err(|_| "has a body that is said to be base64 and is not")?
        }
        (Some(text), params) if !text.is_empty() || params.is_none_or(Vec::is_empty) => {
            text.as_bytes().to_vec()
        }
        (_, Some(params)) if !params.is_empty() => {
            captured.notes.push("the body was put together anew from postData.params".to_owned());
            let part = |param: &Value, field: &str| param[field].as_str().unwrap_or_default().to_owned();
            let params: Vec<_> =
                params.iter().map(|param| (part(param, "name"), part(param, "value"))).collect();
            form::encode(&params).into_bytes()
        }
        _ => Vec::new(),
    };
    let said =
        captured.one("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
    let said = said.or_else(|| request["bodySize"].as_u64()).unwrap_or_default();
    let size = u64::try_from(captured.body.len()).unwrap_or(u64::MAX);
    if captured.body.is_empty() && said > 0 {
        return Err(format!("was made without the request's body of {said} bytes"));
    }
    if said > 0 && said != size {
        captured.notes.push(format!(
            "the body has {size} bytes here and had {said} when it was sent: a signature over it may not fit for that alone"
        ));
    }
    Ok(())
}

fn is_base64(post: &Value) -> bool {
    ["encoding", "_encoding"].iter().any(|field| post[field] == "base64")
}
