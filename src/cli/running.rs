//! Asks a running switch, by the pages of its admin address. Reads only; must not know what the pages mean.

use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;

/// Where a switch's admin server listens by default.
pub(super) const USUAL_ADMIN: &str = "127.0.0.1:9583";

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest page that is believed.
const LONGEST: usize = 16 << 20;

/// A page of the switch whose admin server listens at `admin`, as JSON.
///
/// # Errors
/// Nobody answers there in time, or not as a switch does; in words.
pub(super) fn json(admin: SocketAddr, path: &str) -> Result<serde_json::Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let page = async { tokio::time::timeout(PATIENCE, page(admin, path)).await };
    let body = match runtime.block_on(page) {
        Ok(page) => page.map_err(|error| error.to_string())?,
        Err(_) => return Err("no answer in time".to_owned()),
    };
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn page(admin: SocketAddr, path: &str) -> Result<Vec<u8>, Failure> {
    let stream = tokio::net::TcpStream::connect(admin).await?;
    let (mut send, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the runtime, at the latest.
    tokio::spawn(connection);
    let request = hyper::Request::get(path).header(hyper::header::HOST, admin.to_string());
    let answer = send.send_request(request.body(String::new())?).await?;
    if answer.status() != hyper::StatusCode::OK {
        return Err(format!("{path}: {}", answer.status()).into());
    }
    Ok(Limited::new(answer.into_body(), LONGEST).collect().await?.to_bytes().to_vec())
}
