//! The table at the end.

/// One delivery, and what came of it.
pub(crate) struct Row {
    pub(crate) sent: &'static str,
    pub(crate) answer: String,
    pub(crate) handler: String,
    pub(crate) is_as_promised: bool,
}

pub(crate) fn render(rows: &[Row]) -> String {
    let heads = ["what LipDub sent", "what it was answered", "what the handler did"];
    let cells = |row: &Row| [row.sent.to_owned(), row.answer.clone(), row.handler.clone()];
    let widths: [usize; 3] = std::array::from_fn(|column| {
        let longest = rows.iter().map(|row| cells(row)[column].len()).max().unwrap_or(0);
        longest.max(heads[column].len())
    });
    let line = |cells: [String; 3], verdict: &str| {
        let [sent, answer, handler] = cells;
        let [first, second, third] = widths;
        let line = format!("{sent:first$}  {answer:second$}  {handler:third$}  {verdict}");
        format!("{}\n", line.trim_end())
    };
    let mut table = line(heads.map(str::to_owned), "as promised?");
    table.push_str(&line(widths.map(|width| "-".repeat(width)), "------------"));
    for row in rows {
        table.push_str(&line(cells(row), if row.is_as_promised { "yes" } else { "NO" }));
    }
    table
}
