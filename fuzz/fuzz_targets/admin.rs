//! Any request about a relationship gets an answer: what it says in JSON, or an error in JSON; and
//! it is the command that the body meant.
#![no_main]

use std::path::PathBuf;
use std::{env, fs, process};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tower::ServiceExt;
use twinlease::admin::AdminServer;
use twinlease::server::command::{self, AdminCommand, CommandReceiver, ServerStatus, Storage};

/// An engine without relationships that follows every command; returns whether force was meant.
async fn engine(mut commands: CommandReceiver) -> Option<bool> {
    let mut meant = None;
    while let Some(command) = commands.recv().await {
        match command {
            AdminCommand::PartnerDown { forced, answer, .. } => {
                meant = Some(forced);
                let _gone = answer.send(Ok(()));
            }
            AdminCommand::Status { answer } => {
                let status = ServerStatus { storage: Storage::Ok, relationships: Vec::new() };
                drop(answer.send(status));
            }
            _ => {}
        }
    }
    meant
}

/// Where changes are written down, once for each process.
fn data_dir() -> PathBuf {
    let directory = env::temp_dir().join(format!("twinlease-fuzz-{}", process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

fuzz_target!(|input: &[u8]| {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let (sender, receiver) = command::channel();
        let engine = tokio::spawn(engine(receiver));
        let request = Request::post("/v1/relationships/pair/partner-down")
            .header("host", "127.0.0.1:8067")
            .body(Body::from(input.to_vec()))
            .expect("a request");
        let router = AdminServer::unbound(Vec::new(), &data_dir(), sender).expect("a directory");
        let answer = router.oneshot(request).await.expect("an answer");
        let status = answer.status();
        let octets = to_bytes(answer.into_body(), 65536).await.expect("a short body");
        let body: Value = serde_json::from_slice(&octets).expect("JSON");
        let meant = engine.await.expect("the engine ends");
        match status {
            StatusCode::OK => {
                let text = str::from_utf8(input).expect("followed, so it was UTF-8");
                let wish = serde_json::from_str::<Value>(text).unwrap_or_default();
                assert_eq!(meant, Some(wish["force"] == Value::Bool(true)), "{text}");
            }
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                assert!(body["error"].is_string());
                assert_eq!(meant, None);
            }
            other => panic!("{other}"),
        }
    });
});
