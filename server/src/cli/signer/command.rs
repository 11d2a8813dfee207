//! A program that signs: whatever can reach the key, so that the key need not lie in a file.

use anyhow::{Context, Result, ensure};
use bundle::key::KeyError;
use bundle::{PublicKey, Signer};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// A signature has about 70 bytes, 140 in hex.
const LARGEST: u64 = 4096;

/// Signs by running a program.
pub(super) struct CommandSigner {
    words: Vec<String>,
    public: PublicKey,
}

impl CommandSigner {
    /// The program with its arguments, quoted as for a shell, and the public half of its key.
    pub(super) fn new(command: &str, public: PublicKey) -> Result<Self> {
        let words = shlex::split(command).context("--command: a quote is open")?;
        ensure!(!words.is_empty(), "--command names no program");
        Ok(Self { words, public })
    }

    fn run(&self, message: &[u8]) -> std::io::Result<(Vec<u8>, std::process::ExitStatus)> {
        let mut command = Command::new(&self.words[0]);
        let mut child = command.args(&self.words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            match input.write_all(message) {
                // A program that has enough of it says by its status how it went.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                other => other?,
            }
        }
        let mut printed = Vec::new();
        if let Some(output) = child.stdout.take() {
            output.take(LARGEST).read_to_end(&mut printed)?;
        }
        Ok((printed, child.wait()?))
    }
}

impl Signer for CommandSigner {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, KeyError> {
        let program = &self.words[0];
        let failed = |why: String| KeyError::Signer(format!("{program}: {why}"));
        let (printed, status) = self.run(message).map_err(|error| failed(error.to_string()))?;
        if !status.success() {
            return Err(failed(format!("it ended with {status}")));
        }
        let signature = der(&printed);
        match self.public.verifies(message, &signature) {
            true => Ok(signature),
            false => Err(failed(format!("what it printed ({} bytes) is no signature by key {}", printed.len(), self.public.id()))),
        }
    }
}

/// The signature in what a program printed: as it is, or out of hex. A signature in DER is never all hex digits: its lengths and tags are not.
pub fn der(printed: &[u8]) -> Vec<u8> {
    let text: String = String::from_utf8_lossy(printed).split_whitespace().collect();
    hex::decode(&text).unwrap_or_else(|_| printed.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A key that only openssl has.
    fn key(folder: &Path) -> (String, PublicKey) {
        let path = folder.join("a key.pem").to_str().expect("text").to_owned();
        let mut made = Command::new("openssl");
        made.args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &path]);
        assert!(made.status().expect("openssl runs").success());
        let public = Command::new("openssl").args(["pkey", "-pubout", "-in", &path]).output().expect("openssl runs").stdout;
        (path, PublicKey::from_pem(&String::from_utf8(public).expect("text")).expect("a P-256 key"))
    }

    #[test]
    fn openssl_signs_as_a_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, public) = key(folder.path());
        for format in ["", " -hex -r"] {
            // `-r` prints a name after the digits, which is cut off by the shell here: any program will do.
            let command = match format {
                "" => format!("openssl dgst -sha256 -sign '{path}'"),
                _ => format!("sh -c \"openssl dgst -sha256 -hex -r -sign '{path}' | cut -d' ' -f1\""),
            };
            let signer = CommandSigner::new(&command, public.clone()).expect("a command");
            let signature = signer.sign(b"order").expect("signs");
            assert!(signer.public().verifies(b"order", &signature), "{command}");
        }
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, public) = key(folder.path());
        let other = key(&{
            let nested = folder.path().join("other");
            std::fs::create_dir(&nested).expect("made");
            nested
        })
        .1;
        let said = |command: &str, public: &PublicKey| {
            let signer = CommandSigner::new(command, public.clone()).expect("a command");
            signer.sign(&[7; 1 << 20]).expect_err("does not sign").to_string()
        };
        assert!(said("false", &public).contains("false: it ended with exit status: 1"));
        assert!(said("true", &public).contains("no signature by key"));
        assert!(said("/no/such/program", &public).contains("No such file"));
        assert!(said(&format!("openssl dgst -sha256 -sign '{path}'"), &other).contains("no signature by key"));
        assert!(CommandSigner::new("openssl 'dgst", public.clone()).is_err());
        assert!(CommandSigner::new(" ", public).is_err());
    }
}
