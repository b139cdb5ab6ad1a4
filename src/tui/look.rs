//! What `view` needs besides the model: sentences, styles and keys. Handed in, never global.

use crate::i18n::Texts;
use crate::theme::Theme;

use super::keymap::Keymap;

#[derive(Debug, Clone)]
pub struct Look {
    pub texts: Texts,
    pub theme: Theme,
    pub keymap: Keymap,
}
