//! The highest revision of each administrator's head that was seen: what keeps a registry from
//! being rolled back unnoticed, also across a restart. A small text file, replaced atomically.
//!
//! ```text
//! nucypher registry state 1
//! SIG_ID REVISION SHA-256-OF-THE-HEAD-ENTRY        (one line for each administrator, ascending)
//! ```

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

use super::{directory::replace_file, key::SigningKeyId, ledger::Refusal};

const TITLE: &str = "nucypher registry state 1";

/// The heads seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<SigningKeyId, (u64, [u8; 32])>);

/// Why the state file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeenError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not what this program wrote.
    #[error(
        "line {line} is damaged: the highest revision seen is lost. Check that the registry is \
         the newest one, then delete the file"
    )]
    Damaged {
        /// The first damaged line, from 1.
        line: usize,
    },
}

impl Seen {
    /// Reads the file; one that is not there says that nothing was seen.
    pub fn load(path: &Path) -> Result<Self, SeenError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the file, atomically and durably.
    pub fn save(&self, path: &Path) -> Result<(), SeenError> {
        let mut text = format!("{TITLE}\n");
        for (id, (revision, hash)) in &self.0 {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{id} {revision} {}", hex::encode(hash));
        }
        Ok(replace_file(path, text.as_bytes())?)
    }

    /// The highest revision seen of an administrator.
    pub fn revision(&self, administrator: SigningKeyId) -> Option<u64> {
        self.0.get(&administrator).map(|(revision, _)| *revision)
    }

    /// Refuses a head that is older than the newest seen, or another of the same revision.
    pub(super) fn check(
        &self,
        administrator: SigningKeyId,
        revision: u64,
        hash: &[u8; 32],
    ) -> Result<(), Refusal> {
        match self.0.get(&administrator) {
            Some((seen, _)) if revision < *seen => {
                Err(Refusal::RolledBack { seen: *seen, found: revision })
            }
            Some((seen, other)) if revision == *seen && hash != other => {
                Err(Refusal::Forked { revision })
            }
            _ => Ok(()),
        }
    }

    /// Notes a head; an older one changes nothing.
    pub(super) fn note(&mut self, administrator: SigningKeyId, revision: u64, hash: [u8; 32]) {
        let entry = self.0.entry(administrator).or_insert((revision, hash));
        if entry.0 < revision {
            *entry = (revision, hash);
        }
    }

    fn parse(text: &str) -> Result<Self, SeenError> {
        let mut seen = Self::default();
        let mut lines = text.lines().zip(1..);
        if !text.ends_with('\n') || lines.next().is_none_or(|(title, _)| title != TITLE) {
            return Err(SeenError::Damaged { line: 1 });
        }
        for (text, line) in lines {
            let (id, state) = parse_line(text).ok_or(SeenError::Damaged { line })?;
            if seen.0.insert(id, state).is_some() {
                return Err(SeenError::Damaged { line });
            }
        }
        Ok(seen)
    }
}

fn parse_line(line: &str) -> Option<(SigningKeyId, (u64, [u8; 32]))> {
    let mut words = line.split(' ');
    let id = words.next()?.parse().ok()?;
    let revision = words.next()?.parse().ok()?;
    let mut hash = [0; 32];
    hex::decode_to_slice(words.next()?, &mut hash).ok()?;
    words.next().is_none().then_some((id, (revision, hash)))
}
