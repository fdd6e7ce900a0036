//! What older programs put into the text itself: files in uuencode, and texts that PGP signed or encrypted (RFC 9580
//! section 7). Signatures are not checked: they are listed.

use crate::domain::mail::Attachment;

use super::read::clean;

const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END: &str = "-----END PGP SIGNATURE-----";
const ENCRYPTED: &str = "-----BEGIN PGP MESSAGE-----";

/// Files of one text that are listed.
const MOST_FILES: usize = 1000;

/// Whether PGP encrypted the text.
pub(super) fn is_encrypted(text: &str) -> bool {
    text.lines().any(|line| line.trim() == ENCRYPTED)
}

/// The text without files and signatures, which are listed. Most texts have none and stay as they are.
pub(super) fn opened(text: String, attachments: &mut Vec<Attachment>) -> String {
    let text = if text.contains("begin") { without_files(&text, attachments) } else { text };
    if text.contains(SIGNED) { without_signature(&text, attachments) } else { text }
}

fn without_files(text: &str, attachments: &mut Vec<Attachment>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < lines.len() {
        if let Some((file, length)) = file(&lines[at..]).filter(|_| attachments.len() < MOST_FILES) {
            attachments.push(file);
            at += length;
        } else {
            kept.push_str(lines[at]);
            kept.push('\n');
            at += 1;
        }
    }
    kept
}

/// A file that begins on the first of these lines, and the lines that it takes (POSIX uuencode).
fn file(lines: &[&str]) -> Option<(Attachment, usize)> {
    let (mode, name) = lines.first()?.strip_prefix("begin ")?.split_once(' ')?;
    let is_mode = (3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
    // Another line may begin like that; the next one then holds no data.
    line_bytes(lines.get(1)?).filter(|_| is_mode && !name.trim().is_empty())?;
    let (mut size, mut taken) = (0, 1);
    for line in &lines[1..] {
        taken += 1;
        if line.trim_end() == "end" {
            break;
        }
        let Some(bytes) = line_bytes(line) else {
            taken -= 1;
            break;
        };
        size += bytes;
    }
    let media_type = "application/octet-stream".to_owned();
    Some((Attachment { name: clean(name), media_type, size }, taken))
}

/// The bytes that a line of uuencode holds; `None` when it is none.
fn line_bytes(line: &str) -> Option<u64> {
    let (length, digits) = line.as_bytes().split_first()?;
    let right = |b: &u8| (b' '..=b'`').contains(b);
    let count = right(length).then(|| u64::from((length - b' ') & 0x3F))?;
    // Blanks at the end of a line may have been lost; a check character may have been added.
    let needed = usize::try_from(count.div_ceil(3) * 4).ok()?;
    let fits = digits.len() <= needed + 2 && digits.len() + 4 > needed && digits.iter().all(right);
    fits.then_some(count)
}

fn without_signature(text: &str, attachments: &mut Vec<Attachment>) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_end() == SIGNED {
            // Armour headers end with a blank line.
            lines.by_ref().take_while(|line| !line.trim().is_empty()).for_each(drop);
        } else if line.trim_end() == SIGNATURE {
            let signature = lines.by_ref().take_while(|line| line.trim_end() != SIGNATURE_END);
            attachments.push(Attachment {
                name: "signature.asc".to_owned(),
                media_type: "application/pgp-signature".to_owned(),
                size: signature.map(|line| line.len() as u64 + 1).sum(),
            });
        } else {
            // Lines that begin with a dash were escaped (section 7.2); `- ` alone may be somebody's list.
            let escaped = line.strip_prefix("- ").filter(|rest| rest.starts_with('-'));
            kept.push_str(escaped.unwrap_or(line));
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(text: &str) -> (String, Vec<(String, u64)>) {
        let mut attachments = Vec::new();
        let text = super::opened(text.to_owned(), &mut attachments);
        (text.trim().to_owned(), attachments.into_iter().map(|a| (a.name, a.size)).collect())
    }

    #[test]
    fn files_in_uuencode() {
        let text = "Zie de bon.\n\nbegin 644 bon maart.txt\n#0V%T\n`\nend\nGroet, Jan\n";
        let expected = ("Zie de bon.\n\nGroet, Jan".to_owned(), vec![("bon maart.txt".to_owned(), 3)]);
        assert_eq!(opened(text), expected);
    }

    #[test]
    fn a_file_that_was_cut_off_and_lines_that_are_none() {
        assert_eq!(opened("x\nbegin 644 a\n#0V%T").1, [("a".to_owned(), 3)]);
        for text in
            ["begin 644 euro terug te betalen\nen snel.", "begin met antwoorden\n#0V%T", "begin 100 x"]
        {
            assert_eq!(opened(text), (text.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn what_pgp_signed() {
        let text = format!(
            "{SIGNED}\nHash: SHA256\n\nDe printer is stuk.\n- -- \nJan\n- punt\n{SIGNATURE}\n\niQEz\n{SIGNATURE_END}\n"
        );
        let expected =
            ("De printer is stuk.\n-- \nJan\n- punt".to_owned(), vec![("signature.asc".to_owned(), 6)]);
        assert_eq!(opened(&text), expected);
        assert!(is_encrypted(&format!("\n{ENCRYPTED}\n\nhQEM")) && !is_encrypted(&text));
    }
}
