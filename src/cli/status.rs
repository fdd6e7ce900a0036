//! `klachtd status` and `klachtd verify`: how the service is doing, and whether its register is whole.

use super::Failure;
use super::asking::{self, Asked};
use super::print::{self, items, text};
use crate::answers::{Ask, exit};
use crate::config::Config;

pub(super) async fn run(config: &Config, json: bool) -> Result<u8, Failure> {
    let mut asked = Asked::new(config);
    let answered = asked.ask(Ask::Status).await;
    let is_running = asked.is_running();
    asked.end().await?;
    let (status, code) = answered?;
    if json {
        print::json(&status);
        return Ok(code);
    }
    if !is_running {
        print::line("no service is running; this is what its store says");
    }
    print::line(if code == exit::OK { "healthy" } else { "NOT HEALTHY" });
    for mailbox in items(&status, "mailboxes") {
        let connected = mailbox["connected"].as_bool().unwrap_or_default();
        let last = if text(mailbox, "last_fetch").is_empty() { "never" } else { text(mailbox, "last_fetch") };
        print::line(format_args!(
            "mailbox {}: {}, last fetch {last}, {} waiting",
            text(mailbox, "name"),
            if connected { "connected" } else { "not connected" },
            mailbox["waiting"]
        ));
        if !text(mailbox, "why").is_empty() {
            print::line(format_args!("  {}", text(mailbox, "why")));
        }
    }
    if let Some(outbox) = status["outbox"].as_object() {
        let counts: Vec<String> = outbox.iter().map(|(status, n)| format!("{n} {status}")).collect();
        print::line(format_args!("outbox: {}", counts.join(", ")));
    }
    let next = text(&status, "next_term");
    print::line(format_args!("next term: {}", if next.is_empty() { "none" } else { next }));
    for alarm in items(&status, "alarms") {
        print::line(format_args!(
            "ALARM {} {} since {}: {}",
            text(alarm, "kind"),
            text(alarm, "mailbox"),
            text(alarm, "since"),
            text(alarm, "message")
        ));
    }
    Ok(code)
}

pub(super) async fn verify(config: &Config, json: bool) -> Result<u8, Failure> {
    let (verified, code) = asking::ask(config, Ask::Verify).await?;
    if json {
        print::json(&verified);
        return Ok(code);
    }
    for fault in items(&verified, "faults").iter().filter_map(|f| f.as_str()) {
        print::line(format_args!("FAULT {fault}"));
    }
    let (complaints, journal, letters) =
        (&verified["complaints"], &verified["journal"], &verified["letters"]);
    let verdict = if code == exit::OK { "all is as it was written" } else { "NOT all is as it was written" };
    print::line(format_args!(
        "{complaints} complaints, {journal} journal entries, {letters} letters: {verdict}"
    ));
    Ok(code)
}
