//! Files that can't be read, and bytes of any kind.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{LEAST, SERVERS, STAFF, Site};

#[test]
fn files_that_cannot_be_read_are_told_clearly() {
    let missing = Site { directory: TempDir::new().unwrap(), environment: BTreeMap::new() };
    let told = missing.told();
    assert!(told.starts_with("klachtd.toml: can't be read: No such file or directory"), "{told}");
    assert_eq!(told.lines().count(), 1, "what could not be read is not said to lack keys");
    fs::create_dir(missing.path("klachtd.toml")).unwrap();
    assert!(missing.told().starts_with("klachtd.toml: can't be read: Is a directory"), "{}", missing.told());

    assert_eq!(
        Site::new(b"a = 1\n\xff\xfe").told(),
        "klachtd.toml: not UTF-8 from byte 6 on; expected TOML, which is UTF-8"
    );
    let told = Site::new(format!("{LEAST}\npassword = hunter2\n")).told();
    assert!(told.starts_with("klachtd.toml: line 13: not TOML: "), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert!(Site::new(vec![b'#'; 2_000_000]).told().contains("larger than 1 MiB"));

    let told = Site::new(LEAST).with("conf.d", "a file").told();
    assert!(told.starts_with("conf.d: can't be listed: Not a directory"), "{told}");
    let told = Site::new(LEAST).with("conf.d/x.toml/y", "").told();
    assert!(told.starts_with("conf.d/x.toml: can't be read: Is a directory"), "{told}");
}

#[test]
fn a_file_that_is_not_toml_hides_no_fault_in_another() {
    let told = Site::new(format!("{}{STAFF}", LEAST.replace("omnistock.test>", "")))
        .with("conf.d/a.toml", "[[")
        .told();
    assert!(told.contains("conf.d/a.toml: line 1: not TOML: "), "{told}");
    assert!(told.contains("klachtd.toml: mailbox[0].from: "), "{told}");
    assert!(!told.contains("missing") && !told.contains("no mailbox"), "{told}");
}

#[test]
fn depth_is_no_danger() {
    for opening in ["a = ", "mailbox = "] {
        let told = Site::new(format!("{opening}{}", "[".repeat(100_000))).told();
        assert!(told.contains("not TOML"), "{told}");
        assert!(Site::new(format!("{opening}{}", "{a=".repeat(100_000))).load().is_err());
    }
    let dotted = format!("{} = 1", vec!["a"; 100_000].join("."));
    assert!(Site::new(dotted).load().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _either = Site::new(bytes).load();
    }

    #[test]
    fn any_value_at_any_key_gives_an_answer(
        line in 0_usize..12,
        value in prop_oneof![
            Just("1".to_owned()), Just("-1.5e9".to_owned()), Just("true".to_owned()), Just("[[1], {}]".to_owned()),
            Just("{ a = { b = [1] } }".to_owned()), Just("07:32:00".to_owned()),
            any::<String>().prop_map(|text| toml::Value::String(text).to_string()),
        ],
    ) {
        let text: String = SERVERS
            .lines()
            .enumerate()
            .map(|(number, text)| match text.split_once(" = ") {
                Some((key, _)) if number == line => format!("{key} = {value}\n"),
                _ => format!("{text}\n"),
            })
            .collect();
        if let Err(told) = Site::new(text).load() {
            prop_assert!(told.starts_with("klachtd.toml: ") && told.contains("; expected "), "{told}");
        }
    }
}
