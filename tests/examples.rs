//! The example programs against the real server: each prints the value, and the next one once it is
//! published.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::demo::Demo;
use crate::support::server::Server;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Directory of the build output: libraries and examples are beside the test binary.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().to_owned()
}

/// Runs a program until it has printed the first value and the published one.
async fn shows_a_value_and_its_change(app_id: &str, mut program: Command) {
    let server = Server::start();
    let demo = Demo::create(&server, app_id).await;
    demo.set("greeting", "hello").await;
    demo.publish().await;
    let cache = tempfile::tempdir().unwrap();
    program.env("APP_ID", app_id).env("APOLLO_META", &server.config);
    program.env("APOLLO_CACHE_DIR", cache.path()).stdout(Stdio::piped());
    let mut child = program.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().expect("the program shows a value");
    assert!(first.contains("greeting") && first.contains("hello"), "{first}");
    demo.set("greeting", "good morning").await;
    demo.publish().await;
    let second = lines.next().expect("the program shows the change");
    assert!(second.contains("hello") && second.contains("good morning"), "{second}");
    assert!(child.wait().unwrap().success());
}

/// Compiles an example against the library that was built with this test.
fn compiled(compiler: &[&str], source: &str, name: &str) -> Command {
    let built = built();
    let library = built.join("libcastalia.so");
    assert!(library.exists(), "{} is missing: run `make build` first", library.display());
    let folder = built.join("examples-c");
    std::fs::create_dir_all(&folder).unwrap();
    for link in ["libcastalia.so", "libcastalia.so.1"] {
        let _ = std::os::unix::fs::symlink(&library, folder.join(link));
    }
    let program = folder.join(name);
    let status = Command::new(compiler[0])
        .args(&compiler[1..])
        .arg(format!("-I{}", root().join("include").display()))
        .arg(root().join(source))
        .arg(format!("-L{}", folder.display()))
        .args(["-lcastalia", "-pthread", "-o"])
        .arg(&program)
        .status()
        .unwrap();
    assert!(status.success(), "{source} does not compile");
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", folder);
    command
}

#[tokio::test]
async fn rust_example_shows_a_value_and_its_change() {
    let program = built().join("examples/hello");
    assert!(program.exists(), "{} is missing: run `make build` first", program.display());
    shows_a_value_and_its_change("hello-rust", Command::new(program)).await;
}

#[tokio::test]
async fn c_example_shows_a_value_and_its_change() {
    let program = compiled(&["cc", "-std=gnu11", "-Werror"], "examples/c/hello.c", "hello-c");
    shows_a_value_and_its_change("hello-c", program).await;
}

#[tokio::test]
async fn cpp_example_shows_a_value_and_its_change() {
    let program =
        compiled(&["c++", "-std=c++17", "-Werror"], "examples/cpp/hello.cpp", "hello-cpp");
    shows_a_value_and_its_change("hello-cpp", program).await;
}

#[tokio::test]
#[ignore = "needs bindings/kotlin/test.sh; `make test-examples` runs it"]
async fn kotlin_example_shows_a_value_and_its_change() {
    let built = root().join("bindings/kotlin/target");
    let (jar, classes) = (built.join("castalia-client-0.1.0.jar"), built.join("test-classes"));
    let is_built = jar.exists() && classes.join("HelloKt.class").exists();
    assert!(is_built, "{} is missing: run bindings/kotlin/test.sh first", jar.display());
    let libraries = built.join("libraries/*");
    let path = [jar, classes, libraries].map(|path| path.display().to_string()).join(":");
    let mut program = Command::new("java");
    program.arg("-cp").arg(path).arg("HelloKt");
    shows_a_value_and_its_change("hello-kotlin", program).await;
}

#[tokio::test]
async fn node_example_shows_a_value_and_its_change() {
    let folder = tempfile::tempdir().unwrap();
    let native = folder.path().join("castalia.node");
    std::fs::copy(built().join("libcastalia_node.so"), &native).unwrap();
    std::fs::copy(root().join("examples/node/hello.mjs"), folder.path().join("hello.mjs")).unwrap();
    std::fs::create_dir(folder.path().join("node_modules")).unwrap();
    let installed = folder.path().join("node_modules/castalia");
    std::os::unix::fs::symlink(root().join("bindings/node"), installed).unwrap();
    let mut program = Command::new("node");
    program.arg(folder.path().join("hello.mjs")).env("CASTALIA_NODE_NATIVE_PATH", native);
    shows_a_value_and_its_change("hello-node", program).await;
}

#[tokio::test]
#[ignore = "needs bindings/python/test.sh; `make test-examples` runs it"]
async fn python_example_shows_a_value_and_its_change() {
    let python = root().join(".venv/bin/python");
    assert!(python.exists(), "{} is missing: run bindings/python/test.sh first", python.display());
    let mut program = Command::new(python);
    program.arg(root().join("examples/python/hello.py"));
    shows_a_value_and_its_change("hello-python", program).await;
}

/// SEC-19: the vector of the test in `server/src/role/portal/notice/webhook.rs`. A replay after
/// five minutes, another body and another secret are refused.
#[test]
fn webhook_examples_accept_a_signed_request_and_refuse_its_replay() {
    const SIGNATURE: &str =
        "sha256=c232b82b803d649ca01842c1241d8773d48f83d6eb10f71d2ef2a86b1c99e58f";
    const BODY: &str = r#"{"appId":"demo"}"#;
    let folder = root().join("examples/webhook");
    for (program, file) in [
        ("python3", "verify.py"),
        ("node", "verify.mjs"),
        ("java", "Verify.java"),
        ("bash", "verify.sh"),
    ] {
        let accepts = |secret: &str, time: &str, now: &str, body: &str| {
            let mut child = Command::new(program)
                .arg(folder.join(file))
                .args([SIGNATURE, time, now])
                .env("WEBHOOK_SECRET", secret)
                .stdin(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("{program}: {error}"));
            // A program that refuses the time need not read the body.
            let _ = child.stdin.take().unwrap().write_all(body.as_bytes());
            child.wait().unwrap().success()
        };
        let secret = "0123456789abcdef";
        assert!(accepts(secret, "1700000000", "1700000300", BODY), "{file}");
        assert!(!accepts(secret, "1700000000", "1700000301", BODY), "{file}: a replay");
        assert!(!accepts(secret, "1700000001", "1700000000", BODY), "{file}: another time");
        assert!(!accepts(secret, "1700000000", "1700000000", "{}"), "{file}: another body");
        assert!(!accepts("0123456789abcdeF", "1700000000", "1700000000", BODY), "{file}: secret");
        assert!(!accepts(secret, "", "1700000000", BODY), "{file}: no time");
    }
}
