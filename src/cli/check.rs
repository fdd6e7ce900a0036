//! `klachtd check`: everything that can be known to be wrong before a customer notices.

use std::path::Path;

use super::Failure;
use super::print;
use crate::answers::exit;
use crate::config::Config;
use crate::intake::source::SourceError;
use crate::outbox::deliver::OutletError;
use crate::rules::Rules;
use crate::setup;

/// How far the check goes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// All but the network
    #[arg(long)]
    offline: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, serde::Serialize)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
    #[serde(skip)]
    away: bool,
}

pub(super) async fn run(file: &Path, arguments: &Arguments) -> Result<u8, Failure> {
    let mut findings = Findings::default();
    match Config::load(file) {
        Ok(config) => examine(&config, arguments.offline, &mut findings).await,
        Err(errors) => findings.errors.extend(errors.to_string().lines().map(str::to_owned)),
    }
    report(&findings, arguments.json);
    Ok(match (findings.errors.is_empty(), findings.away) {
        (true, _) => exit::OK,
        (false, true) => exit::UNAVAILABLE,
        (false, false) => exit::CONFIG,
    })
}

async fn examine(config: &Config, offline: bool, findings: &mut Findings) {
    let (rules, faults) = Rules::load(config.paths.procedures.as_deref());
    let errors = rules.errors(&faults, &config.house, &config.file);
    findings.warnings.extend(faults.iter().filter(|f| !errors.contains(f)).map(ToString::to_string));
    findings.errors.extend(errors.iter().map(ToString::to_string));
    match setup::templates(config.paths.templates.as_deref()) {
        Ok(templates) => findings.errors.extend(templates.check().iter().map(ToString::to_string)),
        Err(e) => findings.errors.push(e.to_string()),
    }
    for mailbox in &config.house.mailboxes {
        if !config.house.staff.iter().any(|s| s.works_for(&mailbox.name)) {
            findings.warnings.push(format!(
                "{}: staff: nobody works for mailbox {:?}, so nobody is warned; expected a [[staff]] table",
                config.file.display(),
                mailbox.name
            ));
        }
    }
    findings.errors.extend(config.secrets().iter().map(ToString::to_string));
    if !offline && findings.errors.is_empty() {
        log_in(config, findings).await;
    }
}

/// Logs in everywhere. A server that is away is a fault of another kind than one that refuses.
async fn log_in(config: &Config, findings: &mut Findings) {
    let file = config.file.display();
    let mut refused = false;
    for (n, mailbox) in config.mailboxes.iter().enumerate() {
        match setup::source(&mailbox.name, &mailbox.inbox) {
            Ok(mut source) => {
                let made = async {
                    source.open().await?;
                    source.make_folders().await
                };
                if let Err(e) = made.await {
                    refused |= !matches!(e, SourceError::Away(_));
                    findings.errors.push(format!("{file}: mailbox[{n}].inbox ({}): {e}", mailbox.name));
                }
                source.close().await;
            }
            Err(e) => {
                refused = true;
                findings.errors.push(e.to_string());
            }
        }
        match setup::outlet(&mailbox.name, &mailbox.outbox) {
            Ok(mut outlet) => {
                if let Err(e) = outlet.probe().await {
                    refused |= !matches!(e, OutletError::Unreachable { .. } | OutletError::Refused { .. });
                    findings.errors.push(format!("{file}: mailbox[{n}].outbox ({}): {e}", mailbox.name));
                }
            }
            Err(e) => {
                refused = true;
                findings.errors.push(e.to_string());
            }
        }
    }
    findings.away = !refused;
}

fn report(findings: &Findings, json: bool) {
    if json {
        print::json(findings);
        return;
    }
    for warning in &findings.warnings {
        print::line(format_args!("warning: {warning}"));
    }
    for error in &findings.errors {
        print::line(format_args!("error: {error}"));
    }
    match findings.errors.len() {
        0 => print::line("all is well"),
        1 => print::line("1 error"),
        n => print::line(format_args!("{n} errors")),
    }
}
