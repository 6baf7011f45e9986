//! The admin server's pages and their headers. Everything is read-only and made from memory.

use super::hosts::Hosts;
use super::page;
use super::status::{Facts, Readiness, State, Status};
use crate::telemetry::{CLASSIC_TYPE, OPENMETRICS_TYPE, Overview, Telemetry, classic};
use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use std::sync::Arc;

#[derive(Clone)]
struct Switch {
    telemetry: Telemetry,
    status: Arc<dyn Status>,
}

/// All routes of the admin server.
pub(super) fn router(telemetry: Telemetry, status: Arc<dyn Status>, hosts: Vec<String>) -> Router {
    Router::new()
        .route("/", get(status_page))
        .route("/status.json", get(status_json))
        .route("/connections.json", get(connections_json))
        .route("/refusals.json", get(refusals_json))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(not_found)
        .with_state(Switch { telemetry, status })
        .layer(axum::middleware::from_fn_with_state(Arc::new(Hosts(hosts)), refuse_foreign_hosts))
        .layer(axum::middleware::map_response(harden))
}

async fn refuse_foreign_hosts(Shared(hosts): Shared<Arc<Hosts>>, request: Request, next: Next) -> Response {
    match hosts.foreign(&request) {
        None => next.run(request).await,
        Some(host) => {
            let error = format!(
                "{host:?} is no name of this server: ask by its address or as localhost, or name it in admin.hosts"
            );
            json(StatusCode::MISDIRECTED_REQUEST, &serde_json::json!({ "error": error }))
        }
    }
}

/// What holds for every answer: never cached, sniffed, framed or allowed to load anything. The page, which has a
/// style and a script of its own, brings its own policy.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}

async fn healthz(Shared(switch): Shared<Switch>) -> Response {
    match switch.status.alive() {
        Ok(()) => json(StatusCode::OK, &serde_json::json!({ "alive": true })),
        Err(reason) => {
            json(StatusCode::SERVICE_UNAVAILABLE, &serde_json::json!({ "alive": false, "reason": reason }))
        }
    }
}

async fn readyz(Shared(switch): Shared<Switch>) -> Response {
    let Readiness { state, reason } = switch.status.readiness();
    let ready = state == State::Ready;
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(code, &serde_json::json!({ "ready": ready, "state": state, "reason": reason }))
}

async fn metrics(Shared(switch): Shared<Switch>, headers: HeaderMap) -> Response {
    let text = switch.telemetry.render();
    let (content_type, text) = match accepts_openmetrics(&headers) {
        true => (OPENMETRICS_TYPE, text),
        false => (CLASSIC_TYPE, classic(&text)),
    };
    ([(header::CONTENT_TYPE, content_type), (header::VARY, "accept")], text).into_response()
}

/// Whether a scraper asked for OpenMetrics by name; `*/*` gets the older text, which everything can read.
fn accepts_openmetrics(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named =
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
        let refused =
            |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0));
        named && !parts.any(refused)
    })
}

/// Everything the page shows, for programs.
#[derive(Serialize)]
pub(super) struct Snapshot {
    pub(super) version: &'static str,
    pub(super) readiness: Readiness,
    pub(super) facts: Facts,
    pub(super) figures: Overview,
}

fn snapshot(switch: &Switch) -> Snapshot {
    Snapshot {
        version: env!("CARGO_PKG_VERSION"),
        readiness: switch.status.readiness(),
        facts: switch.status.facts(),
        figures: switch.telemetry.overview(),
    }
}

async fn status_json(Shared(switch): Shared<Switch>) -> Response {
    json(StatusCode::OK, &snapshot(&switch))
}

async fn connections_json(Shared(switch): Shared<Switch>) -> Response {
    json(StatusCode::OK, &serde_json::json!({ "connections": switch.status.connections() }))
}

async fn refusals_json(Shared(switch): Shared<Switch>) -> Response {
    json(StatusCode::OK, &switch.status.refusals())
}

async fn status_page(Shared(switch): Shared<Switch>) -> Response {
    let mut random = [0; 16];
    // Without randomness there is no safe nonce; the page's style and script are then refused by the browser.
    let nonce = match getrandom::fill(&mut random) {
        Ok(()) => random.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(_) => String::new(),
    };
    let policy = match nonce.is_empty() {
        true => "default-src 'none'; frame-ancestors 'none'".to_owned(),
        false => format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    };
    let (connections, refusals) = (switch.status.connections(), switch.status.refusals());
    let html = page::render(&snapshot(&switch), &connections, &refusals, &nonce);
    let content_type = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = ([(header::CONTENT_TYPE, content_type)], html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn not_found(uri: Uri) -> Response {
    let body = serde_json::json!({
        "error": format!("no page {}", uri.path()),
        "pages": ["/", "/status.json", "/connections.json", "/refusals.json", "/metrics", "/healthz", "/readyz"],
    });
    json(StatusCode::NOT_FOUND, &body)
}

fn json<T: Serialize>(code: StatusCode, body: &T) -> Response {
    (code, axum::Json(body)).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_asked_for_by_name() {
        for (accept, expected) in [
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
                true,
            ),
            ("text/plain, Application/OpenMetrics-Text; version=1.0.0", true),
            ("application/openmetrics-text;q=0, text/plain", false),
            ("text/plain;version=0.0.4", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(accepts_openmetrics(&headers), expected, "{accept}");
        }
        assert!(!accepts_openmetrics(&HeaderMap::new()));
    }
}
