//! An HTTP listener: hyper's loop with limits, and an end that lets requests under way finish.

mod places;

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::app::{App, InForce, Process};
use crate::limits::http as limits;
use crate::peer::{Peer, caller};
use crate::supervise::TaskError;

use places::{Answered, Place, Places};

/// The routes of what is in force. A request that has begun goes on with those that it began with.
pub struct Routed {
    in_force: InForce,
    make: Box<dyn Fn(Arc<App>) -> Router + Send + Sync>,
    made: Mutex<Option<(Arc<App>, Router)>>,
    is_proxy: fn(&App, IpAddr) -> bool,
}

impl Routed {
    /// Made anew for each [`App`] that comes into force.
    pub fn new(in_force: InForce, make: impl Fn(Arc<App>) -> Router + Send + Sync + 'static) -> Self {
        Self { in_force, make: Box::new(make), made: Mutex::new(None), is_proxy: |_, _| false }
    }

    /// Whose connections are those of many callers.
    pub fn behind(self, is_proxy: fn(&App, IpAddr) -> bool) -> Self {
        Self { is_proxy, ..self }
    }

    /// Who is counted for a connection from there.
    fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        (!(self.is_proxy)(&self.in_force.now(), address)).then(|| caller(address))
    }

    fn now(&self) -> Router {
        let app = self.in_force.now();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, router)) = &*made
            && Arc::ptr_eq(of, &app)
        {
            return router.clone();
        }
        let router = (self.make)(Arc::clone(&app));
        *made = Some((app, router.clone()));
        router
    }
}

/// A socket that requests come by, and what answers them.
pub struct Listener {
    name: &'static str,
    /// It stays bound while the task that serves it is begun again, up to the end.
    socket: Mutex<Option<Arc<TcpListener>>>,
    routed: Routed,
    process: Arc<Process>,
}

impl Listener {
    /// For a socket that is bound already.
    pub fn new(name: &'static str, socket: TcpListener, routed: Routed, process: Arc<Process>) -> Self {
        Self { name, socket: Mutex::new(Some(Arc::new(socket))), routed, process }
    }

    /// Serves until `shutdown`, then lets requests under way finish for a bounded time.
    ///
    /// # Errors
    /// Never; whatever goes wrong with one connection does not concern the others.
    pub async fn serve(self: Arc<Self>, shutdown: impl Future<Output = ()>) -> Result<(), TaskError> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(socket) = socket else { return Ok(()) };
        let graceful = GracefulShutdown::new();
        let places = Places::new(connections_max(), limits::CONNECTIONS_PER_ADDRESS);
        let (cut, uncut) = watch::channel(());
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = &mut shutdown => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "a connection was not accepted");
                    // Mostly out of file descriptors: give others time to close.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let place = tokio::select! {
                place = places.take(self.routed.counted(peer.ip())) => place,
                () = &mut shutdown => break,
            };
            let Some(place) = place else {
                tracing::debug!(listener = self.name, %peer, "a connection was refused: this address has too many");
                continue;
            };
            // Answers are small: waiting to fill packets only adds delay.
            let _ = stream.set_nodelay(true);
            let (listener, at_work) = (Arc::clone(&self), Arc::clone(&place));
            let service = service_fn(move |request| Arc::clone(&listener).answer(peer, Arc::clone(&at_work), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits::HEADER_TIME)
                .max_headers(limits::HEADERS)
                .max_buf_size(limits::HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            let mut uncut = uncut.clone();
            let name = self.name;
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
        // From here on nobody can connect.
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(socket);
        tokio::select! {
            () = graceful.shutdown() => {}
            () = tokio::time::sleep(limits::DRAIN) => {
                tracing::warn!(listener = self.name, "requests under way were cut off");
            }
        }
        drop(cut);
        Ok(())
    }

    async fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        place: Arc<Place>,
        mut request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Body>, Infallible> {
        place.work();
        request.extensions_mut().insert(Peer(peer));
        let response = self.routed.now().oneshot(request.map(Body::new)).await?;
        self.process.metrics.answered(self.name, response.status().as_u16());
        Ok(response.map(|body| Body::new(Answered::new(body, place))))
    }
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
