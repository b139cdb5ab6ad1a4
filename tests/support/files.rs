//! What lies in files: for tests that look for what must never be there.

use std::path::Path;

/// Every file below a folder that holds these bytes.
pub fn holding(folder: &Path, what: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, what));
        } else if std::fs::read(&path).is_ok_and(|it| it.windows(what.len()).any(|window| window == what)) {
            found.push(path.display().to_string());
        }
    }
    found
}
