//! Starting the desk: settings, theme and colours, then the screen until its person leaves.

use anyhow::Result;
use termprofile::TermProfile;
use tokio_util::sync::CancellationToken;

use crate::cli::LookArgs;
use crate::client::Client;
use crate::clock::Clock;
use crate::config;
use crate::domain::identity::Key;
use crate::i18n::Texts;
use crate::ids::Ids;
use crate::theme::{self, Library};
use crate::tui::keymap::Keymap;
use crate::tui::look::Look;
use crate::tui::{self, terminal};

/// The desk, until its person leaves or `stop`.
pub async fn run(client: Client, look: &LookArgs, texts: &Texts, stop: &CancellationToken) -> Result<()> {
    let settings = config::desk_settings()?;
    let mut library = Library::default();
    if let Some(folder) = config::theme_folder() {
        library.add_folder(&folder)?;
    }
    let depth = if config::no_color() { TermProfile::NoColor } else { terminal::depth() };
    let name = look.theme.clone().or(settings.theme).unwrap_or_else(|| theme::DEFAULT.to_owned());
    let theme = library.load(&name, depth)?;
    let clock = Clock::system();
    let session = Key::of_bytes("desk-", Ids::system().uuid(clock.now()).as_bytes()).to_string();
    let settings = tui::run::Settings {
        look: Look { texts: texts.clone(), theme },
        keymap: Keymap::default(),
        read_only: look.read_only,
        session,
    };
    tokio::select! {
        ended = tui::run::run(client, clock, settings) => Ok(ended?),
        () = stop.cancelled() => Ok(()),
    }
}
