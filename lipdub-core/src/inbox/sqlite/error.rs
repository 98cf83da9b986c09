use rusqlite::{Error, ErrorCode, ffi};

use crate::dedupe::StoreError;

/// Says in fixed words what went wrong.
pub(super) fn store_error(error: Error) -> StoreError {
    StoreError::new(describe(&error), error)
}

/// What went wrong, and what to do about it if that is not plain.
pub(super) fn describe(error: &Error) -> &'static str {
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_READONLY_DBMOVED) {
        return "the file was removed or replaced: the inbox must be opened anew";
    }
    if matches!(error, Error::ToSqlConversionFailure(_)) {
        return "the event cannot be written: its body is not UTF-8";
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "the file was locked by another process for too long"
        }
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::ReadOnly) => {
            "the file is read-only: the process must be allowed to write to it and its directory"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "the file cannot be opened: its directory must exist, and the process must be allowed to write to it"
        }
        Some(ErrorCode::NotADatabase) => "the file is not an SQLite database",
        Some(ErrorCode::DatabaseCorrupt) => {
            "the file is damaged: restore it, or salvage it with `.recover` of sqlite3"
        }
        Some(ErrorCode::SystemIoFailure) => "the file could not be read or written",
        Some(_) => "SQLite answered with an error",
        None => "the file holds something that this version did not write",
    }
}

/// Whether another connection has what it takes to write.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
