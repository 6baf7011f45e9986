//! temp
use super::{Portfolio, snapshot};
use crate::vault::DataKey;
use std::path::Path;
/// temp
pub fn write(p: &Portfolio, key: &DataKey, data: &Path, floor: u64, time_us: i64, wait: impl FnOnce(()) -> Result<(), Box<dyn std::error::Error + Send + Sync>>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let dir = data.join("snapshot");
    std::fs::create_dir_all(&dir)?;
    let tmp = dir.join("tmp");
    snapshot::write(p, key, &tmp, floor, time_us)?;
    wait(())?;
    std::fs::rename(tmp, dir.join(format!("{floor:020}.snap")))?;
    Ok(())
}
