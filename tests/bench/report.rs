//! A run of `twinlease bench clients`, and what it says.

use std::process::Command;

use serde_json::Value;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_twinlease");

/// Enough for a machine with much else to do: what is lost is lost, not late.
const PATIENCE: [&str; 2] = ["--timeout", "30"];

/// What a run said.
#[derive(Debug)]
pub struct Report {
    pub code: i32,
    pub json: Value,
    pub errors: String,
}

/// Puts a load on servers from where this process runs.
pub fn load(arguments: &[&str]) -> Report {
    run(Command::new(PROGRAM), arguments)
}

/// The same with a command that runs the program elsewhere.
pub fn run(mut command: Command, arguments: &[&str]) -> Report {
    command.args(["bench", "clients", "--json", "-"]).args(arguments);
    if !arguments.contains(&PATIENCE[0]) {
        command.args(PATIENCE);
    }
    let output = command.output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8(output.stderr).unwrap();
    Report { code: output.status.code().unwrap(), json, errors }
}

impl Report {
    /// Fails unless all of the first run's exchanges came to their end and no promise was broken.
    pub fn assert_all_completed(&self, exchanges: u64) {
        assert_eq!(self.code, 0, "{self:?}");
        for member in ["begun", "completed"] {
            assert_eq!(self.run(member), exchanges, "{member} in {self:?}");
        }
        assert_eq!(self.json["violations"]["total"], 0, "{self:?}");
    }

    /// A count of the first run.
    pub fn run(&self, member: &str) -> u64 {
        self.json["runs"][0][member].as_u64().unwrap()
    }

    /// A count of each server in the first run.
    pub fn servers(&self, member: &str) -> Vec<u64> {
        let servers = self.json["runs"][0]["servers"].as_array().unwrap();
        servers.iter().map(|server| server[member].as_u64().unwrap()).collect()
    }
}
