//! `[[subnet]]` and its pools: given to a relationship, taken from it, moved to another.

use serde_json::{Map, Value as Json};
use toml_edit::{DocumentMut, TableLike, Value};

use crate::server::config::{Config, Pool, Subnet, range_of};

use super::problem::EditError;
use super::{Fate, ScopeWish, document, find_subnet, subnet};

pub(super) const SECTION: &str = "subnet";
pub(super) const POOL: &str = "pool";
pub(super) const RESERVATION: &str = "reservation";

/// Gives `name` pools of a scope that is there, or a new one.
pub(super) fn add(
    document: &mut DocumentMut,
    config: &Config,
    name: &str,
    wish: &ScopeWish,
) -> Result<(), EditError> {
    let Some(number) = find_subnet(config, &wish.network)? else {
        return add_new(document, name, wish);
    };
    if let Some(key) = wish.others.keys().next() {
        return Err(EditError::wrong(
            &format!("{SECTION}.{key}"),
            format!("the scope {} is there already", wish.network),
            "leave this out: its pools get the relationship, and the rest of it stays",
        ));
    }
    let Some(there) = config.subnets.get(number) else { return Ok(()) };
    let chosen = choose(there, name, &wish.ranges)?;
    let Some(table) = document::nth(document.as_table_mut(), SECTION, number) else {
        return Ok(());
    };
    for position in chosen.there {
        if let Some(pool) = document::nth(table, POOL, position) {
            document::set(pool, "relationship", Value::from(name));
            pool.remove("disabled");
        }
    }
    for range in chosen.new {
        push_pool(table, &range, name);
    }
    Ok(())
}

/// Which pools of a scope get a relationship.
struct Chosen {
    there: Vec<usize>,
    new: Vec<String>,
}

fn choose(there: &Subnet, name: &str, ranges: &[String]) -> Result<Chosen, EditError> {
    let pools = || there.pools.iter().enumerate();
    if ranges.is_empty() {
        let alone = pools().filter(|(_, pool)| pool.relationship.is_none());
        let alone: Vec<_> = alone.map(|(position, _)| position).collect();
        if alone.is_empty() {
            return Err(EditError::wrong(
                "subnet.pool.range",
                format!("{} has no pool without a relationship", there.network),
                "name ranges for new pools, or move the scope",
            ));
        }
        return Ok(Chosen { there: alone, new: Vec::new() });
    }
    let mut chosen = Chosen { there: Vec::new(), new: Vec::new() };
    for text in ranges {
        let range = range_of(text);
        match pools().find(|(_, pool)| Some(pool.range) == range) {
            None => chosen.new.push(text.clone()),
            Some((position, pool)) => {
                refuse_taken(pool, name)?;
                chosen.there.push(position);
            }
        }
    }
    Ok(chosen)
}

fn refuse_taken(pool: &Pool, name: &str) -> Result<(), EditError> {
    match &pool.relationship {
        Some(other) if other != name => Err(EditError::Taken {
            problem: format!("the pool {} belongs to the relationship \"{other}\"", pool.range),
            fix: "move the scope".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn add_new(document: &mut DocumentMut, name: &str, wish: &ScopeWish) -> Result<(), EditError> {
    if wish.ranges.is_empty() {
        return Err(EditError::wrong(
            "subnet.pool.range",
            format!("{} is no scope of this server, and a new one needs addresses", wish.network),
            "name at least one range",
        ));
    }
    let (sections, keys): (Vec<_>, Vec<_>) = wish
        .others
        .iter()
        .filter(|(_, value)| !value.is_null())
        .partition(|(key, value)| value.is_array() && is_reservations(key));
    let keys: Map<String, Json> =
        keys.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut entries = vec![("network".to_owned(), Value::from(wish.network.as_str()))];
    entries.extend(document::entries(&keys)?);
    let root = document.as_table_mut();
    document::push(root, SECTION, entries);
    let Some(table) = last(root) else { return Ok(()) };
    for range in &wish.ranges {
        push_pool(table, range, name);
    }
    for reservation in sections.iter().filter_map(|(_, list)| list.as_array()).flatten() {
        push_reservation(table, reservation)?;
    }
    Ok(())
}

/// The file calls the section by one of them, a list of them goes by the other.
fn is_reservations(key: &str) -> bool {
    key == RESERVATION || key == "reservations"
}

/// The subnet that was added last.
pub(super) fn last(root: &mut dyn TableLike) -> Option<&mut dyn TableLike> {
    let count = root.get(SECTION).map_or(0, |item| {
        let tables = item.as_array_of_tables().map(toml_edit::ArrayOfTables::len);
        tables.or_else(|| item.as_array().map(toml_edit::Array::len)).unwrap_or(0)
    });
    document::nth(root, SECTION, count.checked_sub(1)?)
}

pub(super) fn push_pool(table: &mut dyn TableLike, range: &str, name: &str) {
    let entries = [("range", range), ("relationship", name)];
    let entries = entries.map(|(key, value)| (key.to_owned(), Value::from(value)));
    document::push(table, POOL, entries.into());
}

pub(super) fn push_reservation(
    table: &mut dyn TableLike,
    reservation: &Json,
) -> Result<(), EditError> {
    let Some(members) = reservation.as_object() else {
        return Err(EditError::wrong(
            "subnet.reservation",
            "a reservation is no object",
            "write {\"address\": \"...\", \"hw-address\": \"...\"}",
        ));
    };
    document::push(table, RESERVATION, document::entries(members)?);
    Ok(())
}

/// Takes the pools of `name` out of one scope.
pub(super) fn leave(
    document: &mut DocumentMut,
    config: &Config,
    name: &str,
    network: &str,
    fate: Fate,
) -> Result<(), EditError> {
    let number = subnet(config, network)?;
    let Some(there) = config.subnets.get(number) else { return Ok(()) };
    if !there.pools.iter().any(|pool| pool.relationship.as_deref() == Some(name)) {
        return Err(no_pool(network, name));
    }
    leave_numbered(document, config, name, &[number], fate);
    Ok(())
}

fn no_pool(network: &str, name: &str) -> EditError {
    EditError::wrong(
        "subnet.network",
        format!("{network} has no pool of the relationship \"{name}\""),
        "name one of its scopes",
    )
}

/// Takes the pools of `name` out of all scopes.
pub(super) fn leave_all(document: &mut DocumentMut, config: &Config, name: &str, fate: Fate) {
    let numbers: Vec<_> = (0..config.subnets.len()).collect();
    leave_numbered(document, config, name, &numbers, fate);
}

/// Takes the pools of `name` out of the subnets with these numbers.
pub(super) fn leave_numbered(
    document: &mut DocumentMut,
    config: &Config,
    name: &str,
    numbers: &[usize],
    fate: Fate,
) {
    let mut emptied = Vec::new();
    for (number, there) in config.subnets.iter().enumerate() {
        let is_its = |pool: &Pool| pool.relationship.as_deref() == Some(name);
        let root = document.as_table_mut();
        let Some(table) = document::nth(root, SECTION, number) else { continue };
        if !numbers.contains(&number) || !there.pools.iter().any(is_its) {
            continue;
        }
        if fate == Fate::Delete {
            document::retain(table, POOL, |position| {
                there.pools.get(position).is_none_or(|pool| !is_its(pool))
            });
            if there.pools.iter().all(is_its) {
                emptied.push(number);
            }
            continue;
        }
        for (position, _) in there.pools.iter().enumerate().filter(|(_, pool)| is_its(pool)) {
            let Some(pool) = document::nth(table, POOL, position) else { continue };
            pool.remove("relationship");
            if fate == Fate::Disable {
                document::set(pool, "disabled", Value::from(true));
            }
        }
    }
    document::retain(document.as_table_mut(), SECTION, |number| !emptied.contains(&number));
}

/// Gives the pools that `from` has in a scope to `to`.
pub(super) fn change_hands(
    document: &mut DocumentMut,
    config: &Config,
    network: &str,
    from: &str,
    to: &str,
) -> Result<(), EditError> {
    let number = subnet(config, network)?;
    let Some(there) = config.subnets.get(number) else { return Ok(()) };
    let Some(table) = document::nth(document.as_table_mut(), SECTION, number) else {
        return Ok(());
    };
    let mut is_any = false;
    for (position, pool) in there.pools.iter().enumerate() {
        if pool.relationship.as_deref() == Some(from)
            && let Some(pool) = document::nth(table, POOL, position)
        {
            document::set(pool, "relationship", Value::from(to));
            is_any = true;
        }
    }
    if is_any { Ok(()) } else { Err(no_pool(network, from)) }
}
