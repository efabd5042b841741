//! The users file: reading with lines and fields in the errors, changing it as a whole.
//!
//! The TOML is walked by hand: a derived deserialiser quotes values in its messages, and these are secret.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::Write as _,
    ops::Range,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use zeroize::Zeroizing;

use super::{FieldProblem, User, UsersError, check_name, random_key};
use crate::gateway::{
    identity::credential::{ScramCredential, ScramHash},
    private_file::{self, PrivateFileError},
};

/// The size of the decoy key in bytes.
pub(super) const DECOY_KEY: usize = 32;

const HEADER: &str = "\
# Users of the NuCypher gateway. `nucypher user` writes this file and keeps no comments.
# Secret: whoever reads it can guess passwords offline. Keep its mode at 600.
";

const SHA256: &str = "scram-sha-256";
const SHA512: &str = "scram-sha-512";

/// What a users file holds.
pub(super) struct Contents {
    pub(super) decoy_key: Option<Zeroizing<Vec<u8>>>,
    pub(super) users: BTreeMap<String, User>,
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, UsersError> {
    let bytes = private_file::read(path)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(UsersError::Syntax {
                file: format!("{}, ", path.display()),
                line: line_of(before),
                message: "not UTF-8".to_owned(),
            })
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Contents, UsersError> {
    let at = At { text };
    let root = DeTable::parse(text).map_err(|error| UsersError::Syntax {
        file: String::new(),
        line: at.line(error.span().unwrap_or_default()),
        message: error.message().to_owned(),
    })?;
    let mut contents = Contents { decoy_key: None, users: BTreeMap::new() };
    for (key, value) in root.get_ref() {
        match key.get_ref().as_ref() {
            "decoy_key" => contents.decoy_key = Some(at.decoy_key(value)?),
            "users" => contents.users = at.users(value)?,
            _ => {
                return Err(at.error(
                    key.span(),
                    key.get_ref(),
                    FieldProblem::Unknown("decoy_key and users"),
                ));
            }
        }
    }
    Ok(contents)
}

/// The text, to turn a span into a line.
struct At<'a> {
    text: &'a str,
}

impl At<'_> {
    fn line(&self, span: Range<usize>) -> usize {
        line_of(self.text.as_bytes().get(..span.start).unwrap_or_default())
    }

    fn error(&self, span: Range<usize>, field: &str, problem: FieldProblem) -> UsersError {
        UsersError::Field {
            file: String::new(),
            line: self.line(span),
            field: field.escape_debug().to_string(),
            problem,
        }
    }

    fn decoy_key(&self, value: &Spanned<DeValue<'_>>) -> Result<Zeroizing<Vec<u8>>, UsersError> {
        let error = |problem| self.error(value.span(), "decoy_key", problem);
        let text = value.get_ref().as_str().ok_or_else(|| error(FieldProblem::Type("string")))?;
        let key =
            STANDARD.decode(text).map(Zeroizing::new).map_err(|_| error(FieldProblem::DecoyKey))?;
        if key.len() == DECOY_KEY { Ok(key) } else { Err(error(FieldProblem::DecoyKey)) }
    }

    fn users(&self, value: &Spanned<DeValue<'_>>) -> Result<BTreeMap<String, User>, UsersError> {
        let table = value.get_ref().as_table();
        let table =
            table.ok_or_else(|| self.error(value.span(), "users", FieldProblem::Type("table")))?;
        let mut users = BTreeMap::new();
        for (name, value) in table {
            let field = format!("users.{}", name.get_ref());
            check_name(name.get_ref())
                .map_err(|e| self.error(name.span(), &field, FieldProblem::Name(e)))?;
            let table = value.get_ref().as_table();
            let table = table
                .ok_or_else(|| self.error(value.span(), &field, FieldProblem::Type("table")))?;
            if table.is_empty() {
                return Err(self.error(name.span(), &field, FieldProblem::NoCredential));
            }
            users.insert(name.get_ref().to_string(), self.user(&field, table)?);
        }
        Ok(users)
    }

    fn user(&self, field: &str, table: &DeTable<'_>) -> Result<User, UsersError> {
        let mut user = User::default();
        for (key, value) in table {
            let field = format!("{field}.{}", key.get_ref());
            let hash = match key.get_ref().as_ref() {
                SHA256 => ScramHash::Sha256,
                SHA512 => ScramHash::Sha512,
                _ => {
                    let problem = FieldProblem::Unknown("scram-sha-256 and scram-sha-512");
                    return Err(self.error(key.span(), &field, problem));
                }
            };
            let error = |problem| self.error(value.span(), &field, problem);
            let text =
                value.get_ref().as_str().ok_or_else(|| error(FieldProblem::Type("string")))?;
            let credential = ScramCredential::parse(hash, text)
                .map_err(|e| error(FieldProblem::Credential(e)))?;
            user = user.with(credential);
        }
        Ok(user)
    }
}

fn line_of(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
}

fn write(contents: &Contents) -> Result<Zeroizing<String>, UsersError> {
    // Reserved at once, so that growing leaves no copy behind; writing to a string cannot fail.
    let mut text = Zeroizing::new(String::with_capacity(
        contents.users.len().saturating_mul(1024).saturating_add(1024),
    ));
    text.push_str(HEADER);
    if let Some(key) = &contents.decoy_key {
        let _ = writeln!(text, "decoy_key = \"{}\"", STANDARD.encode(&**key));
    }
    for (name, user) in &contents.users {
        let _ = writeln!(text, "\n[users.{}]", toml::Value::String(name.clone()));
        for (key, hash) in [(SHA256, ScramHash::Sha256), (SHA512, ScramHash::Sha512)] {
            if let Some(credential) = user.credential(hash) {
                let _ = writeln!(text, "{key} = \"{}\"", *credential.to_text());
            }
        }
    }
    Ok(text)
}

/// What [`add`] does with a user that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// An error.
    Refuse,
    /// Put the new credentials in place of the old.
    Replace,
}

/// Add a user to the file, which is made if there is none. Comments in it are lost.
///
/// The file is replaced whole, by one of mode 0600 that is written beside it; two changes at once do
/// not lose one another.
///
/// # Errors
/// [`UsersError`]; the file is as it was then.
pub fn add(path: &Path, name: &str, user: User, existing: Existing) -> Result<(), UsersError> {
    check_name(name)?;
    change(path, |users| {
        if existing == Existing::Refuse && users.contains_key(name) {
            return Err(UsersError::Exists { name: name.to_owned() });
        }
        users.insert(name.to_owned(), user);
        Ok(())
    })
}

/// Remove a user from the file, as [`add`] adds one.
///
/// # Errors
/// [`UsersError`]; the file is as it was then.
pub fn remove(path: &Path, name: &str) -> Result<(), UsersError> {
    change(path, |users| {
        users
            .remove(name)
            .map(drop)
            .ok_or_else(|| UsersError::NoSuchUser { name: name.escape_debug().to_string() })
    })
}

fn change(
    path: &Path,
    edit: impl FnOnce(&mut BTreeMap<String, User>) -> Result<(), UsersError>,
) -> Result<(), UsersError> {
    // The new file under its temporary name is the lock too, as git does it.
    let lock = Lock::take(path)?;
    let mut contents = match read(path) {
        Ok(text) => parse(&text).map_err(|error| error.in_file(path))?,
        Err(UsersError::File(PrivateFileError::Io { error, .. }))
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            Contents { decoy_key: None, users: BTreeMap::new() }
        }
        Err(error) => return Err(error),
    };
    edit(&mut contents.users)?;
    if contents.decoy_key.is_none() {
        contents.decoy_key = Some(random_key()?);
    }
    lock.replace(&write(&contents)?)
}

/// `FILE.lock`, removed when dropped unless it became the file.
struct Lock<'a> {
    path: &'a Path,
    lock: PathBuf,
    file: File,
    kept: bool,
}

impl<'a> Lock<'a> {
    fn take(path: &'a Path) -> Result<Self, UsersError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&lock).map_err(|error| {
            let lock = lock.display().to_string();
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                UsersError::Locked { lock }
            } else {
                UsersError::Write { path: lock, error }
            }
        })?;
        Ok(Self { path, lock, file, kept: false })
    }

    fn replace(mut self, text: &str) -> Result<(), UsersError> {
        let error = |error| UsersError::Write { path: self.lock.display().to_string(), error };
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all()).map_err(error)?;
        fs::rename(&self.lock, self.path)
            .map_err(|error| UsersError::Write { path: self.path.display().to_string(), error })?;
        self.kept = true;
        // The rename itself reaches the disk with the folder; a system that cannot sync one loses only that.
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.lock);
        }
    }
}
