//! Templates: from a notice's kind and its values to its subject and text. Pure: the caller reads the files.
//!
//! A template is `<language>/<notice>.txt`, its first line `Subject: …`, then an empty line, then the text; a
//! paragraph is one line, the lines are wrapped when the notice is rendered. Beside it there may be a
//! `<language>/<notice>.html`. A Dutch notice to the complainant has a second file, `nl/<notice>.je.txt`, for
//! procedures that say "je". What a template may use stands in [`PLACEHOLDERS`]; besides the filters of minijinja there
//! are `told`, which ends what a person typed with a full stop or makes several lines a paragraph, `listed`, which
//! makes them a list, and `capital`, which gives a phrase at the start of a sentence its capital.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Template, UndefinedBehavior, Value};

pub use super::samples::{DigestItem, PLACEHOLDERS, Urgency, Values, blank, digest_item, sample, term_line};
use super::wording::{WIDTH, capital, listed, one_line, tidy};
pub use super::wording::{date_in_words, salutation, told, wrap};
use crate::domain::mail::Language;
use crate::domain::notice::{NoticeKind, Wording};

/// Steps of the template engine for one template; the longest of ours takes under 1,000.
const FUEL: u64 = 50_000;

/// The platform for online dispute resolution was closed on 20 July 2025 (Regulation (EU) 2024/3228): a link to it is
/// misleading.
const CLOSED_PLATFORM: [&str; 2] = ["ec.europa.eu/odr", "ec.europa.eu/consumers/odr"];

macro_rules! built_in {
    (complainant: $($name:literal),*; staff: $($own:literal),*;) => {
        &[
            $(
                built_in!("nl/", $name, ".txt"),
                built_in!("nl/", $name, ".je.txt"),
                built_in!("en/", $name, ".txt"),
            )*
            $(built_in!("nl/", $own, ".txt"), built_in!("en/", $own, ".txt"),)*
        ]
    };
    ($language:literal, $name:literal, $extension:literal) => {
        (
            concat!($language, $name, $extension),
            include_str!(concat!("../../templates/", $language, $name, $extension)),
        )
    };
}

/// The templates that are compiled in: file and source.
const BUILT_IN: &[(&str, &str)] = built_in![
    complainant:
        "acknowledgement",
        "please_write",
        "record_for_agreement",
        "info_request",
        "handler_changed",
        "progress",
        "referral",
        "outcome",
        "review_received",
        "interview_invitation",
        "review_outcome",
        "closing";
    staff:
        "staff_new",
        "staff_letter",
        "staff_assign",
        "staff_due",
        "staff_overdue",
        "staff_bounce",
        "staff_review",
        "staff_digest",
        "staff_order_done",
        "staff_order_refused",
        "staff_confirm",
        "staff_alarm";
];

/// A fault in a template file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateFault {
    /// The file below the directory of templates, for example `nl/progress.txt`.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Templates that can't be used, with every fault that was found: a set of templates is taken as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct TemplateError {
    /// At least one.
    pub faults: Vec<TemplateFault>,
}

/// A notice in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject: one line, without control characters.
    pub subject: String,
    /// The text, wrapped at 72 characters, with a newline at its end.
    pub text: String,
    /// The HTML alternative, when the operator has a template for it.
    pub html: Option<String>,
}

/// A complete, checked set of templates: every notice in every language.
#[derive(Debug, Clone)]
pub struct Templates {
    engine: Environment<'static>,
    /// File name to source, as it was given.
    sources: BTreeMap<String, String>,
    /// By name of a template the placeholders that it uses.
    used: BTreeMap<String, BTreeSet<String>>,
}

impl Templates {
    /// The templates that are compiled in.
    ///
    /// # Errors
    /// Only when they themselves have a fault.
    pub fn built_in() -> Result<Self, TemplateError> {
        Self::with_overrides(&BTreeMap::new())
    }

    /// The built-in templates with some of the files (`nl/progress.txt` to its content) replaced.
    ///
    /// # Errors
    /// All faults in `files`, those of [`Templates::check`] too.
    pub fn with_overrides(files: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let mut faults = Vec::new();
        let mut sources = built_in_sources();
        for (file, source) in files {
            if is_template_file(file) {
                let source = source.trim_start_matches('\u{feff}').replace("\r\n", "\n");
                sources.insert(file.clone(), source);
            } else {
                faults.push(fault(
                    file,
                    1,
                    "no such template: expected nl/ or en/, then a notice and .txt or .html \
                     (.je.txt in nl/ for a notice to the complainant)",
                ));
            }
        }
        let mut engine = engine()?;
        for (file, source) in &sources {
            if let Err(found) = add(&mut engine, file, source) {
                faults.push(found);
            }
        }
        let used = engine
            .templates()
            .map(|(name, template)| (name.to_owned(), placeholders_of(&engine, &template)))
            .collect();
        let templates = Self { engine, sources, used };
        let broken: BTreeSet<String> = faults.iter().map(|fault| fault.file.clone()).collect();
        faults.extend(templates.check().into_iter().filter(|fault| !broken.contains(&fault.file)));
        faults.sort();
        faults.dedup();
        if faults.is_empty() { Ok(templates) } else { Err(TemplateError { faults }) }
    }

    /// Writes a notice. Where no template has the `wording` (English, mail to staff), the formal one is used.
    ///
    /// # Errors
    /// A placeholder that the template uses is not in `values`, or the template does not end.
    pub fn render(
        &self,
        kind: NoticeKind,
        language: Language,
        wording: Wording,
        values: &Values,
    ) -> Result<Rendered, TemplateError> {
        let values = &Value::from_object(values.clone());
        let text = file_name(kind, language, wording, "txt");
        let html = file_name(kind, language, wording, "html");
        let html = if self.sources.contains_key(&html) { Some(self.run(&html, values)?) } else { None };
        Ok(Rendered {
            subject: one_line(&self.run(&subject_of(&text), values)?),
            text: wrap(&tidy(&self.run(&text, values)?), WIDTH),
            html,
        })
    }

    /// The placeholders that a notice states for every reader: those of its subject and its text.
    pub fn stated(&self, kind: NoticeKind, language: Language, wording: Wording) -> BTreeSet<String> {
        let text = file_name(kind, language, wording, "txt");
        self.used_in(&[subject_of(&text), text])
    }

    /// The placeholders that the templates of a notice use, in the subject, the text and the HTML.
    fn placeholders(&self, kind: NoticeKind, language: Language, wording: Wording) -> BTreeSet<String> {
        let text = file_name(kind, language, wording, "txt");
        self.used_in(&[subject_of(&text), text, file_name(kind, language, wording, "html")])
    }

    fn used_in(&self, files: &[String]) -> BTreeSet<String> {
        files.iter().filter_map(|name| self.used.get(name)).flatten().cloned().collect()
    }

    /// Renders every template in every language and wording with sample data, on every branch, and with nothing known,
    /// and looks for what a rendering does not show: unknown placeholders and links to the closed ODR platform. A set
    /// that could be made has no faults.
    pub fn check(&self) -> Vec<TemplateFault> {
        let mut faults = Vec::new();
        for (file, source) in &self.sources {
            faults.extend(forbidden_words(file, source));
        }
        for (kind, language, wording) in every_template() {
            let unknown = self.unknown_placeholders(kind, language, wording);
            if unknown.is_empty() {
                faults.extend(self.failed_renderings(kind, language, wording));
            }
            faults.extend(unknown);
        }
        faults.sort();
        faults.dedup();
        faults
    }

    /// Placeholders that nothing fills, each at the first line that names it; in a branch that the samples do not
    /// take they would not show.
    fn unknown_placeholders(
        &self,
        kind: NoticeKind,
        language: Language,
        wording: Wording,
    ) -> Vec<TemplateFault> {
        let known: BTreeSet<&str> = PLACEHOLDERS.iter().map(|(name, _)| *name).collect();
        let unknown = self.placeholders(kind, language, wording);
        let unknown = unknown.iter().filter(|name| !known.contains(name.as_str()));
        unknown
            .flat_map(|name| {
                ["txt", "html"].into_iter().filter_map(move |extension| {
                    let file = file_name(kind, language, wording, extension);
                    let line = line_with_word(self.sources.get(&file)?, name)?;
                    Some(fault(&file, line, &format!("unknown placeholder \"{name}\"")))
                })
            })
            .collect()
    }

    fn failed_renderings(
        &self,
        kind: NoticeKind,
        language: Language,
        wording: Wording,
    ) -> Vec<TemplateFault> {
        let used = self.placeholders(kind, language, wording);
        let renderings = branches(kind, language, wording, &used);
        let errors =
            renderings.iter().filter_map(|values| self.render(kind, language, wording, values).err());
        errors.flat_map(|error| error.faults).collect()
    }

    fn run(&self, name: &str, values: &Value) -> Result<String, TemplateError> {
        self.engine
            .get_template(name)
            .and_then(|template| template.render(values.clone()))
            .map_err(|error| TemplateError { faults: vec![engine_fault(name, &error)] })
    }
}

/// The placeholder by which a notice states what a procedure's `must_state` obliges it to; most have the same name.
pub fn placeholder_of(obligation: &str) -> &str {
    match obligation {
        "reference" => "ref",
        "review_option" => "review_text",
        "external_body" => "external_text",
        same => same,
    }
}

/// What a template reads and no function of the engine gives.
fn placeholders_of(engine: &Environment, template: &Template) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
    names.retain(|name| engine.globals().all(|(function, _)| function != name));
    names
}

fn built_in_sources() -> BTreeMap<String, String> {
    BUILT_IN.iter().map(|&(file, source)| (file.to_owned(), source.to_owned())).collect()
}

fn engine() -> Result<Environment<'static>, TemplateError> {
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    let syntax = syntax.map_err(|error| TemplateError { faults: vec![engine_fault("", &error)] })?;
    let mut engine = Environment::new();
    engine.set_syntax(syntax);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine.set_auto_reload(false);
    engine.add_filter("told", |typed: String| told(&typed));
    engine.add_filter("listed", |typed: String| listed(&typed));
    engine.add_filter("capital", |phrase: String| capital(&phrase));
    Ok(engine)
}

/// Adds a template; a text becomes two: its subject, and its body with an empty first line, so that lines keep their
/// numbers.
fn add(engine: &mut Environment<'static>, file: &str, source: &str) -> Result<(), TemplateFault> {
    let mut add = |name: String, source: &str| {
        engine.add_template_owned(name, source.to_owned()).map_err(|error| engine_fault(file, &error))
    };
    if Path::new(file).extension().is_none_or(|extension| extension != "txt") {
        return add(file.to_owned(), source);
    }
    let Some(subject) = source.strip_prefix("Subject:") else {
        return Err(fault(file, 1, "expected \"Subject: \" and the subject on the first line"));
    };
    let (subject, body) = subject.split_once('\n').unwrap_or((subject, ""));
    if subject.trim().is_empty() {
        return Err(fault(file, 1, "the subject is empty"));
    }
    if !body.lines().next().unwrap_or_default().trim().is_empty() {
        return Err(fault(file, 2, "expected an empty line between the subject and the text"));
    }
    add(subject_of(file), subject)?;
    add(file.to_owned(), &format!("\n{body}"))
}

/// Words on which the built-in templates branch; the sample has the others.
const BRANCHES: &[(&str, &str)] = &[
    ("judgement", "partly_founded"),
    ("judgement", "unfounded"),
    ("version", "2"),
    ("reminder", "true"),
    ("agreed", "donderdag 19 november 2026"),
    ("reopened", "maandag 7 december 2026"),
    ("late", "true"),
    ("mediator_kind", "court"),
    ("close_kind", "withdrawn"),
    ("close_kind", "not_a_complaint"),
    ("close_kind", "duplicate"),
    ("hint", "after_outcome"),
    ("hint", "objection_late"),
    ("hint", "reply"),
    ("hint", "agreeing"),
    ("hint", "not_agreed"),
    ("hint", "stranger"),
    ("hint", "outsider"),
    ("hint", "closed"),
    ("alarm", "smtp"),
    ("alarm", "failed"),
    ("alarm", "unknown"),
    ("alarm", "held"),
    ("alarm", "disk"),
    ("alarm", "set_aside"),
    ("alarm", "reload"),
    ("alarm", "damaged"),
    ("alarm", "outbox"),
    ("alarm", "term"),
    ("alarm", "disk_low"),
    ("alarm", "clock"),
    ("alarm", "certificate"),
    ("alarm", "calendar"),
    ("over", "true"),
    ("extend_today", "true"),
    ("sealed", "true"),
    ("awaited", "true"),
    ("order", ""),
];

/// The sets of values with which a template must render: the sample, the sample on every branch that it can take, and
/// nothing known at all.
fn branches(kind: NoticeKind, language: Language, wording: Wording, used: &BTreeSet<String>) -> Vec<Values> {
    let sample = sample(kind, language, wording);
    let branches = BRANCHES.iter().filter(|(name, _)| used.contains(*name)).map(|(name, word)| {
        let mut values = sample.clone();
        values.insert((*name).to_owned(), (*word).into());
        values
    });
    branches.chain([sample.clone(), blank()]).collect()
}

fn forbidden_words(file: &str, source: &str) -> Vec<TemplateFault> {
    let mut faults = Vec::new();
    for (line, text) in (1..).zip(source.lines()) {
        let text = text.to_ascii_lowercase();
        if CLOSED_PLATFORM.iter().any(|link| text.contains(link)) {
            faults.push(fault(
                file,
                line,
                "links to the European ODR platform, which was closed in July 2025",
            ));
        }
        if text.split(' ').collect::<String>().contains("|safe") {
            faults.push(fault(file, line, "the filter \"safe\" would let a complainant's text in as HTML"));
        }
    }
    faults
}

/// Every notice in every language and every wording that it has there.
fn every_template() -> impl Iterator<Item = (NoticeKind, Language, Wording)> {
    NoticeKind::ALL.into_iter().flat_map(|kind| {
        Language::ALL.into_iter().flat_map(move |language| {
            Wording::ALL
                .into_iter()
                .filter(move |wording| *wording == used(kind, language, *wording))
                .map(move |wording| (kind, language, wording))
        })
    })
}

/// The wording in which a notice is written when `wording` is asked: only Dutch to the complainant has two.
fn used(kind: NoticeKind, language: Language, wording: Wording) -> Wording {
    if language == Language::Nl && !kind.to_staff() { wording } else { Wording::Formal }
}

fn is_template_file(file: &str) -> bool {
    every_template().any(|(kind, language, wording)| {
        ["txt", "html"].iter().any(|extension| file == file_name(kind, language, wording, extension))
    })
}

fn file_name(kind: NoticeKind, language: Language, wording: Wording, extension: &str) -> String {
    let variant = match used(kind, language, wording) {
        Wording::Formal => "",
        Wording::Informal => ".je",
    };
    format!("{}/{kind}{variant}.{extension}", language.code())
}

/// The engine's name of a text's subject. It has no file name extension that the engine knows: nothing is escaped.
fn subject_of(file: &str) -> String {
    format!("{file} subject")
}

fn line_with_word(source: &str, word: &str) -> Option<usize> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let line = source.lines().position(|line| line.split(|c| !is_name(c)).any(|part| part == word))?;
    Some(line + 1)
}

fn fault(file: &str, line: usize, message: &str) -> TemplateFault {
    TemplateFault { file: file.to_owned(), line, message: message.to_owned() }
}

fn engine_fault(name: &str, error: &minijinja::Error) -> TemplateFault {
    let file = name.strip_suffix(" subject").unwrap_or(name);
    let message = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    fault(file, error.line().unwrap_or(1), &message)
}
