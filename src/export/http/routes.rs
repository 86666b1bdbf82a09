//! The paths, and the gate before them.

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::time::timeout;

use super::passwords::Verdict;
use super::problem::Problem;
use super::server::Shared;
use super::{Pages, Refusal, negotiate};

type Server = State<Arc<Shared>>;

pub(super) fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| async { Html(include_str!("index.html")) }))
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(|| async { "healthy\n" }))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .route("/api/v1/openapi.json", get(|| async { json(include_str!("openapi.json").to_owned()) }))
        .route("/api/v1/status", get(status))
        .route("/api/v1/findings", get(findings))
        .route("/api/v1/streams", get(streams))
        .route("/api/v1/devices", get(devices))
        .fallback(|uri: Uri| async move {
            Problem::new(StatusCode::NOT_FOUND, format!("there is no {}", uri.path()))
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the Allow header names the methods there are")
        })
        .layer(from_fn_with_state(Arc::clone(shared), gate))
        .with_state(Arc::clone(shared))
}

/// Everything that holds for every path: users, sizes, times, headers.
async fn gate(State(shared): Server, request: Request, next: Next) -> Response {
    let settings = shared.settings();
    let answer = timeout(shared.limits.request_time, async {
        if let Some(settings) = &settings {
            let header = request.headers().get(header::AUTHORIZATION);
            match shared.passwords.judge(&settings.users, header).await {
                Verdict::Welcome => {}
                Verdict::Stranger => return stranger(&shared),
                Verdict::Busy => return busy(&shared).into_response(),
            }
        }
        let (parts, body) = request.into_parts();
        match to_bytes(body, shared.limits.body_bytes).await {
            Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
            Err(_) => too_large(&shared),
        }
    });
    let mut response = answer.await.unwrap_or_else(|_| {
        shared.pages.refused(Refusal::Timeout);
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long").into_response()
    });
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for (name, value) in settings.iter().flat_map(|settings| &settings.headers) {
        headers.insert(name, value.clone());
    }
    response
}

fn stranger(shared: &Shared) -> Response {
    shared.pages.refused(Refusal::Unauthorized);
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "give a user and a password").into_response();
    let challenge = HeaderValue::from_static("Basic realm=\"clearline\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn too_large(shared: &Shared) -> Response {
    shared.pages.refused(Refusal::TooLarge);
    let detail = format!("a body may have {} bytes", shared.limits.body_bytes);
    let mut response = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    // The rest of the body is not read, so nothing can follow it.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn busy(shared: &Shared) -> Problem {
    shared.pages.refused(Refusal::Requests);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once")
}

/// Asks the program on a blocking thread.
async fn ask<T: Send + 'static>(
    shared: &Shared,
    question: impl FnOnce(&dyn Pages) -> T + Send + 'static,
) -> Result<T, Problem> {
    let permit = Arc::clone(&shared.questions).try_acquire_owned().map_err(|_| busy(shared))?;
    let pages = Arc::clone(&shared.pages);
    // The permit goes with the work: an answer nobody waits for any more still takes a thread.
    let answer = tokio::task::spawn_blocking(move || {
        let answer = question(&*pages);
        drop(permit);
        answer
    });
    answer.await.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the program failed to answer"))
}

async fn metrics(State(shared): Server, headers: HeaderMap) -> Result<Response, Problem> {
    let (format, kind) = negotiate::exposition(&joined(&headers, &header::ACCEPT));
    let gzip = negotiate::accepts_gzip(&joined(&headers, &header::ACCEPT_ENCODING));
    let (body, packed) = ask(&shared, move |pages| {
        let plain = pages.metrics(format);
        match gzip.then(|| pack(&plain)).flatten() {
            Some(packed) => (packed, true),
            None => (plain, false),
        }
    })
    .await?;
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    let kind = HeaderValue::try_from(kind).unwrap_or_else(|_| HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// A header given several times means the same as once with commas.
fn joined(headers: &HeaderMap, name: &header::HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// None when it cannot be packed, which writing to memory never says.
fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok()
}

async fn ready(State(shared): Server) -> Response {
    if shared.pages.is_ready() {
        return "ready\n".into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not ready yet").into_response()
}

async fn reload(State(shared): Server) -> Result<&'static str, Problem> {
    ask(&shared, |pages| pages.reload()).await?.map_err(Problem::with_lines)?;
    Ok("reloaded\n")
}

async fn status(State(shared): Server) -> Result<Response, Problem> {
    document(&shared, |pages| pages.status()).await
}

async fn findings(State(shared): Server) -> Result<Response, Problem> {
    document(&shared, |pages| pages.findings()).await
}

async fn streams(State(shared): Server, uri: Uri) -> Result<Response, Problem> {
    let (live, limit) = selection(uri.query().unwrap_or_default())
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail))?;
    document(&shared, move |pages| pages.streams(live, limit)).await
}

async fn devices(State(shared): Server, uri: Uri) -> Result<Response, Problem> {
    let (_, limit) = selection(uri.query().unwrap_or_default())
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail))?;
    document(&shared, move |pages| pages.devices(limit)).await
}

/// `live` and `limit` of a query.
fn selection(query: &str) -> Result<(bool, usize), String> {
    let (mut live, mut limit) = (false, 50);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("live", "" | "1" | "true") => live = true,
            ("live", "0" | "false") => live = false,
            ("live", _) => return Err("live: true or false".to_owned()),
            ("limit", text) => {
                let parsed = text.parse().ok().filter(|n| (1..=500).contains(n));
                limit = parsed.ok_or("limit: a number from 1 to 500")?;
            }
            (name, _) => return Err(format!("{name}: no such parameter; there are live and limit")),
        }
    }
    Ok((live, limit))
}

/// The program's answer as JSON, written on the blocking thread too.
async fn document(
    shared: &Shared,
    question: impl FnOnce(&dyn Pages) -> Value + Send + 'static,
) -> Result<Response, Problem> {
    ask(shared, |pages| question(pages).to_string()).await.map(json)
}

fn json(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
