//! `twinlease check` about shared secrets: where they may stand, and what is never shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::support::{texts, twinlease};

/// Line 7 of the file is the first of the lines given to [`Trial::check`].
const HEAD: &str = "data-dir = \"/var/lib/twinlease\"
[[relationship]]
name = \"office-lan\"
role = \"primary\"
address = \"10.78.0.1\"
peer-address = \"10.78.0.2\"
";

/// A directory with a configuration file and secrets.
struct Trial(TempDir);

impl Trial {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with these octets and permissions; how the configuration names it.
    fn file(&self, name: &str, content: &str, mode: u32) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        format!("\"{}\"", path.display())
    }

    /// `twinlease check` of a relationship with these lines; paths are cut to names of files.
    fn check(&self, lines: &str) -> (i32, String, String) {
        let config = self.path("t.toml");
        fs::write(&config, format!("{HEAD}{lines}\n")).unwrap();
        let mut command = twinlease(["check".as_ref(), "--config".as_ref(), config.as_os_str()]);
        command.env("TRIAL_SECRET", "a secret of the environment").env_remove("NO_SECRET");
        let (code, out, err) = texts(&command.output().unwrap());
        let directory = format!("{}/", self.0.path().display());
        (code, out.replace(&directory, ""), err.replace(&directory, ""))
    }

    /// How the partner is told from an impostor, by the summary.
    #[track_caller]
    fn identity(&self, lines: &str) -> String {
        let (code, out, err) = self.check(lines);
        assert_eq!(code, 0, "{err}");
        let mut lines = out.lines().skip_while(|line| !line.starts_with("  partner"));
        lines.nth(1).unwrap().trim().to_owned()
    }

    /// The first line of the only error.
    #[track_caller]
    fn error(&self, lines: &str) -> String {
        let (code, _, err) = self.check(lines);
        assert_eq!(code, 2, "{err}");
        assert!(err.ends_with(": 1 error\n"), "{err}");
        err.lines().next().unwrap().strip_prefix("t.toml:").unwrap().to_owned()
    }
}

#[test]
fn a_dhcpd_is_known_by_its_address_alone() {
    assert_eq!(
        Trial::new().identity("dialect = \"isc\""),
        "known by its address alone: ISC dhcpd neither signs messages nor verifies them, and has no TLS"
    );
}

#[test]
fn a_partner_of_the_draft_without_a_secret_is_known_by_its_address_alone() {
    assert_eq!(
        Trial::new().identity("dialect = \"draft\""),
        "known by its address alone; a shared secret, or TLS, would protect against impostors"
    );
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let trial = Trial::new();
    for mode in [0o400, 0o600, 0o640] {
        let file = trial.file("secret", "0123456789abcdef\n", mode);
        assert_eq!(
            trial.identity(&format!("dialect = \"draft\"\nshared-secret-file = {file}")),
            "known by its address, and messages are signed with a shared secret"
        );
        fs::remove_file(trial.path("secret")).unwrap();
    }
}

#[test]
fn a_secret_may_stand_in_the_environment() {
    assert_eq!(
        Trial::new().identity("dialect = \"draft\"\nshared-secret-env = \"TRIAL_SECRET\""),
        "known by its address, and messages are signed with a shared secret"
    );
}

#[test]
fn the_previous_secret_may_be_accepted_too() {
    let trial = Trial::new();
    let [new, old] = ["new", "old"].map(|name| trial.file(name, "0123456789abcdef", 0o600));
    let lines = format!(
        "dialect = \"draft\"\nshared-secret-file = {new}\nprevious-shared-secret-file = {old}\n\
         digest-covers = \"message\""
    );
    assert_eq!(
        trial.identity(&lines),
        "known by its address, and messages are signed with a shared secret; the previous one is \
         still accepted"
    );
}

#[test]
fn a_secret_in_the_file_itself_is_refused_and_not_shown() {
    let trial = Trial::new();
    let (code, out, err) = trial.check("dialect = \"draft\"\nshared-secret = \"swordfish\"");
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "t.toml:8:1: relationship.shared-secret: a secret in this file could be read by whoever reads \
         the file; write it into a file of its own and name that: shared-secret-file = \"...\"
  8 | shared-secret = ...
    | ^^^^^^^^^^^^^
t.toml: 1 error
"
    );
    assert!(!format!("{out}{err}").contains("swordfish"));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let trial = Trial::new();
    let file = trial.file("secret", "0123456789abcdef", 0o644);
    assert_eq!(
        trial.error(&format!("dialect = \"draft\"\nshared-secret-file = {file}")),
        "8:22: relationship.shared-secret-file: secret is open to others than this server, its mode is \
         0644; chmod 600 secret"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let trial = Trial::new();
    let missing = trial.path("none");
    assert_eq!(
        trial
            .error(&format!("dialect = \"draft\"\nshared-secret-file = \"{}\"", missing.display())),
        "8:22: relationship.shared-secret-file: none cannot be read: No such file or directory (os error \
         2); name a file that this server can read and others cannot"
    );
}

#[test]
fn a_short_secret_is_refused_and_not_shown() {
    let trial = Trial::new();
    let file = trial.file("secret", "hunter2\n", 0o600);
    let error = trial.error(&format!("dialect = \"draft\"\nshared-secret-file = {file}"));
    assert_eq!(
        error,
        "8:22: relationship.shared-secret-file: the secret in secret has 7 octets; 8 to 1024 are \
         possible; `openssl rand -hex 16` makes a good one"
    );
}

#[test]
fn a_long_secret_is_refused() {
    let trial = Trial::new();
    let file = trial.file("secret", &"x".repeat(1025), 0o600);
    let error = trial.error(&format!("dialect = \"draft\"\nshared-secret-file = {file}"));
    assert!(error.contains("the secret in secret has more than 1024 octets"), "{error}");
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    assert_eq!(
        Trial::new().error("dialect = \"draft\"\nshared-secret-env = \"NO_SECRET\""),
        "8:21: relationship.shared-secret-env: the environment has no variable NO_SECRET; set it to the \
         secret in the environment of this server"
    );
}

#[test]
fn a_secret_has_one_place() {
    let trial = Trial::new();
    let file = trial.file("secret", "0123456789abcdef", 0o600);
    let lines = format!(
        "dialect = \"draft\"\nshared-secret-file = {file}\nshared-secret-env = \"TRIAL_SECRET\""
    );
    assert_eq!(
        trial.error(&lines),
        "9:1: relationship.shared-secret-env: \"shared-secret-file\" and \"shared-secret-env\" both say \
         where the secret is; remove one of the two"
    );
}

#[test]
fn a_previous_secret_needs_a_present_one() {
    assert_eq!(
        Trial::new().error("dialect = \"draft\"\nprevious-shared-secret-env = \"TRIAL_SECRET\""),
        "8:1: relationship.previous-shared-secret-env: this has a meaning beside a shared secret only; \
         remove it, or add shared-secret-file = \"...\""
    );
}

#[test]
fn a_secret_for_a_dhcpd_is_refused() {
    assert_eq!(
        Trial::new().error("shared-secret-env = \"TRIAL_SECRET\""),
        "7:1: relationship.shared-secret-env: a partner of dialect \"isc\" neither signs messages nor \
         verifies them; remove it; or, where the partner is twinlease too, write dialect = \"draft\" on \
         both"
    );
}
