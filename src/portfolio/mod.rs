//! Cards, accounts and transactions in memory, and their snapshot. Must not know messages on the wire or sockets.
