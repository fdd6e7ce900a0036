//! What spans several keys: from raw tables to the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::domain::house::{House, Limits, Mailbox, Staff};

use super::layers::Layers;
use super::raw::{
    ImapTable, InboxTable, LimitsTable, MailboxTable, MaildirInboxTable, OutboxTable, Root, SmtpTable,
    StaffTable,
};
use super::read::{self, Place};
use super::values::{Address, Delimiter, Host, Port, Role, Size, Span, Word};
use super::{Config, ConfigError, ImapInbox, Inbox, MailboxConfig, MaildirInbox, Outbox, Paths, SmtpOutbox};
use crate::tls::{self, TlsMode};

/// The configuration of `root`, or `None` with the reasons in `faults`.
pub(super) fn check(
    root: Root,
    layers: &Layers,
    environment: &BTreeMap<OsString, OsString>,
    faults: &mut Vec<ConfigError>,
) -> Option<Config> {
    let main = layers.files.first()?;
    let before = faults.len();
    mailboxes(&root.mailbox, main, layers.incomplete, faults);
    staff(&root, layers.incomplete, faults);
    for mailbox in &root.mailbox {
        addresses(mailbox, faults);
        ends(mailbox, faults);
    }
    if faults.len() > before {
        return None;
    }
    let socket = root.control.socket.unwrap_or_else(|| default_socket(environment, &root.store.path));
    let (mailboxes, ends) = root.mailbox.into_iter().map(mailbox).unzip();
    Some(Config {
        file: main.clone(),
        house: House {
            mailboxes,
            staff: root.staff.into_iter().map(member).collect(),
            limits: limits(&root.limits),
        },
        paths: Paths {
            procedures: root.paths.procedures.or_else(|| beside(main, "procedures")),
            templates: root.paths.templates.or_else(|| beside(main, "templates")),
        },
        store: root.store.path,
        socket,
        mailboxes: ends,
    })
}

/// Names, and inboxes: each once, and at least one.
fn mailboxes(mailboxes: &[MailboxTable], main: &Path, incomplete: bool, faults: &mut Vec<ConfigError>) {
    if mailboxes.is_empty() && !incomplete {
        let place = Place { file: main.to_owned(), key: "mailbox".to_owned() };
        faults.push(place.fault("there is no mailbox", "at least one [[mailbox]]"));
    }
    let mut names = BTreeMap::new();
    let mut inboxes = BTreeMap::new();
    for mailbox in mailboxes {
        if let Some(first) = names.insert(&mailbox.name.0, &mailbox.place) {
            let problem =
                format!("two mailboxes of the name {:?}; the other is {}", mailbox.name.0, shown(first));
            faults.push(mailbox.place.child("name").fault(problem, "a name of its own"));
        }
        if let Some(first) = inboxes.insert(source(&mailbox.inbox), &mailbox.place) {
            let problem = format!("two mailboxes read one inbox; the other is {}", shown(first));
            faults.push(mailbox.place.child("inbox").fault(problem, "an inbox of its own"));
        }
    }
}

fn shown(place: &Place) -> String {
    format!("{} in {}", place.key, place.file.display())
}

/// What tells one inbox from another.
fn source(inbox: &InboxTable) -> (String, u16, String, String) {
    match inbox {
        InboxTable::Imap(imap) => (
            imap.host.0.to_ascii_lowercase(),
            imap_port(imap),
            imap.user.clone(),
            // RFC 9051 section 5.1: INBOX, alone among names, is case-insensitive.
            if imap.folder.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { imap.folder.clone() },
        ),
        InboxTable::Maildir(maildir) => {
            (String::new(), 0, String::new(), maildir.path.to_string_lossy().into_owned())
        }
    }
}

/// Addresses once, and mailboxes that exist.
fn staff(root: &Root, incomplete: bool, faults: &mut Vec<ConfigError>) {
    let names: Vec<&str> = root.mailbox.iter().map(|mailbox| mailbox.name.0.as_str()).collect();
    let mut seen = BTreeSet::new();
    for member in &root.staff {
        if !seen.insert(&member.email.0) {
            let problem = format!("two members of staff with the address {:?}", member.email.0);
            faults.push(
                member.place.child("email").fault(problem, "one [[staff]] for a person, with all roles"),
            );
        }
        if incomplete {
            continue; // the mailbox may stand in the file that could not be read
        }
        for Word(name) in member.mailboxes.iter().flatten() {
            if !names.contains(&name.as_str()) {
                let problem = format!("there is no mailbox {name:?}");
                faults.push(member.place.child("mailboxes").fault(problem, read::nearest(name, &names)));
            }
        }
    }
}

/// Our own addresses must be recognised when they come back with a token: none may hold the delimiter itself.
fn addresses(mailbox: &MailboxTable, faults: &mut Vec<ConfigError>) {
    let Delimiter(delimiter) = &mailbox.delimiter;
    let from = std::iter::once(("from", &mailbox.from.0.email));
    let aliases = mailbox.aliases.iter().map(|Address(alias)| ("aliases", alias));
    for (key, address) in from.chain(aliases) {
        let local = address.rsplit_once('@').map_or(address.as_str(), |(local, _)| local);
        if !delimiter.is_empty() && local.contains(delimiter.as_str()) {
            let problem = format!("{address:?} has the delimiter {delimiter:?} before the @");
            faults
                .push(mailbox.place.child(key).fault(problem, "an address without it, or another delimiter"));
        }
    }
}

/// Inbox and outbox, each by itself.
fn ends(mailbox: &MailboxTable, faults: &mut Vec<ConfigError>) {
    match &mailbox.inbox {
        InboxTable::Imap(imap) => {
            plain_text(&imap.place, &imap.host, imap.tls, faults);
            folders(&imap.place, [&imap.folder, &imap.processed, &imap.quarantine], faults);
        }
        InboxTable::Maildir(maildir) => {
            folders(&maildir.place, ["INBOX", &maildir.processed, &maildir.quarantine], faults);
        }
    }
    if let OutboxTable::Smtp(smtp) = &mailbox.outbox {
        plain_text(&smtp.place, &smtp.host, smtp.tls, faults);
        match (&smtp.user, &smtp.password) {
            (Some(_), None) => {
                let fault = smtp
                    .place
                    .child("password")
                    .fault("missing, there is a user", "user and password, or neither");
                faults.push(fault);
            }
            (None, Some(_)) => {
                let fault = smtp
                    .place
                    .child("user")
                    .fault("missing, there is a password", "user and password, or neither");
                faults.push(fault);
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
}

fn plain_text(place: &Place, host: &Host, mode: TlsMode, faults: &mut Vec<ConfigError>) {
    if tls::allowed(mode, &host.0).is_err() {
        let problem = format!("\"none\" towards {:?}, which is not this machine itself", host.0);
        faults.push(place.child("tls").fault(problem, "\"implicit\" or \"starttls\""));
    }
}

/// Mail that is moved to where it is read would be read for ever.
fn folders(place: &Place, [inbox, processed, quarantine]: [&str; 3], faults: &mut Vec<ConfigError>) {
    for (key, folder, taken) in
        [("processed", processed, vec![inbox]), ("quarantine", quarantine, vec![inbox, processed])]
    {
        if taken.iter().any(|taken| taken.eq_ignore_ascii_case(folder)) {
            let problem = format!("{folder:?} has another purpose already");
            faults.push(place.child(key).fault(problem, "a folder of its own"));
        }
    }
}

/// The control socket's name in its directory.
pub const SOCKET: &str = "control.sock";

fn default_socket(environment: &BTreeMap<OsString, OsString>, store: &Path) -> PathBuf {
    // systemd.exec(5): with several RuntimeDirectory= the variable lists them, separated by colons.
    let first = |list: &OsString| std::env::split_paths(list).next().filter(|path| path.is_absolute());
    let directory = environment.get(OsStr::new("RUNTIME_DIRECTORY")).and_then(first);
    directory.as_deref().unwrap_or(store).join(SOCKET)
}

/// The directory of this name beside the main file, when there is one.
fn beside(main: &Path, name: &str) -> Option<PathBuf> {
    std::path::absolute(main.with_file_name(name)).ok().filter(|path| path.is_dir())
}

fn mailbox(table: MailboxTable) -> (Mailbox, MailboxConfig) {
    let plain = |addresses: Vec<Address>| addresses.into_iter().map(|Address(address)| address).collect();
    let ends = MailboxConfig {
        name: table.name.0.clone(),
        inbox: match table.inbox {
            InboxTable::Imap(imap) => Inbox::Imap(imap_inbox(imap)),
            InboxTable::Maildir(maildir) => Inbox::Maildir(maildir_inbox(maildir)),
        },
        outbox: match table.outbox {
            OutboxTable::Smtp(smtp) => Outbox::Smtp(smtp_outbox(smtp)),
            OutboxTable::Maildir(maildir) => Outbox::Maildir { path: maildir.path },
        },
    };
    let mailbox = Mailbox {
        name: table.name.0,
        procedure: table.procedure.0,
        from: table.from.0,
        aliases: plain(table.aliases),
        delimiter: table.delimiter.0,
        trusted_authserv: table.trusted_authserv.map(|host| host.0).unwrap_or_default(),
        form_senders: plain(table.form_senders),
        roles: table.roles.map(|roles| roles.0).unwrap_or_default(),
    };
    (mailbox, ends)
}

fn imap_port(table: &ImapTable) -> u16 {
    match (table.port, table.tls) {
        (Some(Port(port)), _) => port,
        (None, TlsMode::Implicit) => 993,
        (None, TlsMode::StartTls | TlsMode::None) => 143,
    }
}

fn imap_inbox(table: ImapTable) -> ImapInbox {
    ImapInbox {
        port: imap_port(&table),
        host: table.host.0,
        tls: table.tls,
        ca: table.ca,
        user: table.user,
        password: table.password,
        folder: table.folder,
        processed: table.processed,
        quarantine: table.quarantine,
        poll: table.poll.0,
        timeout: table.timeout.0,
    }
}

fn maildir_inbox(table: MaildirInboxTable) -> MaildirInbox {
    MaildirInbox {
        path: table.path,
        processed: table.processed,
        quarantine: table.quarantine,
        poll: table.poll.0,
    }
}

fn smtp_outbox(table: SmtpTable) -> SmtpOutbox {
    SmtpOutbox {
        host: table.host.0,
        port: match (table.port, table.tls) {
            (Some(Port(port)), _) => port,
            (None, TlsMode::StartTls) => 587,
            (None, TlsMode::Implicit) => 465,
            (None, TlsMode::None) => 25,
        },
        tls: table.tls,
        ca: table.ca,
        user: table.user,
        password: table.password,
        timeout: table.timeout.0,
        data_timeout: table.data_timeout.0,
    }
}

fn member(table: StaffTable) -> Staff {
    Staff {
        name: table.name,
        email: table.email.0,
        language: table.language,
        mailboxes: table.mailboxes.unwrap_or_default().into_iter().map(|Word(name)| name).collect(),
        roles: table.roles.into_iter().map(|Role(role)| role).collect(),
    }
}

fn limits(table: &LimitsTable) -> Limits {
    let Size(message_size) = table.message_size;
    let Span(alarm_after) = table.alarm_after;
    Limits {
        message_size,
        notices_per_sender_per_day: table.notices_per_sender_per_day,
        notices_per_complaint_per_day: table.notices_per_complaint_per_day,
        notices_per_hour: table.notices_per_hour,
        staff_mails_per_day: table.staff_mails_per_day,
        alarm_after_seconds: alarm_after.as_secs(),
    }
}
