//! Putting text on the screen.
//!
//! The only place of the desk that makes ratatui text. It takes `Said` and nothing else, so
//! that no unchecked character reaches a cell, and owns widths: cutting, padding, wrapping
//! and columns. Knows no board and no model.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::i18n::Said;
use crate::theme::{Role, Theme};

/// A run of text with one meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    pub said: Said,
    pub role: Role,
}

impl Piece {
    pub fn new(said: impl Into<Said>, role: Role) -> Self {
        Self { said: said.into(), role }
    }

    pub fn plain(said: impl Into<Said>) -> Self {
        Self::new(said, Role::Base)
    }

    /// Spaces, a dash, a mark of our own.
    pub fn fixed(text: &'static str, role: Role) -> Self {
        Self::new(Said::fixed(text), role)
    }
}

/// One line of the screen.
pub type Pieces = Vec<Piece>;

/// Cells a text takes.
pub fn width(said: &Said) -> u16 {
    u16::try_from(said.as_str().width()).unwrap_or(u16::MAX)
}

pub fn pieces_width(pieces: &[Piece]) -> u16 {
    pieces.iter().map(|piece| width(&piece.said)).fold(0, u16::saturating_add)
}

/// The text in at most `room` cells; what is cut ends in `…`.
pub fn fit(said: &Said, room: u16) -> Said {
    if width(said) <= room {
        return said.clone();
    }
    if room == 0 {
        return Said::default();
    }
    let end = end_within(said.as_str(), usize::from(room) - 1);
    said.slice(0, end).join("", &Said::fixed("…"))
}

/// Byte position after the last grapheme that ends within `room` cells.
fn end_within(text: &str, room: usize) -> usize {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > room {
            return at;
        }
    }
    text.len()
}

/// Lines of at most `room` cells, broken at spaces where there are any.
pub fn wrap(said: &Said, room: u16) -> Vec<Said> {
    said.lines().flat_map(|line| wrap_line(&line, usize::from(room.max(1)))).collect()
}

fn wrap_line(line: &Said, room: usize) -> Vec<Said> {
    let text = line.as_str();
    let mut lines = Vec::new();
    let mut start = 0;
    loop {
        let rest = &text[start..];
        if rest.width() <= room {
            lines.push(line.slice(start, text.len()));
            return lines;
        }
        // At least one grapheme a line, else a very narrow screen would never end.
        let hard = end_within(rest, room).max(rest.graphemes(true).next().map_or(1, str::len));
        let end = end_of_line(rest, hard);
        lines.push(line.slice(start, start + end));
        start += end + rest[end..].len() - rest[end..].trim_start_matches(' ').len();
        if start == text.len() {
            return lines;
        }
    }
}

/// Where a text longer than `hard` bytes is broken: at the last space that does not stand in a telephone number.
fn end_of_line(text: &str, hard: usize) -> usize {
    let spaces = || {
        let (_, after) = text.split_at(hard);
        let here = after.starts_with(' ').then_some(hard);
        here.into_iter().chain(text[..hard].rmatch_indices(' ').map(|(at, _)| at)).filter(|at| *at > 0)
    };
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let is_in_number =
        |at: &usize| is_digit(text[..*at].chars().next_back()) && is_digit(text[*at + 1..].chars().next());
    spaces().find(|at| !is_in_number(at)).or_else(|| spaces().next()).unwrap_or(hard)
}

/// As `wrap`, but broken where the room ends: every cell keeps its place while one types.
pub fn wrap_hard(said: &Said, room: u16) -> Vec<Said> {
    let room = usize::from(room.max(1));
    let mut lines = Vec::new();
    for line in said.lines() {
        let text = line.as_str();
        let mut start = 0;
        loop {
            let rest = &text[start..];
            let first = rest.graphemes(true).next().map_or(0, str::len);
            let end = end_within(rest, room).max(first);
            lines.push(line.slice(start, start + end));
            start += end;
            if start >= text.len() {
                break;
            }
        }
    }
    lines
}

/// Draws one line, cut at the right edge. Returns the cells used.
pub fn line(frame: &mut Frame<'_>, area: Rect, pieces: &[Piece], theme: &Theme) -> u16 {
    styled_line(frame, area, pieces, |role| theme.style(role))
}

/// As `line`, with every piece in one role: the chosen row.
pub fn line_in(frame: &mut Frame<'_>, area: Rect, pieces: &[Piece], role: Role, theme: &Theme) -> u16 {
    frame.buffer_mut().set_style(Rect { height: area.height.min(1), ..area }, theme.style(role));
    styled_line(frame, area, pieces, |_| theme.style(role))
}

fn styled_line(frame: &mut Frame<'_>, area: Rect, pieces: &[Piece], style: impl Fn(Role) -> Style) -> u16 {
    let mut left = area.width;
    let mut spans = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if left == 0 {
            break;
        }
        let said = fit(&piece.said, left);
        left -= width(&said);
        spans.push(Span::styled(said.as_str().to_owned(), style(piece.role)));
    }
    if area.height > 0 {
        frame.render_widget(Line::from(spans), Rect { height: 1, ..area });
    }
    area.width - left
}

/// Draws lines from the top; those below the area are left out.
pub fn lines(frame: &mut Frame<'_>, area: Rect, lines: &[Pieces], theme: &Theme) {
    for (pieces, y) in lines.iter().zip(area.top()..area.bottom()) {
        line(frame, Rect { y, height: 1, ..area }, pieces, theme);
    }
}

/// Clears the area and draws a frame with a title. Returns the inside.
pub fn window(frame: &mut Frame<'_>, area: Rect, title: &Said, role: Role, theme: &Theme) -> Rect {
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.style(Role::Base));
    let title =
        fit(&Said::fixed(" ").join("", title).join("", &Said::fixed(" ")), area.width.saturating_sub(2));
    let block = Block::bordered()
        .border_style(theme.style(role))
        .style(theme.style(Role::Base))
        .title(Line::from(Span::styled(title.as_str().to_owned(), theme.style(role))));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}

/// Paints the ground of an area.
pub fn ground(frame: &mut Frame<'_>, area: Rect, role: Role, theme: &Theme) {
    frame.buffer_mut().set_style(area, theme.style(role));
}

/// Shows the cursor of a text field.
pub fn cursor(frame: &mut Frame<'_>, x: u16, y: u16) {
    frame.set_cursor_position(Position { x, y });
}

/// A column of a list: how wide it wants to be, and how readily it gives way.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub title: Said,
    pub width_min: u16,
    /// Share of what is left over; 0 keeps the minimum.
    pub grow: u16,
    /// Columns with the highest number go first when there is no room; 0 never goes.
    pub gives_way: u8,
}

impl Column {
    pub fn new(title: Said, width_min: u16, grow: u16, gives_way: u8) -> Self {
        Self { title, width_min, grow, gives_way }
    }
}

/// Widths of the columns within `room`, one space between; a column that gave way has none.
pub fn column_widths(columns: &[Column], room: u16) -> Vec<Option<u16>> {
    let mut kept: Vec<bool> = vec![true; columns.len()];
    let needed = |kept: &[bool]| {
        let wide =
            columns.iter().zip(kept).filter(|(_, kept)| **kept).map(|(column, _)| column.width_min + 1);
        wide.sum::<u16>().saturating_sub(1)
    };
    while needed(&kept) > room {
        let going = (0..columns.len())
            .filter(|index| kept[*index] && columns[*index].gives_way > 0)
            .max_by_key(|index| columns[*index].gives_way);
        let Some(going) = going else { break };
        kept[going] = false;
    }
    let spare = room.saturating_sub(needed(&kept));
    let shares: u16 =
        columns.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(column, _)| column.grow).sum();
    let mut left = spare;
    let last_growing = (0..columns.len())
        .rev()
        .find(|index| kept[*index] && columns[*index].grow > 0)
        .unwrap_or(columns.len());
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            if !kept[index] {
                return None;
            }
            let extra = match index == last_growing {
                true => left,
                false => (u32::from(spare) * u32::from(column.grow) / u32::from(shares.max(1))) as u16,
            };
            left -= extra.min(left);
            Some(column.width_min + extra)
        })
        .collect()
}

/// The cells of one row side by side.
pub fn row(cells: &[Pieces], widths: &[Option<u16>]) -> Pieces {
    let mut out: Pieces = Vec::new();
    for (cell, width) in cells.iter().zip(widths) {
        let Some(room) = width else { continue };
        if !out.is_empty() {
            out.push(Piece::fixed(" ", Role::Base));
        }
        let mut left = *room;
        for piece in cell {
            let said = fit(&piece.said, left);
            left -= self::width(&said);
            out.push(Piece { said, role: piece.role });
        }
        out.push(Piece::plain(Said::spaces(left)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said::outside(text)
    }

    #[test]
    fn texts_are_cut_by_cells_not_bytes() {
        assert_eq!(fit(&said("Ærøskøbing"), 5).as_str(), "Ærøs…");
        assert_eq!(fit(&said("kort"), 5).as_str(), "kort");
        assert_eq!(fit(&said("漢字漢字"), 5).as_str(), "漢字…");
        assert_eq!(fit(&said("漢字漢字"), 4).as_str(), "漢…");
        assert_eq!(fit(&said("x"), 0).as_str(), "");
    }

    #[test]
    fn lines_break_at_spaces() {
        let lines: Vec<String> = wrap(&said("en to tre fire"), 7).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["en to", "tre", "fire"]);
        let lines: Vec<String> = wrap(&said("abcdefgh"), 3).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["abc", "def", "gh"]);
        assert_eq!(wrap(&said("漢字"), 1).len(), 2);
    }

    #[test]
    fn a_telephone_number_is_not_broken_in_two() {
        let lines =
            |text, room| -> Vec<String> { wrap(&said(text), room).iter().map(ToString::to_string).collect() };
        assert_eq!(lines("vagt: 00 00 01 02 hver dag", 15), ["vagt:", "00 00 01 02", "hver dag"]);
        assert_eq!(lines("vagt: 00 00 01 02", 14), ["vagt:", "00 00 01 02"]);
        // Unless it has no line to itself.
        assert_eq!(lines("00 00 01 02", 6), ["00 00", "01 02"]);
    }

    #[test]
    fn columns_give_way_in_their_order() {
        let column = |width, grow, gives_way| Column::new(Said::default(), width, grow, gives_way);
        let columns = [column(5, 0, 0), column(10, 1, 0), column(8, 0, 2), column(6, 0, 1)];
        assert_eq!(column_widths(&columns, 40), [Some(5), Some(18), Some(8), Some(6)]);
        assert_eq!(column_widths(&columns, 30), [Some(5), Some(17), None, Some(6)]);
        assert_eq!(column_widths(&columns, 18), [Some(5), Some(12), None, None]);
    }
}
