//! Bodies that do not come.

use axum::body::{Bytes, HttpBody};
use http_body_util::LengthLimitError;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// From here on a body has to come so fast, bytes a second. A slow line sends more; whoever holds requests open with single bytes sends less.
const SLOWEST: u64 = 4 << 10;

/// How long a body of which so many bytes came may have taken, beside what every body may take.
const fn longer(came: u64) -> Duration {
    Duration::from_millis(came.saturating_mul(1000) / SLOWEST)
}

/// The body came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body did not come in time")]
pub(super) struct TooSlow;

/// A body that ends with an error when it comes too slowly. The clock runs from when it is first asked for, and nothing is set aside before.
#[derive(Debug)]
pub(super) struct Hurried<B> {
    body: B,
    within: Duration,
    came: u64,
    clock: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<B> Hurried<B> {
    /// A body that has to be there `within` this time, and so much longer as its size takes at the slowest.
    pub(super) const fn new(body: B, within: Duration) -> Self {
        Self { body, within, came: 0, clock: None }
    }
}

impl<B> HttpBody for Hurried<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        let (first, sleep) = this.clock.get_or_insert_with(|| {
            let deadline = Instant::now() + this.within;
            (deadline, Box::pin(tokio::time::sleep_until(deadline)))
        });
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.came = this.came.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            let deadline = *first + longer(this.came);
            // What comes by drops comes too slowly although it comes.
            if Instant::now() > deadline {
                return Poll::Ready(Some(Err(TooSlow.into())));
            }
            sleep.as_mut().reset(deadline);
        }
        if polled.is_pending() {
            ready!(sleep.as_mut().poll(cx));
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Why a body was not read whole, for whoever sent it.
pub fn why_not_whole(error: axum::Error, limit: usize) -> String {
    let cause = error.into_inner();
    if cause.is::<LengthLimitError>() { format!("send at most {limit} bytes") } else { "it did not come whole, or not in time".to_owned() }
}
