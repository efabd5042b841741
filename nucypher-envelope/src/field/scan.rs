//! One strict pass over a JSON document (RFC 8259): where the selected values and the tokens lie.
//!
//! Called to seal and to open. Nothing is built but the list of what was found; depth is bounded by
//! [`MAX_DEPTH`], and nothing recurses. Cost: about that of validating the document; benchmark
//! `fields/*`. Secret: nothing of the document is kept but paths.

use std::collections::{HashMap, HashSet};

use super::{
    FieldError, MAX_DEPTH, ProtectedFields,
    lexer::{self, Str, flaw},
    selector::{Pick, State},
    token::Look,
};
use crate::error::Malformed;

/// What to look for in one document.
pub(super) struct Selection<'p> {
    fields: Option<&'p ProtectedFields>,
    /// By slot: whether its field is looked for.
    slots: [bool; 256],
    /// What the paths that are not simple select in this document: pointer and field.
    locations: HashMap<String, usize>,
}

impl<'p> Selection<'p> {
    /// Nothing but tokens.
    pub(super) fn nothing() -> Self {
        Self { fields: None, slots: [false; 256], locations: HashMap::new() }
    }

    /// The fields of these slots, in this document.
    pub(super) fn new(
        fields: &'p ProtectedFields,
        slots: impl Fn(u8) -> bool,
        document: &[u8],
    ) -> Result<Self, FieldError> {
        let mut selection =
            Self { fields: Some(fields), slots: [false; 256], locations: HashMap::new() };
        for field in fields.iter() {
            if let Some(wanted) = selection.slots.get_mut(usize::from(field.slot())) {
                *wanted = slots(field.slot());
            }
        }
        if fields.program.general.iter().any(|(_, field)| selection.wants(*field)) {
            let tree = super::json::tree(document)?;
            for (path, field) in &fields.program.general {
                if selection.wants(*field) {
                    for location in path.query_located(&tree).locations() {
                        let first =
                            selection.locations.entry(location.to_json_pointer()).or_insert(*field);
                        *first = (*first).min(*field);
                    }
                }
            }
        }
        Ok(selection)
    }

    fn wants(&self, field: usize) -> bool {
        self.fields
            .and_then(|fields| fields.at(field))
            .and_then(|field| self.slots.get(usize::from(field.slot())))
            .is_some_and(|wanted| *wanted)
    }

    fn state(&self, state: usize) -> Option<&'p State> {
        self.fields?.program.states.get(state)
    }
}

/// A value that was found: selected, or a string that looks like a token.
#[derive(Debug)]
pub(super) struct Mark {
    /// The value's first byte, and what follows its last.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its field, if it is selected and no ancestor is.
    pub(super) field: Option<usize>,
    pub(super) look: Look,
    /// Where it stands, as a JSON Pointer; empty where nobody asks for it.
    pub(super) path: String,
    /// How deep it stands.
    pub(super) depth: usize,
    /// Whether an ancestor is selected.
    pub(super) inside: bool,
    /// Where its member begins: the name's quote, or the value itself.
    pub(super) member: usize,
    /// The commas before and behind it.
    pub(super) comma_before: Option<usize>,
    pub(super) comma_behind: Option<usize>,
}

impl Mark {
    /// What stands between the quotes of a string.
    pub(super) fn string<'d>(&self, document: &'d [u8]) -> &'d [u8] {
        document.get(self.start + 1..self.end.saturating_sub(1)).unwrap_or_default()
    }
}

/// An array or an object that is open.
struct Frame {
    object: bool,
    /// The index of an array's element.
    index: usize,
    /// The name of an object's member.
    name: Str,
    /// Its states, as a range of the scanner's.
    states: (usize, usize),
    /// The names on a protected path so far.
    names: HashSet<Box<str>>,
    member: usize,
    comma: Option<usize>,
    /// Its own mark, if it is selected.
    mark: Option<usize>,
    /// The mark of its last child.
    last: Option<usize>,
    /// The length of its pointer, where pointers are kept.
    pointer: usize,
}

struct Scanner<'d, 'p> {
    text: &'d [u8],
    at: usize,
    selection: &'p Selection<'p>,
    base_depth: usize,
    frames: Vec<Frame>,
    states: Vec<usize>,
    marks: Vec<Mark>,
    /// How many of the open frames are in a selected value.
    inside: usize,
    /// The pointer of the value at hand; kept only where there are locations to look up.
    pointer: String,
}

/// Scans a whole document that stands `base_depth` deep.
///
/// Errors: not exactly one JSON value in UTF-8, nested too deeply, a duplicate name on a protected
/// path.
pub(super) fn scan(
    text: &[u8],
    selection: &Selection<'_>,
    base_depth: usize,
) -> Result<Vec<Mark>, FieldError> {
    if let Err(error) = core::str::from_utf8(text) {
        return Err(flaw(error.valid_up_to(), "not UTF-8").into());
    }
    let mut scanner = Scanner {
        text,
        at: 0,
        selection,
        base_depth,
        frames: Vec::new(),
        states: Vec::new(),
        marks: Vec::new(),
        inside: 0,
        pointer: String::new(),
    };
    scanner.document()?;
    Ok(scanner.marks)
}

impl Scanner<'_, '_> {
    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn flaw(&self, why: &'static str) -> FieldError {
        flaw(self.at, why).into()
    }

    fn document(&mut self) -> Result<(), FieldError> {
        self.blanks();
        loop {
            // At the first byte of a value.
            if !self.value()? {
                continue;
            }
            // Behind a value: close what ends here, up to the next value.
            loop {
                self.blanks();
                let Some(frame) = self.frames.last_mut() else {
                    return if self.at == self.text.len() {
                        Ok(())
                    } else {
                        Err(self.flaw("bytes after the document"))
                    };
                };
                match (self.text.get(self.at), frame.object) {
                    (Some(b','), object) => {
                        frame.comma = Some(self.at);
                        frame.index += 1;
                        if let Some(mark) =
                            frame.last.take().and_then(|last| self.marks.get_mut(last))
                        {
                            mark.comma_behind = Some(self.at);
                        }
                        self.at += 1;
                        self.blanks();
                        if object {
                            self.name()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => self.close(),
                    (_, true) => return Err(self.flaw("neither a comma nor a closing brace")),
                    (_, false) => return Err(self.flaw("neither a comma nor a closing bracket")),
                }
            }
        }
    }

    /// Reads a member's name and its colon.
    fn name(&mut self) -> Result<(), FieldError> {
        let member = self.at;
        if self.byte() != Some(b'"') {
            return Err(self.flaw("a member has no name"));
        }
        let name = lexer::string(self.text, self.at + 1)?;
        self.at = name.end + 1;
        self.blanks();
        if self.byte() != Some(b':') {
            return Err(self.flaw("a name has no colon"));
        }
        self.at += 1;
        self.blanks();
        if let Some(frame) = self.frames.last_mut() {
            frame.name = name;
            frame.member = member;
        }
        Ok(())
    }

    /// Reads a scalar (`true`), or opens an array or an object up to its first value (`false`).
    fn value(&mut self) -> Result<bool, FieldError> {
        let start = self.at;
        let base = self.states.len();
        let field = if self.inside == 0 { self.advance()? } else { None };
        match self.byte() {
            Some(open @ (b'{' | b'[')) => {
                let mark = field.is_some().then(|| self.mark(start, field, Look::Plain));
                self.open(open == b'{', base, mark)
            }
            Some(b'"') => {
                let string = lexer::string(self.text, start + 1)?;
                self.at = string.end + 1;
                let look = Look::of(string.raw(self.text));
                self.scalar(start, base, field, look);
                Ok(true)
            }
            Some(b'-' | b'0'..=b'9') => {
                self.at = lexer::number(self.text, start)?;
                self.scalar(start, base, field, Look::Plain);
                Ok(true)
            }
            _ => {
                let rest = self.text.get(start..).unwrap_or_default();
                let word = [&b"true"[..], b"false", b"null"]
                    .into_iter()
                    .find(|word| rest.starts_with(word))
                    .ok_or_else(|| self.flaw("not a value"))?;
                self.at += word.len();
                self.scalar(start, base, field, Look::Plain);
                Ok(true)
            }
        }
    }

    fn scalar(&mut self, start: usize, base: usize, field: Option<usize>, look: Look) {
        if field.is_some() || look != Look::Plain {
            let mark = self.mark(start, field, look);
            let end = self.at;
            if let Some(mark) = self.marks.get_mut(mark) {
                mark.end = end;
            }
        }
        self.states.truncate(base);
    }

    /// Notes a value that begins at `start`.
    fn mark(&mut self, start: usize, field: Option<usize>, look: Look) -> usize {
        let path = if field.is_some() || look == Look::Token { self.path() } else { String::new() };
        let index = self.marks.len();
        let (member, comma) = match self.frames.last_mut() {
            None => (start, None),
            Some(frame) => {
                frame.last = Some(index);
                (if frame.object { frame.member } else { start }, frame.comma)
            }
        };
        self.marks.push(Mark {
            start,
            end: start,
            field,
            look,
            path,
            depth: self.base_depth + self.frames.len(),
            inside: self.inside > 0,
            member,
            comma_before: comma,
            comma_behind: None,
        });
        index
    }

    fn open(&mut self, object: bool, base: usize, mark: Option<usize>) -> Result<bool, FieldError> {
        if self.base_depth + self.frames.len() >= MAX_DEPTH {
            return Err(self.flaw("nested too deeply"));
        }
        if mark.is_some() || self.inside > 0 {
            self.inside += 1;
            self.states.truncate(base);
        }
        self.frames.push(Frame {
            object,
            index: 0,
            name: Str::default(),
            states: (base, self.states.len()),
            names: HashSet::new(),
            member: 0,
            comma: None,
            mark,
            last: None,
            pointer: self.pointer.len(),
        });
        self.at += 1;
        self.blanks();
        match (self.byte(), object) {
            (Some(b'}'), true) | (Some(b']'), false) => {
                self.close();
                Ok(true)
            }
            (_, true) => self.name().map(|()| false),
            (_, false) => Ok(false),
        }
    }

    /// Closes the innermost array or object, at its last byte.
    fn close(&mut self) {
        self.at += 1;
        if let Some(frame) = self.frames.pop() {
            self.states.truncate(frame.states.0);
            self.inside = self.inside.saturating_sub(1);
            if let Some(mark) = frame.mark.and_then(|mark| self.marks.get_mut(mark)) {
                mark.end = self.at;
            }
        }
    }

    /// Follows the selectors to the value at hand: appends its states, and gives the lowest field
    /// that selects it.
    fn advance(&mut self) -> Result<Option<usize>, FieldError> {
        let selection = self.selection;
        let Some(fields) = selection.fields else { return Ok(None) };
        let base = self.states.len();
        let mut selected = None;
        let mut reach =
            |field: usize| selected = Some(selected.map_or(field, |f: usize| f.min(field)));
        let Some(frame) = self.frames.last_mut() else {
            for (state, field) in &fields.program.starts {
                if selection.wants(*field) {
                    match selection.state(*state) {
                        Some(State::Selected(field)) => reach(*field),
                        _ => self.states.push(*state),
                    }
                }
            }
            if let Some(field) = selection.locations.get("") {
                reach(*field);
            }
            return Ok(selected);
        };
        if !selection.locations.is_empty() {
            self.pointer.truncate(frame.pointer);
            frame.write_token(self.text, &mut self.pointer);
            if let Some(field) = selection.locations.get(&self.pointer) {
                reach(*field);
            }
        }
        let (from, to) = frame.states;
        if from == to {
            return Ok(selected);
        }
        let name = frame.object.then(|| frame.name.decode(self.text));
        let mut on_path = false;
        for at in from..to {
            let Some(state) = self.states.get(at).copied() else { break };
            let Some(State::Step(step)) = selection.state(state) else { continue };
            if step.descend {
                on_path = true;
                self.states.push(state);
            }
            let picked = step.picks.iter().any(|pick| match (pick, &name) {
                (Pick::Any, _) => true,
                (Pick::Name(wanted), Some(name)) => **wanted == **name,
                (Pick::Index(wanted), None) => *wanted == frame.index,
                _ => false,
            });
            if picked {
                on_path = true;
                match selection.state(state + 1) {
                    Some(State::Selected(field)) => reach(*field),
                    _ => self.states.push(state + 1),
                }
            }
        }
        // The steps of two paths can meet, and descendants would multiply them.
        let mut unique = base;
        for at in base..self.states.len() {
            let Some(state) = self.states.get(at).copied() else { break };
            if !self.states.get(base..unique).unwrap_or_default().contains(&state) {
                if let Some(slot) = self.states.get_mut(unique) {
                    *slot = state;
                }
                unique += 1;
            }
        }
        self.states.truncate(unique);
        if let (true, Some(name)) = (on_path, name)
            && !frame.names.insert(name.as_ref().into())
        {
            return Err(FieldError::Duplicate { path: self.path() });
        }
        Ok(selected)
    }

    /// The pointer of the value at hand.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            frame.write_token(self.text, &mut path);
        }
        path
    }
}

impl Frame {
    /// Appends `/` and the name or index, escaped as RFC 6901 has it.
    fn write_token(&self, text: &[u8], pointer: &mut String) {
        pointer.push('/');
        if self.object {
            write_name(&self.name.decode(text), pointer);
        } else {
            pointer.push_str(&self.index.to_string());
        }
    }
}

/// Appends a name to a pointer, escaped as RFC 6901 has it.
pub(super) fn write_name(name: &str, pointer: &mut String) {
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            plain => pointer.push(plain),
        }
    }
}

/// Checks that a text is exactly one value, without blanks around it, that stands `depth` deep.
pub(super) fn exactly_one_value(text: &[u8], depth: usize) -> Result<(), Malformed> {
    let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    if blank(text.first()) || blank(text.last()) {
        return Err(flaw(0, "white space around a field's text"));
    }
    match scan(text, &Selection::nothing(), depth) {
        Ok(_) => Ok(()),
        Err(FieldError::Malformed(malformed)) => Err(malformed),
        Err(_) => Err(flaw(0, "not a value")),
    }
}
