//! Writing a document anew with some bytes replaced, and members taken out.

/// What is to be written in the place of a part of a document.
pub(super) struct Cut {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) with: Vec<u8>,
}

/// Copies the document with every cut replaced. Requires: cuts ascend and do not overlap.
pub(super) fn splice(document: &[u8], cuts: &[Cut]) -> Vec<u8> {
    let more: usize = cuts.iter().map(|cut| cut.with.len()).sum();
    let mut out = Vec::with_capacity(document.len().saturating_add(more));
    let mut at = 0;
    for cut in cuts {
        out.extend_from_slice(document.get(at..cut.start).unwrap_or_default());
        out.extend_from_slice(&cut.with);
        at = cut.end;
    }
    out.extend_from_slice(document.get(at..).unwrap_or_default());
    out
}

/// Which bytes to take out with a member or element so that the commas stay right.
#[derive(Default)]
pub(super) struct Commas {
    /// The comma that went with the element before.
    gone: Option<usize>,
}

impl Commas {
    /// The range to take out. Requires: called in the order of the document.
    pub(super) fn range(&mut self, mark: &super::scan::Mark) -> (usize, usize) {
        match (mark.comma_before, mark.comma_behind) {
            (Some(before), _) if self.gone != Some(before) => (before, mark.end),
            (_, Some(behind)) => {
                self.gone = Some(behind);
                (mark.member, behind.saturating_add(1))
            }
            (_, None) => (mark.member, mark.end),
        }
    }
}
