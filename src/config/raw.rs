//! The tables of the configuration: every key, its type, its default and what it means. The sample, the JSON schema
//! and the check for unknown keys are made from these.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments here are the sample's comments: plain text, no Markdown"
)]

use std::path::PathBuf;

use crate::domain::mail::Language;

use super::Secret;
use super::read::{kinds, table};
use super::values::{Address, Delimiter, Host, HostOrNone, Port, Role, Roles, Sender, Size, Span, Word};
use crate::tls::TlsMode;

table! {
    /// The whole configuration.
    pub(super) struct Root {
        /// Where procedures and templates are looked for.
        paths: PathsTable = Default("{}"),
        /// Where complaints are kept.
        store: StoreTable = Default("{}"),
        /// How the commands reach a running daemon.
        control: ControlTable = Default("{}"),
        /// A complaint mailbox; one such table for each. A file in conf.d may add some.
        mailbox: Vec<MailboxTable> = Default("[]"),
        /// A member of staff; one such table for each. A file in conf.d may add some.
        staff: Vec<StaffTable> = Default("[]"),
        /// Limits on automatic mail and on what is read.
        limits: LimitsTable = Default("{}"),
    }
}

table! {
    /// `[paths]`
    pub(super) struct PathsTable {
        /// Directory of procedure files. Default: "procedures" beside this file, and when that is absent the
        /// built-in ones. "text" in a procedure is relative to the parent of this directory.
        procedures: Option<PathBuf> = Optional(r#""procedures""#),
        /// Directory of templates, <language>/<notice>.txt. Default: "templates" beside this file; what it lacks
        /// is built in.
        templates: Option<PathBuf> = Optional(r#""templates""#),
    }
}

table! {
    /// `[store]`
    pub(super) struct StoreTable {
        /// Directory of the store.
        path: PathBuf = Default(r#""/var/lib/klachtd""#),
    }
}

table! {
    /// `[control]`
    pub(super) struct ControlTable {
        /// Unix socket. Default: $RUNTIME_DIRECTORY/control.sock, else control.sock in the store's directory.
        socket: Option<PathBuf> = Optional(r#""/run/klachtd/control.sock""#),
    }
}

table! {
    /// `[[mailbox]]`
    pub(super) struct MailboxTable {
        /// Its name in commands, in the register and for staff.
        name: Word = Required(r#""omnistock""#),
        /// The procedure that it keeps: the name of a file in the directory of procedures, without .toml.
        procedure: Word = Required(r#""omnistock""#),
        /// The name and address from which notices leave.
        from: Sender = Required(r#""OmniStock Directie <directie@omnistock.nl>""#),
        /// Other addresses of ours: never answered.
        aliases: Vec<Address> = Default("[]"),
        /// Between address and token, directie+TOKEN@…; "" when the server has no plus-addresses.
        delimiter: Delimiter = Default(r#""+""#),
        /// The host whose Authentication-Results and Received headers count. Default: none.
        trusted_authserv: Option<HostOrNone> = Usual(r#""mx.omnistock.nl""#),
        /// Web-form relays: the customer is in Reply-To or in the fields.
        form_senders: Vec<Address> = Default("[]"),
        /// Who has a role; overrides the procedure's roles. Default: the procedure's.
        roles: Option<Roles> = Usual(r#"{ handler = "jan@omnistock.nl" }"#),
        /// Where complaints come in.
        inbox: InboxTable = Required("{}"),
        /// Where notices go out.
        outbox: OutboxTable = Required("{}"),
    }
}

kinds! {
    /// `[mailbox.inbox]`
    pub(super) enum InboxTable {
        /// An IMAP server.
        Imap(ImapTable) = "imap",
        /// A local directory.
        Maildir(MaildirInboxTable) = "maildir",
    }
}

table! {
    /// `[mailbox.inbox]` with `kind = "imap"`
    pub(super) struct ImapTable {
        /// The IMAP server.
        host: Host = Required(r#""imap.omnistock.nl""#),
        /// Default: 993 with tls = "implicit", else 143.
        port: Option<Port> = Usual("993"),
        /// implicit, starttls or none (none only towards this machine itself).
        tls: TlsMode = Default(r#""implicit""#),
        /// A file of CA certificates (PEM), trusted beside the system's roots.
        ca: Option<PathBuf> = Optional(r#""own-ca.pem""#),
        /// The user to log in as.
        user: String = Required(r#""directie@omnistock.nl""#),
        /// Where the password stands: { credential = "name" } (systemd LoadCredential), { file = "path" } or
        /// { env = "NAME" }. A trailing newline is cut off.
        password: Secret = Required(r#"{ credential = "imap-omnistock" }"#),
        /// The folder to read. Folder names are UTF-8, levels separated by "/".
        folder: String = Default(r#""INBOX""#),
        /// Mail is moved there after it was committed; made when absent.
        processed: String = Default(r#""Verwerkt""#),
        /// Mail that was set aside is moved there; made when absent.
        quarantine: String = Default(r#""Quarantaine""#),
        /// How often to look. IDLE is used when offered, and renewed after this.
        poll: Span = Default(r#""60s""#),
        /// How long any one answer may take.
        timeout: Span = Default(r#""60s""#),
    }
}

table! {
    /// `[mailbox.inbox]` with `kind = "maildir"`
    pub(super) struct MaildirInboxTable {
        /// A Maildir, with new, cur and tmp.
        path: PathBuf = Required(r#""/var/mail/omnistock""#),
        /// The folder to which mail is moved after it was committed: .Verwerkt in the Maildir.
        processed: String = Default(r#""Verwerkt""#),
        /// The folder to which mail is moved that was set aside.
        quarantine: String = Default(r#""Quarantaine""#),
        /// How often to look.
        poll: Span = Default(r#""60s""#),
    }
}

kinds! {
    /// `[mailbox.outbox]`
    pub(super) enum OutboxTable {
        /// An SMTP server.
        Smtp(SmtpTable) = "smtp",
        /// A local directory.
        Maildir(MaildirOutboxTable) = "maildir",
    }
}

table! {
    /// `[mailbox.outbox]` with `kind = "smtp"`
    pub(super) struct SmtpTable {
        /// The SMTP server: the provider's submission server, or the relay on localhost.
        host: Host = Required(r#""smtp.omnistock.nl""#),
        /// Default: 587 with tls = "starttls", 465 with "implicit", 25 with "none".
        port: Option<Port> = Usual("587"),
        /// implicit, starttls or none (none only towards this machine itself).
        tls: TlsMode = Default(r#""starttls""#),
        /// A file of CA certificates (PEM), trusted beside the system's roots.
        ca: Option<PathBuf> = Optional(r#""own-ca.pem""#),
        /// The user to log in as. User and password may both be absent: the relay on localhost.
        user: Option<String> = Usual(r#""directie@omnistock.nl""#),
        /// Where the password stands, as for the inbox.
        password: Option<Secret> = Usual(r#"{ credential = "smtp-omnistock" }"#),
        /// How long any one answer may take.
        timeout: Span = Default(r#""60s""#),
        /// How long the answer after the final dot may take.
        data_timeout: Span = Default(r#""2m""#),
    }
}

table! {
    /// `[mailbox.outbox]` with `kind = "maildir"`
    pub(super) struct MaildirOutboxTable {
        /// A Maildir; made when absent.
        path: PathBuf = Required(r#""/var/spool/klachtd/outbox""#),
    }
}

table! {
    /// `[[staff]]`
    pub(super) struct StaffTable {
        /// The name that complainants may read.
        name: String = Required(r#""Jan Jansen""#),
        /// The address to which alerts go and from which orders come.
        email: Address = Required(r#""jan@omnistock.nl""#),
        /// The language of the mails that he or she gets: nl or en.
        language: Language = Default(r#""nl""#),
        /// The mailboxes that he or she works for. Default: all.
        mailboxes: Option<Vec<Word>> = Usual(r#"["omnistock"]"#),
        /// handler, manager, board, committee, confidant, receiver, operator (who hears of alarms).
        roles: Vec<Role> = Default(r#"["handler"]"#),
    }
}

table! {
    /// `[limits]`
    pub(super) struct LimitsTable {
        /// Larger mails are set aside, unread.
        message_size: Size = Default(r#""50 MB""#),
        /// Automatic notices to one address in one day; 0 = no limit, here and below.
        notices_per_sender_per_day: u32 = Default("5"),
        /// Automatic notices in one complaint in one day.
        notices_per_complaint_per_day: u32 = Default("3"),
        /// Automatic notices in one hour, over all mailboxes.
        notices_per_hour: u32 = Default("300"),
        /// Mails to staff in one day; what exceeds it goes into one digest.
        staff_mails_per_day: u32 = Default("100"),
        /// A mailbox or server that is away for so long raises an alarm.
        alarm_after: Span = Default(r#""15m""#),
    }
}
