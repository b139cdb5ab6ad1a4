//! What of a broken document can be read: its whole elements, one by one. Pure.
//!
//! Nothing is believed that may have been cut: an element counts when something begins behind it. Declarations, comments
//! and entities of the document's own are passed over, and an element that refers to one is none. Must never be used
//! for a document that can be read as XML.

/// Elements read at most.
const FIELDS_MAX: usize = 1024;

/// The elements with nothing but text in them, in order: name without prefix in small letters, and text.
pub fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut open: Option<(String, Option<String>)> = None;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        say(&mut open, &rest[..at]);
        rest = &rest[at..];
        if let Some(inner) = rest.strip_prefix("<![CDATA[") {
            let Some((inside, behind)) = inner.split_once("]]>") else { return fields };
            if let Some((_, Some(said))) = &mut open {
                said.push_str(inside);
            }
            rest = behind;
            continue;
        }
        if let Some(behind) = passed_over(rest) {
            rest = behind;
            continue;
        }
        if let Some((name, Some(said))) = open.take()
            && fields.len() < FIELDS_MAX
        {
            fields.push((name, said));
        }
        let Some((tag, behind)) = rest[1..].split_once('>') else { return fields };
        if !tag.starts_with('/') && !tag.ends_with('/') {
            let name = tag.split(|c: char| c.is_whitespace() || c == '<').next().unwrap_or_default();
            let local = name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
            open = Some((local, Some(String::new())));
        }
        rest = behind;
    }
    fields
}

/// What follows a comment, a declaration or an instruction; nothing does if it has no end. None: it is none of these.
fn passed_over(text: &str) -> Option<&str> {
    let behind = |end: &str| text.split_once(end).map_or("", |(_, behind)| behind);
    if text.starts_with("<!--") {
        return Some(behind("-->"));
    }
    if text.starts_with("<?") {
        return Some(behind("?>"));
    }
    if !text.starts_with("<!") {
        return None;
    }
    match (text.find('['), text.find('>')) {
        // Declarations inside it are no elements.
        (Some(inside), Some(end)) if inside < end => {
            let behind = text[inside..].split_once(']').map_or("", |(_, behind)| behind);
            Some(behind.split_once('>').map_or("", |(_, behind)| behind))
        }
        _ => Some(behind(">")),
    }
}

/// Text with the references that every document has put in; any other makes the element none.
fn say(open: &mut Option<(String, Option<String>)>, text: &str) {
    let Some((_, said)) = open else { return };
    let Some(so_far) = said else { return };
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        so_far.push_str(before);
        let Some((name, behind)) = behind.split_once(';') else {
            *said = None;
            return;
        };
        let meant = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => match number(name) {
                Some(c) => c,
                None => {
                    *said = None;
                    return;
                }
            },
        };
        so_far.push(meant);
        rest = behind;
    }
    so_far.push_str(rest);
}

fn number(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    code.ok().and_then(char::from_u32).filter(|c| !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        fields(text).into_iter().map(|(name, said)| format!("{name}={said}")).collect()
    }

    #[test]
    fn whole_elements_are_read_and_what_may_be_cut_is_not() {
        assert_eq!(of("<mrq><ref>a</ref><cid>444</cid><dty>00"), ["mrq=", "ref=a", "cid=444"]);
        assert_eq!(of("<s:MRQ><s:Cid>444<dty>3</dty"), ["mrq=", "cid=444", "dty=3"]);
        for cut in ["<mrq><cid>444", "<mrq><cid", "<mrq><ci", ""] {
            assert!(!of(cut).iter().any(|it| it.starts_with("cid=")), "{cut}");
        }
        assert_eq!(of("<cid>4<![CDATA[4]]>4</cid>"), ["cid=444"]);
    }

    #[test]
    fn what_a_document_declares_is_no_element_of_it() {
        let doctype = "<!DOCTYPE mrq [<!ENTITY x \"<cid>666</cid>\">]><mrq><cid>444</cid></mrq>";
        assert_eq!(of(doctype), ["mrq=", "cid=444"]);
        assert_eq!(of("<!-- <cid>666</cid> --><?x <cid>666</cid>?><!DOCTYPE a><cid>444</cid>"), ["cid=444"]);
        assert_eq!(of("<cid>&x;</cid><dte>a &amp; b&#65;</dte><ite>a & b</ite>"), ["dte=a & bA"]);
        assert_eq!(of("<!-- <cid>666</cid>"), [""; 0]);
    }
}
