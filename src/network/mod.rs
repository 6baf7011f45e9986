//! Sockets, links, deadlines, drain. Decides nothing about money.
