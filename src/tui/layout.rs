//! How the screen is divided. Pure arithmetic, shared by `update` (scrolling) and `view`.

use ratatui::layout::Rect;

use super::action::Place;
use super::model::{Model, Size};

/// From this width on, list and detail stand side by side.
pub const WIDE_FROM: u16 = 110;
/// Smaller than this, only the alarm line is drawn.
pub const WIDTH_MIN: u16 = 60;
pub const HEIGHT_MIN: u16 = 20;

/// From this height on, the answering figures have a line of their own.
const HEADER_FULL_FROM: u16 = 24;

/// The regions of the screen, top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub places: Rect,
    /// The list, or whatever the place shows.
    pub main: Rect,
    /// The pane beside it, on wide terminals.
    pub side: Option<Rect>,
    pub notice: Rect,
    pub hints: Rect,
}

pub fn is_too_small(size: Size) -> bool {
    size.width < WIDTH_MIN || size.height < HEIGHT_MIN
}

/// Lists of entries have a detail pane beside them; the shift and the agreements have none.
pub fn has_list(place: Place) -> bool {
    !matches!(place, Place::Shift | Place::Agreements)
}

pub fn areas(model: &Model) -> Areas {
    let Size { width, height } = model.size;
    let header_height = if height >= HEADER_FULL_FROM { 4 } else { 3.min(height) };
    let row =
        |y: u16, h: u16| Rect { x: 0, y: y.min(height), width, height: h.min(height.saturating_sub(y)) };
    let body = row(header_height + 1, height.saturating_sub(header_height + 3));
    let is_split = width >= WIDE_FROM && has_list(model.place);
    let (main, side) = if is_split {
        let side_width = (width * 2 / 5).max(46);
        let main = Rect { width: width - side_width - 1, ..body };
        (main, Some(Rect { x: main.width + 1, width: side_width, ..body }))
    } else {
        (body, None)
    };
    Areas {
        header: row(0, header_height),
        places: row(header_height, 1),
        main,
        side,
        notice: row(height.saturating_sub(2), 1),
        hints: row(height.saturating_sub(1), 1),
    }
}

/// Lines above the rows of a list: column heads, and what stands before them.
pub fn lines_above_rows(model: &Model) -> u16 {
    1 + u16::from(model.is_stale())
        + u16::from(model.log_trouble().is_some())
        + u16::from(shows_cost(model))
        + u16::from(shows_filter(model))
}

/// What the next redirect would cost is said while something rings.
pub fn shows_cost(model: &Model) -> bool {
    matches!(model.place, Place::Overview | Place::Alarms) && model.costly().is_some()
}

pub fn shows_filter(model: &Model) -> bool {
    !model.filter.is_empty() || matches!(model.overlays.last(), Some(super::model::Overlay::Filter { .. }))
}

/// A text stands below the rows, with at least half of the room.
pub fn has_text_below(place: Place) -> bool {
    place == Place::Sources
}

/// Rows of entries that fit.
pub fn list_rows(model: &Model) -> u16 {
    let room = areas(model).main.height.saturating_sub(lines_above_rows(model));
    if has_text_below(model.place) { room / 2 } else { room }
}
