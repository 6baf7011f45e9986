//! Fields <-> meaning: typed requests, response codes, which fields an answer echoes. PURE; must not know sockets or money.
