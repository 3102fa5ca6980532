//! The file behind the cache: a header, then records of equal length, appended.
//!
//! A record is a key, a vector of little-endian floats and a checksum over both.
//! A write that was cut off leaves a part of a record at the end, which is cut
//! away when the file is opened; a record with a wrong checksum is none. A file of
//! another embedder, dimension or format is emptied. A second process that opens
//! the file reads it and writes nothing.

mod room;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// What a vector is found by: the first half of a SHA-256.
pub(super) type Key = [u8; 16];

const MAGIC: &[u8; 8] = b"docent\0v";
/// Changes when the format does.
const FORMAT: u32 = 1;
/// Magic, format, dimension and a hash of the embedder's name.
const HEADER: u64 = 8 + 4 + 4 + 16;
const KEY: usize = size_of::<Key>();
const CHECKSUM: usize = 8;

/// Why a cache cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the cache of embeddings at {} cannot be used: {source}; name another folder with `data`", path.display())]
pub struct CacheError {
    path: PathBuf,
    source: io::Error,
}

/// An open cache file.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    dimension: usize,
    header: [u8; HEADER as usize],
    /// Number of the record with each key, the newest where there are several.
    places: HashMap<Key, u64>,
    records: u64,
    /// Keys that were read or written since the file was opened.
    used: HashSet<Key>,
    max_bytes: u64,
    /// Held as long as this process may write; absent when another one may.
    lock: Option<File>,
    /// Whether it was said that nothing more is stored.
    is_full: bool,
}

impl RecordFile {
    /// Opens the file of the embedder called `name` in `folder`.
    pub(super) fn open(folder: &Path, name: &str, dimension: usize, max_bytes: u64) -> Result<Self, CacheError> {
        let path = folder.join(file_name(name));
        let failed = |source| CacheError { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = lock(&path.with_extension("lock")).map_err(failed)?;
        if lock.is_some() {
            room::make(folder, &path, max_bytes);
        }
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(failed)?;
        let mut opened = Self {
            header: header(name, dimension),
            places: HashMap::new(),
            used: HashSet::new(),
            records: 0,
            is_full: false,
            path: path.clone(),
            file,
            dimension,
            max_bytes,
            lock,
        };
        opened.scan().map_err(failed)?;
        Ok(opened)
    }

    fn record_bytes(&self) -> usize {
        KEY + self.dimension * size_of::<f32>() + CHECKSUM
    }

    fn offset(&self, record: u64) -> u64 {
        HEADER + record * self.record_bytes() as u64
    }

    /// Reads the header and the keys.
    fn scan(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let mut found = [0; HEADER as usize];
        let is_ours = length >= HEADER && self.file.read_exact_at(&mut found, 0).is_ok() && found == self.header;
        if !is_ours {
            if length > 0 {
                tracing::info!(path = %self.path.display(), "the cache is not of this embedder and dimension, so it starts anew");
            }
            return self.start_anew();
        }
        self.records = (length - HEADER) / self.record_bytes() as u64;
        if self.lock.is_some() && self.offset(self.records) < length {
            self.file.set_len(self.offset(self.records))?;
        }
        for record in 0..self.records {
            let mut key = Key::default();
            self.file.read_exact_at(&mut key, self.offset(record))?;
            self.places.insert(key, record);
        }
        Ok(())
    }

    fn start_anew(&mut self) -> io::Result<()> {
        self.places.clear();
        self.records = 0;
        if self.lock.is_some() {
            self.file.set_len(0)?;
            self.file.write_all_at(&self.header, 0)?;
        }
        Ok(())
    }

    /// The vector under a key, unless there is none or its bytes are damaged.
    pub(super) fn read(&mut self, key: &Key) -> Option<Vec<f32>> {
        let record = *self.places.get(key)?;
        let mut bytes = vec![0; self.record_bytes()];
        let is_read = self.file.read_exact_at(&mut bytes, self.offset(record)).is_ok();
        let (content, sum) = bytes.split_at(bytes.len() - CHECKSUM);
        if !is_read || content[..KEY] != key[..] || sum != checksum(content) {
            self.places.remove(key);
            return None;
        }
        self.used.insert(*key);
        let (floats, _) = content[KEY..].as_chunks::<4>();
        Some(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
    }

    /// Writes vectors behind the others. What cannot be written is only embedded
    /// again another time, so a failure is logged and no more.
    pub(super) fn append(&mut self, records: &[(Key, Vec<f32>)]) {
        if self.lock.is_none() {
            return;
        }
        let added = (records.len() * self.record_bytes()) as u64;
        if self.offset(self.records) + added > self.max_bytes {
            if let Err(error) = self.drop_unused() {
                tracing::warn!(path = %self.path.display(), %error, "the cache of embeddings cannot be made smaller");
            }
            if self.offset(self.records) + added > self.max_bytes {
                if !std::mem::replace(&mut self.is_full, true) {
                    tracing::warn!(path = %self.path.display(), "the cache of embeddings is full, so new vectors are not kept");
                }
                return;
            }
        }
        let mut bytes = Vec::with_capacity(records.len() * self.record_bytes());
        for (key, vector) in records {
            let start = bytes.len();
            bytes.extend_from_slice(key);
            bytes.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
            let sum = checksum(&bytes[start..]);
            bytes.extend_from_slice(&sum);
        }
        if let Err(error) = self.file.write_all_at(&bytes, self.offset(self.records)) {
            tracing::warn!(path = %self.path.display(), %error, "vectors cannot be written to the cache of embeddings");
            return;
        }
        for (key, _) in records {
            self.places.insert(*key, self.records);
            self.used.insert(*key);
            self.records += 1;
        }
    }

    /// Writes the file anew with the records that were used since it was opened.
    fn drop_unused(&mut self) -> io::Result<()> {
        let mut kept: Vec<(u64, Key)> = self
            .places
            .iter()
            .filter(|(key, _)| self.used.contains(*key))
            .map(|(key, record)| (*record, *key))
            .collect();
        kept.sort_unstable();
        let path = self.path.with_extension("new");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        file.write_all_at(&self.header, 0)?;
        let mut bytes = vec![0; self.record_bytes()];
        let mut places = HashMap::with_capacity(kept.len());
        for ((record, key), number) in kept.into_iter().zip(0..) {
            self.file.read_exact_at(&mut bytes, self.offset(record))?;
            file.write_all_at(&bytes, self.offset(number))?;
            places.insert(key, number);
        }
        file.sync_all()?;
        fs::rename(&path, &self.path)?;
        self.records = places.len() as u64;
        (self.file, self.places) = (file, places);
        Ok(())
    }
}

/// The right to write, unless another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A name for people, and a hash that tells apart what they look the same in.
fn file_name(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '-' }).take(60).collect();
    let hash: String = Sha256::digest(name.as_bytes())[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}.{}", plain.trim_matches(['.', '-']), room::EXTENSION)
}

fn header(name: &str, dimension: usize) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..16].copy_from_slice(&u32::try_from(dimension).unwrap_or(u32::MAX).to_le_bytes());
    header[16..].copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    header
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&Sha256::digest(content)[..CHECKSUM]);
    sum
}
