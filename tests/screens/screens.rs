//! Screens as text. Names say board, state, size and language.

use crate::desk::Desk;
use crate::night;

#[test]
fn look() {
    for keys in ["1", "2", "3", "4", "6", "7", "8", "9"] {
        let mut desk = Desk::with(night::busy());
        desk.press(keys);
        println!("{}--------", desk.screen());
    }
}
