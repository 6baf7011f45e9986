//! Traces, their generator, the open-loop load client, the bare echo server, reports. Must not know the switch's insides.
