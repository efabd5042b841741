//! `nucypher demo`, as the README's reader runs it.

use serde_json::Value;

use crate::support::Scratch;

#[test]
fn the_demo_runs_and_every_check_passes() {
    let output = Scratch::new().ok("demo --records 50");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("checks passed"), "{text}");
    assert!(text.contains("mock cluster"), "the mock is called a mock: {text}");
    assert!(text.contains("TOPIC_AUTHORIZATION_FAILED"), "{text}");
    assert!(!text.contains("FAILED:"), "{text}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_demo_tells_programs_the_same() {
    let output = Scratch::new().ok("demo --records 50 --format json");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["passed"], true);
    assert_eq!(told["produced"]["records"], 50);
    assert_eq!(told["stored"]["with_plaintext"], 0);
    let checks = told["checks"].as_array().unwrap();
    assert!(checks.len() > 15 && checks.iter().all(|check| check["passed"] == true));
}

#[test]
fn the_demo_gives_up_with_a_message() {
    let scratch = Scratch::new();
    // Nothing listens there.
    let said = scratch.fails("demo --bootstrap-server 127.0.0.1:1 --deadline 1", 1);
    assert!(said.contains("did not end within 1 s"), "{said}");
    scratch.fails("demo --records 0", 2);
}
