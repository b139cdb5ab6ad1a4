//! The bytes of a route list -> rows: CSV or JSON, in whatever a Danish spreadsheet makes of them.
//!
//! Owns encodings, separators, quotes and line numbers. Only cells of columns that stand for a field are taken;
//! names and addresses beside them are passed over. Must never know what a cell means.

use std::collections::{BTreeMap, BTreeSet};

use csv::{ReaderBuilder, StringRecord};
use serde_json::Value;

use super::mapping::{Field, Mapping};

/// Rows of one list at most; the rest is told as one trouble.
pub const ROWS_MAX: usize = 50_000;
/// Longest cell that is taken (characters). Longer ones are no id, time or word.
const CELL_MAX: usize = 200;
/// A quoted cell over more lines than this was never closed.
const LINES_OF_A_ROW_MAX: u64 = 50;
/// Quotes that were never closed, at most; then the rest is told as one trouble.
const OPEN_QUOTES_MAX: usize = 20;
/// The line that names the columns is looked for in so many lines that are not blank.
const HEADER_WITHIN_LINES: usize = 25;
/// Columns of a list at most; the rest is passed over.
const COLUMNS_MAX: usize = 500;

/// Why a whole file can never be read; the words are the codes of source health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    Empty,
    /// A spreadsheet's own format, not text.
    Workbook,
    NotText,
    /// No column stands for the visit's id.
    NoVisitColumn,
    NotAList,
}

impl Unreadable {
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty-file",
            Self::Workbook => "is-workbook",
            Self::NotText => "not-text",
            Self::NoVisitColumn => "no-visit-column",
            Self::NotAList => "not-a-list",
        }
    }
}

/// Where a row stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowPlace {
    /// From 1, as an editor counts.
    pub line: u32,
    /// In JSON, where a whole list may be one line: which of its objects, from 1.
    pub row: Option<u32>,
}

impl RowPlace {
    fn line(line: u32) -> Self {
        Self { line, row: None }
    }
}

/// A row that could not be read, or a fact of it that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRow {
    pub place: RowPlace,
    /// Kebab-case; the texts are the screen's.
    pub what: &'static str,
}

/// The cells of one row that stand for a field; empty ones are left out. Its `Debug` says nothing: a citizen may be
/// written as a CPR number.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    pub place: RowPlace,
    cells: BTreeMap<Field, String>,
}

impl Row {
    pub fn get(&self, field: Field) -> Option<&str> {
        self.cells.get(&field).map(String::as_str)
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row(line {}, {} cells)", self.place.line, self.cells.len())
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct List {
    /// The line that names the columns; none in JSON.
    pub header_line: Option<u32>,
    pub rows: Vec<Row>,
    pub bad: Vec<BadRow>,
    /// What is odd about a row that is taken, or about the header.
    pub odd: Vec<BadRow>,
}

/// Reads a file. JSON is told by its first sign. Errors: nothing of it can be read.
pub fn read(bytes: &[u8], mapping: &Mapping) -> Result<List, Unreadable> {
    let (text, odd_lines) = text(bytes)?;
    let start = text.trim_start();
    if start.is_empty() {
        return Err(Unreadable::Empty);
    }
    let mut list = match start.chars().next() {
        Some('[' | '{') => json(&text, mapping),
        _ => csv(&text, mapping),
    }?;
    let odd = list.rows.iter().filter(|row| odd_lines.contains(&row.place.line));
    let odd = odd.map(|row| BadRow { place: row.place, what: "bad-byte" }).collect::<Vec<_>>();
    list.odd.extend(odd);
    Ok(list)
}

// ---- encodings ------------------------------------------------------------------------------

/// The bytes 0x80 to 0x9F of Windows-1252; five of them mean nothing.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{FFFD}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{FFFD}', 'Ž', '\u{FFFD}',
    '\u{FFFD}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{FFFD}', 'ž', 'Ÿ',
];

/// The text, and the lines in which a byte is of another encoding than the rest.
fn text(bytes: &[u8]) -> Result<(String, BTreeSet<u32>), Unreadable> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return Err(Unreadable::Workbook);
    }
    let (text, odd) = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8_or_windows(rest, true),
        [0xFF, 0xFE, rest @ ..] => (utf16(rest, u16::from_le_bytes), BTreeSet::new()),
        [0xFE, 0xFF, rest @ ..] => (utf16(rest, u16::from_be_bytes), BTreeSet::new()),
        _ => utf8_or_windows(bytes, false),
    };
    if text.contains('\0') {
        return Err(Unreadable::NotText);
    }
    // One end of a line, whichever machine wrote it: a lone one must not hide the rest of a row.
    let text = text.replace("\r\n", "\n");
    let text = if text.contains('\n') { text.replace('\r', " ") } else { text.replace('\r', "\n") };
    Ok((text, odd))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// What is not UTF-8 was written by a Danish Windows: each byte by itself, so that one wrong byte costs neither the
/// header nor the other rows. The lines with such bytes are odd if the file is UTF-8 (`is_utf8`: it says so) elsewhere. A
/// letter cut in two at the end is left out.
fn utf8_or_windows(bytes: &[u8], is_utf8: bool) -> (String, BTreeSet<u32>) {
    let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
    let (mut text, mut line, mut odd, mut is_mixed) =
        (String::with_capacity(bytes.len()), 1_u32, BTreeSet::new(), is_utf8);
    for chunk in bytes.utf8_chunks() {
        let lines = chunk.valid().bytes().filter(|byte| *byte == end).count();
        line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        is_mixed |= !chunk.valid().is_ascii();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            odd.insert(line);
        }
        text.extend(chunk.invalid().iter().map(|byte| match byte {
            0x80..=0x9F => WINDOWS_1252[usize::from(byte - 0x80)],
            byte => char::from(*byte),
        }));
    }
    let is_cut = std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
    if is_cut {
        let cut = bytes.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        for _ in 0..cut {
            text.pop();
        }
    }
    (text, if is_mixed { odd } else { BTreeSet::new() })
}

// ---- CSV ------------------------------------------------------------------------------------

/// Which cell of a row stands for which field.
struct Columns {
    fields: Vec<(usize, Field)>,
    count: usize,
    /// Two columns have one name that is read.
    has_twins: bool,
}

impl Columns {
    fn of<'c>(names: impl Iterator<Item = &'c str>, mapping: &Mapping) -> Self {
        let mut best: BTreeMap<Field, (usize, usize)> = BTreeMap::new();
        let (mut count, mut seen, mut has_twins) = (0, BTreeSet::new(), false);
        for (at, name) in names.take(COLUMNS_MAX).enumerate() {
            count = at + 1;
            let Some((field, rank)) = mapping.field(name) else { continue };
            has_twins |= !seen.insert((field, rank));
            let is_better = best.get(&field).is_none_or(|(_, before)| rank < *before);
            if is_better {
                best.insert(field, (at, rank));
            }
        }
        let fields = best.into_iter().map(|(field, (at, _))| (at, field)).collect();
        Self { fields, count, has_twins }
    }

    fn has(&self, field: Field) -> bool {
        self.fields.iter().any(|(_, it)| *it == field)
    }

    fn row(&self, record: &StringRecord, line: u32) -> Result<Row, BadRow> {
        let place = RowPlace::line(line);
        // A separator inside a text that is not quoted moves every cell behind it to another column.
        if record.iter().skip(self.count).any(|cell| !cell.trim().is_empty()) {
            return Err(BadRow { place, what: "too-many-cells" });
        }
        let mut cells = BTreeMap::new();
        for (at, field) in &self.fields {
            let cell = bare(record.get(*at).unwrap_or_default());
            if cell.chars().count() > CELL_MAX {
                return Err(BadRow { place, what: "cell-too-long" });
            }
            if !cell.is_empty() {
                cells.insert(*field, cell.to_owned());
            }
        }
        Ok(Row { place, cells })
    }
}

/// A cell without what a spreadsheet puts around it (`="0712"` keeps a number's zeros).
fn bare(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix("=\"").and_then(|it| it.strip_suffix('"')).unwrap_or(cell).trim()
}

/// The line that names the columns, and what it says.
struct Header {
    columns: Columns,
    separator: u8,
    line: u32,
    /// Where the rows begin.
    rows_from: usize,
}

/// Looks for the line that names the columns: titles, dates and blank lines may stand above it, and a spreadsheet's
/// `sep=;`. A title of one word may happen to be a column's name, so that a line with more of them goes before it.
fn header(text: &str, mapping: &Mapping) -> Result<Header, Unreadable> {
    let (mut from, mut line, mut seen) = (0, 1, 0);
    let mut separator = mapping.separator;
    let mut best: Option<Header> = None;
    while from < text.len() && seen < HEADER_WITHIN_LINES {
        let rest = &text[from..];
        let (this, length) = (rest.lines().next().unwrap_or_default(), line_length(rest));
        if let Some(told) = this.trim().strip_prefix("sep=") {
            separator = separator.or(told.chars().next());
        } else if !this.trim().is_empty() {
            seen += 1;
            let separator = separator.filter(char::is_ascii).unwrap_or_else(|| likely_separator(this)) as u8;
            let cells = Cells { text, from, separator, line, open_quotes: 0 };
            if let Some(found) = columns_at(cells, mapping) {
                let is_sure = found.columns.fields.len() > 1;
                if is_sure || best.is_none() {
                    best = Some(found);
                }
                if is_sure {
                    break;
                }
            }
        }
        (from, line) = (from + length, line + 1);
    }
    match best {
        Some(header) => Ok(header),
        None if seen == 0 => Err(Unreadable::Empty),
        None => Err(Unreadable::NoVisitColumn),
    }
}

/// The columns that the next record names, if one of them is the visit's id.
fn columns_at(mut cells: Cells<'_>, mapping: &Mapping) -> Option<Header> {
    let (line, record) = cells.next()?.ok()?;
    let columns = Columns::of(record.iter(), mapping);
    columns.has(Field::Visit).then_some(Header {
        columns,
        separator: cells.separator,
        line,
        rows_from: cells.from,
    })
}

fn csv(text: &str, mapping: &Mapping) -> Result<List, Unreadable> {
    let Header { columns, separator, line, rows_from } = header(text, mapping)?;
    let cells = Cells { text, from: rows_from, separator, line: line_at(text, rows_from), open_quotes: 0 };
    let mut list = List { header_line: Some(line), ..List::default() };
    if columns.has_twins {
        list.odd.push(BadRow { place: RowPlace::line(line), what: "column-twice" });
    }
    let mut last_short = None;
    for next in cells {
        let row = next.and_then(|(line, record)| {
            last_short = (record.len() < columns.count).then_some(line);
            if record.iter().all(|cell| cell.trim().is_empty()) {
                return Ok(None);
            }
            columns.row(&record, line).map(Some)
        });
        if !take(&mut list, row) {
            break;
        }
    }
    // Many exporters end no last line; one that is short besides may be half a row.
    if let Some(line) = last_short.filter(|_| !text.ends_with('\n')) {
        list.odd.push(BadRow { place: RowPlace::line(line), what: "last-line-open" });
    }
    Ok(list)
}

/// False: there are too many rows.
fn take(list: &mut List, row: Result<Option<Row>, BadRow>) -> bool {
    let place = match &row {
        Ok(Some(row)) => row.place,
        Ok(None) => return true,
        Err(bad) => bad.place,
    };
    if list.rows.len() + list.bad.len() >= ROWS_MAX {
        list.bad.push(BadRow { place, what: "too-many-rows" });
        return false;
    }
    match row {
        Ok(row) => list.rows.extend(row),
        Err(bad) => list.bad.push(bad),
    }
    true
}

/// The length of the first line with its end.
fn line_length(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |at| at + 1)
}

fn line_at(text: &str, at: usize) -> u32 {
    let before = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

/// The sign that stands most often in the header outside quotes; in Denmark a semicolon if they are alike.
fn likely_separator(header: &str) -> char {
    let mut counts = [(';', 0_u32), ('\t', 0), (',', 0)];
    let mut is_quoted = false;
    for c in header.chars() {
        if c == '"' {
            is_quoted = !is_quoted;
        }
        for (sign, count) in &mut counts {
            *count += u32::from(!is_quoted && c == *sign);
        }
    }
    let best = counts.iter().rev().max_by_key(|(_, count)| *count);
    best.map_or(';', |(sign, _)| *sign)
}

/// The records of a CSV text. A quote that is never closed costs its own line, not the rest of the file.
struct Cells<'t> {
    text: &'t str,
    /// Where the next record begins, and on which line.
    from: usize,
    line: u32,
    separator: u8,
    open_quotes: usize,
}

impl Iterator for Cells<'_> {
    type Item = Result<(u32, StringRecord), BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.from >= self.text.len() {
            return None;
        }
        let rest = &self.text[self.from..];
        let line = self.line;
        let length = line_length(rest);
        let first = &rest[..length];
        // Most rows have no quotes, or all of them closed on their own line.
        if !first.contains('"') {
            self.advance(length);
            let cells = first.trim_end_matches('\n').split(char::from(self.separator));
            return Some(Ok((line, cells.collect())));
        }
        if !ends_open(first) {
            let (record, _) = self.record(first)?;
            self.advance(length);
            return Some(Ok((line, record)));
        }
        let (record, used) = self.record(rest)?;
        let used = usize::try_from(used).unwrap_or(rest.len()).clamp(1, rest.len());
        let lines = rest.as_bytes()[..used].iter().filter(|byte| **byte == b'\n').count();
        let is_open =
            lines as u64 > LINES_OF_A_ROW_MAX || (used == rest.len() && lines > 1 && ends_open(rest));
        if !is_open {
            self.advance(used);
            return Some(Ok((line, record)));
        }
        self.open_quotes += 1;
        let is_too_much = self.open_quotes > OPEN_QUOTES_MAX;
        self.advance(if is_too_much { rest.len() } else { length });
        Some(Err(BadRow { place: RowPlace::line(line), what: "open-quote" }))
    }
}

impl Cells<'_> {
    fn advance(&mut self, bytes: usize) {
        let passed = &self.text.as_bytes()[self.from..self.from + bytes];
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.from += bytes;
    }

    /// The first record of a text and how many bytes it takes.
    fn record(&self, text: &str) -> Option<(StringRecord, u64)> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.separator)
            .from_reader(text.as_bytes());
        let mut record = StringRecord::new();
        // Reading from memory, of what is text already: a failure is the end of it.
        let is_there = reader.read_record(&mut record).unwrap_or(false);
        let record = if is_there { record } else { StringRecord::new() };
        let used = if is_there { reader.position().byte() } else { text.len() as u64 };
        Some((record, used))
    }
}

/// Whether a text ends inside a quoted cell.
fn ends_open(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1
}

// ---- JSON -----------------------------------------------------------------------------------

/// A list of objects, alone or as the first field of one object, or one object a line. Each object is read by
/// itself: one that is broken costs only itself.
fn json(text: &str, mapping: &Mapping) -> Result<List, Unreadable> {
    let depth = if is_wrapped(text) { 2 } else { 1 };
    let mut list = List::default();
    let mut has_visit = false;
    for (row, object) in (1_u32..).zip(objects(text, depth)) {
        let row = Some(row);
        let row = match object {
            Ok((line, text)) => match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(fields)) => {
                    has_visit |= fields.keys().any(|key| is_visit(mapping, key));
                    json_row(RowPlace { line, row }, &fields, mapping).map(Some)
                }
                _ => Err(BadRow { place: RowPlace { line, row }, what: "bad-json" }),
            },
            Err(line) => Err(BadRow { place: RowPlace { line, row }, what: "cut-off" }),
        };
        if !take(&mut list, row) {
            break;
        }
    }
    match (list.rows.is_empty(), list.bad.is_empty(), text.trim()) {
        (true, true, "[]") => Ok(list),
        (true, true, _) => Err(Unreadable::NotAList),
        (false, _, _) if !has_visit => Err(Unreadable::NoVisitColumn),
        _ => Ok(list),
    }
}

fn is_visit(mapping: &Mapping, column: &str) -> bool {
    mapping.field(column).is_some_and(|(field, _)| field == Field::Visit)
}

fn json_row(
    place: RowPlace,
    fields: &serde_json::Map<String, Value>,
    mapping: &Mapping,
) -> Result<Row, BadRow> {
    let mut best: BTreeMap<Field, (usize, String)> = BTreeMap::new();
    for (name, value) in fields {
        let Some((field, rank)) = mapping.field(name) else { continue };
        let cell = match value {
            Value::Null => continue,
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(BadRow { place, what: "bad-value" });
            }
        };
        if cell.chars().count() > CELL_MAX {
            return Err(BadRow { place, what: "cell-too-long" });
        }
        let is_better = best.get(&field).is_none_or(|(before, _)| rank < *before);
        if !cell.is_empty() && is_better {
            best.insert(field, (rank, cell));
        }
    }
    Ok(Row { place, cells: best.into_iter().map(|(field, (_, cell))| (field, cell)).collect() })
}

/// `{"visits": [ …`: one object around the list.
fn is_wrapped(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{').map(str::trim_start);
    let after_name = inside.and_then(|it| it.strip_prefix('"')).and_then(|it| it.split_once('"'));
    let value = after_name.and_then(|(_, rest)| rest.trim_start().strip_prefix(':')).map(str::trim_start);
    value.is_some_and(|value| value.starts_with('['))
}

/// The objects that begin at a depth of braces, each with its line. Err: the last one is not closed.
fn objects(text: &str, wanted: u32) -> impl Iterator<Item = Result<(u32, &str), u32>> {
    let bytes = text.as_bytes();
    let (mut at, mut line, mut depth) = (0_usize, 1_u32, 0_u32);
    let (mut is_text, mut is_escaped) = (false, false);
    let mut began: Option<(usize, u32)> = None;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let byte = bytes[at];
            at += 1;
            line = line.saturating_add(u32::from(byte == b'\n'));
            if is_text {
                is_text = is_escaped || byte != b'"';
                is_escaped = !is_escaped && byte == b'\\';
                continue;
            }
            match byte {
                b'"' => is_text = true,
                b'{' => {
                    depth = depth.saturating_add(1);
                    if depth == wanted {
                        began = Some((at - 1, line));
                    }
                }
                b'}' => {
                    let is_end = depth == wanted;
                    depth = depth.saturating_sub(1);
                    if let Some((from, began_on)) = began.take_if(|_| is_end) {
                        return Some(Ok((began_on, &text[from..at])));
                    }
                }
                _ => {}
            }
        }
        began.take().map(|(_, line)| Err(line))
    })
}
