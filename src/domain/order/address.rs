//! An address as people and mail programs write it.

/// Bytes of an address (RFC 5321 4.5.3.1.3, less the angle brackets), of its local part and of a label.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;
const LONGEST_LABEL: usize = 63;

/// The address with which `words` begin, in lower case, and how many bytes it takes with all that belongs to it: a
/// name before it, angle brackets, `mailto:`, the link that Outlook's plain text repeats behind it. `None` when none is.
pub(super) fn address(words: &str) -> Option<(String, usize)> {
    let first = words.split(' ').next().unwrap_or_default();
    if first.contains('@') && !first.starts_with(['<', '"']) {
        return bare(words, first);
    }
    let open = words.find(['<', '@']).filter(|at| words[*at..].starts_with('<'))?;
    let inside = &words[open + 1..];
    let close = inside.find('>')?;
    Some((valid(&inside[..close])?, open + close + 2))
}

/// `jan@x.nl`, `mailto:jan@x.nl`, `jan@x.nl<mailto:jan@x.nl>`, `jan@x.nl <mailto:jan@x.nl>`.
fn bare(words: &str, first: &str) -> Option<(String, usize)> {
    let word = first.split('<').next().unwrap_or_default();
    let address = valid(word.trim_end_matches(['.', ',', ';', ':', '!', ')']))?;
    let after = words[word.len()..].trim_start();
    let Some(link) = after.strip_prefix('<') else { return Some((address, word.len())) };
    let close = link.find('>')?;
    let same = valid(&link[..close])? == address;
    same.then(|| (address, words.len() - link.len() + close + 1))
}

/// The address in lower case, when it is one that ordinary mail servers take (RFC 5321 4.1.2, without quoted local
/// parts and address literals, which nobody's staff has).
fn valid(text: &str) -> Option<String> {
    let lower = text.trim().trim_matches(['\'', '"']).to_ascii_lowercase();
    let address = lower.strip_prefix("mailto:").unwrap_or(&lower);
    let (local, domain) = address.split_once('@')?;
    let labels: Vec<&str> = domain.split('.').collect();
    let atoms = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
    let top_is_a_name = labels.last().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
    let right = address.len() <= LONGEST
        && local.len() <= LONGEST_LOCAL
        && atoms
        && labels.len() >= 2
        && labels.into_iter().all(is_label)
        && top_is_a_name;
    right.then(|| address.to_owned())
}

/// RFC 5322 3.2.3.
const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// RFC 1123 2.1.
fn is_label(label: &str) -> bool {
    let hyphens = label.starts_with('-') || label.ends_with('-');
    (1..=LONGEST_LABEL).contains(&label.len())
        && !hyphens
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_and_programs_write_it() {
        let forms = [
            ("jan@x.nl", ""),
            ("Jan@X.NL.", ""),
            ("jan@x.nl,", ""),
            ("<jan@x.nl>", ""),
            ("Jan Jansen <jan@x.nl> graag", " graag"),
            ("\"Jansen, Jan\" <jan@x.nl>", ""),
            ("mailto:jan@x.nl", ""),
            ("<mailto:jan@x.nl>", ""),
            ("jan@x.nl<mailto:jan@x.nl>", ""),
            ("jan@x.nl <mailto:jan@x.nl> en", " en"),
            ("'jan@x.nl' en", " en"),
        ];
        for (words, rest) in forms {
            let (found, used) = address(words).unwrap_or_else(|| panic!("{words}"));
            assert_eq!((found.as_str(), &words[used..]), ("jan@x.nl", rest), "{words}");
        }
    }

    #[test]
    fn what_is_none() {
        let long_local = format!("{}@x.nl", "a".repeat(65));
        let long_label = format!("a@{}.nl", "a".repeat(64));
        let long = format!("a@{}nl", "a1234567.".repeat(30));
        for words in [
            "",
            "jan",
            "jan@",
            "@x.nl",
            "jan@x",
            "jan@x..nl",
            "jan@.nl",
            "jan@-x.nl",
            "jan@x-.nl",
            ".jan@x.nl",
            "jan.@x.nl",
            "ja..n@x.nl",
            "jan@x@y.nl",
            "jan@1.2.3.4",
            "jan@[1.2.3.4]",
            "jän@x.nl",
            "jan@x.nl<mailto:piet@x.nl>",
            "<jan@x.nl",
            "Jan Jansen <jan>",
            "Jan jan@x.nl",
            &long_local,
            &long_label,
            &long,
        ] {
            assert_eq!(address(words), None, "{words}");
        }
    }
}
