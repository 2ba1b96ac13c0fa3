//! `/ws`: live updates over a WebSocket.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use tacho_model::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::app::SharedApp;
use crate::auth::Caller;
use crate::live::{ServerMessage, Subscriptions};

/// Largest message a client may send.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// A client that takes longer than this to read a message is gone.
const SEND_WAIT: Duration = Duration::from_secs(20);

/// The route, which ends its connections when `closing` turns true.
pub(crate) fn route(closing: watch::Receiver<bool>) -> Router<SharedApp> {
    let upgrade = move |State(app): State<SharedApp>,
                        caller: Option<Extension<Caller>>,
                        socket: WebSocketUpgrade| {
        let closing = closing.clone();
        let caller = caller.map(|Extension(caller)| caller);
        async move { accept(app, caller, closing, socket) }
    };
    Router::new().route("/ws", get(upgrade))
}

fn accept(
    app: SharedApp,
    caller: Option<Caller>,
    closing: watch::Receiver<bool>,
    socket: WebSocketUpgrade,
) -> Response {
    let socket = socket
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX);
    socket.on_upgrade(move |socket| async move {
        // An error means that the client has gone, which is no news.
        let _ = talk(app, caller, closing, socket).await;
    })
}

async fn talk(
    app: SharedApp,
    caller: Option<Caller>,
    mut closing: watch::Receiver<bool>,
    mut socket: WebSocket,
) -> Result<(), axum::Error> {
    let interval = app.settings.collect.interval.as_secs_f64();
    let time = Timestamp::now().to_rfc3339();
    let version = env!("CARGO_PKG_VERSION");
    send(
        &mut socket,
        &ServerMessage::Hello {
            version,
            interval,
            time,
        },
    )
    .await?;
    let mut subscriptions = Subscriptions::default();
    let mut ticks = app.watch_ticks();
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                None | Some(Err(_) | Ok(Message::Close(_))) => return Ok(()),
                Some(Ok(Message::Text(text))) => {
                    match subscriptions.handle(&text, &app) {
                        Err(error) => send(&mut socket, &error).await?,
                        Ok(None) => {}
                        Ok(new) => {
                            subscriptions = update(&app, subscriptions, new, &mut socket).await?;
                        }
                    }
                }
                Some(Ok(Message::Binary(_))) => {
                    let detail = "messages are JSON text".to_owned();
                    send(&mut socket, &ServerMessage::Error { id: String::new(), detail }).await?;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            },
            changed = ticks.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                if !app.auth.still(caller.as_ref(), Timestamp::now()) {
                    return dismiss(&mut socket).await;
                }
                subscriptions = update(&app, subscriptions, None, &mut socket).await?;
            }
            () = closed(&mut closing) => {
                let _ = timeout(SEND_WAIT, socket.send(Message::Close(None))).await;
                return Ok(());
            }
        }
    }
}

/// Ends a connection whose token was revoked or ran out, or that never had one and needs one now.
async fn dismiss(socket: &mut WebSocket) -> Result<(), axum::Error> {
    let frame = CloseFrame {
        code: close_code::POLICY,
        reason: "the token is not valid any more".into(),
    };
    let _ = timeout(SEND_WAIT, socket.send(Message::Close(Some(frame)))).await;
    Ok(())
}

/// Waits until connections must end. What the wait returns holds a lock, so it stays in here.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Computes what is new on a blocking thread and sends it.
async fn update(
    app: &SharedApp,
    mut subscriptions: Subscriptions,
    only: Option<String>,
    socket: &mut WebSocket,
) -> Result<Subscriptions, axum::Error> {
    let work = move |app: &crate::query::QueryCtx<'_>| {
        let texts: Vec<_> = subscriptions
            .updates(app, only.as_deref())
            .iter()
            .map(text_of)
            .collect();
        Ok((subscriptions, texts))
    };
    match app.blocking(work).await {
        Ok((subscriptions, texts)) => {
            for text in texts {
                send_text(socket, text).await?;
            }
            Ok(subscriptions)
        }
        // The subscriptions went down with the work: the client starts over.
        Err(problem) => Err(axum::Error::new(std::io::Error::other(
            problem.detail().to_owned(),
        ))),
    }
}

async fn send(socket: &mut WebSocket, message: &ServerMessage) -> Result<(), axum::Error> {
    send_text(socket, text_of(message)).await
}

fn text_of(message: &ServerMessage) -> String {
    // Our own types always serialise; an empty object would be ignored by every client.
    serde_json::to_string(message).unwrap_or_else(|_| "{}".to_owned())
}

async fn send_text(socket: &mut WebSocket, text: String) -> Result<(), axum::Error> {
    match timeout(SEND_WAIT, socket.send(Message::text(text))).await {
        Ok(sent) => sent,
        Err(elapsed) => Err(axum::Error::new(elapsed)),
    }
}
