//! The table in docs/compatibility.md has a row for each class, and says the same.

use crate::classes::{CLASSES, Class};

const DOCUMENT: &str = include_str!("../../docs/compatibility.md");

/// The cells of a row before the reasons: id, filter, who is of another opinion.
fn row(class: &Class) -> [String; 3] {
    let ours = if class.ours { "accepts" } else { "denies" };
    let others: Vec<_> = class.others.iter().map(|judge| judge.name()).collect();
    [format!("`{}`", class.id), ours.to_owned(), others.join(", ")]
}

#[test]
fn the_document_has_a_row_for_each_class_and_no_other() {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    let documented: Vec<[String; 3]> = rows
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 5, "id, filter, others, request, reason: {line}");
            [cells[0], cells[1], cells[2]].map(str::to_owned)
        })
        .collect();
    assert_eq!(documented, CLASSES.iter().map(row).collect::<Vec<_>>());
}
