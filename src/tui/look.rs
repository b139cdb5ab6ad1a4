//! What `view` needs besides the model: sentences and styles. Handed in, never global.

use crate::i18n::Texts;
use crate::theme::Theme;

#[derive(Debug, Clone)]
pub struct Look {
    pub texts: Texts,
    pub theme: Theme,
}
