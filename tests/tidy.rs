//! Style as a test: which folder may name what, how long a function may be, where the clock and the store are named.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::LineColumn;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Longest function, in lines from its first to its last.
const LONGEST_FUNCTION: usize = 70;

/// Longest file, in lines without its tests.
const LONGEST_FILE: usize = 600;

/// What the files of a layer must not name, with the reason. The first prefix that fits a file counts.
const WALLS: &[(&str, &[&str], &str)] = &[
    (
        "src/domain/",
        &[
            "crate::intake",
            "crate::outbox",
            "crate::store",
            "tokio",
            "sled",
            "tracing",
            "lettre",
            "async_imap",
            "mail_parser",
            "minijinja",
            "axum",
            "rustix",
        ],
        "the domain names nothing outside itself",
    ),
    (
        "src/intake/",
        &["crate::outbox", "crate::store", "sled", "lettre"],
        "the intake knows neither store nor outbox",
    ),
    (
        "src/outbox/",
        &["crate::intake", "crate::store", "sled", "async_imap", "mail_parser"],
        "the outbox knows neither store nor intake",
    ),
    (
        "src/store/",
        &["crate::intake", "crate::outbox", "lettre", "async_imap", "mail_parser"],
        "the store knows neither intake nor outbox",
    ),
    ("src/", &["sled"], "only the store names sled"),
];

/// Modules above the four folders: none of these may be named by them.
const ABOVE: &[&str] = &[
    "crate::engine",
    "crate::batch",
    "crate::rules",
    "crate::register",
    "crate::daemon",
    "crate::mailroom",
    "crate::desk",
    "crate::postroom",
    "crate::cli",
    "crate::control",
    "crate::config",
    "crate::setup",
    "crate::clock",
    "crate::telemetry",
    "crate::answers",
    "crate::health",
    "crate::alarms",
];

/// Files that are pure: besides the walls they name no file, socket, task or log. (The clock is banned by clippy.toml.)
const PURE: &[&str] = &[
    "src/domain/",
    "src/health/signs.rs",
    "src/intake/armour.rs",
    "src/intake/authentication.rs",
    "src/intake/body.rs",
    "src/intake/bounce.rs",
    "src/intake/charset.rs",
    "src/intake/classify.rs",
    "src/intake/classify/",
    "src/intake/cms.rs",
    "src/intake/content.rs",
    "src/intake/encoded.rs",
    "src/intake/fields.rs",
    "src/intake/forward.rs",
    "src/intake/headers.rs",
    "src/intake/html.rs",
    "src/intake/language.rs",
    "src/intake/parts.rs",
    "src/intake/phrases.rs",
    "src/intake/phrases/",
    "src/intake/quote.rs",
    "src/intake/quote/",
    "src/intake/read.rs",
    "src/intake/rtf.rs",
    "src/intake/sender.rs",
    "src/intake/thread.rs",
    "src/intake/tnef.rs",
    "src/outbox/compose.rs",
    "src/outbox/digest.rs",
    "src/outbox/letterhead.rs",
    "src/outbox/phrases.rs",
    "src/outbox/replies.rs",
    "src/outbox/replies/",
    "src/outbox/retry.rs",
    "src/outbox/samples.rs",
    "src/outbox/templates.rs",
    "src/outbox/values.rs",
    "src/outbox/values/",
    "src/outbox/wording.rs",
];

const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "tokio",
    "tracing",
    "rustix",
    "getrandom",
];

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("src is there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found.sort();
    assert!(found.len() > 40, "only {} source files were found", found.len());
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("inside").to_string_lossy().into_owned()
}

/// The names that a file uses in paths, without what stands in its tests.
#[derive(Default)]
struct Names {
    used: Vec<(String, LineColumn)>,
    functions: Vec<(String, usize, usize)>,
    commits: Vec<LineColumn>,
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| {
        a.path().is_ident("test")
            || (a.path().is_ident("cfg")
                && a.meta.require_list().is_ok_and(|l| l.tokens.to_string() == "test"))
    })
}

impl<'a> Visit<'a> for Names {
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let mut idents = path.segments.iter().map(|s| s.ident.to_string());
        if let Some(first) = idents.next() {
            self.name(&first, idents.next().as_deref(), path.span().start());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        if let syn::UseTree::Path(first) = &item.tree {
            let seconds = match &*first.tree {
                syn::UseTree::Group(group) => group.items.iter().collect(),
                single => vec![single],
            };
            for second in seconds {
                let second = match second {
                    syn::UseTree::Path(p) => Some(p.ident.to_string()),
                    syn::UseTree::Name(n) => Some(n.ident.to_string()),
                    _ => None,
                };
                self.name(&first.ident.to_string(), second.as_deref(), item.span().start());
            }
        }
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        // `self.commit` is the engine's own way to its one call of the store.
        let own = matches!(&*call.receiver, syn::Expr::Path(path) if path.path.is_ident("self"));
        if call.method == "commit" && !own {
            self.commits.push(call.span().start());
        }
        visit::visit_expr_method_call(self, call);
    }
}

impl Names {
    /// Both as the crate and as the module in it: `std` and `std::fs`.
    fn name(&mut self, first: &str, second: Option<&str>, at: LineColumn) {
        self.used.push((first.to_owned(), at));
        self.used.extend(second.map(|second| (format!("{first}::{second}"), at)));
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.functions.push((signature.ident.to_string(), first, last - first + 1));
    }

    fn of(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("a source file can be read");
        let file = syn::parse_file(&text).expect("a source file is Rust");
        let mut names = Self::default();
        names.visit_file(&file);
        names
    }
}

#[test]
fn each_layer_names_only_what_it_may() {
    let mut broken = Vec::new();
    for path in sources().into_iter().filter(|p| !p.ends_with("tests.rs")) {
        let name = relative(&path);
        let used = Names::of(&path).used;
        let mut forbid = |forbidden: &[&str], why: &str| {
            let found = used.iter().filter(|(used, _)| forbidden.contains(&used.as_str()));
            broken.extend(found.map(|(used, at)| format!("{name}:{}: {used}: {why}", at.line)));
        };
        if let Some((layer, forbidden, why)) = WALLS.iter().find(|(layer, _, _)| name.starts_with(layer)) {
            forbid(forbidden, why);
            if *layer != "src/" {
                forbid(ABOVE, "a layer does not name what stands above it");
            }
        }
        if PURE.iter().any(|pure| name.starts_with(pure)) {
            forbid(IMPURE, "this file is pure");
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn pure_files_exist() {
    for pure in PURE {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(pure).exists(),
            "{pure} is named here but is not there"
        );
    }
}

#[test]
fn only_the_engine_commits() {
    for path in sources() {
        let name = relative(&path);
        if name != "src/engine.rs" && !name.starts_with("src/store/") {
            let commits = Names::of(&path).commits;
            assert!(commits.is_empty(), "{name}:{}: only engine.rs commits", commits[0].line);
        }
    }
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine.rs");
    assert_eq!(Names::of(&engine).commits.len(), 1, "engine.rs commits in exactly one place");
}

#[test]
fn functions_and_files_stay_short() {
    let mut long = Vec::new();
    for path in sources() {
        let name = relative(&path);
        let functions = Names::of(&path).functions;
        long.extend(
            functions
                .into_iter()
                .filter(|(_, _, lines)| *lines > LONGEST_FUNCTION)
                .map(|(function, line, lines)| format!("{name}:{line}: fn {function} has {lines} lines")),
        );
        let text = fs::read_to_string(&path).expect("a source file can be read");
        let lines = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{name} has {lines} lines"));
        }
    }
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn nothing_mentions_the_workplace() {
    // Spelled in pieces, so that this file does not find itself.
    let marks = [concat!("/wo", "rk/"), concat!(".lib", "rary"), concat!("regist", "ry.npmjs")];
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source file can be read");
        for mark in marks {
            assert!(!text.contains(mark), "{} mentions {mark}", relative(&path));
        }
    }
}
