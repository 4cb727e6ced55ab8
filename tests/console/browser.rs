//! A headless Chromium, driven over the pipe of its developers' protocol.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::PATIENCE;
use crate::skipping::skip;
use crate::wait::wait_until;

/// Its names on the systems that have it.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// One browser at a time: several at once leave the servers under test no processor.
static TURN: Mutex<()> = Mutex::new(());

/// A page of a browser of its own.
pub struct Page {
    browser: Child,
    commands: File,
    messages: Receiver<Value>,
    session: String,
    last: u64,
    complaints: Vec<String>,
    _files: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// The browser, or `None` with a note for the last lines of `tests/run`.
pub fn page() -> Option<Page> {
    let found = PROGRAMS.iter().find(|program| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        skip("the console in a browser", "missing: chromium (package chromium)");
    }
    found.map(|program| Page::start(program))
}

impl Page {
    fn start(program: &str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let files = tempfile::tempdir().unwrap();
        let [input, output] = ["in", "out"].map(|name| {
            let path = files.path().join(name);
            mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
            path
        });
        let profile = format!("--user-data-dir={}", files.path().join("profile").display());
        // The browser reads commands from descriptor 3 and answers on 4.
        let browser = Command::new("sh")
            .args(["-c", "in=$1 out=$2; shift 2; exec \"$@\" 3<\"$in\" 4>\"$out\"", "sh"])
            .args([&input, &output])
            .args([program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--disable-background-networking"])
            .args(["--disable-component-update", "--hide-scrollbars", &profile])
            .arg("--remote-debugging-pipe")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = OpenOptions::new().write(true).open(&input).unwrap();
        let answers = BufReader::new(File::open(&output).unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
            }
        });
        let (session, complaints) = (String::new(), Vec::new());
        let mut page = Self {
            browser,
            commands,
            messages,
            session,
            last: 0,
            complaints,
            _files: files,
            _turn: turn,
        };
        let target = page.command("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = page.command("Target.attachToTarget", &target);
        attached["sessionId"].as_str().unwrap().clone_into(&mut page.session);
        for domain in ["Page", "Runtime", "Log"] {
            page.command(&format!("{domain}.enable"), &json!({}));
        }
        page
    }

    fn command(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.session.is_empty() {
            command["sessionId"] = self.session.clone().into();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left).unwrap();
            if message["id"] == self.last {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(&message);
        }
    }

    /// Remembers what the browser complains about.
    fn note(&mut self, message: &Value) {
        let complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Log.entryAdded") => message["params"]["entry"]["level"] == "error",
            Some("Runtime.consoleAPICalled") => message["params"]["type"] == "error",
            _ => false,
        };
        if complaint {
            self.complaints.push(message["params"].to_string());
        }
    }

    /// Takes what the browser has complained about since the last time: errors of the program, things
    /// that the policy forbids, answers that are errors.
    pub fn complaints(&mut self) -> Vec<String> {
        self.eval("0");
        std::mem::take(&mut self.complaints)
    }

    pub fn open(&mut self, url: &str) {
        self.command("Page.navigate", &json!({ "url": url }));
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.command("Runtime.evaluate", &parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn wait(&mut self, expression: &str) {
        wait_until(expression, PATIENCE, || self.eval(expression) == true);
    }

    /// The text of the first element that a selector finds.
    pub fn text(&mut self, selector: &str) -> String {
        let selector = json!(selector);
        let text = self.eval(&format!("document.querySelector({selector})?.textContent ?? ''"));
        text.as_str().unwrap().to_owned()
    }

    pub fn wait_for_text(&mut self, selector: &str, text: &str) {
        let (selector, text) = (json!(selector), json!(text));
        self.wait(&format!(
            "(document.querySelector({selector})?.textContent ?? '').includes({text})"
        ));
    }

    pub fn click(&mut self, selector: &str) {
        self.eval(&format!("document.querySelector({}).click()", json!(selector)));
    }

    /// Writes into the field that has the focus.
    pub fn write(&mut self, text: &str) {
        self.command("Input.insertText", &json!({ "text": text }));
    }

    /// Presses and releases a key: its name, and its number for Windows.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut parameters = json!({
                "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code
            });
            if key == "Enter" && kind == "keyDown" {
                parameters["text"] = "\r".into();
            }
            self.command("Input.dispatchKeyEvent", &parameters);
        }
    }

    pub fn set_size(&mut self, width: u32, height: u32) {
        let parameters = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.command("Emulation.setDeviceMetricsOverride", &parameters);
    }

    /// "light" or "dark".
    pub fn set_scheme(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.command("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Keeps a picture of the whole page.
    pub fn picture(&mut self, name: &str) -> PathBuf {
        // Widths of bars move for a moment.
        std::thread::sleep(Duration::from_millis(600));
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.command("Page.captureScreenshot", &parameters);
        let octets = base64(picture["data"].as_str().unwrap());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("console-{name}.png"));
        fs::write(&path, octets).unwrap();
        path
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

/// The octets of a text of RFC 4648.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: VecDeque<usize> =
        text.bytes().filter_map(|digit| DIGITS.iter().position(|known| *known == digit)).collect();
    let (mut octets, mut bits, mut count) = (Vec::new(), 0_usize, 0);
    for digit in digits {
        bits = (bits << 6 | digit) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            octets.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    octets
}
