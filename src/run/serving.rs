//! HTTP and signals, in a thread and runtime of their own: nothing here can hold up a packet.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

use super::probe::{ProbeError, warn_of_exposure};
use super::shared::Shared;
use crate::export::http;

/// The thread that serves.
pub(super) struct Serving {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Binds `listen`, and serves from then on. No address: no HTTP, but signals are heeded.
    pub fn start(
        listen: &[String],
        web_config: Option<PathBuf>,
        shared: Arc<Shared>,
    ) -> Result<Self, ProbeError> {
        let listeners = http::bind(listen)?;
        let addresses: Vec<_> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        if let Some(path) = &web_config {
            let faults = http::check_web_config(path);
            if !faults.is_empty() {
                return Err(http::Error::WebConfig(faults).into());
            }
        }
        warn_of_exposure(&http::exposure(&addresses, web_config.as_deref()));
        for address in addresses {
            info!(%address, "serving HTTP");
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ProbeError::Thread)?;
        let (stop, stopped) = watch::channel(false);
        let thread = Builder::new()
            .name("http".to_owned())
            .spawn(move || runtime.block_on(serve(listeners, web_config, shared, stopped)))
            .map_err(ProbeError::Thread)?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Waits until the probe is told to stop.
    pub fn wait(&self, stop: &AtomicBool) {
        while !stop.load(Relaxed) {
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops serving: requests in flight are finished.
    pub fn stop(mut self) {
        // Nobody there: the thread is gone already.
        let _gone = self.stop.send(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the HTTP thread has panicked");
        }
    }
}

async fn serve(
    listeners: Vec<std::net::TcpListener>,
    web_config: Option<PathBuf>,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let signals = tokio::spawn(heed_signals(Arc::clone(&shared)));
    let mut shutdown = stopped.clone();
    let until_stopped = async move {
        // An error means that the sender is gone: stop as well.
        let _ = shutdown.wait_for(|stop| *stop).await;
    };
    if listeners.is_empty() {
        let _ = stopped.wait_for(|stop| *stop).await;
    } else if let Err(error) = http::serve(listeners, web_config, shared, until_stopped).await {
        error!(%error, "HTTP is no longer served");
    }
    signals.abort();
}

/// SIGTERM and SIGINT stop the probe; SIGHUP makes it take its configuration up anew.
async fn heed_signals(shared: Arc<Shared>) {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = kinds.map(signal) else {
        error!("signals cannot be heeded");
        return;
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => {
                let shared = Arc::clone(&shared);
                // Files are read: not in the thread that serves.
                let _ = tokio::task::spawn_blocking(move || shared.reload_config()).await;
            }
        }
    }
    shared.stop.store(true, Relaxed);
}
