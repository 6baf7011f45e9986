//! Bytes <-> frames <-> fields, exactly as the tables in `specs/` say. PURE: no sockets, files, clock or meaning.
