//! From listening sockets to answered requests.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::activity::Activity;
use super::limits::Limits;
use super::paced::Paced;
use super::passwords::Passwords;
use super::web_config::WebConfig;
use super::{Error, Pages, Refusal, routes};

/// Serves `pages` on `listeners` until `shutdown` resolves, then finishes what is in flight.
///
/// # Errors
/// The web configuration file has faults, or the runtime cannot take the sockets. Once it serves it does not
/// fail: what goes wrong with a client is counted, what goes wrong with the file is warned about.
pub async fn serve(
    listeners: Vec<TcpListener>,
    web_config: Option<PathBuf>,
    pages: Arc<dyn Pages>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    serve_with(Limits::default(), listeners, web_config, pages, shutdown).await
}

/// As [`serve`], with other limits.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(
    limits: Limits,
    listeners: Vec<TcpListener>,
    web_config: Option<PathBuf>,
    pages: Arc<dyn Pages>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let shared = Arc::new(Shared {
        web: web_config.map(WebConfig::open).transpose().map_err(Error::WebConfig)?,
        passwords: Passwords::new(limits.passwords)?,
        questions: Arc::new(Semaphore::new(limits.requests)),
        connections: Arc::new(Semaphore::new(limits.connections)),
        pages,
        limits,
    });
    let router = routes::router(&shared);
    let (stop, stopped) = watch::channel(());
    let mut doors = JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true).map_err(Error::Listen)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(Error::Listen)?;
        let door = Door { shared: Arc::clone(&shared), router: router.clone(), stopped: stopped.clone() };
        doors.spawn(door.keep(listener));
    }
    shutdown.await;
    drop(stop);
    while doors.join_next().await.is_some() {}
    Ok(())
}

/// What every connection and request needs.
pub(super) struct Shared {
    pub(super) pages: Arc<dyn Pages>,
    pub(super) web: Option<WebConfig>,
    pub(super) passwords: Passwords,
    pub(super) questions: Arc<Semaphore>,
    pub(super) limits: Limits,
    connections: Arc<Semaphore>,
}

/// One listening socket's side of the server.
#[derive(Clone)]
struct Door {
    shared: Arc<Shared>,
    router: Router,
    /// Its sender is dropped at the stop.
    stopped: watch::Receiver<()>,
}

impl Door {
    /// Accepts until the stop, then waits for the connections, but not for long.
    async fn keep(mut self, listener: tokio::net::TcpListener) {
        let mut open = JoinSet::new();
        let mut failing = false;
        loop {
            tokio::select! {
                _ = self.stopped.changed() => break,
                Some(_) = open.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        failing = false;
                        self.admit(stream, &mut open);
                    }
                    Err(error) => self.pause(&error, &mut failing).await,
                }
            }
        }
        drop(listener);
        let all = async { while open.join_next().await.is_some() {} };
        // What is left after that is dropped with the set.
        let _ = timeout(self.shared.limits.stop_time, all).await;
    }

    fn admit(&self, stream: TcpStream, open: &mut JoinSet<()>) {
        match Arc::clone(&self.shared.connections).try_acquire_owned() {
            Ok(place) => {
                open.spawn(self.clone().welcome(stream, place));
            }
            Err(_) => self.shared.pages.refused(Refusal::Connections),
        }
    }

    /// Without a pause a process out of file descriptors would spin.
    async fn pause(&self, error: &io::Error, failing: &mut bool) {
        if !*failing {
            self.shared.pages.warn(&format!("cannot accept connections: {error}"));
        }
        *failing = true;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    async fn welcome(self, stream: TcpStream, _place: OwnedSemaphorePermit) {
        // Without it the last piece of an answer may wait 40 ms; a refusal costs nothing but that.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.shared.settings().and_then(|settings| settings.tls.clone()) else {
            return self.talk(stream, false).await;
        };
        let limit = self.shared.limits.handshake_time;
        match timeout(limit, TlsAcceptor::from(tls).accept(stream)).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.talk(stream, http2).await;
            }
            Ok(Err(_)) => self.shared.pages.refused(Refusal::Handshake),
            Err(_) => self.shared.pages.refused(Refusal::Slow),
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(mut self, stream: S, http2: bool) {
        let limits = self.shared.limits;
        let activity = Arc::new(Activity::default());
        let stream = TokioIo::new(Paced::new(stream, limits.idle_time, Arc::clone(&activity)));
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let in_flight = activity.begin();
            let answer = router.call(request);
            async move {
                let answer = answer.await;
                drop(in_flight);
                answer
            }
        });
        let builder = builder(limits, http2);
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            _ = self.stopped.changed() => None,
            () = activity.until_idle(limits.idle_time) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            // hyper waits for the first request of a connection even after it was told to stop.
            None if activity.is_unused() => Ok(()),
            None => {
                connection.as_mut().graceful_shutdown();
                timeout(limits.stop_time, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Some(why) = reason(&activity, ended.err().as_deref()) {
            self.shared.pages.refused(why);
        }
    }
}

impl Shared {
    /// The web configuration as of now.
    pub(super) fn settings(&self) -> Option<Arc<super::web_config::Settings>> {
        self.web.as_ref().map(|web| web.current(|line| self.pages.warn(line)))
    }
}

fn builder(limits: Limits, http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_time)
        .max_buf_size(limits.header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(u32::try_from(limits.requests).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(limits.idle_time)
        .keep_alive_timeout(limits.handshake_time);
    if http2 { builder.http2_only() } else { builder.http1_only() }
}

/// What to count a connection's end as, if as anything.
fn reason(
    activity: &Activity,
    error: Option<&(dyn std::error::Error + Send + Sync + 'static)>,
) -> Option<Refusal> {
    if activity.has_stalled() {
        return Some(Refusal::Slow);
    }
    let error = error?.downcast_ref::<hyper::Error>()?;
    if error.is_parse_too_large() {
        return Some(Refusal::TooLarge);
    }
    if error.is_parse() {
        return Some(Refusal::Malformed);
    }
    // hyper ends an idle connection by the same error: only a client that never sent a whole request is slow.
    let late = error.is_timeout();
    (late && activity.is_unused()).then_some(Refusal::Slow)
}
