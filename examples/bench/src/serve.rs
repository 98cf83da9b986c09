//! The servers that are measured.

mod actix;
mod axum;
mod hyper;
mod naive;
mod receivers;
mod writes;

use std::io::Write as _;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::BoxError;
use crate::options::{Framework, Serve};

/// Serves until it is killed, on as many threads as it has processors.
pub(crate) fn run(options: &Serve) -> Result<(), BoxError> {
    match options.framework {
        Framework::Axum => block_on(axum::serve(options)),
        Framework::Hyper => block_on(hyper::serve(options)),
        Framework::Actix => actix_web::rt::System::new().block_on(actix::serve(options)),
    }
}

fn block_on(server: impl Future<Output = Result<(), BoxError>>) -> Result<(), BoxError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(server)
}

/// Says where it listens, on the first line.
async fn listen() -> Result<TcpListener, BoxError> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", listener.local_addr()?)?;
    stdout.flush()?;
    Ok(listener)
}

/// What a framework cannot serve.
fn no_such_server(options: &Serve) -> BoxError {
    format!("there is no {:?} with {:?}", options.receiver, options.framework).into()
}
