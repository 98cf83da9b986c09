//! Where a receiver can be put.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use lipdub_core::Webhook;
use lipdub_tests::{Framework, KEY, Reply, Server, event, on_each_framework, post, receiver, send};
use serde_json::json;

fn webhook() -> Webhook {
    receiver().0.webhook()
}

async fn deliver(server: &Server, path: &str) -> Reply {
    let body = event(json!({ "id": 1 }));
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {KEY}\r\n");
    send(server.address, format!("{head}content-length: {length}\r\n\r\n{body}")).await.unwrap()
}

async fn ask(server: &Server, path: &str) -> Reply {
    send(server.address, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await.unwrap()
}

on_each_framework! {
    async fn any_other_path_is_the_application_s(framework: Framework) {
        let server = Server::with_webhook(framework, webhook());
        for path in ["/", "/webhooks", "/webhooks/lipdub/", "/webhooks/lipdub/x", "/webhooks/lipdubs"] {
            assert_eq!(deliver(&server, path).await.code, 404, "{path}");
        }
        assert_eq!(send(server.address, post(event(json!({})))).await.unwrap().code, 200);
        assert_eq!(deliver(&server, "/webhooks/lipdub?a=b").await.code, 200);
    }
}

#[tokio::test]
async fn axum_merges_into_a_router_with_state() {
    let router = Router::new()
        .route("/state", get(|State(state): State<&'static str>| async move { state }))
        .merge(lipdub_axum::router(webhook()))
        .merge(lipdub_axum::router(webhook()).path("/other"))
        .with_state("the state");
    let server = Server::axum(router);
    assert_eq!(deliver(&server, "/webhooks/lipdub").await.status(), "processed");
    assert_eq!(deliver(&server, "/other").await.status(), "processed");
    assert_eq!(ask(&server, "/state").await.body, "the state");
}

#[tokio::test]
async fn axum_nests() {
    let nested = lipdub_axum::router(webhook()).path("/lipdub").into_router();
    let server = Server::axum(Router::new().nest("/hooks", nested));
    assert_eq!(deliver(&server, "/hooks/lipdub").await.status(), "processed");
    assert_eq!(deliver(&server, "/lipdub").await.code, 404);
}

#[tokio::test]
async fn axum_takes_the_layer_for_paths_without_a_route() {
    let router = Router::new()
        .route("/hello", get(|| async { "hello" }))
        .layer(lipdub_axum::WebhookLayer::new(webhook()).path("/deliveries"));
    let server = Server::axum(router);
    assert_eq!(deliver(&server, "/deliveries").await.status(), "processed");
    assert_eq!(ask(&server, "/hello").await.body, "hello");
    assert_eq!(ask(&server, "/elsewhere").await.code, 404);
}

#[tokio::test]
async fn axum_s_own_body_limit_does_not_apply() {
    let router =
        Router::new().merge(lipdub_axum::router(webhook())).layer(axum::extract::DefaultBodyLimit::max(1));
    let server = Server::axum(router);
    assert_eq!(deliver(&server, "/webhooks/lipdub").await.status(), "processed");
}

#[tokio::test]
async fn actix_takes_it_in_a_scope_and_through_configure() {
    let (default, root, named, configured) = (webhook(), webhook(), webhook(), webhook());
    let server = Server::actix(move |config| {
        config
            .service(lipdub_actix::routes(default.clone()))
            .service(actix_web::web::scope("/root").service(lipdub_actix::routes(root.clone()).path("")))
            .service(
                actix_web::web::scope("/scope").service(lipdub_actix::routes(named.clone()).path("/lipdub")),
            )
            .configure(lipdub_actix::routes(configured.clone()).path("/configured").configure());
    });
    for path in ["/webhooks/lipdub", "/root", "/scope/lipdub", "/configured"] {
        assert_eq!(deliver(&server, path).await.status(), "processed", "{path}");
    }
}

#[tokio::test]
async fn actix_handlers_may_spawn_tasks_that_are_not_send() {
    let webhook = Webhook::builder()
        .api_key(KEY)
        .on_render_complete(|_event| async {
            let local = actix_web::rt::spawn(async {
                let not_send = std::rc::Rc::new(7);
                tokio::task::yield_now().await;
                *not_send
            });
            assert_eq!(local.await?, 7);
            Ok(())
        })
        .build()
        .unwrap();
    let server = Server::with_webhook(Framework::Actix, webhook);
    assert_eq!(deliver(&server, "/webhooks/lipdub").await.status(), "processed");
}

#[tokio::test]
async fn one_webhook_can_be_mounted_twice_and_remembers_for_both() {
    let webhook = webhook();
    let router = Router::new()
        .merge(lipdub_axum::router(webhook.clone()))
        .merge(lipdub_axum::router(webhook).path("/again"));
    let server = Server::axum(router);
    assert_eq!(deliver(&server, "/webhooks/lipdub").await.status(), "processed");
    assert_eq!(deliver(&server, "/again").await.status(), "duplicate");
}
