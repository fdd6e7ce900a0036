//! Secrets: named in the configuration, read elsewhere, shown nowhere.

use std::process::Command;

use klachtd::config::Inbox;
use secrecy::ExposeSecret as _;

use super::{SERVERS, Site};

#[test]
fn secrets_are_never_in_the_configuration() {
    const EXPECTED: &str = "{ credential = \"name\" }, { file = \"path\" } or { env = \"NAME\" }";
    let rows = [
        ("\"hunter2\"", "", "a secret never stands in the configuration itself"),
        ("{}", "", "a secret never stands in the configuration itself"),
        ("{ env = \"hunter2\", file = \"x\" }", "", "a secret never stands in the configuration itself"),
        ("{ plain = \"hunter2\" }", ".plain", "names no place where a secret can stand"),
        ("{ env = 5 }", ".env", "names no place where a secret can stand"),
        ("{ credential = \"..\" }", ".credential", "names no place where a secret can stand"),
        ("{ credential = \"../hunter2\" }", ".credential", "names no place where a secret can stand"),
    ];
    for (password, key, problem) in rows {
        let told = Site::new(SERVERS.replacen("{ env = \"KLACHTD_TEST_UNSET\" }", password, 1)).told();
        assert_eq!(
            told,
            format!("klachtd.toml: mailbox[0].inbox.password{key}: {problem}; expected {EXPECTED}")
        );
    }
}

/// The password of the inbox, when its line is `password`.
fn revealed(site: &Site) -> Result<String, String> {
    let config = site.config();
    let Inbox::Imap(imap) = &config.mailboxes[0].inbox else { panic!("IMAP") };
    let directory = format!("{}/", site.directory.path().display());
    imap.password
        .reveal()
        .map(|secret| secret.expose_secret().to_owned())
        .map_err(|told| told.to_string().replace(&directory, ""))
}

#[test]
fn a_secret_is_read_when_it_is_needed() {
    let text = SERVERS.replacen("{ env = \"KLACHTD_TEST_UNSET\" }", "{ file = \"secret\" }", 1);
    let rows: [(&[u8], &str); 5] = [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\n", "hunter2"),
        (b"hunter2\n\n", "hunter2\n"),
        (b" hunter 2 ", " hunter 2 "),
    ];
    for (content, expected) in rows {
        assert_eq!(revealed(&Site::new(&text).with("secret", content)).as_deref(), Ok(expected));
    }
    let from_environment = SERVERS.replace("KLACHTD_TEST_UNSET", "CARGO_MANIFEST_DIR");
    let expected = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    assert_eq!(revealed(&Site::new(from_environment)), Ok(expected));
}

#[test]
fn a_secret_that_cannot_be_had_is_told_without_it() {
    const KEY: &str = "klachtd.toml: mailbox[0].inbox.password: ";
    let text = SERVERS.replacen("{ env = \"KLACHTD_TEST_UNSET\" }", "{ file = \"secret\" }", 1);
    let large = vec![b'x'; 70_000];
    let rows: [(&[u8], &str); 3] = [
        (b"\n", "secret: empty; expected the secret"),
        (b"hunter2\xff", "secret: not UTF-8; expected a file with the secret alone"),
        (&large, "secret: larger than 64 KiB; expected a file with the secret alone"),
    ];
    for (content, expected) in rows {
        assert_eq!(revealed(&Site::new(&text).with("secret", content)), Err(format!("{KEY}{expected}")));
    }
    let told = revealed(&Site::new(&text)).unwrap_err();
    assert!(told.starts_with(&format!("{KEY}secret: No such file")), "{told}");
    let told = revealed(&Site::new(&text).with("secret/x", "")).unwrap_err();
    assert!(told.starts_with(&format!("{KEY}secret: not a regular file")), "{told}");
    let told = revealed(&Site::new(SERVERS)).unwrap_err();
    assert_eq!(
        told,
        format!("{KEY}environment variable KLACHTD_TEST_UNSET is not set; expected the secret in it")
    );
    let missing = Site::new(SERVERS).config().secrets();
    let keys: Vec<&str> = missing.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["mailbox[0].inbox.password", "mailbox[0].outbox.password"]);
}

#[test]
fn no_secret_is_shown_in_debug_output() {
    let text = SERVERS.replace("{ env = \"KLACHTD_TEST_UNSET\" }", "{ file = \"secret\" }");
    let site = Site::new(text).with("secret", "hunter2");
    let config = site.config();
    let Inbox::Imap(imap) = &config.mailboxes[0].inbox else { panic!("IMAP") };
    let secret = imap.password.reveal().unwrap();
    assert!(!format!("{config:?} {secret:?}").contains("hunter2"));
}

/// The environment of a process can't be changed safely, so this test runs itself again in a process that has one.
#[test]
fn a_credential_is_read_from_the_directory_that_systemd_names() {
    const NAME: &str = "secrets::a_credential_is_read_from_the_directory_that_systemd_names";
    let text = SERVERS.replacen("{ env = \"KLACHTD_TEST_UNSET\" }", "{ credential = \"imap-omnistock\" }", 1);
    if std::env::var_os("CREDENTIALS_DIRECTORY").is_some() {
        assert_eq!(revealed(&Site::new(text)).as_deref(), Ok("hunter2"));
        return;
    }
    let told = revealed(&Site::new(&text)).unwrap_err();
    assert!(
        told.contains("\"imap-omnistock\"") && told.contains("$CREDENTIALS_DIRECTORY is not set"),
        "{told}"
    );
    let credentials = Site::new("").with("imap-omnistock", "hunter2\n");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env("CREDENTIALS_DIRECTORY", credentials.directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}
