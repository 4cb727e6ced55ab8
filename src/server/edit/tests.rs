use serde_json::json;

use super::*;

const FILE: &str = r#"# The north office. Ask Ann before you change anything.
data-dir = "/tmp/none"

[admin]
token = "hush"   # for Ann only

# Towards the second server.
[[relationship]]
name = "a"            # as on the other side
role = "primary"
address = "10.0.0.1"
peer-address = "10.0.0.2"
split = 128           # half and half

[[relationship]]
name = "b"
role = "secondary"
address = "10.0.0.1"
peer-address = "10.0.0.3"

# Clients of the ground floor.
[[subnet]]
network = "10.1.0.0/24"
max-lease-time = 7200
options = { routers = "10.1.0.1" }

[[subnet.pool]]
range = "10.1.0.10-10.1.0.99"   # printers are below
relationship = "a"

[[subnet.pool]]
range = "10.1.0.100-10.1.0.199"

# The laboratory.
[[subnet]]
network = "10.2.0.0/24"
pool = [
    { range = "10.2.0.10-10.2.0.19", relationship = "b" }, # the old rack
    { range = "10.2.0.30-10.2.0.39" },
]

[[subnet.reservation]]
hw-address = "00:0c:01:02:03:04"
address = "10.2.0.5"
# The end.
"#;

fn edited(wish: &Wish) -> Result<String, EditError> {
    edit(FILE, wish, Path::new("t.toml")).map(|edited| edited.text)
}

/// Lines that are gone, and lines that have come.
fn change(wish: &Wish) -> (Vec<String>, Vec<String>) {
    let after = edited(wish).unwrap();
    let shown = diff(FILE, &after);
    let lines = |sign: char| {
        let lines = shown.lines().skip(2).filter(move |line| line.starts_with(sign));
        lines.map(|line| line[1..].to_owned()).filter(|line| !line.is_empty()).collect()
    };
    (lines('-'), lines('+'))
}

fn object(json: &Json) -> Map<String, Json> {
    json.as_object().unwrap().clone()
}

fn modify(set: &Json) -> Wish {
    Wish::Modify { name: "a".into(), set: object(set) }
}

fn scope(network: &str, ranges: &[&str]) -> ScopeWish {
    let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
    ScopeWish { network: network.to_owned(), ranges, others: Map::new() }
}

#[test]
fn a_value_is_changed_in_its_place_and_its_comment_stays() {
    let (gone, come) = change(&modify(&json!({ "split": 64 })));
    assert_eq!(gone, ["split = 128           # half and half"]);
    assert_eq!(come, ["split = 64           # half and half"]);
}

#[test]
fn a_new_key_stands_behind_the_others_of_its_section() {
    let (gone, come) = change(&modify(&json!({ "mclt": "30m" })));
    assert_eq!((gone.len(), come), (0, vec!["mclt = \"30m\"".to_owned()]));
    let after = edited(&modify(&json!({ "mclt": "30m" }))).unwrap();
    assert!(after.contains("# half and half\nmclt = \"30m\"\n\n[[relationship]]"), "{after}");
}

#[test]
fn a_key_without_a_value_goes_back_to_its_default() {
    let (gone, come) = change(&modify(&json!({ "split": null, "mclt": null })));
    assert_eq!((gone, come.len()), (vec!["split = 128           # half and half".to_owned()], 0));
}

#[test]
fn a_value_that_the_file_must_not_have_is_refused_with_its_key_and_cure() {
    let error = edited(&modify(&json!({ "split": 300 }))).unwrap_err();
    assert_eq!(error.key(), Some("relationship.split"));
    assert_eq!(
        error.to_string(),
        "relationship.split: 300 is too large; a whole number from 0 to 256 is needed"
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    for value in [json!("swordfish"), json!(["swordfish"])] {
        let error = edited(&modify(&json!({ "shared-secret": value }))).unwrap_err();
        assert!(matches!(error, EditError::Invalid(_)));
        assert!(!error.to_string().contains("swordfish"), "{error}");
    }
}

#[test]
fn a_relationship_keeps_its_name() {
    let error = edited(&modify(&json!({ "name": "c" }))).unwrap_err();
    assert_eq!(error.key(), Some("relationship.name"));
    assert!(edited(&modify(&json!({ "name": "a" }))).is_ok());
}

#[test]
fn a_relationship_is_looked_for_by_its_name() {
    let wish = Wish::Modify { name: "c".into(), set: Map::new() };
    let error = edited(&wish).unwrap_err();
    assert_eq!(error.to_string(), "there is no relationship \"c\"; known: a, b");
}

#[test]
fn a_new_relationship_stands_behind_the_others_with_its_keys_in_order() {
    let keys = json!({ "peer-address": "10.0.0.4", "role": "primary", "name": "c", "split": null,
                       "address": "10.0.0.1", "mode": "hot-standby" });
    let wish = Wish::Create { keys: object(&keys), scopes: Vec::new() };
    let (gone, come) = change(&wish);
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(
        come,
        [
            "[[relationship]]",
            "name = \"c\"",
            "role = \"primary\"",
            "address = \"10.0.0.1\"",
            "peer-address = \"10.0.0.4\"",
            "mode = \"hot-standby\"",
        ]
    );
    let after = edited(&wish).unwrap();
    assert!(after.contains("mode = \"hot-standby\"\n\n# Clients of the ground floor."), "{after}");
}

#[test]
fn a_name_is_given_to_one_relationship() {
    let wish = Wish::Create { keys: object(&json!({ "name": "a" })), scopes: Vec::new() };
    assert!(matches!(edited(&wish), Err(EditError::Taken { .. })));
}

#[test]
fn a_relationship_without_a_role_is_refused() {
    let wish = Wish::Create { keys: object(&json!({ "name": "c" })), scopes: Vec::new() };
    let error = edited(&wish).unwrap_err().to_string();
    assert!(error.contains("relationship.role: \"role\" is missing"), "{error}");
}

#[test]
fn a_relationship_begins_with_new_scopes_and_with_some_that_are_there() {
    let keys = json!({ "name": "c", "role": "primary", "address": "10.0.0.1",
                       "peer-address": "10.0.0.4" });
    let mut new = scope("10.9.0.0/24", &["10.9.0.10-10.9.0.19", "10.9.0.40/30"]);
    new.others = object(&json!({
        "default-lease-time": 300,
        "options": { "domain-name-servers": ["10.9.0.1", "10.9.0.2"] },
        "reservations": [{ "hw-address": "00:0c:01:02:03:05", "address": "10.9.0.5" }],
    }));
    let scopes = vec![scope("10.2.0.0/24", &[]), new];
    let after = edited(&Wish::Create { keys: object(&keys), scopes }).unwrap();
    let config = read(&after, Path::new("t.toml")).unwrap();
    let shared: Vec<_> = Scope::all(&config).iter().filter_map(|one| one.shared_by("c")).collect();
    let ranges = |scope: &Scope| scope.pools.iter().map(|pool| pool.range.clone()).collect();
    let ranges: Vec<Vec<_>> = shared.iter().map(ranges).collect();
    assert_eq!(
        ranges,
        [vec!["10.2.0.30-10.2.0.39"], vec!["10.9.0.10-10.9.0.19", "10.9.0.40-10.9.0.43"]]
    );
    let new = shared.last().unwrap();
    assert_eq!((new.default_lease_time, new.reservations.len()), (300, 1));
    assert_eq!(new.options["domain-name-servers"], json!(["10.9.0.1", "10.9.0.2"]));
    assert!(after.contains("# The end.") && after.contains("# the old rack"), "{after}");
}

#[test]
fn a_removed_relationship_may_leave_its_pools_here() {
    let (gone, come) = change(&Wish::Remove { name: "a".into(), fate: Fate::Keep });
    assert!(come.is_empty(), "{come:?}");
    assert_eq!(gone.last().unwrap(), "relationship = \"a\"");
    assert_eq!(gone.iter().filter(|line| line.starts_with("[[")).count(), 1);
}

#[test]
fn a_removed_relationship_may_leave_its_pools_disabled() {
    let wish = Wish::Remove { name: "b".into(), fate: Fate::Disable };
    let after = edited(&wish).unwrap();
    let pool = "{ range = \"10.2.0.10-10.2.0.19\", disabled = true }, # the old rack";
    assert!(after.contains(pool), "{after}");
    let config = read(&after, Path::new("t.toml")).unwrap();
    let laboratory = config.subnets.last().unwrap();
    assert_eq!(laboratory.served_pools().count(), 1);
}

#[test]
fn a_removed_relationship_may_take_its_pools_along() {
    let after = edited(&Wish::Remove { name: "a".into(), fate: Fate::Delete }).unwrap();
    assert!(!after.contains("10.1.0.10-10.1.0.99"), "{after}");
    assert!(after.contains("10.1.0.100-10.1.0.199") && after.contains("# The laboratory."));
}

#[test]
fn a_subnet_that_has_lost_its_last_pool_goes_too() {
    let give = Wish::AddScope { name: "b".into(), scope: scope("10.2.0.0/24", &[]) };
    let shared = edited(&give).unwrap();
    let wish =
        Wish::RemoveScope { name: "b".into(), network: "10.2.0.0/24".into(), fate: Fate::Delete };
    let after = edit(&shared, &wish, Path::new("t.toml")).unwrap().text;
    assert!(!after.contains("10.2.0."), "{after}");
    assert!(after.contains("10.1.0.0/24"), "{after}");
}

#[test]
fn a_scope_gives_its_pools_without_a_relationship() {
    let wish = Wish::AddScope { name: "b".into(), scope: scope("10.1.0.0/24", &[]) };
    let (gone, come) = change(&wish);
    assert_eq!((gone.len(), come), (0, vec!["relationship = \"b\"".to_owned()]));
}

#[test]
fn a_scope_may_get_a_new_pool() {
    let ranges = ["10.1.0.100-10.1.0.199", "10.1.0.200-10.1.0.209"];
    let wish = Wish::AddScope { name: "a".into(), scope: scope("10.1.0.0/24", &ranges) };
    let (gone, come) = change(&wish);
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(come.len(), 4, "{come:?}");
    assert!(come.contains(&"range = \"10.1.0.200-10.1.0.209\"".to_owned()), "{come:?}");
}

#[test]
fn a_pool_of_another_relationship_is_not_taken() {
    let ranges = ["10.1.0.10-10.1.0.99"];
    let wish = Wish::AddScope { name: "b".into(), scope: scope("10.1.0.0/24", &ranges) };
    let error = edited(&wish).unwrap_err().to_string();
    assert!(error.contains("belongs to the relationship \"a\"; move the scope"), "{error}");
}

#[test]
fn a_new_scope_needs_addresses() {
    let wish = Wish::AddScope { name: "a".into(), scope: scope("10.9.0.0/24", &[]) };
    assert_eq!(edited(&wish).unwrap_err().key(), Some("subnet.pool.range"));
}

#[test]
fn the_other_keys_of_a_scope_that_is_there_are_not_changed_by_the_way() {
    let mut wanted = scope("10.1.0.0/24", &[]);
    wanted.others = object(&json!({ "max-lease-time": 60 }));
    let wish = Wish::AddScope { name: "a".into(), scope: wanted };
    assert_eq!(edited(&wish).unwrap_err().key(), Some("subnet.max-lease-time"));
}

#[test]
fn a_range_that_is_none_is_refused_by_the_rules_of_the_file() {
    let wish = Wish::AddScope { name: "a".into(), scope: scope("10.1.0.0/24", &["10.1.0.9-8"]) };
    assert_eq!(edited(&wish).unwrap_err().key(), Some("subnet.pool.range"));
}

#[test]
fn a_scope_moves_with_the_pools_of_one_relationship() {
    let (network, from, to) = ("10.1.0.0/24".into(), "a".into(), "b".into());
    let (gone, come) = change(&Wish::MoveScope { network, from, to });
    assert_eq!(gone, ["relationship = \"a\""]);
    assert_eq!(come, ["relationship = \"b\""]);
}

#[test]
fn a_scope_that_has_nothing_to_move_is_refused() {
    let (network, from, to) = ("10.1.0.0/24".into(), "b".into(), "a".into());
    let error = edited(&Wish::MoveScope { network, from, to }).unwrap_err();
    assert_eq!(error.key(), Some("subnet.network"));
}

fn replace(scopes: Vec<Scope>, is_complete: bool) -> Wish {
    Wish::Replace { name: "a".into(), scopes, is_complete }
}

fn ground_floor() -> Scope {
    let config = read(FILE, Path::new("t.toml")).unwrap();
    Scope::all(&config)[0].shared_by("a").unwrap()
}

#[test]
fn a_scope_that_is_replaced_by_the_same_stays_as_it_is_written() {
    assert_eq!(edited(&replace(vec![ground_floor()], true)).unwrap(), FILE);
}

#[test]
fn a_replaced_scope_is_as_the_partner_has_it_and_keeps_what_is_its_own() {
    let mut scope = ground_floor();
    scope.max_lease_time = 3600;
    scope.options.insert("routers".into(), json!(["10.1.0.2"]));
    scope.options.insert("domain-name".into(), json!("example.net"));
    scope.pools[0].range = "10.1.0.10-10.1.0.79".into();
    let after = edited(&replace(vec![scope.clone()], true)).unwrap();
    let config = read(&after, Path::new("t.toml")).unwrap();
    assert_eq!(Scope::all(&config)[0].shared_by("a"), Some(scope));
    assert!(after.contains("10.1.0.100-10.1.0.199") && after.contains("# Clients of the"));
}

#[test]
fn a_pool_in_the_way_of_a_replaced_one_goes() {
    let mut scope = ground_floor();
    scope.pools[0].range = "10.1.0.10-10.1.0.110".into();
    let after = edited(&replace(vec![scope], false)).unwrap();
    assert!(!after.contains("10.1.0.100-10.1.0.199"), "{after}");
}

#[test]
fn scopes_that_the_partner_does_not_share_go_where_all_are_replaced() {
    let mut elsewhere = ground_floor();
    elsewhere.network = "10.3.0.0/24".into();
    elsewhere.pools[0].range = "10.3.0.10-10.3.0.99".into();
    let after = edited(&replace(vec![elsewhere.clone()], true)).unwrap();
    let config = read(&after, Path::new("t.toml")).unwrap();
    let shared: Vec<_> = Scope::all(&config).iter().filter_map(|one| one.shared_by("a")).collect();
    assert_eq!(shared, [elsewhere]);
    assert!(after.contains("10.1.0.100-10.1.0.199"), "{after}");
}

#[test]
fn an_option_of_all_subnets_is_not_taken_from_one() {
    let text = FILE.replace("[admin]", "[dhcp.options]\nntp-servers = \"10.0.0.9\"\n[admin]");
    let wish = replace(vec![ground_floor()], false);
    let error = edit(&text, &wish, Path::new("t.toml")).unwrap_err();
    assert_eq!(error.key(), Some("dhcp.options.ntp-servers"));
}

#[test]
fn a_file_that_is_wrong_already_is_not_changed() {
    let error = edit("data-dir = 5", &modify(&json!({})), Path::new("t.toml")).unwrap_err();
    assert!(matches!(error, EditError::Broken(_)), "{error}");
}

#[test]
fn a_file_with_the_line_ends_of_windows_keeps_them() {
    let text = FILE.replace('\n', "\r\n");
    let after = edit(&text, &modify(&json!({ "split": 64 })), Path::new("t.toml")).unwrap().text;
    assert_eq!(after, text.replace("split = 128 ", "split = 64 "));
}

fn reserve(address: &str, client: &Json) -> Wish {
    Wish::Reserve { address: address.parse().unwrap(), client: object(client) }
}

#[test]
fn a_reservation_is_put_into_the_subnet_of_its_address() {
    let text = edited(&reserve("10.1.0.7", &json!({ "client-id": "01:02" }))).unwrap();
    let config = read(&text, Path::new("t.toml")).unwrap();
    let held = |subnet: usize| config.subnets[subnet].reservations.len();
    assert_eq!([held(0), held(1)], [1, 1]);
    assert!(
        text.contains("[[subnet.reservation]]\naddress = \"10.1.0.7\"\nclient-id = \"01:02\"\n")
    );
}

#[test]
fn a_reserved_address_is_held_for_another_client_in_the_same_place() {
    let (gone, come) = change(&reserve("10.2.0.5", &json!({ "hw-address": "00:0c:01:02:03:05" })));
    assert_eq!(gone, ["hw-address = \"00:0c:01:02:03:04\""]);
    assert_eq!(come, ["hw-address = \"00:0c:01:02:03:05\""]);
    let (gone, come) = change(&reserve("10.2.0.5", &json!({ "client-id": "01:02" })));
    assert_eq!(gone, ["hw-address = \"00:0c:01:02:03:04\""]);
    assert_eq!(come, ["client-id = \"01:02\""]);
}

#[test]
fn a_reservation_without_a_client_is_refused() {
    let refused = edited(&reserve("10.1.0.7", &json!({}))).unwrap_err().to_string();
    assert!(refused.contains("subnet.reservation"), "{refused}");
}

#[test]
fn a_reserved_address_is_freed() {
    let text = edited(&Wish::Free { address: "10.2.0.5".parse().unwrap() }).unwrap();
    assert!(!text.contains("reservation"), "{text}");
    let twice = edit(&text, &Wish::Free { address: "10.2.0.5".parse().unwrap() }, Path::new("t"));
    let refused = twice.unwrap_err().to_string();
    assert!(refused.contains("10.2.0.5 is reserved for nobody"), "{refused}");
}

#[test]
fn an_address_of_no_subnet_is_not_reserved() {
    let refused = edited(&reserve("10.9.0.7", &json!({ "client-id": "01:02" }))).unwrap_err();
    assert!(matches!(refused, EditError::UnknownScope { .. }), "{refused}");
}
