//! HTTP for operators: health, readiness, metrics, the status page. Must not be on the path of a message.
