//! Starts watching the folders of the settings.

use chrono::TimeDelta;

use super::link::Inbox;
use super::settings::Settings;
use super::{Citizens, FILE_MAX, Lists, Mapping};
use crate::domain::identity::AgreementId;
use crate::sources::drop_folder::{self, DropFolder, Timing};
use crate::sources::host::{Announced, Host};

/// Begins to watch every folder. `citizens`: who knows those of an agreement.
///
/// # Errors
/// A mapping cannot be read.
pub fn start<H, C>(
    folders: &[Settings],
    citizens: impl Fn(&AgreementId) -> C,
    host: &H,
) -> Result<(), H::Error>
where
    H: Host<Inbox: Inbox + drop_folder::Inbox>,
    C: Citizens + 'static,
{
    for folder in folders {
        let mapping: Mapping = match &folder.mapping {
            Some(file) => host.toml(file)?,
            None => Mapping::default(),
        };
        let inbox = host.announce(Announced {
            name: folder.name(),
            kind: "visits",
            within: folder.expected_within_hours.map(|hours| TimeDelta::hours(hours.into())),
            agreements: vec![folder.agreement.clone()],
            units_of: None,
            is_plan_only: !folder.starts,
        });
        let citizens = citizens(&folder.agreement);
        let lists = Lists::new(folder, mapping, host.masking(), inbox.clone(), citizens, host.now());
        let watched = DropFolder {
            source: folder.name(),
            folder: folder.folder.clone(),
            file_max: FILE_MAX,
            inbox,
            timing: Timing { rest: folder.rest(), ..Timing::default() },
            now: host.now(),
        };
        tokio::spawn(watched.run(lists, host.stop()));
    }
    Ok(())
}
