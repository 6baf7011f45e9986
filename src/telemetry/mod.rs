//! Latency histograms, counters, Prometheus text, `.hlog` files, logs. Takes numbers, knows nobody.
