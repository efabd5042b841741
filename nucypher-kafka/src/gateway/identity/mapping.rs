//! Kafka's `ssl.principal.mapping.rules` (KIP-371): from a certificate's subject to a principal's name.
//!
//! ```text
//! RULE:pattern/replacement/[LU], RULE:..., DEFAULT
//! ```
//!
//! The first rule whose pattern fits the whole subject gives the name; `$1` in a replacement is what the
//! first group took, `L` and `U` make small and capital letters of the result. `DEFAULT` is the subject
//! as it is. What Java's `Pattern` and `replaceAll` do is done here, with two differences: a pattern with
//! look-around, back-references or possessive quantifiers is refused at the start (matching is in linear
//! time), and a `$` in a replacement that names no group stands for itself where Java throws.

use regex::{Captures, Regex};

/// The rules of a listener.
#[derive(Debug)]
pub struct MappingRules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
enum Rule {
    Default,
    Pattern { whole: Regex, part: Regex, replacement: Vec<Piece>, case: Case },
}

/// A piece of a replacement.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Keep,
    Lower,
    Upper,
}

/// What is wrong with rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingRulesError {
    /// It is no rule.
    #[error(
        "{rest:?} does not begin with a rule; rules are RULE:pattern/replacement/[LU] and DEFAULT"
    )]
    Rule {
        /// What was left of the text.
        rest: String,
    },
    /// The pattern is none.
    #[error("pattern {pattern:?}: {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl MappingRules {
    /// Reads rules.
    ///
    /// # Errors
    ///
    /// [`MappingRulesError`].
    pub fn parse(text: &str) -> Result<Self, MappingRulesError> {
        let mut rules = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let error = || MappingRulesError::Rule { rest: rest.to_owned() };
            let (rule, after) = if let Some(after) = rest.strip_prefix("DEFAULT") {
                (Some(Rule::Default), after)
            } else if let Some(after) = rest.strip_prefix("RULE:") {
                let (pattern, after) = field(after).ok_or_else(error)?;
                let (replacement, after) = field(after).ok_or_else(error)?;
                let (case, after) = match after.as_bytes().first() {
                    Some(b'L') => (Case::Lower, after.get(1..).unwrap_or_default()),
                    Some(b'U') => (Case::Upper, after.get(1..).unwrap_or_default()),
                    _ => (Case::Keep, after),
                };
                (Some(Rule::new(pattern, replacement, case)?), after)
            } else {
                // An empty rule is ignored, as Kafka does.
                (None, rest)
            };
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => "",
                None => return Err(error()),
            };
            rules.extend(rule);
        }
        Ok(Self { rules })
    }

    /// The name of a subject; `None` where no rule fits, and then there is no identity.
    #[must_use]
    pub fn map(&self, subject: &str) -> Option<String> {
        self.rules.iter().find_map(|rule| rule.apply(subject))
    }
}

/// Splits at the next `/` that no backslash stands before.
fn field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '/' => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

impl Rule {
    fn new(pattern: &str, replacement: &str, case: Case) -> Result<Self, MappingRulesError> {
        let pattern = ascii_classes(pattern);
        let compile = |text: &str| {
            Regex::new(text).map_err(|error| MappingRulesError::Pattern {
                pattern: pattern.clone(),
                problem: error.to_string(),
            })
        };
        let part = compile(&pattern)?;
        let replacement = pieces(replacement, part.captures_len() - 1);
        Ok(Self::Pattern {
            whole: compile(&format!(r"\A(?:{pattern})\z"))?,
            part,
            replacement,
            case,
        })
    }

    fn apply(&self, subject: &str) -> Option<String> {
        let Self::Pattern { whole, part, replacement, case } = self else {
            return Some(subject.to_owned());
        };
        if !whole.is_match(subject) {
            return None;
        }
        let name = replace_all(part, subject, replacement);
        Some(match case {
            Case::Keep => name,
            Case::Lower => name.to_lowercase(),
            Case::Upper => name.to_uppercase(),
        })
    }
}

/// Java's `replaceAll`. It finds an empty match right behind one that is not empty, which the crate's
/// own `replace_all` does not: `.*` fits a text twice.
fn replace_all(pattern: &Regex, text: &str, replacement: &[Piece]) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut from, mut copied) = (0, 0);
    while let Some(captures) = pattern.captures_at(text, from) {
        let Some(found) = captures.get(0) else { break };
        out.push_str(text.get(copied..found.start()).unwrap_or_default());
        expand(replacement, &captures, &mut out);
        copied = found.end();
        from = match found.is_empty() {
            false => found.end(),
            true => match text.get(found.end()..).and_then(|rest| rest.chars().next()) {
                Some(next) => found.end() + next.len_utf8(),
                None => break,
            },
        };
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

fn expand(replacement: &[Piece], captures: &Captures<'_>, out: &mut String) {
    for piece in replacement {
        out.push_str(match piece {
            Piece::Text(text) => text,
            Piece::Group(group) => captures.get(*group).map_or("", |found| found.as_str()),
        });
    }
}

/// Takes a replacement apart: `$` and as many digits as still name one of `groups`, `\` before what is
/// meant literally.
fn pieces(replacement: &str, groups: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '$' => {
                let digit = |c: Option<&char>| c.and_then(|c| c.to_digit(10)).map(|d| d as usize);
                let Some(mut group) = digit(chars.peek()).filter(|group| *group <= groups) else {
                    text.push('$');
                    continue;
                };
                chars.next();
                while let Some(longer) = digit(chars.peek())
                    .map(|next| group.saturating_mul(10).saturating_add(next))
                    .filter(|longer| *longer <= groups)
                {
                    group = longer;
                    chars.next();
                }
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Group(group));
            }
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// Java's `\d`, `\w` and `\s` know ASCII alone; the crate's know all of Unicode. And `\/` is how a rule
/// writes a slash.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[ \t\n\x0B\f\r]"),
            Some('S') => out.push_str(r"[^ \t\n\x0B\f\r]"),
            Some(next) => out.extend(['\\', next]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rules: &str, subject: &str) -> Option<String> {
        MappingRules::parse(rules).unwrap_or_else(|error| panic!("{error}")).map(subject)
    }

    /// The examples of Kafka's documentation.
    #[test]
    fn the_documented_rules() {
        let rules = r"
            RULE:^CN=(.*?),OU=ServiceUsers.*$/$1/,
            RULE:^CN=(.*?),OU=(.*?),O=(.*?),L=(.*?),ST=(.*?),C=(.*?)$/$1@$2/L,
            RULE:^.*[Cc][Nn]=([a-zA-Z0-9.]*).*$/$1/L,
            DEFAULT";
        let cases = [
            ("CN=Duke,OU=ServiceUsers,O=Org,C=US", "Duke"),
            ("CN=Duke,OU=SME,O=mycp,L=Fulton,ST=MD,C=US", "duke@sme"),
            ("OU=JavaSoft,cn=Duke.X,O=Sun", "duke.x"),
            ("OU=JavaSoft,O=Sun Microsystems", "OU=JavaSoft,O=Sun Microsystems"),
        ];
        for (subject, name) in cases {
            assert_eq!(map(rules, subject).as_deref(), Some(name), "{subject}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_the_whole_subject_decides() {
        assert_eq!(map("RULE:CN=a/x/, RULE:CN=ab/y/", "CN=ab").as_deref(), Some("y"));
        assert_eq!(map("RULE:CN=(.*)/$1/U,DEFAULT", "CN=ab").as_deref(), Some("AB"));
        assert_eq!(map("RULE:CN=a/x/", "CN=b"), None);
        assert_eq!(map("DEFAULT", "CN=b").as_deref(), Some("CN=b"));
        assert_eq!(map("", "CN=b"), None);
    }

    #[test]
    fn replacements_as_in_java() {
        let cases = [
            (r"RULE:^CN=(.*?),OU=(.*?)$/$1@$2/", "a@b"),
            (r"RULE:^CN=(.*?),OU=(.*?)$/$1@$3/", "a@$3"),
            (r"RULE:^CN=(.*?),OU=(.*?)$/$12/", "a2"),
            (r"RULE:^CN=(.*?),OU=(.*?)$/$0/", "CN=a,OU=b"),
            (r"RULE:^CN=(.*?),OU=(.*?)$/\$1/", "$1"),
            (r"RULE:^CN=(.*?),OU=(.*?)$/x\/$2/", "x/b"),
            // The empty match behind the whole one.
            ("RULE:.*/x/", "xx"),
            ("RULE:^.*$/x/", "x"),
            ("RULE:CN=(.),OU=(.)//", ""),
        ];
        for (rules, name) in cases {
            assert_eq!(map(rules, "CN=a,OU=b").as_deref(), Some(name), "{rules}");
        }
    }

    #[test]
    fn classes_know_ascii_alone() {
        assert_eq!(map(r"RULE:CN=(\w+)/$1/", "CN=é"), None);
        assert_eq!(map(r"RULE:CN=([\w.]+)/$1/", "CN=a.b").as_deref(), Some("a.b"));
        assert_eq!(map(r"RULE:CN=(\d+)/$1/", "CN=١"), None);
        assert_eq!(map(r"RULE:CN=a\/b/c/", "CN=a/b").as_deref(), Some("c"));
    }

    #[test]
    fn what_is_no_rule() {
        for text in [
            "default",
            "DEFAULT/L",
            "RULE:",
            "RULE:^CN=(.*?),OU=ServiceUsers.*$/$1",
            "RULE:a/b/L/",
            "RULE:a/b/X",
            "RULE:a/b/LU",
            "RULE:a",
            "ABC",
        ] {
            assert!(
                matches!(MappingRules::parse(text), Err(MappingRulesError::Rule { .. })),
                "{text}"
            );
        }
        for text in ["RULE:(a/b/", "RULE:(?=a)a/b/", r"RULE:(a)\1/b/"] {
            assert!(
                matches!(MappingRules::parse(text), Err(MappingRulesError::Pattern { .. })),
                "{text}"
            );
        }
    }
}
