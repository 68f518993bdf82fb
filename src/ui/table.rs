//! Rows for people.

use comfy_table::{Table, presets};

/// Lays rows out under headings, without lines.
pub fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headings.to_vec());
    for row in rows {
        table.add_row(
            row.iter()
                .map(|cell| super::escape_line(cell))
                .collect::<Vec<_>>(),
        );
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim()))
        .collect()
}
