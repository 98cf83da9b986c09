//! Links that were signed for a job: who is let in with one, and where they are received.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test that is the message")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use lipdub_core::{Event, JobLinks, KeyWithLink, SigningKey, Source, Webhook, WebhookBuilder};
use lipdub_tests::{Framework, KEY, Reply, Server, event, on_each_framework, send};
use serde_json::json;

const PUBLIC: &str = "https://hooks.example.com";
const DAY: u64 = 24 * 60 * 60;

fn signing_key(secret: u8) -> SigningKey {
    SigningKey::new([secret; 32]).unwrap()
}

/// A clock to be set, for links that get old.
#[derive(Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000 + self.0.load(Ordering::SeqCst))
    }

    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// A receiver that takes links, its clock, and from where the events came that were handled.
struct Site {
    server: Server,
    links: JobLinks,
    clock: Clock,
    sources: Arc<Mutex<Vec<Source>>>,
}

impl Site {
    fn start(framework: Framework, configure: impl FnOnce(WebhookBuilder) -> WebhookBuilder) -> Self {
        let (webhook, links, clock, sources) = webhook("/webhooks/lipdub", configure);
        Self { server: Server::with_webhook(framework, webhook), links, clock, sources }
    }

    fn path(&self, job: &str) -> String {
        path(&self.links, job)
    }

    /// Delivers an event that did not come before.
    async fn deliver(&self, path: &str, headers: &str) -> Reply {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        deliver(&self.server, path, headers, NEXT.fetch_add(1, Ordering::SeqCst)).await
    }

    fn sources(&self) -> Vec<Source> {
        self.sources.lock().unwrap().clone()
    }
}

fn webhook(
    path: &str,
    configure: impl FnOnce(WebhookBuilder) -> WebhookBuilder,
) -> (Webhook, JobLinks, Clock, Arc<Mutex<Vec<Source>>>) {
    let (clock, sources) = (Clock::default(), Arc::<Mutex<Vec<Source>>>::default());
    let (for_links, for_handler) = (clock.clone(), sources.clone());
    let links = JobLinks::new(format!("{PUBLIC}{path}"), signing_key(1)).unwrap();
    let links = links.clock(move || for_links.now());
    let builder = Webhook::builder().job_links(links.clone()).fallback(move |event: Event| {
        for_handler.lock().unwrap().push(event.source);
        async { Ok(()) }
    });
    (configure(builder).build().unwrap(), links, clock, sources)
}

fn path(links: &JobLinks, job: &str) -> String {
    links.mint(job).unwrap().as_str().strip_prefix(PUBLIC).unwrap().to_owned()
}

async fn deliver(server: &Server, path: &str, headers: &str, id: u64) -> Reply {
    let body = event(json!({ "id": id }));
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n");
    send(server.address, format!("{head}{body}")).await.unwrap()
}

fn job(reference: &str) -> Source {
    Source::Job(reference.to_owned())
}

const RIGHT: fn() -> String = || format!("authorization: Bearer {KEY}\r\n");
const WRONG: &str = "authorization: Bearer wrong\r\n";

on_each_framework! {
    async fn the_handler_sees_the_job_that_the_link_was_signed_for(framework: Framework) {
        let site = Site::start(framework, |builder| builder.api_key(KEY));
        let long = "x".repeat(1800);
        let jobs = [
            "order-7", "order 7", "a/b", "../..", ".", "..", "...", "", "~", "~2F", "%2F", "%", "größer", "日本", "a?b#c",
            "a&b=c;d", "\0\n\r", "\\", "jobs", "{job}", "+", "a.b_c-d", "🦀", &long,
        ];
        for reference in jobs {
            let reply = site.deliver(&site.path(reference), "").await;
            assert_eq!((reply.code, reply.status().as_str()), (200, "processed"), "{reference:?}");
        }
        let expected: Vec<_> = jobs.into_iter().map(job).collect();
        assert_eq!(site.sources(), expected);
    }

    async fn a_link_is_worth_nothing_for_another_job_and_nothing_when_changed(framework: Framework) {
        let site = Site::start(framework, |builder| builder.api_key(KEY));
        let (own, other) = (site.path("order-7"), site.path("order-8"));
        let (before, token) = own.rsplit_once('/').unwrap();
        let foreign_key = JobLinks::new(format!("{PUBLIC}/webhooks/lipdub"), signing_key(2)).unwrap();
        let mut table = vec![
            own.replace("order-7", "order-8"),
            other.replace("order-8", "order-7"),
            own.replace("order-7", "order%2D8"),
            own.replace("order-7", "ORDER-7"),
            path(&foreign_key, "order-7"),
            format!("{before}/{}", &token[1..]),
            format!("{before}/{}", &token[..59]),
            format!("{before}/{token}A"),
            format!("{before}/{token}{token}"),
            format!("{before}/{token}="),
            format!("{before}/{token}%00"),
            format!("{before}/{}", "A".repeat(60)),
            format!("{before}/{}", token.to_lowercase()),
            format!("{before}/%ff{token}"),
            format!("{before}/x"),
            format!("{before}/{}", "A".repeat(4000)),
        ];
        table.extend((0..60).map(|at| {
            let mut changed: Vec<char> = token.chars().collect();
            changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
            format!("{before}/{}", changed.into_iter().collect::<String>())
        }));
        for changed in table {
            for headers in ["", &RIGHT(), WRONG] {
                let reply = site.deliver(&changed, headers).await;
                assert_eq!((reply.code, reply.status().as_str()), (401, "unauthorized"), "{changed} {headers}");
            }
        }
        assert_eq!(site.sources(), []);
        assert_eq!(site.deliver(&own, "").await.status(), "processed");
    }

    async fn what_is_no_link_is_the_application_s(framework: Framework) {
        let site = Site::start(framework, |builder| builder.api_key(KEY));
        let link = site.path("order-7");
        let (before, token) = link.rsplit_once('/').unwrap();
        let none = [
            format!("{link}/"), before.to_owned(), format!("{before}/"),
            format!("/webhooks/lipdub/jobs/{token}"), format!("/jobs/order-7/{token}"),
            link.replace("jobs", "job"), format!("{link}/{token}"), link.replace("/webhooks", ""),
        ];
        for path in none {
            assert_eq!(site.deliver(&path, &RIGHT()).await.code, 404, "{path}");
        }
        // Whether a segment may be empty is a router's own affair; it is no link in any case.
        assert!([401, 404].contains(&site.deliver(&format!("/webhooks/lipdub/jobs//{token}"), &RIGHT()).await.code));
        assert_eq!(site.deliver(&format!("{link}?utm=x"), "").await.status(), "processed");
        assert_eq!(send(site.server.address, format!("GET {link} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await.unwrap().code, 405);
    }

    async fn a_link_that_something_on_the_way_has_percent_encoded_is_the_same_link(framework: Framework) {
        let site = Site::start(framework, |builder| builder.api_key(KEY));
        let link = site.path("order 7");
        let encoded = [link.replace('~', "%7E"), link.replace('~', "%7e"), link.replace("order", "%6Frder"), format!("{}%{:02X}", &link[..link.len() - 1], link.as_bytes()[link.len() - 1])];
        for link in encoded {
            assert_eq!(site.deliver(&link, "").await.status(), "processed", "{link}");
        }
        assert_eq!(site.sources(), vec![job("order 7"); 4]);
    }

    async fn whether_a_link_needs_the_key_is_a_setting(framework: Framework) {
        // With a link that is (valid, expired), and a key that is (missing, right, wrong).
        let table = [
            (KeyWithLink::Required, [401, 200, 401], [401, 401, 401]),
            (KeyWithLink::Accepted, [200, 200, 401], [401, 200, 401]),
            (KeyWithLink::LinkAlone, [200, 200, 401], [401, 401, 401]),
        ];
        for (setting, valid, expired) in table {
            let site = Site::start(framework, |builder| builder.api_key(KEY).key_with_link(setting));
            let link = site.path("order-7");
            for (codes, wait) in [(valid, 29 * DAY - 1), (expired, 1)] {
                site.clock.advance(wait);
                for (headers, code) in ["", &RIGHT(), WRONG].into_iter().zip(codes) {
                    assert_eq!(site.deliver(&link, headers).await.code, code, "{setting:?} {headers:?} {codes:?}");
                    assert_eq!(site.deliver("/webhooks/lipdub", headers).await.code, if headers == RIGHT() { 200 } else { 401 });
                }
                // A link that is minted now is valid now.
                assert_eq!(site.deliver(&site.path("order-8"), &RIGHT()).await.code, 200);
            }
        }
    }

    async fn links_alone_let_nobody_in_without_one(framework: Framework) {
        let site = Site::start(framework, |builder| builder);
        assert_eq!(site.deliver(&site.path("order-7"), "").await.code, 200);
        for headers in ["", &RIGHT(), WRONG] {
            assert_eq!(site.deliver("/webhooks/lipdub", headers).await.code, 401, "{headers}");
        }
        // There is no key that the one in the request could be compared with.
        assert_eq!(site.deliver(&site.path("order-7"), WRONG).await.code, 200);
    }

    async fn where_everybody_may_deliver_a_link_must_be_right_even_so(framework: Framework) {
        let site = Site::start(framework, WebhookBuilder::allow_unauthenticated);
        let link = site.path("order-7");
        assert_eq!(site.deliver("/webhooks/lipdub", "").await.code, 200);
        assert_eq!(site.deliver(&link, "").await.code, 200);
        assert_eq!(site.deliver(&link.replace("order-7", "order-8"), "").await.code, 401);
        assert_eq!(site.sources(), [Source::Tenant, job("order-7")]);
    }

    async fn one_event_over_a_link_and_over_the_tenant_s_webhook_is_one_event(framework: Framework) {
        let site = Site::start(framework, |builder| builder.api_key(KEY));
        assert_eq!(deliver(&site.server, &site.path("order-7"), "", u64::MAX).await.status(), "processed");
        assert_eq!(deliver(&site.server, "/webhooks/lipdub", &RIGHT(), u64::MAX).await.status(), "duplicate");
        assert_eq!(deliver(&site.server, &site.path("order-7"), "", u64::MAX).await.status(), "duplicate");
        assert_eq!(site.sources(), [job("order-7")]);
    }

    async fn a_link_with_a_wrong_signature_is_refused_before_the_body_is_read(framework: Framework) {
        let site = Site::start(framework, |builder| builder.api_key(KEY));
        let forged = site.path("order-7").replace("order-7", "order-8");
        let head = format!("POST {forged} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n");
        assert_eq!(send(site.server.address, head).await.unwrap().code, 401);
    }

    async fn without_job_links_their_paths_are_the_application_s(framework: Framework) {
        let webhook = Webhook::builder().api_key(KEY).fallback(|_event| async { Ok(()) }).build().unwrap();
        let server = Server::with_webhook(framework, webhook);
        let links = JobLinks::new(format!("{PUBLIC}/webhooks/lipdub"), signing_key(1)).unwrap();
        assert_eq!(deliver(&server, &path(&links, "order-7"), &RIGHT(), 1).await.code, 404);
    }
}

#[tokio::test]
async fn links_are_received_below_every_place_where_axum_can_have_the_webhook() {
    let mount = |path| webhook(path, |builder| builder.api_key(KEY));
    let (nested, nested_links, ..) = mount("/a/b/lipdub");
    let (merged, merged_links, ..) = mount("/other");
    let (slash, slash_links, ..) = mount("/slash/");
    let (layered, layered_links, ..) = mount("/layered");
    let (service, service_links, ..) = mount("/service");
    let router = Router::new()
        .nest("/a", Router::new().nest("/b", lipdub_axum::router(nested).path("/lipdub").into_router()))
        .merge(lipdub_axum::router(merged).path("/other"))
        .merge(lipdub_axum::router(slash).path("/slash/"))
        .nest_service("/service", lipdub_tower::WebhookService::new(service))
        .layer(lipdub_axum::WebhookLayer::new(layered).path("/layered"));
    let server = Server::axum(router);
    for links in [nested_links, merged_links, slash_links, layered_links, service_links] {
        let path = path(&links, "order-7");
        assert_eq!(deliver(&server, &path, "", 1).await.status(), "processed", "{path}");
        assert_eq!(deliver(&server, &path.replace("order-7", "order-8"), "", 2).await.code, 401, "{path}");
    }
}

#[tokio::test]
async fn links_are_received_below_every_place_where_actix_can_have_the_webhook() {
    let mount = |path| webhook(path, |builder| builder.api_key(KEY));
    let (scoped, scoped_links, ..) = mount("/a/b/lipdub");
    let (root, root_links, ..) = mount("/root");
    let (other, other_links, ..) = mount("/other");
    let (configured, configured_links, ..) = mount("/configured");
    let server = Server::actix(move |config| {
        use actix_web::web::scope;
        config
            .service(
                scope("/a")
                    .service(scope("/b").service(lipdub_actix::routes(scoped.clone()).path("/lipdub"))),
            )
            .service(scope("/root").service(lipdub_actix::routes(root.clone()).path("")))
            .service(lipdub_actix::routes(other.clone()).path("/other"))
            .configure(lipdub_actix::routes(configured.clone()).path("/configured").configure());
    });
    for links in [scoped_links, root_links, other_links, configured_links] {
        let path = path(&links, "order-7");
        assert_eq!(deliver(&server, &path, "", 1).await.status(), "processed", "{path}");
        assert_eq!(deliver(&server, &path.replace("order-7", "order-8"), "", 2).await.code, 401, "{path}");
    }
}

#[tokio::test]
async fn a_proxy_may_cut_off_or_add_to_what_is_in_front_of_the_webhook_s_path() {
    // The world sees `/api/v1/webhooks/lipdub`, the application `/webhooks/lipdub`.
    let (webhook, links, ..) = webhook("/api/v1/webhooks/lipdub", |builder| builder.api_key(KEY));
    let server = Server::with_webhook(Framework::Axum, webhook);
    let path = path(&links, "order-7");
    let behind_the_proxy = path.strip_prefix("/api/v1").unwrap();
    assert_eq!(deliver(&server, behind_the_proxy, "", 1).await.status(), "processed");
}
