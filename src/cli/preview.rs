//! `klachtd preview`: a notice with sample data.

use super::{Failure, local, print};
use crate::answers::exit;
use crate::config::Config;
use crate::domain::mail::Language;
use crate::domain::notice::{NoticeKind, Wording};
use crate::outbox::templates;

/// Which notice, in which language, of which procedure.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which notice, for example acknowledgement or progress
    #[arg(value_parser = kind)]
    notice: NoticeKind,
    /// nl or en
    #[arg(long, default_value = "nl", value_parser = language)]
    language: Language,
    /// Name this procedure in it
    #[arg(long, value_name = "ID")]
    procedure: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn kind(word: &str) -> Result<NoticeKind, String> {
    word.parse().map_err(|e: crate::domain::notice::UnknownNotice| e.to_string())
}

fn language(code: &str) -> Result<Language, String> {
    Language::ALL.into_iter().find(|l| l.code() == code).ok_or_else(|| "expected nl or en".to_owned())
}

pub(super) fn run(config: Option<&Config>, arguments: &Arguments) -> Result<u8, Failure> {
    let settings = local::settings(config)?;
    let mut values = templates::sample(arguments.notice, arguments.language, Wording::Formal);
    if let Some(id) = &arguments.procedure {
        let ruling = local::ruling(&settings.rules, id)?;
        values.insert("procedure".to_owned(), ruling.procedure.title.clone().into());
    }
    let rendered = settings
        .templates
        .render(arguments.notice, arguments.language, Wording::Formal, &values)
        .map_err(|e| Failure::new(exit::CONFIG, e))?;
    if arguments.json {
        return Ok(super::print::json(
            &serde_json::json!({ "subject": rendered.subject, "text": rendered.text }),
        ));
    }
    print::line(format_args!("Subject: {}\n\n{}", rendered.subject, rendered.text.trim_end()));
    Ok(exit::OK)
}
