//! The body of a request as something that a thread can read.

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::limits::api::{PIECE_PATIENCE, PIECES_WAITING};

/// The body of a request, read by a thread.
pub(super) struct Pieces {
    file: mpsc::Receiver<std::io::Result<Option<Bytes>>>,
    rest: Bytes,
    ended: bool,
}

impl Pieces {
    /// Begins to take the body in.
    pub(super) fn of(body: Body) -> Self {
        let (pieces, file) = mpsc::channel::<std::io::Result<Option<Bytes>>>(PIECES_WAITING);
        tokio::spawn(async move {
            let mut body = body.into_data_stream();
            loop {
                let piece = match tokio::time::timeout(PIECE_PATIENCE, body.next()).await {
                    Ok(Some(piece)) => piece.map(Some).map_err(std::io::Error::other),
                    Ok(None) => break,
                    Err(_) => {
                        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "nothing more of the file came in time"))
                    }
                };
                if pieces.send(piece).await.is_err() {
                    return;
                }
            }
            // The end is said: when the daemon ends, this task does as well, and a part must not be taken for the whole.
            let _ = pieces.send(Ok(None)).await;
        });
        Self { file, rest: Bytes::new(), ended: false }
    }
}

impl std::io::Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            match self.file.blocking_recv() {
                Some(piece) => match piece? {
                    Some(piece) => self.rest = piece,
                    None => self.ended = true,
                },
                None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(buffer.len()));
        if let Some(place) = buffer.get_mut(..piece.len()) {
            place.copy_from_slice(&piece);
        }
        Ok(piece.len())
    }
}
