//! What a configuration means that leaves things out.

use std::path::Path;
use std::time::Duration;

use klachtd::config::{Inbox, Outbox};
use klachtd::domain::mail::Language;
use klachtd::tls::TlsMode as Tls;

use super::{LEAST, SERVERS, Site};

#[test]
fn the_least_configuration_has_the_published_defaults() {
    let site = Site::new(LEAST);
    let config = site.config();
    assert_eq!(config.store, Path::new("/var/lib/klachtd"));
    assert_eq!(config.socket, Path::new("/var/lib/klachtd/control.sock"));
    assert_eq!((config.paths.procedures, config.paths.templates), (None, None));
    assert_eq!(config.mailboxes[0].name, "omnistock");
    let Inbox::Maildir(inbox) = &config.mailboxes[0].inbox else { panic!("a Maildir") };
    assert_eq!(inbox.path, site.path("inbox"));
    assert_eq!((inbox.processed.as_str(), inbox.quarantine.as_str()), ("Verwerkt", "Quarantaine"));
    assert_eq!(inbox.poll, Duration::from_mins(1));
    assert_eq!(config.mailboxes[0].outbox, Outbox::Maildir { path: site.path("outbox") });
    let mailbox = &config.house.mailboxes[0];
    assert_eq!((mailbox.delimiter.as_str(), mailbox.trusted_authserv.as_str()), ("+", ""));
    assert_eq!(mailbox.from.name.as_deref(), Some("OmniStock"));
    assert!(mailbox.aliases.is_empty() && mailbox.form_senders.is_empty() && mailbox.roles.is_empty());
    let limits = &config.house.limits;
    assert_eq!(limits.message_size, 50_000_000);
    assert_eq!((limits.notices_per_sender_per_day, limits.notices_per_complaint_per_day), (5, 3));
    assert_eq!((limits.notices_per_hour, limits.staff_mails_per_day), (300, 100));
    assert_eq!(limits.alarm_after_seconds, 900);
}

#[test]
fn a_member_of_staff_is_a_dutch_handler_of_all_mailboxes_by_default() {
    let staff = "[[staff]]\nname = \"Jan\"\nemail = \"Jan@OmniStock.test\"\n";
    let house = Site::new(format!("{LEAST}{staff}")).config().house;
    assert_eq!(house.staff[0].email, "jan@omnistock.test");
    assert_eq!(house.staff[0].language, Language::Nl);
    assert_eq!(house.staff[0].roles, ["handler"]);
    assert!(house.staff[0].works_for("omnistock"));
}

#[test]
fn ports_follow_from_tls() {
    let rows = [
        ("", "", 993, 587),
        ("tls = \"implicit\"", "tls = \"implicit\"", 993, 465),
        ("tls = \"starttls\"", "tls = \"starttls\"", 143, 587),
        ("tls = \"none\"", "tls = \"none\"", 143, 25),
        ("port = 1993", "port = 1587", 1993, 1587),
    ];
    for (imap_line, smtp_line, imap_port, smtp_port) in rows {
        let text = SERVERS
            .replace("imap.omnistock.test\"", &format!("localhost\"\n{imap_line}"))
            .replace("smtp.omnistock.test\"", &format!("127.0.0.1\"\n{smtp_line}"));
        let config = Site::new(text).config();
        let (Inbox::Imap(imap), Outbox::Smtp(smtp)) =
            (&config.mailboxes[0].inbox, &config.mailboxes[0].outbox)
        else {
            panic!("servers")
        };
        assert_eq!((imap.port, smtp.port), (imap_port, smtp_port), "{imap_line} {smtp_line}");
        assert_eq!((imap.folder.as_str(), imap.timeout), ("INBOX", Duration::from_mins(1)));
        assert_eq!((smtp.timeout, smtp.data_timeout), (Duration::from_mins(1), Duration::from_mins(2)));
    }
    let config = Site::new(SERVERS).config();
    assert!(matches!(&config.mailboxes[0].inbox, Inbox::Imap(imap) if imap.tls == Tls::Implicit));
    assert!(matches!(&config.mailboxes[0].outbox, Outbox::Smtp(smtp) if smtp.tls == Tls::StartTls));
}

#[test]
fn a_relay_on_this_machine_needs_no_user() {
    let (before, _) = SERVERS.split_once("[mailbox.outbox]").unwrap();
    let relay = "[mailbox.outbox]\nkind = \"smtp\"\nhost = \"localhost\"\ntls = \"none\"\n";
    let config = Site::new(format!("{before}{relay}")).config();
    let Outbox::Smtp(smtp) = &config.mailboxes[0].outbox else { panic!("SMTP") };
    assert_eq!((smtp.port, &smtp.user, &smtp.password), (25, &None, &None));
}

#[test]
fn the_socket_stands_in_the_runtime_directory_of_systemd() {
    let socket = |directory: &str| Site::new(LEAST).set("RUNTIME_DIRECTORY", directory).config().socket;
    assert_eq!(socket("/run/klachtd"), Path::new("/run/klachtd/control.sock"));
    assert_eq!(socket("/run/klachtd:/run/other"), Path::new("/run/klachtd/control.sock"));
    assert_eq!(socket(""), Path::new("/var/lib/klachtd/control.sock"));
    let named =
        Site::new(format!("{LEAST}[control]\nsocket = \"s\"\n")).set("RUNTIME_DIRECTORY", "/run/klachtd");
    assert_eq!(named.config().socket, named.path("s"));
}

#[test]
fn directories_beside_the_file_count_when_they_are_there() {
    let site = Site::new(LEAST).with("procedures/x.toml", "").with("templates", "not a directory");
    let paths = site.config().paths;
    assert_eq!(paths.procedures, Some(site.path("procedures")));
    assert_eq!(paths.templates, None);
    let named = Site::new(format!("{LEAST}[paths]\ntemplates = \"absent\"\n"));
    assert_eq!(named.config().paths.templates, Some(named.path("absent")), "what was named is not ignored");
}
