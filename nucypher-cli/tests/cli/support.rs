//! What the command line tests share: a scratch folder and the program.

use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Output};

use assert_cmd::Command;
use tempfile::TempDir;

/// A scratch folder in which the program runs.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn write_private(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(name, content);
        set_mode(&path, 0o600);
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The program with these words, in this folder, with no settings from outside.
    pub(crate) fn nucypher(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nucypher"));
        command.current_dir(self.folder()).args(line.split_whitespace());
        for name in ["NUCYPHER_PASSPHRASE", "NUCYPHER_KAFKA_PASSWORD", "NUCYPHER_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// Run and want success.
    pub(crate) fn ok(&self, line: &str) -> Output {
        self.nucypher(line).assert().success().get_output().clone()
    }

    /// Run and want this exit code; gives what was said on standard error.
    pub(crate) fn fails(&self, line: &str, code: i32) -> String {
        let output = self.nucypher(line).assert().code(code).get_output().clone();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.stdout.is_empty(),
            "standard output of a failure: {:?}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// Two key pairs, `a` and `b`.
    pub(crate) fn with_keys() -> Self {
        let scratch = Self::new();
        scratch.ok("key generate --out a.pem --public a.pub");
        scratch.ok("key generate --out b.pem --public b.pub");
        scratch
    }

    /// Run openssl here; `None`, said aloud, where it is missing.
    pub(crate) fn openssl(&self, line: &str) -> Option<Output> {
        match StdCommand::new("openssl")
            .current_dir(self.folder())
            .args(line.split_whitespace())
            .output()
        {
            Ok(output) => {
                assert!(
                    output.status.success(),
                    "openssl {line}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                Some(output)
            }
            Err(_) => {
                eprintln!("SKIPPED: openssl is not installed, its half of this test did not run");
                None
            }
        }
    }
}

#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}
