use std::path::PathBuf;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::BoxError;

/// The network between the receivers and Redis, which can be cut. It ends when this is dropped.
pub(crate) struct Relay {
    port: u16,
    is_cut: watch::Sender<bool>,
    _accepting: JoinSet<()>,
}

impl Relay {
    pub(crate) async fn start(socket: PathBuf) -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let is_cut = watch::Sender::new(false);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, socket, is_cut.subscribe()));
        Ok(Self { port, is_cut, _accepting: accepting })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Breaks all connections, and lets no new one through.
    pub(crate) fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    pub(crate) fn heal(&self) {
        self.is_cut.send_replace(false);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, is_cut: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        if !*is_cut.borrow() {
            connections.spawn(carry(connection, socket.clone(), is_cut.clone()));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut connection: TcpStream, socket: PathBuf, mut is_cut: watch::Receiver<bool>) {
    let Ok(mut redis) = UnixStream::connect(socket).await else { return };
    let _ = connection.set_nodelay(true);
    tokio::select! {
        // Whether it ends well or badly, both sides are closed.
        _ = copy_bidirectional(&mut connection, &mut redis) => {}
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
    }
}
