//! The data key: read from a file or the environment, never from the settings. Seals what rests on disk.
//! Must not know what it seals.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::{Zeroizing, zeroize_stack};

/// The environment variable that holds the data key instead of a file.
pub const KEY_VARIABLE: &str = "AUTHSWITCH_DATA_KEY";
/// What it holds where the key is to be read from standard input.
pub const FROM_STDIN: &str = "stdin";
/// What deriving keys leaves on the stack, generously.
const DERIVING: usize = 32 << 10;
/// Bytes a sealed block is longer than its content: nonce and tag.
pub const OVERHEAD: usize = 12 + 16;

/// The key of one data folder. Has no `Debug`: it cannot be printed.
pub struct DataKey {
    sealing: Aes256Gcm,
    hashing: [u8; 16],
    check: [u8; 8],
}

/// Why there is no data key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, made or protected.
    #[error("data key {path}: {reason}")]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system said, or what is wrong with the file.
        reason: String,
    },
    /// The environment variable, or the standard input that it names, does not hold a key.
    #[error("{KEY_VARIABLE}, or standard input where it is `{FROM_STDIN}`, is not 64 hexadecimal digits")]
    Variable,
    /// The system gave no randomness.
    #[error("no random numbers from the system: {0}")]
    Randomness(getrandom::Error),
}

/// A sealed block that this key does not open: another key, or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed with another key, or changed")]
pub struct NotOpened;

impl DataKey {
    /// The key from the environment, else from `file`, else from `keys/data.key` in the data folder, which is
    /// made at first use with permissions for its owner only.
    pub fn load(file: Option<&Path>, data: &Path) -> Result<DataKey, KeyError> {
        let own = data.join("keys").join("data.key");
        if std::env::var_os(KEY_VARIABLE).is_none() && file.is_none() && !own.exists() {
            create(&own)?;
        }
        DataKey::open_existing(file, data)
    }

    /// As [`DataKey::load`], for whoever only reads: a key that is not there is not made.
    pub fn open_existing(file: Option<&Path>, data: &Path) -> Result<DataKey, KeyError> {
        if let Ok(text) = std::env::var(KEY_VARIABLE) {
            let text = Zeroizing::new(text);
            let key = if *text == FROM_STDIN { DataKey::from_stdin() } else { DataKey::from_hex(&text) };
            return key.ok_or(KeyError::Variable);
        }
        let own = data.join("keys").join("data.key");
        let path = file.unwrap_or(&own);
        let fail = |reason: String| KeyError::File { path: path.to_owned(), reason };
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?);
        let mode = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(fail(format!("others may read it (mode {:03o}): chmod 600 it", mode & 0o777)));
        }
        DataKey::from_hex(text.trim()).ok_or_else(|| fail("not 64 hexadecimal digits".into()))
    }

    /// Not through the library's standard input, whose buffer would keep it.
    fn from_stdin() -> Option<DataKey> {
        let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned().ok()?);
        let mut text = Zeroizing::new([0; 80]);
        let mut length = 0;
        let mut stdin = stdin.take(text.len() as u64);
        loop {
            match stdin.read(&mut text[length..]).ok()? {
                0 => break,
                more => length += more,
            }
        }
        DataKey::from_hex(std::str::from_utf8(&text[..length]).ok()?.trim())
    }

    /// A key of 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<DataKey> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut key = Zeroizing::new([0u8; 32]);
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            *byte = (high << 4 | low) as u8;
        }
        let derived = DataKey::new(&key);
        zeroize_stack::<DERIVING>();
        Some(derived)
    }

    /// Separate keys for separate uses, derived from the one (HKDF-SHA-256, RFC 5869).
    #[inline(never)]
    fn new(key: &[u8; 32]) -> DataKey {
        let derive = Hkdf::<Sha256>::new(None, key);
        let mut sealing = Zeroizing::new([0u8; 32]);
        let (mut hashing, mut check) = ([0; 16], [0; 8]);
        for (use_, into) in [
            ("seal snapshots", &mut sealing[..]),
            ("name transactions", &mut hashing[..]),
            ("check value", &mut check),
        ] {
            // Expanding fails only beyond 255 blocks of 32 bytes; these are one block each.
            derive.expand(format!("authswitch 1: {use_}").as_bytes(), into).expect("at most 32 bytes");
        }
        DataKey { sealing: Aes256Gcm::new(&Key::<Aes256Gcm>::from(*sealing)), hashing, check }
    }

    /// The key of the hashes that name transactions.
    pub fn hashing(&self) -> [u8; 16] {
        self.hashing
    }

    /// Eight bytes that tell this key from another without saying anything about it.
    pub fn check_value(&self) -> [u8; 8] {
        self.check
    }

    /// Seals `block` in place (AES-256-GCM, random nonce in front). `context` must be the same when opening.
    pub fn seal(&self, context: &[u8], block: &mut Vec<u8>) -> Result<(), KeyError> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(KeyError::Randomness)?;
        // Fails only beyond 64 GiB in one block.
        self.sealing.encrypt_in_place(&Nonce::from(nonce), context, block).expect("blocks are small");
        block.splice(0..0, nonce);
        Ok(())
    }

    /// Opens what [`DataKey::seal`] made.
    pub fn open(&self, context: &[u8], block: &mut Vec<u8>) -> Result<(), NotOpened> {
        let nonce: [u8; 12] = *block.first_chunk().ok_or(NotOpened)?;
        block.drain(..12);
        self.sealing.decrypt_in_place(&Nonce::from(nonce), context, block).map_err(|_| NotOpened)
    }
}

fn create(path: &Path) -> Result<(), KeyError> {
    let fail = |error: std::io::Error| KeyError::File { path: path.to_owned(), reason: error.to_string() };
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut key[..]).map_err(KeyError::Randomness)?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in key.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text.push('\n');
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
    // Without its folder's entry on disk a power cut would lose the key, and with it all cards.
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = DataKey::from_hex(HEX).unwrap();
        let mut block = b"4111110000000013".to_vec();
        key.seal(b"cards 1", &mut block).unwrap();
        assert_eq!(block.len(), 16 + OVERHEAD);
        assert!(!block.windows(8).any(|window| window == b"41111100"));
        let mut changed = block.clone();
        changed[20] ^= 1;
        assert_eq!(key.open(b"cards 1", &mut changed), Err(NotOpened));
        assert_eq!(key.open(b"cards 2", &mut block.clone()), Err(NotOpened));
        assert_eq!(DataKey::new(&[7; 32]).open(b"cards 1", &mut block.clone()), Err(NotOpened));
        key.open(b"cards 1", &mut block).unwrap();
        assert_eq!(block, b"4111110000000013");
        assert_eq!(key.open(b"cards 1", &mut vec![1; 5]), Err(NotOpened));
    }

    #[test]
    fn makes_a_key_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataKey::load(None, folder.path()).unwrap();
        let again = DataKey::load(None, folder.path()).unwrap();
        assert_eq!((first.check_value(), first.hashing()), (again.check_value(), again.hashing()));
        let path = folder.path().join("keys/data.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let Err(error) = DataKey::load(None, folder.path()) else { panic!("a readable key file was taken") };
        assert!(error.to_string().contains("mode 644"), "{error}");
    }

    #[test]
    fn refuses_what_is_no_key() {
        for text in ["", "00", &HEX[1..], &HEX.replace('a', "g")] {
            assert!(DataKey::from_hex(text).is_none(), "{text}");
        }
    }
}
