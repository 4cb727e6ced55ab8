//! Scopes of a relationship become as the partner has them; what is the same already is left as it is
//! written.

use toml_edit::{DocumentMut, TableLike, Value};

use crate::binding::AddressRange;
use crate::server::config::{Config, Pool, Subnet, option_code, range_of};

use super::problem::EditError;
use super::scopes::{POOL, RESERVATION, SECTION, last, leave_numbered, push_reservation};
use super::{Fate, Scope, ScopePool, ScopeReservation, document, find_subnet};

const OPTIONS: &str = "options";

pub(super) fn replace(
    document: &mut DocumentMut,
    config: &Config,
    name: &str,
    scopes: &[Scope],
    is_complete: bool,
) -> Result<(), EditError> {
    let mut numbers = Vec::new();
    for scope in scopes {
        if let Some(pool) =
            scope.pools.iter().find(|pool| pool.relationship.as_deref() != Some(name))
        {
            return Err(EditError::wrong(
                "subnet.pool.relationship",
                format!("the pool {} is not of the relationship \"{name}\"", pool.range),
                "replace pools of this relationship only",
            ));
        }
        let number = find_subnet(config, &scope.network)?;
        numbers.extend(number);
        match number.and_then(|number| Some((number, config.subnets.get(number)?))) {
            Some((number, there)) => replace_one(document, number, there, name, scope)?,
            None => add(document, scope)?,
        }
    }
    if is_complete {
        let others = (0..config.subnets.len()).filter(|number| !numbers.contains(number));
        leave_numbered(document, config, name, &others.collect::<Vec<_>>(), Fate::Delete);
    }
    Ok(())
}

fn add(document: &mut DocumentMut, scope: &Scope) -> Result<(), EditError> {
    let root = document.as_table_mut();
    let network = ("network".to_owned(), Value::from(scope.network.as_str()));
    document::push(root, SECTION, vec![network]);
    let Some(table) = last(root) else { return Ok(()) };
    for (key, seconds) in times(scope) {
        document::set(table, key, Value::from(i64::from(seconds)));
    }
    for (option, value) in &scope.options {
        set_option(table, option, value)?;
    }
    for pool in &scope.pools {
        push_pool(table, pool);
    }
    scope.reservations.iter().try_for_each(|reservation| push_reserved(table, reservation))
}

fn replace_one(
    document: &mut DocumentMut,
    number: usize,
    subnet: &Subnet,
    name: &str,
    scope: &Scope,
) -> Result<(), EditError> {
    let there = Scope::from(subnet);
    let Some(table) = document::nth(document.as_table_mut(), SECTION, number) else {
        return Ok(());
    };
    for ((key, wanted), (_, is)) in times(scope).into_iter().zip(times(&there)) {
        if wanted != is {
            document::set(table, key, Value::from(i64::from(wanted)));
        }
    }
    replace_options(table, &there, scope)?;
    replace_pools(table, subnet, name, scope);
    replace_reservations(table, &there, scope)
}

fn times(scope: &Scope) -> [(&'static str, u32); 3] {
    [
        ("default-lease-time", scope.default_lease_time),
        ("min-lease-time", scope.min_lease_time),
        ("max-lease-time", scope.max_lease_time),
    ]
}

fn replace_options(
    table: &mut dyn TableLike,
    there: &Scope,
    scope: &Scope,
) -> Result<(), EditError> {
    for option in there.options.keys().filter(|option| !scope.options.contains_key(*option)) {
        if !remove_option(table, option) {
            return Err(EditError::wrong(
                &format!("dhcp.options.{option}"),
                format!(
                    "the option holds for all subnets here, and {} must not have it",
                    scope.network
                ),
                "move it from [dhcp] to the subnets that have it",
            ));
        }
    }
    for (option, value) in &scope.options {
        if there.options.get(option) != Some(value) {
            set_option(table, option, value)?;
        }
    }
    Ok(())
}

/// Removes an option however it is called; whether it stood here.
fn remove_option(table: &mut dyn TableLike, option: &str) -> bool {
    let Some(options) = table.get_mut(OPTIONS).and_then(toml_edit::Item::as_table_like_mut) else {
        return false;
    };
    let code = option_code(option);
    let names: Vec<_> = options.iter().map(|(name, _)| name.to_owned()).collect();
    let called = names.iter().find(|name| option_code(name) == code);
    called.is_some_and(|called| options.remove(called).is_some())
}

fn set_option(
    table: &mut dyn TableLike,
    option: &str,
    value: &serde_json::Value,
) -> Result<(), EditError> {
    let value = document::value(&format!("subnet.options.{option}"), value)?;
    if table.get(OPTIONS).is_none() {
        let options = toml_edit::InlineTable::from_iter([(option, value)]);
        document::set(table, OPTIONS, Value::InlineTable(options));
        return Ok(());
    }
    let Some(options) = table.get_mut(OPTIONS).and_then(toml_edit::Item::as_table_like_mut) else {
        return Ok(());
    };
    let code = option_code(option);
    let names: Vec<_> = options.iter().map(|(name, _)| name.to_owned()).collect();
    let called = names.iter().find(|name| option_code(name) == code);
    document::set(options, called.map_or(option, String::as_str), value);
    Ok(())
}

fn replace_pools(table: &mut dyn TableLike, subnet: &Subnet, name: &str, scope: &Scope) {
    let wanted: Vec<_> =
        scope.pools.iter().filter_map(|pool| Some((range_of(&pool.range)?, pool))).collect();
    let find = |range: AddressRange| wanted.iter().find(|(one, _)| *one == range);
    for (position, there) in subnet.pools.iter().enumerate() {
        let (Some((_, pool)), Some(table)) =
            (find(there.range), document::nth(table, POOL, position))
        else {
            continue;
        };
        if there.relationship.as_deref() != Some(name) {
            document::set(table, "relationship", Value::from(name));
        }
        set_flag(table, "disabled", there.disabled, pool.disabled);
        set_flag(table, "dynamic-bootp", there.dynamic_bootp, pool.dynamic_bootp);
    }
    let is_in_the_way = |there: &Pool| {
        let is_its = there.relationship.as_deref() == Some(name);
        is_its || wanted.iter().any(|(range, _)| overlap(*range, there.range))
    };
    document::retain(table, POOL, |position| {
        subnet
            .pools
            .get(position)
            .is_none_or(|there| find(there.range).is_some() || !is_in_the_way(there))
    });
    for (range, pool) in &wanted {
        if !subnet.pools.iter().any(|there| there.range == *range) {
            push_pool(table, pool);
        }
    }
}

fn overlap(one: AddressRange, other: AddressRange) -> bool {
    one.first() <= other.last() && other.first() <= one.last()
}

fn set_flag(table: &mut dyn TableLike, key: &str, is: bool, wanted: bool) {
    if is == wanted {
        return;
    }
    if wanted {
        document::set(table, key, Value::from(true));
    } else {
        table.remove(key);
    }
}

fn push_pool(table: &mut dyn TableLike, pool: &ScopePool) {
    let mut entries = vec![("range".to_owned(), Value::from(pool.range.as_str()))];
    entries.extend(
        pool.relationship
            .as_ref()
            .map(|name| ("relationship".to_owned(), Value::from(name.as_str()))),
    );
    for (key, is_set) in [("disabled", pool.disabled), ("dynamic-bootp", pool.dynamic_bootp)] {
        entries.extend(is_set.then(|| (key.to_owned(), Value::from(true))));
    }
    document::push(table, POOL, entries);
}

fn replace_reservations(
    table: &mut dyn TableLike,
    there: &Scope,
    scope: &Scope,
) -> Result<(), EditError> {
    document::retain(table, RESERVATION, |position| {
        there.reservations.get(position).is_none_or(|one| scope.reservations.contains(one))
    });
    let missing = scope.reservations.iter().filter(|one| !there.reservations.contains(one));
    missing.into_iter().try_for_each(|reservation| push_reserved(table, reservation))
}

fn push_reserved(
    table: &mut dyn TableLike,
    reservation: &ScopeReservation,
) -> Result<(), EditError> {
    let json = serde_json::to_value(reservation).unwrap_or_default();
    push_reservation(table, &json)
}
