use ratatui::style::Color;

use super::*;

const DEPTHS: [TermProfile; 4] =
    [TermProfile::NoColor, TermProfile::Ansi16, TermProfile::Ansi256, TermProfile::TrueColor];
/// WCAG 1.4.3.
const CONTRAST_MIN: f64 = 4.5;

fn with(name: &str, source: &str) -> Library {
    let mut library = Library::default();
    library.sources.insert(name.to_owned(), source.to_owned());
    library
}

#[test]
fn every_file_of_the_folder_is_built_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
    let mut on_disk: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    on_disk.sort();
    assert_eq!(Library::default().names().collect::<Vec<_>>(), on_disk);
}

#[test]
fn every_theme_gives_every_role_a_style_at_every_depth() {
    let library = Library::default();
    for name in library.names() {
        for depth in DEPTHS {
            let theme = library.load(name, depth).unwrap();
            for role in Role::ALL {
                theme.style(role);
            }
        }
    }
}

#[test]
fn text_can_be_read_on_its_ground() {
    let library = Library::default();
    for name in library.names() {
        let least = if name == "kontrast" { 7.0 } else { CONTRAST_MIN };
        for depth in DEPTHS {
            let least = if depth < TermProfile::Ansi256 { CONTRAST_MIN } else { least };
            let theme = library.load(name, depth).unwrap();
            for role in Role::ALL {
                let style = theme.style(role);
                match (style.fg.and_then(rgb), style.bg.and_then(rgb)) {
                    (None, None) => {}
                    (Some(fg), Some(bg)) => {
                        let ratio = contrast(fg, bg);
                        assert!(ratio >= least, "{name} {depth:?} {role:?}: {ratio:.1}");
                    }
                    _ => panic!("{name} {depth:?} {role:?}: one colour without the other"),
                }
            }
        }
    }
}

#[test]
fn severities_differ_without_colour_too() {
    let theme = Library::default().load("nat", TermProfile::NoColor).unwrap();
    assert_ne!(theme.style(Role::Alarm), theme.style(Role::Warning));
    assert_ne!(theme.style(Role::Warning), theme.style(Role::Info));
    assert_ne!(theme.style(Role::Selection), theme.style(Role::Base));
    for role in Role::ALL {
        assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None));
    }
}

#[test]
fn an_unknown_role_is_refused_with_its_line() {
    let error = with("mit", "inherits = \"nat\"\n\n[roles]\nbase = {}\nalrm = {}\n")
        .load("mit", TermProfile::TrueColor)
        .unwrap_err();
    let ThemeError::File { line, problem, .. } = &error else { panic!("{error}") };
    assert_eq!(*line, 5, "{error}");
    assert!(problem.contains("alrm") && problem.contains("alarm"), "{problem}");
}

#[test]
fn a_theme_may_change_one_role_of_another() {
    let library =
        with("mit", "inherits = \"nat\"\n[roles]\nalarm = { fg = \"#ffffff\", bg = \"#000080\" }\n");
    let theme = library.load("mit", TermProfile::TrueColor).unwrap();
    assert_eq!(theme.style(Role::Alarm).bg, Some(Color::Rgb(0, 0, 0x80)));
    let night = library.load("nat", TermProfile::TrueColor).unwrap();
    assert_eq!(theme.style(Role::Warning), night.style(Role::Warning));
}

#[test]
fn circles_unknown_names_and_holes_are_refused() {
    let circle = with("mit", "inherits = \"mit\"\n").load("mit", TermProfile::TrueColor);
    assert_eq!(circle, Err(ThemeError::Circle { name: "mit".into() }));
    assert!(matches!(
        Library::default().load("morgen", TermProfile::TrueColor),
        Err(ThemeError::Unknown { .. })
    ));
    let hole = with("mit", "[roles]\nbase = {}\n").load("mit", TermProfile::TrueColor);
    assert_eq!(hole, Err(ThemeError::Missing { name: "mit".into(), role: Role::Muted }));
}

#[test]
fn a_folder_of_ones_own_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mit.toml"), "inherits = \"dag\"\n").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "nothing").unwrap();
    let mut library = Library::default();
    library.add_folder(folder.path()).unwrap();
    library.add_folder(&folder.path().join("none")).unwrap();
    assert!(library.load("mit", TermProfile::TrueColor).is_ok());
    assert!(library.names().all(|name| name != "notes"));
}

/// Usual xterm values of the sixteen colours.
fn rgb(color: Color) -> Option<[u8; 3]> {
    Some(match color {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index) => {
            let rgb = termprofile::ansi256_to_rgb(index.into());
            [rgb.0, rgb.1, rgb.2]
        }
        Color::Black => [0, 0, 0],
        Color::Red => [205, 0, 0],
        Color::Yellow => [205, 205, 0],
        Color::Cyan => [0, 205, 205],
        Color::Gray => [229, 229, 229],
        Color::White => [255, 255, 255],
        other => panic!("{other:?} is not used by the themes"),
    })
}

/// WCAG relative luminance and contrast ratio.
fn contrast(first: [u8; 3], second: [u8; 3]) -> f64 {
    let luminance = |color: [u8; 3]| {
        let linear = color.map(|channel| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.03928 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let (first, second) = (luminance(first), luminance(second));
    (first.max(second) + 0.05) / (first.min(second) + 0.05)
}
