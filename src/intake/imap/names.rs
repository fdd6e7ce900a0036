//! Folder names and sets of UIDs as IMAP writes them.

use data_encoding::BASE64_NOPAD;

/// `name` (UTF-8, levels separated by `/`) as the server writes it: modified UTF-7 with its own separator.
///
/// `None` when the name has an empty level, or several on a server without hierarchy.
pub(in crate::intake) fn folder_name(name: &str, separator: Option<char>) -> Option<String> {
    let levels: Vec<String> = name.split('/').map(modified_utf7).collect();
    if levels.iter().any(String::is_empty) {
        return None;
    }
    match separator {
        Some(separator) => Some(levels.join(&separator.to_string())),
        None if levels.len() == 1 => Some(levels.concat()),
        None => None,
    }
}

/// Modified UTF-7 (RFC 3501 section 5.1.3): printable ASCII stands for itself but for `&`, which is `&-`; all else is
/// UTF-16 in a base64 with `,` for `/`, between `&` and `-`.
pub(in crate::intake) fn modified_utf7(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            unshift(&mut out, &mut shifted);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            shifted.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut out, &mut shifted);
    out
}

fn unshift(out: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push('&');
        out.push_str(&BASE64_NOPAD.encode(shifted).replace('/', ","));
        out.push('-');
        shifted.clear();
    }
}

/// A quoted string (RFC 3501 section 4.3). `text` is printable ASCII: what [`modified_utf7`] gives.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A sequence set (RFC 3501 section 9) of ascending `uids`: `1:3,7`.
pub(super) fn sequence_set(uids: &[u32]) -> String {
    let runs = uids.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let ranges = runs.filter_map(|run| match run {
        [] => None,
        [one] => Some(one.to_string()),
        [first, .., last] => Some(format!("{first}:{last}")),
    });
    ranges.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn modified_utf7_of_the_rfc_and_of_ours() {
        assert_eq!(modified_utf7("Verwerkt"), "Verwerkt");
        assert_eq!(modified_utf7("台北"), "&U,BTFw-"); // RFC 3501 section 5.1.3
        assert_eq!(modified_utf7("日本語"), "&ZeVnLIqe-"); // the same
        assert_eq!(modified_utf7("Klachten & vragen"), "Klachten &- vragen");
        assert_eq!(modified_utf7("Verwerkt – ü"), "Verwerkt &IBM- &APw-"); // as Python's imapclient.imap_utf7
        assert_eq!(modified_utf7("😀"), "&2D3eAA-"); // a surrogate pair
        assert_eq!(modified_utf7("é&é"), "&AOk-&-&AOk-");
        assert_eq!(modified_utf7("\t"), "&AAk-");
    }

    #[test]
    fn levels_take_the_servers_separator() {
        assert_eq!(
            folder_name("Klachten/Verwerkt – ü", Some('.')).as_deref(),
            Some("Klachten.Verwerkt &IBM- &APw-")
        );
        assert_eq!(folder_name("A/B", Some('/')).as_deref(), Some("A/B"));
        assert_eq!(folder_name("A", None).as_deref(), Some("A"));
        assert_eq!(folder_name("A/B", None), None);
        for bad in ["", "/", "A/", "/A", "A//B"] {
            assert_eq!(folder_name(bad, Some('/')), None, "{bad}");
        }
    }

    #[test]
    fn sets_are_short() {
        assert_eq!(sequence_set(&[]), "");
        assert_eq!(sequence_set(&[7]), "7");
        assert_eq!(sequence_set(&[1, 2, 3, 5, 8, 9]), "1:3,5,8:9");
        assert_eq!(sequence_set(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
    }

    proptest! {
        #[test]
        fn a_set_says_exactly_its_uids(uids in proptest::collection::btree_set(1u32..400, 0..200)) {
            let uids: Vec<u32> = uids.into_iter().collect();
            let set = sequence_set(&uids);
            let read: Vec<u32> = set.split(',').filter(|part| !part.is_empty()).flat_map(|part| {
                let (first, last) = part.split_once(':').unwrap_or((part, part));
                first.parse::<u32>().unwrap()..=last.parse::<u32>().unwrap()
            }).collect();
            prop_assert_eq!(read, uids);
        }

        #[test]
        fn an_encoded_name_is_one_line_of_ascii(name in ".*") {
            prop_assert!(modified_utf7(&name).bytes().all(|b| (b' '..=b'~').contains(&b)));
        }
    }
}
