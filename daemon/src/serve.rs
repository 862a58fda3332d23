//! An HTTP listener: hyper's loop with limits, and an end that lets requests under way finish.

mod places;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::limits::http as limits;
use crate::peer::{Peer, caller};

use places::{Answered, Places};

/// Serves until `shutdown`, then lets requests under way finish for a bounded time. `is_proxy` says whose connections are
/// those of many callers.
pub async fn serve(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    is_proxy: impl Fn(IpAddr) -> bool,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Places::new(connections_max(), limits::CONNECTIONS_PER_ADDRESS);
    let (cut, uncut) = watch::channel(());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(listener = name, %error, "a connection was not accepted");
                // Mostly out of file descriptors: give others time to close.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let counted = Some(peer.ip()).filter(|address| !is_proxy(*address)).map(caller);
        let place = tokio::select! {
            place = places.take(counted) => place,
            () = &mut shutdown => break,
        };
        let Some(place) = place else {
            tracing::debug!(listener = name, %peer, "a connection was refused: this address has too many");
            continue;
        };
        // Answers are small: waiting to fill packets only adds delay.
        let _ = stream.set_nodelay(true);
        let (at_work, answering) = (Arc::clone(&place), Arc::clone(&place));
        let service = router
            .clone()
            .map_request(move |mut request: hyper::Request<Incoming>| {
                at_work.work();
                request.extensions_mut().insert(Peer(peer));
                request
            })
            .map_response(move |response| response.map(|body| Answered::new(body, Arc::clone(&answering))));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADER_TIME)
            .max_headers(limits::HEADERS)
            .max_buf_size(limits::HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        let mut uncut = uncut.clone();
        tokio::spawn(async move {
            tokio::select! {
                result = connection => {
                    if let Err(error) = result {
                        tracing::debug!(listener = name, %peer, %error, "a connection ended early");
                    }
                }
                () = place.wanted() => {
                    tracing::debug!(listener = name, %peer, "an idle connection made room for another");
                }
                // With what it holds: others wait until nobody can send them anything any more.
                _ = uncut.changed() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(limits::DRAIN) => {
            tracing::warn!(listener = name, "requests under way were cut off");
        }
    }
    drop(cut);
}

/// Connections that fit into the open files that this process may have, which the other listener and the ledger need too.
fn connections_max() -> usize {
    let files = rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX);
    let share = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(limits::OTHER_FILES) / 2;
    share.clamp(1, limits::CONNECTIONS)
}

/// Lets this process open as many files as the system allows it at all: the usual limit is 1,024, which is for programs
/// that use `select`.
pub fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
