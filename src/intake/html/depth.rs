//! How deep the elements of a piece of HTML stand in each other, in one pass and before anything is built of it.
//!
//! An upper bound: whenever the standard's parser might keep an element open, it counts as open. The other way round, a
//! tag that closes nothing would hide depth, and with it time that grows with its square.

/// Elements that have no end tag (HTML standard, "void elements"), and so do not nest.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// Elements that the end of the one around them closes, and that the next of their kind closes ("optional tags").
const OPTIONAL: &[&str] = &["p", "li", "td", "th", "tr", "dd", "dt", "option", "tbody", "thead", "tfoot"];

/// Elements that the parser opens again when something around them ended ("the list of active formatting elements").
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u", "span",
];

/// Elements in which no tag counts but their own end; not everywhere, so that what opens in them counts all the same.
const RAW: &[&str] = &[
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "svg",
    "math",
];

/// How far down an end tag looks for its start.
const REACH: usize = 16;

/// How many elements are open at once at most.
pub(super) fn deepest(html: &str) -> usize {
    let bytes = html.as_bytes();
    let (mut open, mut deepest): (Vec<&[u8]>, usize) = (Vec::new(), 0);
    let (mut at, mut raw_until) = (0, 0);
    while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'<') {
        let tag = &bytes[at + found + 1..];
        at += found + 1;
        let name = |from: usize| {
            let rest = &tag[from.min(tag.len())..];
            let end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
            &rest[..rest.iter().position(end).unwrap_or(rest.len())]
        };
        match tag {
            [b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let name = name(0);
                let again = open.last().is_some_and(|last| is_one_of(OPTIONAL, name) && same(last, name));
                if !again && !is_one_of(VOID, name) {
                    open.push(name);
                }
                if at < raw_until {
                    continue;
                }
                at += tag_length(tag);
                if is_one_of(RAW, name) {
                    raw_until = at + raw_length(&bytes[at..], name);
                }
            }
            [b'/', b'a'..=b'z' | b'A'..=b'Z', ..] if at >= raw_until => {
                close(&mut open, name(1));
                at += tag_length(tag);
            }
            [b'!', b'-', b'-', ..] if at >= raw_until => at += comment_length(tag),
            [b'!' | b'?' | b'/', ..] if at >= raw_until => at += length_until(tag, b'>'),
            _ => {}
        }
        deepest = deepest.max(open.len());
    }
    deepest
}

/// An end tag closes the nearest of its name when only elements with optional end tags stand in between.
fn close(open: &mut Vec<&[u8]>, name: &[u8]) {
    for down in (open.len().saturating_sub(REACH)..open.len()).rev() {
        if same(open[down], name) {
            if is_one_of(FORMATTING, name) {
                open.remove(down);
            } else {
                let reopened: Vec<&[u8]> =
                    open.drain(down..).filter(|above| is_one_of(FORMATTING, above)).collect();
                open.extend(reopened);
            }
            return;
        }
        if !is_one_of(OPTIONAL, open[down]) && !is_one_of(FORMATTING, open[down]) {
            return;
        }
    }
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn is_one_of(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|known| same(known.as_bytes(), name))
}

/// Bytes of a tag up to and with its `>`; one in a quoted value is none.
fn tag_length(tag: &[u8]) -> usize {
    let (mut quote, mut value) = (None, false);
    for (at, byte) in tag.iter().enumerate() {
        match (quote, byte) {
            (Some(mark), byte) if mark == *byte => (quote, value) = (None, false),
            (Some(_), _) => {}
            (None, b'>') => return at + 1,
            // A quotation mark counts only where a value begins.
            (None, b'"' | b'\'') if value => quote = Some(*byte),
            (None, b'=') => value = true,
            (None, byte) if byte.is_ascii_whitespace() => {}
            (None, _) => value = false,
        }
    }
    tag.len()
}

/// Bytes of a comment that begins with these; `-->` and `--!>` end it, and so does a `>` right behind its start.
fn comment_length(tag: &[u8]) -> usize {
    if tag.starts_with(b"!-->") || tag.starts_with(b"!--->") {
        return length_until(tag, b'>');
    }
    let mut at = 3;
    while let Some(found) = tag[at..].iter().position(|byte| *byte == b'>') {
        at += found + 1;
        if tag[3..at].ends_with(b"-->") || tag[3..at].ends_with(b"--!>") {
            return at;
        }
    }
    tag.len()
}

fn length_until(tag: &[u8], end: u8) -> usize {
    tag.iter().position(|byte| *byte == end).map_or(tag.len(), |found| found + 1)
}

/// Bytes up to the end tag of this name; all of them when there is none.
fn raw_length(bytes: &[u8], name: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(2).position(|pair| pair == b"</") {
        at += found + 2;
        if bytes[at..].get(..name.len()).is_some_and(|here| same(here, name)) {
            return at - 2;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_nest() {
        assert_eq!(deepest(&"a<br>".repeat(5000)), 0);
        assert_eq!(deepest("<p><b>x</b></p><p>"), 2);
        assert_eq!(deepest(&"<table><tr><td>x</table>".repeat(5000)), 3);
        assert_eq!(deepest(&"<ul><li>a<li>b<li><i>c</i></ul>".repeat(5000)), 3);
        assert_eq!(deepest(&"<p>a<p>b".repeat(5000)), 1);
        assert_eq!(deepest(&"<a href='x>y'>z</a><!-- <div> --><IMG src=x />".repeat(5000)), 1);
        assert_eq!(deepest(&"<style>p > a {}</style><div class=x>y</DIV >".repeat(5000)), 1);
    }

    #[test]
    fn what_closes_nothing_hides_no_depth() {
        for hostile in [
            "<div></x>",
            "<span></p>",
            "<ul></li>",
            "<blockquote></div></x>",
            "<div><!--</div>-->",
            "<div><!--></div-->",
            "<div title='</div>'>",
            "<div a=\" > </div>\">",
            "<div x'</div>",
            "<div></>",
            "<div><script></div></script>",
            "<select><title></select><div></title>",
            "<div><select></div></select>",
            "<p><b i=1></p>",
            "<p><font size=2></p></x>",
            "<svg><style><g></style></svg>",
            "<table><tr><td></div>",
        ] {
            assert!(deepest(&hostile.repeat(5000)) >= 5000, "{hostile}");
        }
    }
}
