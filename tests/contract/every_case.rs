#![forbid(unsafe_code)]
//! Runs the cases in Rust itself.

use std::process::Command;

#[test]
fn every_case_of_the_contract_holds_in_rust() {
    let runner = env!("CARGO_BIN_EXE_castalia-contract");
    let driver = env!("CARGO_BIN_EXE_castalia-contract-rust");
    let done = Command::new(runner).arg(driver).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}
