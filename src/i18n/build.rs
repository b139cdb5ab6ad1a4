//! Reads every `da/*.ftl` (and its twin in `en/`) when the program is built and writes
//! one constant for each message, so that an unknown key does not compile.
//!
//! A message missing in English, or with other arguments, is not stopped here: a test
//! does that, so that one may build while translating.

#![expect(clippy::disallowed_methods, reason = "cargo tells a build script by the environment alone")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

/// Message name to the names of its arguments.
type Messages = BTreeMap<String, BTreeSet<String>>;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("src/i18n");
    println!("cargo:rerun-if-changed=src/i18n/da");
    println!("cargo:rerun-if-changed=src/i18n/en");
    println!("cargo:rerun-if-changed=src/i18n/build.rs");

    let danish = read_language(&root.join("da"));
    let english = read_language(&root.join("en"));

    let mut out = String::new();
    write_keys(&mut out, &danish.messages);
    for (name, language) in [("DA", &danish), ("EN", &english)] {
        write_files(&mut out, name, &language.files);
        write_messages(&mut out, name, &language.messages);
    }
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("texts.rs");
    fs::write(target, out).expect("the build folder is writable");
}

struct Language {
    files: Vec<PathBuf>,
    messages: Messages,
}

fn read_language(folder: &Path) -> Language {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ftl"))
        .collect();
    files.sort();
    let mut messages = Messages::new();
    for file in &files {
        read_file(file, &mut messages);
    }
    Language { files, messages }
}

fn read_file(file: &Path, messages: &mut Messages) {
    let source = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let resource = parser::parse(source.as_str()).unwrap_or_else(|(_, errors)| {
        let error = &errors[0];
        let line = source[..error.pos.start].matches('\n').count() + 1;
        panic!("{}:{line}: {}", file.display(), error.kind)
    });
    for entry in resource.body {
        let Entry::Message(message) = entry else { continue };
        let mut arguments = BTreeSet::new();
        if let Some(pattern) = &message.value {
            collect(pattern, &mut arguments);
        }
        let name = message.id.name.to_owned();
        if messages.insert(name.clone(), arguments).is_some() {
            panic!("{}: {name} is there twice", file.display());
        }
    }
}

fn collect(pattern: &Pattern<&str>, arguments: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            collect_expression(expression, arguments);
        }
    }
}

fn collect_expression(expression: &Expression<&str>, arguments: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => collect_inline(inline, arguments),
        Expression::Select { selector, variants } => {
            collect_inline(selector, arguments);
            for variant in variants {
                collect(&variant.value, arguments);
            }
        }
    }
}

fn collect_inline(inline: &InlineExpression<&str>, arguments: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            arguments.insert(id.name.to_owned());
        }
        InlineExpression::FunctionReference { arguments: given, .. } => collect_call(given, arguments),
        InlineExpression::TermReference { arguments: Some(given), .. } => collect_call(given, arguments),
        InlineExpression::Placeable { expression } => collect_expression(expression, arguments),
        _ => {}
    }
}

fn collect_call(given: &CallArguments<&str>, arguments: &mut BTreeSet<String>) {
    for inline in &given.positional {
        collect_inline(inline, arguments);
    }
    for named in &given.named {
        collect_inline(&named.value, arguments);
    }
}

fn write_keys(out: &mut String, messages: &Messages) {
    out.push_str(
        "/// One constant for each message of the Danish files.\npub mod key {\n    use super::Key;\n",
    );
    for (name, arguments) in messages {
        let constant = name.to_uppercase().replace('-', "_");
        let list: Vec<&String> = arguments.iter().collect();
        writeln!(out, "    /// `{name}`").expect("writing to a string");
        writeln!(out, "    pub const {constant}: Key = Key {{ id: {name:?}, args: &{list:?} }};")
            .expect("writing to a string");
    }
    out.push_str("}\n");
}

fn write_files(out: &mut String, language: &str, files: &[PathBuf]) {
    writeln!(out, "const {language}_FILES: &[&str] = &[").expect("writing to a string");
    for file in files {
        // By the compiler's own folder, not this run's: a target folder may be lent to another checkout.
        let folder = file.parent().and_then(|it| it.file_name()).unwrap_or_default().display().to_string();
        let name = file.file_name().unwrap_or_default().display().to_string();
        let path = format!("/src/i18n/{folder}/{name}");
        writeln!(out, "    include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?})),")
            .expect("writing to a string");
    }
    out.push_str("];\n");
}

fn write_messages(out: &mut String, language: &str, messages: &Messages) {
    writeln!(out, "#[cfg(test)]\nconst {language}_MESSAGES: &[(&str, &[&str])] = &[")
        .expect("writing to a string");
    for (name, arguments) in messages {
        let list: Vec<&String> = arguments.iter().collect();
        writeln!(out, "    ({name:?}, &{list:?}),").expect("writing to a string");
    }
    out.push_str("];\n");
}
