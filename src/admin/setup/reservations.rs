//! An address is held for one client, here and, if that is wanted, at the partner.

use std::net::Ipv4Addr;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use serde_json::{Map, Value, json};

use crate::admin::App;
use crate::admin::guard::Caller;
use crate::admin::problem::Failure;
use crate::admin::steer::named;
use crate::server::config::Config;
use crate::server::edit::Wish;

use super::bodies::{FreeQuery, ReserveBody};
use super::change::{Here, Order};
use super::partner::{Partner, Request};
use super::requests::{Answer, Body, Dry, query, read, step};

type Address = Result<Path<Ipv4Addr>, PathRejection>;

pub(in crate::admin) async fn reserve(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    address: Address,
    dry: Dry,
    body: Body,
) -> Answer {
    let (address, is_dry) = (named(address)?, query(dry)?.dry_run);
    let (wanted, arguments): (ReserveBody, _) = read(body)?;
    let client = wanted.client();
    let wish = Wish::Reserve { address, client: client.clone() };
    let mut order = Order::new("reserve", &address.to_string(), &arguments, Here::Edit(wish));
    order.is_dry = is_dry;
    if wanted.partner {
        let partner = partner_of(&app.setup.config().await?, address)?;
        let body = Some(with_partner(client));
        let request = Request { method: "PUT", path: path(address, ""), body };
        order.then.push(step(&partner, request, false));
    }
    order.carry_out(app, caller).await
}

pub(in crate::admin) async fn free(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    address: Address,
    wanted: Result<Query<FreeQuery>, QueryRejection>,
) -> Answer {
    let (address, wanted) = (named(address)?, query(wanted)?);
    let arguments = json!({ "partner": wanted.partner });
    let here = Here::Edit(Wish::Free { address });
    let mut order = Order::new("free-reservation", &address.to_string(), &arguments, here);
    order.is_dry = wanted.dry_run;
    if wanted.partner {
        let partner = partner_of(&app.setup.config().await?, address)?;
        let path = path(address, "?partner=false");
        let request = Request { method: "DELETE", path, body: None };
        order.then.push(step(&partner, request, false));
    }
    order.carry_out(app, caller).await
}

fn path(address: Ipv4Addr, rest: &str) -> String {
    format!("/v1/reservations/{address}{rest}")
}

/// The partner is not to ask back.
fn with_partner(mut client: Map<String, Value>) -> Value {
    client.insert("partner".to_owned(), false.into());
    client.into()
}

/// Whoever shares the pool in which an address lies, or else the one relationship of its subnet.
fn partner_of(config: &Config, address: Ipv4Addr) -> Result<Partner, Failure> {
    let mut subnets = config.subnets.iter();
    let subnet = subnets.find(|subnet| subnet.network.contains(address));
    let pools = || subnet.iter().flat_map(|subnet| &subnet.pools);
    let around = pools().find(|pool| pool.range.contains(address));
    let mut names: Vec<_> = match around {
        Some(pool) => pool.relationship.iter().collect(),
        None => pools().filter_map(|pool| pool.relationship.as_ref()).collect(),
    };
    names.dedup();
    if let [name] = names.as_slice() {
        return Partner::of(config, name);
    }
    let why =
        format!("{address} is shared with nobody, or with several; reserve it on each server");
    Err(Failure::wrong(why))
}
