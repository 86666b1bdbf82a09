//! A stream whose reader must keep pace.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::activity::Activity;

/// Fails a write that the other side did not take wholly within `time`.
///
/// The time begins when a write must wait and ends only when one is taken whole: a client that takes a byte
/// now and then does not prolong it.
pub(super) struct Paced<S> {
    stream: S,
    time: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    activity: Arc<Activity>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, time: Duration, activity: Arc<Activity>) -> Self {
        Self { stream, time, deadline: None, activity }
    }

    /// `written` as it is, or the end of patience.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) if taken < offered => {
                self.late(context).map_or(Poll::Ready(Ok(taken)), |error| Poll::Ready(Err(error)))
            }
            Poll::Ready(done) => {
                self.deadline = None;
                Poll::Ready(done)
            }
            Poll::Pending => self.late(context).map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }

    /// Starts the time if it does not run; an error if it ran out.
    fn late(&mut self, context: &mut Context<'_>) -> Option<io::Error> {
        let time = self.time;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        deadline.as_mut().poll(context).is_ready().then(|| {
            self.activity.stall();
            io::Error::from(io::ErrorKind::TimedOut)
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|s| s.len()).sum();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.judge(context, offered, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.late(context).map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
            done @ Poll::Ready(_) => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.late(context).map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
            done @ Poll::Ready(_) => done,
        }
    }
}
