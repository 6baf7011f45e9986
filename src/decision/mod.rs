//! (request, now, portfolio) -> decision + record. PURE: no sockets, files, clock or randomness.
