//! The agreement files: what is built in, and how a mistake is named.

use vagttavle::domain::agreement;

#[test]
fn built_in_files_are_read() {
    let ids: Vec<String> = agreement::built_in().iter().map(|it| it.id.to_string()).collect();
    assert_eq!(ids, ["albertslund", "jammerbugt", "norddjurs"]);
}
