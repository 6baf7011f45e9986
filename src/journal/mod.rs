//! The append-only record of decisions: append behind the answer, sync, recover. Must not know what a record means.
