//! The filter that puts a text where the plugin may find its keys.

use std::path::Path;

use serde_json::{Value, json};

/// Returns a filter that leaves a text in filter state under a key. The formatters are those that the text needs.
pub fn filled(key: &str, text: &str, formatters: Value) -> Value {
    json!({ "name": "envoy.filters.http.set_filter_state", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
        "on_request_headers": [{
            "object_key": key,
            "factory_key": "envoy.string",
            "format_string": {
                "text_format_source": { "inline_string": text },
                "formatters": formatters,
            },
        }],
    }})
}

/// Returns a filter that leaves there what a file of a watched directory holds, as the samples have it.
pub fn filled_from_file(key: &str, directory: &Path, file: &str) -> Value {
    let (path, directory) = (directory.join(file), directory.display());
    let text = format!("%FILE_CONTENT({}:{directory}):16385%", path.display());
    filled(
        key,
        &text,
        json!([{ "name": "envoy.formatter.file_content", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.formatter.file_content.v3.FileContent" } }]),
    )
}
